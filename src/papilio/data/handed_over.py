"""Arrays that a study in Python brings with it, kept as files, so that every process of the study can read them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from papilio.data.load import as_array
from papilio.data.places import handed_over_folder
from papilio.files import open_atomic


def with_kept_arrays(data: Mapping[str, Any]) -> dict[str, Any]:
    """A [data] table in which arrays (`images`, `labels`) are paths of `.npy` files in the cache, named after their content.

    Raises DataError for what is no array of numbers or words, StorageError where the cache cannot be written.
    """
    table = dict(data)
    if "images" in table and not isinstance(table["images"], str | Path):
        table["path"] = str(_kept(as_array(table.pop("images"), what="data.images")))
    if "labels" in table and not isinstance(table["labels"], str | Path | None):
        table["labels"] = str(_kept(as_array(table["labels"], what="data.labels")))
    return table


def _kept(array: np.ndarray) -> Path:
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data.cast("B") if array.dtype.kind not in "US" else array.tobytes())
    path = handed_over_folder() / f"{digest.hexdigest()[:16]}.npy"
    if not path.exists():
        with open_atomic(path) as file:
            np.save(file, array, allow_pickle=False)
    return path
