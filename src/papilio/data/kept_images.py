"""Decoded pictures, kept in the cache: the images as one array, and next to them what else a set is."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, TypeAdapter

from papilio.data.arrays import read_npy
from papilio.data.imageset import RawImages
from papilio.data.places import cache_folder
from papilio.data.splits import SplitName
from papilio.errors import DataError
from papilio.files import read_own

Index = Annotated[int, Field(ge=0, lt=2**63)]


def read_decoded(key: str) -> RawImages | None:
    """The decoded images under a key; None where they are missing, or not whole."""
    try:
        index = _index_reader().validate_json(read_own(index_file(key)), strict=True)
        images = read_npy(images_file(key))
    except (OSError, ValueError, DataError):
        # derived from the pictures: what is torn is recreated
        return None
    labels = np.array(index.labels, dtype=np.int64)
    given: dict[SplitName, np.ndarray] = {
        split: np.array(indices, dtype=np.int64) for split, indices in index.given.items()
    }
    if images.ndim != 4 or images.dtype != np.uint8 or not index.fits(num=len(images)):
        return None
    notes, names = tuple(index.notes), tuple(index.class_names)
    return RawImages("", images, labels, names, "", given, notes, skipped=index.skipped)


@dataclass(frozen=True)
class CachedIndex:
    """What is kept next to decoded images: as `RawImages` has it, in plain lists."""

    labels: list[Index]
    class_names: list[str]
    given: dict[SplitName, list[Index]]
    notes: list[str]
    skipped: dict[str, str] = field(default_factory=dict)

    def fits(self, *, num: int) -> bool:
        """Whether it can be that of so many images."""
        most = max(self.labels, default=0)
        indices = [one for some in self.given.values() for one in some]
        return len(self.labels) == num and most < max(1, len(self.class_names)) and max(indices, default=0) < num


@functools.cache
def _index_reader() -> TypeAdapter[CachedIndex]:
    return TypeAdapter(CachedIndex)


def images_file(key: str) -> Path:
    """Where the decoded images are kept: uint8 (num, channel, height, width)."""
    return cache_folder() / "pictures" / f"{key}.npy"


def index_file(key: str) -> Path:
    """Where the rest of the set is kept; it is written last."""
    return cache_folder() / "pictures" / f"{key}.json"
