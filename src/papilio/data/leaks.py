"""Images of one's own that are in two splits: the same pixels twice, one of them held out."""

from __future__ import annotations

import hashlib
import re

import numpy as np

from papilio.data.imageset import ImageSet
from papilio.data.splits import SplitName

TEST: tuple[SplitName, ...] = ("test",)
BEFORE: tuple[SplitName, ...] = ("train", "validation")
EARLIER: dict[SplitName, str] = {"train": "", "validation": "training", "test": "training or validation"}


def is_leak_note(note: str, split: SplitName) -> bool:
    """Whether a note of a set is what `leak_notes` says of that split.

    >>> note = "2 test images have the same pixels as training or validation images: scores on them ..."
    >>> is_leak_note(note, "test"), is_leak_note(note, "validation"), is_leak_note("3 test images are dark", "test")
    (True, False, False)
    """
    return re.match(rf"[\d,]+ {split} images? ha(s|ve) the same pixels as ", note) is not None


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
                f"{num:,} {split} {have} the same pixels as {others} images: scores on {them} do not measure generalization;"
                " `papilio data check` lists duplicates"
            )
        known.update(digests)
    return notes


def num_trained_on(test_of: ImageSet, images: ImageSet) -> int:
    """How many test images of one set are among the training or validation images of another, and not among its test images."""
    tested, trained, own = (
        {_digest(one.images[index]) for split in splits for index in one.indices(split)}
        for one, splits in ((test_of, TEST), (images, BEFORE), (images, TEST))
    )
    return len((tested & trained) - own)


def _digest(image: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
