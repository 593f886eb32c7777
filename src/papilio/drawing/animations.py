"""Pictures that move: as WebP inside the page, as WebP and GIF on disk, there side by side with their names."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import IO

import matplotlib
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from papilio.drawing.class_figures import displayable
from papilio.drawing.palette import LIGHT
from papilio.files import open_atomic

MILLISECONDS = 90  # a frame
HELD = 600  # the frames at the ends
HELD_AT_END = 2500  # the last frame of what moves to its end only
MOST_BYTES = 300_000  # of a file
LEVELS, COLORS = 32, 64  # of a GIF
CELL = 112  # pixels that an image is enlarged to, in files
MOST_EXACT = 32  # pixels per side: larger images are not kept exact, in files
COLUMNS = 4
MARGIN, TEXT, SMALL_TEXT = 10, 13, 10  # pixels, in files


def there_and_back(num: int) -> list[int]:
    """The order of frames that moves to the end and back, so that it can be repeated without a jump.

    >>> there_and_back(4)
    [0, 1, 2, 3, 2, 1]
    """
    return [*range(num), *range(num - 2, 0, -1)]


def moving_uri(images: UInt8[np.ndarray, "frames c h w"]) -> str:
    """Images one after another, there and back forever, as an animated WebP inside an address.

    Not exact, pixel by pixel: that would take twice the room.
    """
    frames = [Image.fromarray(displayable(image)) for image in images]
    file = io.BytesIO()
    write_moving(frames, file, kind="webp", is_exact=False)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def save_moving(
    images: UInt8[np.ndarray, "cells frames c h w"], *, names: Sequence[str], folder: Path, name: str
) -> tuple[Path, Path]:
    """Write `name`.webp and `name`.gif, in which all cells move at once, each above its name; the two paths.

    Images are enlarged to whole multiples of their size, as far as the files stay below 300 kB; where they do not stay below
    it at all, every second frame is left out.
    """
    paths = folder / f"{name}.webp", folder / f"{name}.gif"
    largest = max(1, CELL // max(images.shape[-2:]))
    for path in paths:
        moving = b""
        for scale, every in [*((scale, 1) for scale in range(largest, 0, -1)), (1, 2)]:
            moving = _moving_sheet(images, names, scale, every=every, kind=path.suffix[1:])
            if len(moving) <= MOST_BYTES:
                break
        with open_atomic(path) as file:
            file.write(moving)
    return paths


def _moving_sheet(images: np.ndarray, names: Sequence[str], scale: int, *, every: int, kind: str) -> bytes:
    num = images.shape[1]
    shown = np.linspace(0, num - 1, -(-num // every)).round().astype(int)
    frames = [_side_by_side(images[:, frame], names, scale) for frame in shown]
    file = io.BytesIO()
    is_exact = max(images.shape[-2:]) <= MOST_EXACT
    write_moving(frames, file, kind=kind, is_exact=is_exact, milliseconds=every * MILLISECONDS)
    return file.getvalue()


def write_moving(
    frames: Sequence[Image.Image],
    file: IO[bytes],
    *,
    kind: str,
    is_exact: bool,
    milliseconds: int = MILLISECONDS,
    is_forward: bool = False,
) -> None:
    """Write frames as an animated "webp" or "gif", there and back, or `is_forward`: to the end, held there, and again."""
    if kind == "gif":
        frames = [_with_fewer_levels(frame) for frame in frames]
    order = list(range(len(frames))) if is_forward else there_and_back(len(frames))
    moments = [HELD if index in (0, len(frames) - 1) else milliseconds for index in order]
    if is_forward:
        moments[-1] = HELD_AT_END
    first, *others = [frames[index] for index in order]
    if kind == "webp":
        first.save(
            file,
            "webp",
            save_all=True,
            append_images=others,
            duration=moments,
            loop=0,
            lossless=is_exact,
            quality=80,
            method=4,
        )
    else:
        first.save(file, "gif", save_all=True, append_images=others, duration=moments, loop=0)


def _with_fewer_levels(frame: Image.Image) -> Image.Image:
    """A frame in a few levels of gray, or a few colors without dots of others among them: a GIF half as large."""
    if frame.mode != "L":
        return frame.quantize(COLORS, dither=Image.Dither.NONE)
    steps = np.round(np.asarray(frame) * ((LEVELS - 1) / 255)) * (255 / (LEVELS - 1))
    return Image.fromarray(steps.round().astype(np.uint8))


def _side_by_side(images: np.ndarray, names: Sequence[str], scale: int) -> Image.Image:
    """One frame of all cells: their images, enlarged, each above its name."""
    height, width = (side * scale for side in images.shape[-2:])
    columns = min(COLUMNS, len(images))
    rows = -(-len(images) // columns)
    down, across = height + TEXT + 2 * MARGIN, width + MARGIN
    size = (columns * across + MARGIN, rows * down + MARGIN)
    frame = Image.new("RGB" if images.shape[1] == 3 else "L", size, LIGHT["paper"])
    draw = ImageDraw.Draw(frame)
    for index, (image, name) in enumerate(zip(images, names, strict=True)):
        left, top = MARGIN + index % columns * across, MARGIN + index // columns * down
        frame.paste(Image.fromarray(displayable(image)).resize((width, height), Image.Resampling.NEAREST), (left, top))
        text, font = _fitted(name, width + MARGIN // 2)
        draw.text((left + width / 2, top + height + 4), text, fill=LIGHT["ink"], font=font, anchor="ma")
    return frame


def _fitted(name: str, width: int) -> tuple[str, ImageFont.FreeTypeFont]:
    """A name in the largest letters in which it is no wider, else in small ones without its end."""
    for size in range(TEXT, SMALL_TEXT - 1, -1):
        if small_font(size).getlength(name) <= width:
            return name, small_font(size)
    while len(name) > 1 and small_font(SMALL_TEXT).getlength(name + "…") > width:
        name = name[:-1]
    return name + "…", small_font(SMALL_TEXT)


@cache
def small_font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)
