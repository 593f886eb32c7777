"""The images that everybody trains on, as two .npy files."""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True)
class Splits:
    """How a study splits the images of a folder, as .npy files of indices for those who are not Papilio."""

    files: dict[str, str]  # train, validation
    counts: dict[str, int]  # train, validation, test

    def __str__(self) -> str:
        return f"{self.counts['train']:,} images to train on, {self.counts['validation']:,} to validate"


def save_splits(folder: Path, shares: Mapping[str, float]) -> Splits:
    """Split the images of a folder by Papilio's shares of `validation` and `test`, and put the indices beside them."""
    images = load_images(folder / "images.npy", labels=folder / "labels.npy", **shares)
    files = {split: str(folder / f"{split}.npy") for split in ("train", "validation")}
    for split, file in files.items():
        np.save(file, getattr(images, split))
    return Splits(files, {split: len(getattr(images, split)) for split in ("train", "validation", "test")})


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
    """mnist-5k, which comes with a package, as often as it takes; shuffled, for it is sorted by digit."""
    image_set = load_images("mnist-5k")
    order = np.resize(np.random.default_rng(0).permutation(len(image_set.images)), NUM_IMAGES)
    images, labels = image_set.images[order], image_set.labels[order]
    what = f"STAND-IN for Fashion-MNIST: the 5,000 real digits of mnist-5k, repeated to {NUM_IMAGES:,} images of 28x28"
    return TrainingImages(images, labels, f"{what} ({reason})")
