"""Images of one's own that are in two splits: the same pixels twice, one of them held out."""

from __future__ import annotations

import hashlib

import numpy as np

from papilio.data.imageset import ImageSet
from papilio.data.splits import SplitName

EARLIER: dict[SplitName, str] = {"train": "", "validation": "training", "test": "training or validation"}


def leak_notes(images: ImageSet) -> list[str]:
    """A line for each of validation and test if images in it are among those that train or choose, pixel by pixel."""
    known: set[bytes] = set()
    notes = []
    for split, others in EARLIER.items():
        digests = [_digest(images.images[index]) for index in images.indices(split)]
        num = sum(digest in known for digest in digests)
        if num:
            them, have = ("it", "image has") if num == 1 else ("them", "images have")
            notes.append(
                f"{num:,} {split} {have} the same pixels as {others} images: scores on {them} say nothing about new images;"
                " `papilio data check` lists duplicates"
            )
        known.update(digests)
    return notes


def _digest(image: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
