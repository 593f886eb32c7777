"""Arrays that a study in Python brings with it, kept as files, so that every process of the study can read them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from papilio.data.arrays import as_pixels
from papilio.data.load import as_array
from papilio.data.places import handed_over_folder
from papilio.errors import DataError
from papilio.files import open_atomic


def with_kept_arrays(data: Mapping[str, Any]) -> dict[str, Any]:
    """A [data] table in which arrays (`images`, `labels`) are paths of `.npy` files in the cache, named after their content.

    Raises DataError for what is no array of numbers or words, or is refused whatever else the study sets, as NaN are;
    StorageError where the cache cannot be written.
    """
    table, arrays = dict(data), dict[str, np.ndarray]()
    if "images" in table and not isinstance(table["images"], str | Path):
        arrays["path"] = as_array(table.pop("images"), what="data.images")
        _refuse_impossible_images(arrays["path"])
    if "labels" in table and not isinstance(table["labels"], str | Path | None):
        arrays["labels"] = as_array(table["labels"], what="data.labels")
        _refuse_impossible_labels(arrays["labels"])
    # after both were looked at: what is refused leaves nothing behind
    return table | {key: str(_kept(array)) for key, array in arrays.items()}


def _refuse_impossible_images(images: np.ndarray) -> None:
    # how high integers may be, `bits` says, perhaps in another table
    if images.dtype.kind not in "ui" or not images.size:
        as_pixels(images, where="data.images")


def _refuse_impossible_labels(labels: np.ndarray) -> None:
    if labels.dtype.kind == "f" and not np.all(np.isfinite(labels)):
        raise DataError(
            f"data.labels: labels are {labels.dtype} {labels.shape}, and some are not numbers (NaN or infinite)"
        )


def _kept(array: np.ndarray) -> Path:
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data.cast("B") if array.dtype.kind not in "US" else array.tobytes())
    path = handed_over_folder() / f"{digest.hexdigest()[:16]}.npy"
    if not path.exists():
        with open_atomic(path) as file:
            np.save(file, array, allow_pickle=False)
    return path
