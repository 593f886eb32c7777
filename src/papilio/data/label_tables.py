"""Folders of pictures with a table that says what number each of them shows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from papilio.data.array_labels import as_values
from papilio.data.imageset import RawImages
from papilio.data.parallel import map_threaded
from papilio.data.pictures import (
    CHANNELS,
    Color,
    Looks,
    Size,
    UnreadablePictureError,
    decode_picture,
    pillow_limits,
    probe_picture,
)
from papilio.data.progress import Progress
from papilio.data.quantities import CLOCK, Quantity
from papilio.errors import DataError

TIME = re.compile(r"(\d{1,2}):(\d{2})")
EXPECTED = "each row is a picture's file and its value: photo.jpg,123.4 (or a time, 5:33)"


def read_labelled_pictures(
    folder: Path,
    table: Path,
    quantity: Quantity | None,
    *,
    size: Size | None,
    color: Color | None,
    progress: Progress | None,
) -> RawImages:
    """Read the pictures that a CSV table names, relative to the folder, with the value of each.

    Where all values are times (5:33) the quantity is the time on a dial; otherwise one must be given. A first row without
    a number is a header. Raises DataError for rows that are wrong, naming the line, and for pictures that cannot be read.
    """
    rows = list(_rows(table))
    if not rows:
        raise DataError(f"{table}: no rows; {EXPECTED}")
    values, quantity = _values([text for _, text, _ in rows], [line for *_, line in rows], quantity, table)
    paths = [folder / name for name, *_ in rows]
    images = np.stack(list(_decoded(paths, _shape(paths, size, color), progress)))
    origin = f"{folder.resolve()} with {table.resolve()}: {len(paths)} pictures"
    return RawImages(folder.resolve().name, images, values, (), origin, {}, quantity=quantity)


def _rows(table: Path) -> Iterator[tuple[str, str, int]]:
    """(file, value, line) of each row below the header."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            for line, row in enumerate(csv.reader(file), start=1):
                cells = [cell.strip() for cell in row]
                if not any(cells):
                    continue
                if len(cells) < 2:
                    raise DataError(f"{table}, line {line}: {','.join(row)!r} has no value; {EXPECTED}")
                if line > 1 or _number(cells[1]) is not None or TIME.fullmatch(cells[1]):
                    yield cells[0], cells[1], line
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: cannot be read as a table ({error}); {EXPECTED}") from error


def _values(texts: list[str], lines: list[int], quantity: Quantity | None, table: Path) -> tuple[np.ndarray, Quantity]:
    if all(TIME.fullmatch(text) for text in texts):
        return np.array([_minutes(text, table, line) for text, line in zip(texts, lines, strict=True)]), CLOCK
    if quantity is None:
        raise DataError(f"{table}: numbers on a circle need its length: period = 360 for degrees")
    numbers = []
    for text, line in zip(texts, lines, strict=True):
        number = _number(text)
        if number is None:
            raise DataError(f"{table}, line {line}: {text!r} is not a number; {EXPECTED}")
        numbers.append(number)
    return as_values(np.array(numbers), quantity, found=f"{table}: its values"), quantity


def _minutes(text: str, table: Path, line: int) -> float:
    hour, minute = map(int, text.split(":"))
    if hour > 23 or minute > 59:
        raise DataError(f"{table}, line {line}: {text} is not a time of day")
    return float((hour * 60 + minute) % 720)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _shape(paths: list[Path], size: Size | None, color: Color | None) -> tuple[Size, Color]:
    """The size and colours that all pictures are brought to: what was asked for, or what they all have."""
    looks: list[Looks] = []
    with pillow_limits():
        for path in paths:
            try:
                with path.open("rb") as file:
                    looks.append(probe_picture(file))
            except (OSError, UnreadablePictureError) as error:
                raise DataError(f"{path}: cannot be read as a picture ({error})") from error
    sizes = {look.size for look in looks}
    if size is None and len(sizes) > 1:
        (low, high) = min(sizes), max(sizes)
        raise DataError(f"{paths[0].parent}: pictures from {low} to {high} in size; give one: size = 64")
    return size or looks[0].size, color or ("grey" if all(look.is_grey for look in looks) else "rgb")


def _decoded(paths: list[Path], shape: tuple[Size, Color], progress: Progress | None) -> Iterator[np.ndarray]:
    size, color = shape

    def decode(path: Path) -> np.ndarray:
        with path.open("rb") as file:
            return decode_picture(file, size=size, color=color)

    with pillow_limits():
        for done, image in enumerate(map_threaded(decode, paths), start=1):
            if progress is not None:
                progress(done, len(paths), "reading pictures")
            yield image.reshape(CHANNELS[color], *size)
