"""One copy of the images for all workers: a file that each maps into its memory."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from papilio.data.imageset import ImageSet
from papilio.files import open_atomic


@dataclass(frozen=True)
class SharedImages:
    """An image set whose pixels are in a file; small enough to be sent to a worker."""

    file: Path
    rest: dict[str, Any]  # the other fields of the image set


def share_images(images: ImageSet, folder: Path) -> SharedImages:
    """Put the pixels where every worker can map them: into a file of `folder`, named by content."""
    file = folder / f"{images.checksum[:16]}.npy"
    if not file.exists():
        with open_atomic(file) as handle:
            np.save(handle, np.ascontiguousarray(images.images), allow_pickle=False)
    rest = {field.name: getattr(images, field.name) for field in fields(images) if field.name != "images"}
    return SharedImages(file, rest)


def attach_images(shared: SharedImages) -> ImageSet:
    """The image set again, its pixels mapped read-only: the operating system keeps one copy for all workers."""
    return ImageSet(images=np.load(shared.file, mmap_mode="r", allow_pickle=False), **shared.rest)
