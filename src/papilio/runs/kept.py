"""What some kinds of runs keep next to their records: images of the same noise after each epoch, and every batch's metrics.

`previews/0001.png` has 32 images of `sample`, seed 0, after the first epoch, in rows of eight without gaps. `batches.jsonl`
has a line per epoch: its number, that of its first step, and under each metric's name a number per batch, of five digits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from pydantic import BaseModel, ConfigDict, ValidationError

from papilio.data.pictures import read_whole_picture, write_picture
from papilio.errors import DataError, RunError, reason_of
from papilio.files import open_to_append, read_own, storage_errors
from papilio.runs.checked import Count

PREVIEWS = "previews"
NUM_PREVIEWS, COLUMNS = 32, 8
BATCHES = "batches.jsonl"
DIGITS = 5
MOST_BYTES = 2**31  # a line has a number of every batch


def preview_file(folder: Path, epoch: int) -> Path:
    """Where a run's folder has the images of an epoch."""
    return folder / PREVIEWS / f"{epoch:04}.png"


def write_preview(folder: Path, epoch: int, images: UInt8[np.ndarray, "num c h w"]) -> None:
    """Keep the images of an epoch, atomically; raises StorageError."""
    num, channels, height, width = images.shape
    rows = images.reshape(num // COLUMNS, COLUMNS, channels, height, width).transpose(2, 0, 3, 1, 4)
    write_picture(preview_file(folder, epoch), rows.reshape(channels, -1, COLUMNS * width))


def read_previews(
    folder: Path, shape: tuple[int, int, int], epochs: Iterable[int]
) -> tuple[list[int], UInt8[np.ndarray, "epochs num c h w"]]:
    """Those of the epochs that have some, and their images, each of `shape`; what is damaged is left out."""
    channels, height, width = shape
    found: dict[int, np.ndarray] = {}
    for epoch in epochs:
        try:
            picture = read_whole_picture(preview_file(folder, epoch), channel=channels)
            rows = picture.reshape(channels, NUM_PREVIEWS // COLUMNS, height, COLUMNS, width).transpose(1, 3, 0, 2, 4)
        except (DataError, ValueError):
            continue
        found[epoch] = rows.reshape(NUM_PREVIEWS, *shape)
    return list(found), np.stack(list(found.values())) if found else np.zeros((0, NUM_PREVIEWS, *shape), np.uint8)


def append_batches(folder: Path, *, epoch: int, last_step: int, batches: Mapping[str, Sequence[float]]) -> None:
    """Add an epoch's line; raises StorageError when the disk is full."""
    num = max(map(len, batches.values()), default=0)
    line = {"epoch": epoch, "first_step": last_step - num + 1}
    rounded = {name: [float(f"{value:.{DIGITS}g}") for value in values] for name, values in batches.items()}
    path = folder / BATCHES
    with storage_errors(path), open_to_append(path) as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # a kill cut the last line short
                file.write(b"\n")
        file.write(json.dumps(line | rounded).encode() + b"\n")


def read_batches(folder: Path, *, most_epochs: int) -> dict[str, Float[np.ndarray, "steps 2"]]:
    """Each metric's steps and values up to an epoch; of an epoch that was repeated, after a kill, the last try.

    Lines that are damaged are left out. Raises RunError where the file cannot be read.
    """
    path = folder / BATCHES
    try:
        texts = read_own(path, most_bytes=MOST_BYTES).splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({reason_of(error)}); remove it, the report does without") from error
    lines = {line.epoch: line for text in texts if (line := _line(text)) is not None and line.epoch <= most_epochs}
    parts: dict[str, list[np.ndarray]] = {}
    for epoch in sorted(lines):
        for name, values in lines[epoch].metrics.items():
            steps = lines[epoch].first_step + np.arange(len(values), dtype=np.float64)
            parts.setdefault(name, []).append(np.stack([steps, np.asarray(values, dtype=np.float64)], axis=1))
    return {name: np.concatenate(found) for name, found in parts.items()}


class _Line(BaseModel):
    """An epoch's line: the other entries are one number for each batch, by metric."""

    model_config = ConfigDict(extra="allow")
    # of a run that diverges they are not finite
    __pydantic_extra__: dict[str, list[float]]  # pyright: ignore[reportIncompatibleVariableOverride] (pydantic's own way)

    epoch: Count
    first_step: Count

    @property
    def metrics(self) -> dict[str, list[float]]:
        return self.__pydantic_extra__


def _line(text: bytes) -> _Line | None:
    """None where it is damaged, as a kill cuts it short."""
    try:
        return _Line.model_validate_json(text, strict=True)
    except ValidationError:
        return None
