"""The images that everybody trains on, as two .npy files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from papilio import load_images
from papilio.errors import DataError, DownloadError

NUM_IMAGES = 60_000


@dataclass(frozen=True)
class TrainingImages:
    """uint8 images (num, 1, 28, 28), their labels, and what they are."""

    images: np.ndarray
    labels: np.ndarray
    description: str

    def save(self, folder: Path, num: int) -> Path:
        """The first `num` of them in a new folder."""
        folder.mkdir(parents=True)
        np.save(folder / "images.npy", self.images[:num])
        np.save(folder / "labels.npy", self.labels[:num])
        return folder


def find_images() -> TrainingImages:
    """Fashion-MNIST's 60,000 training images; where it cannot be had, real digits repeated to as many."""
    try:
        image_set = load_images("fashion-mnist")
    except (DataError, DownloadError) as error:
        return stand_in(str(error))
    chosen = np.sort(np.concatenate([image_set.train, image_set.validation]))
    images, labels = image_set.images[chosen], image_set.labels[chosen]
    return TrainingImages(images, labels, f"Fashion-MNIST, its {len(images):,} training images of 28x28")


def stand_in(reason: str) -> TrainingImages:
    """mnist-5k, which comes with a package, as often as it takes."""
    image_set = load_images("mnist-5k")
    images = np.resize(image_set.images, (NUM_IMAGES, *image_set.images.shape[1:]))
    labels = np.resize(image_set.labels, NUM_IMAGES)
    what = f"STAND-IN for Fashion-MNIST: the 5,000 real digits of mnist-5k, repeated to {NUM_IMAGES:,} images of 28x28"
    return TrainingImages(images, labels, f"{what} ({reason})")
