"""How generated images changed while a net learned: a frame per epoch, of the same images side by side."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from papilio.drawing.animations import MARGIN, TEXT, small_font, write_moving
from papilio.drawing.class_figures import displayable
from papilio.drawing.palette import LIGHT
from papilio.files import open_atomic

MOST_FRAMES = 60
MOST_BYTES = 600_000  # of a film
CELL = 48  # pixels that an image is enlarged to, where it is smaller
GAP = 2
SECONDS = 8.0  # from the first frame to the last, at most
SLOWEST = 300  # milliseconds a frame


def frames_of(
    images: UInt8[np.ndarray, "epochs num c h w"], epochs: Sequence[int], *, columns: int
) -> list[Image.Image]:
    """A frame for each epoch, of many those that are evenly spread: its images in rows, the number of the epoch below."""
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), MOST_FRAMES)).round().astype(int))
    return [_frame(images[index], f"epoch {epochs[index]}", columns) for index in chosen]


def film_uri(frames: Sequence[Image.Image]) -> str:
    """The frames, played to the end again and again, as WebP inside an address."""
    return "data:image/webp;base64," + base64.b64encode(_film(frames, kind="webp")).decode()


def save_film(frames: Sequence[Image.Image], *, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `name`.webp and `name`.gif; the two paths."""
    paths = folder / f"{name}.webp", folder / f"{name}.gif"
    for path in paths:
        with open_atomic(path) as file:
            file.write(_film(frames, kind=path.suffix[1:]))
    return paths


def _film(frames: Sequence[Image.Image], *, kind: str) -> bytes:
    """Of frames that would take too much room only every second, every fourth, ..., and always the last one."""
    every, content = 1, b""
    while every < 2 * len(frames):
        shown = list(frames[::-1][::every][::-1])
        milliseconds = min(SLOWEST, round(1000 * SECONDS / len(shown)))
        file = io.BytesIO()
        write_moving(shown, file, kind=kind, is_exact=False, milliseconds=milliseconds, is_forward=True)
        content = file.getvalue()
        if len(content) <= MOST_BYTES:
            break
        every *= 2
    return content


def _frame(images: UInt8[np.ndarray, "num c h w"], text: str, columns: int) -> Image.Image:
    num, channels, height, width = images.shape
    scale = max(1, CELL // max(height, width))
    across, down = width * scale + GAP, height * scale + GAP
    columns = min(columns, num)
    rows = -(-num // columns)
    size = (columns * across + GAP, rows * down + TEXT + 2 * MARGIN)
    frame = Image.new("RGB" if channels == 3 else "L", size, LIGHT["paper"])
    for index, image in enumerate(images):
        picture = Image.fromarray(displayable(image)).resize((width * scale, height * scale), Image.Resampling.NEAREST)
        frame.paste(picture, (GAP + index % columns * across, GAP + index // columns * down))
    place = (size[0] / 2, rows * down + GAP + MARGIN // 2)
    ImageDraw.Draw(frame).text(place, text, fill=LIGHT["ink"], font=small_font(TEXT), anchor="ma")
    return frame
