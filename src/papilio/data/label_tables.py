"""Folders of pictures with a table that says what each of them shows: a class, or a number."""

from __future__ import annotations

import csv
import functools
import io
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from papilio.archives import Member
from papilio.data.array_labels import Labels, as_values, read_labels
from papilio.data.decoder_limits import pillow_limits
from papilio.data.decoding import SUFFIXES, Depth, Looks, UnreadablePictureError, decode_picture
from papilio.data.imageset import RawImages
from papilio.data.members import (
    NUM_NAMED,
    broken_words,
    common_color,
    common_size,
    for_each_picture,
    probe_member,
    refuse_broken,
    skipped_notes,
)
from papilio.data.progress import Progress
from papilio.data.quantities import CLOCK, Quantity
from papilio.data.scaling import CHANNELS, Color, Size
from papilio.errors import DataError, one_line, reason_of, shown
from papilio.files import open_regular, read_own

TIME = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
# as everybody writes them: Python's own 1_000 is as likely a slip
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|[+-]?inf(inity)?", re.ASCII | re.IGNORECASE)
INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
EXPECTED = "each row is a picture's file and its class or value: photo.jpg,cat (or 123.4, or a time, 5:33)"


@dataclass(frozen=True)
class Row:
    """What a line of a table says of a picture."""

    file: str
    value: str
    line: int


def read_labeled_pictures(
    folder: Path,
    table: Path,
    quantity: Quantity | None,
    *,
    size: Size | None,
    color: Color | None,
    bits: int | None = None,
    skips_unreadable: bool = False,
    progress: Progress | None,
) -> RawImages:
    """Read the pictures that a CSV table names, relative to the folder, with the class or the value of each.

    Where all values are times (5:33) the quantity is the time on a dial; where a quantity is given they are its numbers;
    otherwise they are classes, words or integers. A first row that has no
    number and names no picture is a header. A picture that is named twice with one value counts once. Raises DataError for
    rows that are wrong, naming the line, for a picture with two values, and for pictures that cannot be read, unless
    `skips_unreadable`: they are then left out, and named in a note.
    """
    rows = list(_rows(table, folder))
    if not rows:
        raise DataError(f"{table}: no rows; {EXPECTED}")
    labels = _labels(rows, quantity, table)
    rows, values = _each_once(rows, labels.values, table)
    depth = Depth(bits)
    names = [row.file for row in rows]
    images, broken = _read_images(
        folder, names, size=size, color=color, depth=depth, skips_unreadable=skips_unreadable, progress=progress
    )
    if len(broken) == len(rows):
        raise DataError(f"{table}: none of its pictures can be read: {broken_words(broken, most=NUM_NAMED)}")
    class_names = labels.class_names
    if broken:
        kept = np.array([name not in broken for name in names])
        images, values = images[kept], values[kept]
        if class_names:
            values, class_names = _without_empty(values, class_names, table, broken)
    notes = (*skipped_notes(broken), *(() if depth.unused is None else (depth.unused,)))
    origin = one_line(f"{folder.resolve()} with {table.resolve()}: {len(values)} pictures")
    return RawImages(
        one_line(folder.resolve().name),
        images,
        values,
        class_names,
        origin,
        {},
        notes,
        quantity=labels.quantity,
        skipped=broken,
    )


def _without_empty(
    labels: np.ndarray, class_names: tuple[str, ...], table: Path, broken: Mapping[str, str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels and classes without those that have no picture left; raises DataError where only one has."""
    there, places = np.unique(labels, return_inverse=True)
    if len(there) < 2:
        raise DataError(
            f"{table}: only one class has a picture that can be read, {class_names[there[0]]}; at least two are needed"
            f" ({broken_words(broken, most=NUM_NAMED)})"
        )
    return places.astype(labels.dtype), tuple(class_names[label] for label in there)


def _rows(table: Path, folder: Path) -> Iterator[Row]:
    """The rows below the header."""
    try:
        with io.TextIOWrapper(io.BytesIO(read_own(table)), encoding="utf-8-sig", newline="") as file:
            reader, num_cells = csv.reader(file), None
            for row in reader:
                cells = [cell.strip() for cell in row]
                if not any(cells):
                    continue
                where = f"{table}, line {reader.line_num}"
                if len(cells) < 2:
                    raise DataError(f"{where}: {shown(','.join(row))} has no value; {EXPECTED}")
                is_header = num_cells is None and _is_header(cells, folder)
                if num_cells is None:
                    num_cells = len(cells) if is_header else 2
                if len(cells) != num_cells:
                    raise DataError(
                        f"{where}: {shown(','.join(row))} has {len(cells)} cells, expected {num_cells};"
                        f" decimals have a point, 3.5; {EXPECTED}"
                    )
                if not is_header:
                    yield Row(cells[0], cells[1], reader.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: cannot be read as a table ({reason_of(error)}); {EXPECTED}") from error


def _is_header(cells: list[str], folder: Path) -> bool:
    """Whether a first row has names of columns: it has no value, and its first cell is not a picture's file."""
    name, value = cells[:2]
    if NUMBER.fullmatch(value) or TIME.fullmatch(value):
        return False
    return not name.lower().endswith(SUFFIXES) and not os.path.isfile(folder / name)  # noqa: PTH113 (never raises)


def _labels(rows: Sequence[Row], quantity: Quantity | None, table: Path) -> Labels:
    """Times where all values are; numbers of the quantity; else classes, by their words or integers."""
    times = [TIME.fullmatch(row.value) is not None for row in rows]
    if 2 * sum(times) > len(rows) > sum(times):
        row = rows[times.index(False)]
        raise DataError(
            f"{table}, line {row.line}: {shown(row.value)} is not a time, although most values in the table are; write"
            " times as 5:30"
        )
    if all(times):
        minutes = np.array([_minutes(row, table) for row in rows])
        if quantity is not None and quantity.period != CLOCK.period:
            dial = f"times are on a dial of {CLOCK.period:g} minutes"
            raise DataError(f"{table}: {dial}: leave out period = {quantity.period:g}")
        return Labels(minutes, quantity=CLOCK)
    texts = [row.value for row in rows]
    if quantity is None:
        if all(map(NUMBER.fullmatch, texts)) and not all(map(INTEGER.fullmatch, texts)):
            raise DataError(f"{table}: numbers on a circle need a period: period = 360 for degrees")
        are_integers = all(INTEGER.fullmatch(text) and str(int(text)) == text for text in texts)
        return read_labels(
            np.array([int(text) for text in texts] if are_integers else texts),
            None,
            num_images=len(rows),
            where=str(table),
        )
    odd = next((row for row in rows if not NUMBER.fullmatch(row.value) or not math.isfinite(float(row.value))), None)
    if odd is not None:
        raise DataError(f"{table}, line {odd.line}: {shown(odd.value)} is not a number; {EXPECTED}")
    numbers = np.array([float(text) for text in texts])
    return Labels(as_values(numbers, quantity, found=f"{table}: its values"), quantity=quantity)


def _minutes(row: Row, table: Path) -> float:
    hour, minute = map(int, row.value.split(":"))
    if hour > 23 or minute > 59:
        raise DataError(f"{table}, line {row.line}: {row.value} is not a time of day")
    return float((hour * 60 + minute) % 720)


def _each_once(rows: Sequence[Row], values: np.ndarray, table: Path) -> tuple[list[Row], np.ndarray]:
    """The rows without repetitions; raises DataError for a picture with two values."""
    first: dict[str, int] = {}
    for index, row in enumerate(rows):
        other = first.setdefault(os.path.normpath(row.file), index)
        if values[other] != values[index]:
            raise DataError(
                f"{table}, line {row.line}: {shown(row.file)} is {shown(row.value)}, but {shown(rows[other].value)}"
                f" in line {rows[other].line}; keep one of them"
            )
    kept = sorted(first.values())
    return [rows[index] for index in kept], values[kept]


def _read_images(
    folder: Path,
    names: Sequence[str],
    *,
    size: Size | None,
    color: Color | None,
    depth: Depth,
    skips_unreadable: bool,
    progress: Progress | None,
) -> tuple[np.ndarray, dict[str, str]]:
    """The pictures, uint8 (num, channel, height, width), and those that cannot be read with the reasons, whose places are
    black. Raises DataError for these, unless `skips_unreadable`."""
    members = [Member(name, 0, False, functools.partial(open_regular, folder / name)) for name in names]
    with pillow_limits():
        found = {member.name: probe_member(member) for member in members}
        broken = {name: str(look) for name, look in found.items() if isinstance(look, UnreadablePictureError)}
        if not skips_unreadable:
            refuse_broken(folder, broken)
        looks = [look for look in found.values() if isinstance(look, Looks)]
        if not looks:
            return np.empty((len(names), 1, 0, 0), np.uint8), broken
        shape = size or common_size(folder, looks)
        mode = color or common_color(looks)
        images = np.zeros((len(names), CHANNELS[mode], *shape), dtype=np.uint8)

        def decode(file: IO[bytes]) -> np.ndarray:
            return decode_picture(file, size=shape, color=mode, depth=depth)

        decoded = for_each_picture(
            members,
            decode,
            num_pictures=len(names),
            what="reading pictures",
            progress=progress,
            result_bytes=images[0].size,
        )
        for row, (name, image) in enumerate(decoded):
            if isinstance(image, UnreadablePictureError):
                broken[name] = str(image)
            else:
                images[row] = image
    if not skips_unreadable:
        refuse_broken(folder, broken)
    return images, broken
