"""Factors: what is known of each image next to its label, a number each, in a table `factors.csv` next to the images."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from papilio.errors import DataError, reason_of
from papilio.files import read_own, write_text

FACTORS = "factors.csv"
Factors = Mapping[str, np.ndarray]


def write_factors(path: Path, factors: Factors) -> None:
    """A column per factor, a row per image in the images' order; raises StorageError where the file cannot be written."""
    rows = zip(*(column.tolist() for column in factors.values()), strict=True)
    lines = [",".join(factors), *(",".join(map(repr, row)) for row in rows)]
    write_text(path, "\n".join(lines) + "\n")


def read_factors(path: Path, *, num: int) -> dict[str, np.ndarray]:
    """Factors by name, each int64 or, where one of its numbers is not whole, float64 (num,).

    Raises DataError for a file that is missing, has another number of rows, or has anything but numbers below its names.
    """
    try:
        with io.TextIOWrapper(io.BytesIO(read_own(path)), encoding="utf-8-sig", newline="") as file:
            names, *rows = [row for row in csv.reader(file) if row]
        columns = np.array([[float(cell) for cell in row] for row in rows]).reshape(len(rows), -1).T
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(
            f"{path}: cannot be read as factors ({reason_of(error)}); its first line has names, each other line a number"
            " for each"
        ) from error
    if len(rows) != num or len(columns) != len(names) or len(set(names)) < len(names):
        raise DataError(
            f"{path}: {len(names)} names and {len(rows)} rows, expected different names and {num} rows, one per image"
        )
    factors = {name: _whole(column) for name, column in zip(names, columns, strict=True)}
    refuse_bad_factors(factors, num=num, where=str(path))
    return factors


def refuse_bad_factors(factors: Factors, *, num: int, where: str) -> None:
    """Raises DataError unless each factor is a finite number for each image."""
    for name, column in factors.items():
        if column.shape != (num,) or column.dtype.kind not in "iuf" or not np.all(np.isfinite(column)):
            raise DataError(
                f"{where}: factor {name} is {column.dtype} {column.shape}, expected a finite number for each of {num} images"
            )


def _whole(column: np.ndarray) -> np.ndarray:
    is_whole = np.all(np.abs(column) < 2**53) and np.all(column == np.round(column))
    return column.astype(np.int64) if is_whole else column
