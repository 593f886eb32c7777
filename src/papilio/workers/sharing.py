"""One copy of the images for all workers: files that each maps into its memory."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from papilio.data.imageset import ImageSet
from papilio.data.quantities import Quantity
from papilio.files import open_atomic

INDICES = ("labels", "train", "validation", "test")


@dataclass(frozen=True)
class SharedImages:
    """An image set whose arrays are in files; small enough to go with every task, and equal where the set is."""

    name: str
    pixels_file: Path
    indices_file: Path
    class_names: tuple[str, ...]
    origin: str
    notes: tuple[str, ...]
    quantity: Quantity | None = None


class SharedSets:
    """The image sets of a study where every worker can map them: each put into files of `folder` once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shared: dict[tuple[Hashable, ...], SharedImages] = {}

    def of(self, images: ImageSet) -> SharedImages:
        """The set in files; raises StorageError where the disk is full."""
        # sets of the same pixels may have other names, of themselves or of their classes
        key = (images.checksum, images.name, images.class_names, images.origin, images.notes)
        if key not in self.shared:
            self.shared[key] = share_images(images, self.folder)
        return self.shared[key]


def share_images(images: ImageSet, folder: Path) -> SharedImages:
    """Put the arrays where every worker can map them: into files of `folder`, named by content.

    Sets that differ in their splits alone share their pixels.
    """
    pixels = np.ascontiguousarray(images.images)
    pixels_file = folder / f"{hashlib.sha256(pixels.data).hexdigest()[:16]}.npy"
    indices_file = folder / f"{images.checksum[:16]}.npz"
    if not pixels_file.exists():
        with open_atomic(pixels_file) as file:
            np.save(file, pixels, allow_pickle=False)
    with open_atomic(indices_file) as file:
        np.savez(file, allow_pickle=False, **{name: getattr(images, name) for name in INDICES})
    return SharedImages(
        images.name,
        pixels_file,
        indices_file,
        images.class_names,
        images.origin,
        images.notes,
        images.quantity,
    )


def attach_images(shared: SharedImages) -> ImageSet:
    """The image set again, its pixels mapped read-only: the operating system keeps one copy for all workers."""
    return assemble(shared, map_pixels(shared), load_indices(shared))


def map_pixels(shared: SharedImages) -> np.ndarray:
    """The images, read-only."""
    return np.load(shared.pixels_file, mmap_mode="r", allow_pickle=False)


def load_indices(shared: SharedImages) -> dict[str, np.ndarray]:
    """The labels, and the indices of every split."""
    with np.load(shared.indices_file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in INDICES}


def assemble(shared: SharedImages, pixels: np.ndarray, indices: Mapping[str, np.ndarray]) -> ImageSet:
    """The image set again, from its arrays, none of them copied."""
    return ImageSet(
        name=shared.name,
        images=pixels,
        class_names=shared.class_names,
        origin=shared.origin,
        notes=shared.notes,
        quantity=shared.quantity,
        labels=indices["labels"],
        train=indices["train"],
        validation=indices["validation"],
        test=indices["test"],
    )
