"""A few training images of each image set of a study, by class: what the report shows of them at its top."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from papilio.analysis.store import Header, read_analysis, write_analysis
from papilio.data.imageset import ImageSet
from papilio.data.scaling import convert_images
from papilio.engine import Arrays
from papilio.errors import RunError

FILE = "image-samples.npz"
ANALYSIS = "image samples"
MOST_CLASSES = 40
MOST_PIXELS = 64  # per side
NUM_OTHERWISE = 12  # images of a set without classes
A_CLASS = ((12, 9), (MOST_CLASSES, 4))  # up to so many classes, so many images of each


def write_image_samples(folder: Path, sets: Iterable[ImageSet]) -> None:
    """Write the samples of every set into one file of a study's folder, by the set's checksum."""
    arrays = {f"{images.checksum}/{name}": array for images in sets for name, array in _samples(images).items()}
    write_analysis(folder / FILE, Header(ANALYSIS, stage=""), arrays)


def read_image_samples(folder: Path) -> dict[str, Arrays]:
    """By a set's checksum: `images` uint8 (groups, num, channel, height, width), `names` (groups,), `shown` bool (groups, num).

    None of folders of earlier versions, and of files that are damaged.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    with contextlib.suppress(RunError):
        if (folder / FILE).is_file():
            for key, array in read_analysis(folder / FILE).arrays.items():
                checksum, _, name = key.partition("/")
                found.setdefault(checksum, {})[name] = array
    return {checksum: arrays for checksum, arrays in found.items() if arrays.keys() >= {"images", "names", "shown"}}


def _samples(images: ImageSet) -> dict[str, np.ndarray]:
    groups = _groups(images)
    most = max(len(indices) for _, indices in groups)
    chosen = np.array([np.resize(indices, most) for _, indices in groups])
    shown = np.arange(most) < np.array([len(indices) for _, indices in groups])[:, None]
    pixels = _small(np.asarray(images.images[chosen.ravel()]))
    return {
        "images": pixels.reshape(*chosen.shape, *pixels.shape[1:]),
        "names": np.array([name for name, _ in groups], dtype=str),
        "shown": shown,
    }


def _groups(images: ImageSet) -> list[tuple[str, np.ndarray]]:
    """Names of groups of images with their indices: a class each, or an image each with its value."""
    labels = images.labels[images.train]
    if images.quantity is not None:
        order = images.train[np.argsort(labels, kind="stable")]
        few = order[np.linspace(0, len(order) - 1, min(NUM_OTHERWISE, len(order))).round().astype(int)]
        return [(images.quantity.words(float(images.labels[index])), np.array([index])) for index in few]
    if not images.class_names:
        return [("", np.array([index])) for index in images.train[:NUM_OTHERWISE]]
    num = next((num for most, num in A_CLASS if len(images.class_names) <= most), 1)
    found = [(name, images.train[labels == label][:num]) for label, name in enumerate(images.class_names)]
    return [(name, indices) for name, indices in found if len(indices)][:MOST_CLASSES]


def _small(pixels: np.ndarray) -> np.ndarray:
    _, _, height, width = pixels.shape
    factor = MOST_PIXELS / max(height, width)
    if factor >= 1:
        return pixels
    return convert_images(pixels, size=(max(round(height * factor), 1), max(round(width * factor), 1)), color=None)
