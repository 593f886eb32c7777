"""Rendered sets as files: images.npy, labels.npy, a contact sheet to look at, and what they were made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from papilio.data.parallel import map_threaded
from papilio.data.rendering.clocks import MINUTES, SIDE, ClockRenderer, Variety, spread_times
from papilio.errors import SettingError, did_you_mean
from papilio.files import open_atomic, write_json

Progress = Callable[[int, int, str], None]

DEFAULT_NUM = 18_000  # 25 of each minute
SHEET = (8, 6)  # columns and rows of the contact sheet
GAP, CAPTION = 6, 16  # pixels


def render_clocks(
    folder: Path,
    *,
    num: int = DEFAULT_NUM,
    size: int = SIDE,
    seed: int = 0,
    variety: Variety = "plain",
    progress: Progress | None = None,
) -> Path:
    """Write `num` pictures of clocks to a folder, all of one clock or of many kinds; returns the contact sheet's path.

    images.npy is uint8 (num, size, size), labels.npy int64 (num, 2), [hour 0-11, minute 0-59], ascending: as the clock
    images of Leiden are published. No more than a few pictures are in memory at a time. Raises SettingError for a
    number or size out of range, StorageError where the folder cannot be written.
    """
    if num < 1:
        raise SettingError(f"num = {num}: at least 1 picture")
    if seed < 0:
        raise SettingError(f"seed = {seed}: must be 0 or more")
    renderer = ClockRenderer(variety=variety, size=size, seed=seed)
    times = spread_times(num)
    pictures = map_threaded(lambda number: renderer.draw(number, float(times[number])), range(num))
    _write_images(folder / "images.npy", pictures, num=num, size=size, progress=progress)
    with open_atomic(folder / "labels.npy") as file:
        np.save(file, np.stack([times // 60, times % 60], axis=1))
    write_json(folder / "rendered.json", _facts("clocks", num=num, size=size, seed=seed, variety=variety))
    shown = np.linspace(0, num - 1, min(num, SHEET[0] * SHEET[1])).round().astype(int)
    images = np.load(folder / "images.npy", mmap_mode="r")
    return _write_sheet(
        folder / "contact-sheet.png", images[shown], [clock_words(float(times[index])) for index in shown]
    )


RENDERERS: dict[str, Callable[..., Path]] = {"clocks": render_clocks}


def find_renderer(name: str) -> Callable[..., Path]:
    """What writes a rendered set's files, by the set's name; raises SettingError for a name that is none."""
    if name not in RENDERERS:
        raise SettingError(f"{name} is not a set that Papilio draws; {did_you_mean(name, RENDERERS)}")
    return RENDERERS[name]


def clock_words(minute: float) -> str:
    """A time of day on a dial of twelve hours.

    >>> clock_words(0), clock_words(545), clock_words(719.6)
    ('12:00', '09:05', '12:00')
    """
    whole = round(float(minute)) % MINUTES
    return f"{whole // 60 or 12:02d}:{whole % 60:02d}"


def _write_images(
    path: Path, pictures: Iterator[np.ndarray], *, num: int, size: int, progress: Progress | None
) -> None:
    """The pictures, one after another, as one array file."""
    with open_atomic(path) as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (num, size, size)}
        np.lib.format.write_array_header_1_0(file, header)
        done = 0
        while chunk := list(islice(pictures, 100)):
            file.write(b"".join(picture.tobytes() for picture in chunk))
            done += len(chunk)
            if progress is not None:
                progress(done, num, "drawing clocks")


def _facts(name: str, **settings: int | str) -> dict[str, str | int]:
    return {"set": name, "papilio": metadata.version("papilio")} | settings


def _write_sheet(path: Path, images: np.ndarray, captions: Iterable[str]) -> Path:
    """Pictures in rows, what each shows below it."""
    columns = min(SHEET[0], len(images))
    side = images.shape[-1]
    step_x, step_y = side + GAP, side + GAP + CAPTION
    num_rows = -(-len(images) // columns)
    sheet = Image.new("L", (columns * step_x + GAP, num_rows * step_y + GAP), 255)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = GAP + number % columns * step_x, GAP + number // columns * step_y
        sheet.paste(Image.fromarray(image), (x, y))
        draw.text((x + side / 2, y + side + CAPTION / 2), caption, fill=40, font=font, anchor="mm")
    with open_atomic(path) as file:
        sheet.save(file, format="PNG")
    return path
