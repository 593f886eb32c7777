"""Images in other sizes and colors, antialiased, with Pillow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from papilio.data.parallel import map_threaded

if TYPE_CHECKING:
    from PIL import Image


Color = Literal["grey", "rgb"]
COLORS: dict[str, Color] = {
    "gray": "grey",
    "grey": "grey",
    "rgb": "rgb",
}  # by the names that are taken, the usual ones first
Size = tuple[int, int]  # height, width
MODES: dict[Color, str] = {"grey": "L", "rgb": "RGB"}
CHANNELS: dict[Color, int] = {"grey": 1, "rgb": 3}
MAX_PADDED_PIXELS = 2**26  # of a window around a whole picture


def size_words(size: Size) -> str:
    """A size for people; says which side is the height where that matters.

    >>> size_words((8, 8)), size_words((6, 5))
    ('8 x 8', '6 x 5 [height x width]')
    """
    height, width = size
    return f"{height} x {width}" + ("" if height == width else " [height x width]")


@dataclass(frozen=True)
class Window:
    """A part of a picture: by default the largest one of the shape that is asked for, about the center.

    `scale` below 1 is a smaller part; `x` and `y` move it by shares of its own width and height. `is_whole` is the smallest
    one that has all of the picture in it. What lies outside the picture is as its rim.
    """

    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0
    is_whole: bool = False


def fit(image: Image.Image, size: Size) -> Image.Image:
    """Scale, antialiased, until (height, width) is covered, and keep the center."""
    from PIL.Image import Resampling

    height, width = size
    scale = min(image.width / width, image.height / height)
    crop_width, crop_height = min(width * scale, image.width), min(height * scale, image.height)
    left, top = (image.width - crop_width) / 2, (image.height - crop_height) / 2
    # rounding may put an edge a hair outside, which Pillow refuses
    box = (left, top, min(left + crop_width, image.width), min(top + crop_height, image.height))
    return image.resize((width, height), Resampling.LANCZOS, box=box)


def cut(picture: np.ndarray, window: Window, size: Size) -> np.ndarray:
    """A window of a picture, uint8 (channel, rows, columns), scaled, antialiased, to (height, width)."""
    from PIL import Image

    rows, columns = picture.shape[1:]
    ratio = (max if window.is_whole else min)(columns / size[1], rows / size[0]) * window.scale
    wide, high = ratio * size[1], ratio * size[0]
    if window.is_whole and wide * high > MAX_PADDED_PIXELS and ratio >= 16:
        # the rim of a thin picture would fill the memory; eight of its pixels for one that is shown are as good
        return cut(reduced(picture, int(ratio / 8)), window, size)
    left, top = (columns - wide) / 2 + window.x * wide, (rows - high) / 2 + window.y * high
    # the rim is repeated outwards as far as the window reaches
    margin = [math.ceil(max(0.0, one)) for one in (-top, top + high - rows, -left, left + wide - columns)]
    if any(margin):
        picture = np.pad(picture, ((0, 0), (margin[0], margin[1]), (margin[2], margin[3])), mode="edge")
        left, top = left + margin[2], top + margin[0]
    image = Image.fromarray(picture[0] if len(picture) == 1 else np.ascontiguousarray(picture.transpose(1, 2, 0)))
    box = (max(0.0, left), max(0.0, top), min(left + wide, image.width), min(top + high, image.height))
    values = np.asarray(image.resize((size[1], size[0]), Image.Resampling.LANCZOS, box=box))
    return values[None] if values.ndim == 2 else values.transpose(2, 0, 1)


def convert_images(images: np.ndarray, *, size: Size | None, color: Color | None) -> np.ndarray:
    """uint8 (num, channel, height, width) in another size or color, with the conversions that pictures get."""
    _, channel, *old_size = images.shape
    if (size is None or tuple(old_size) == size) and (color is None or CHANNELS[color] == channel):
        return images
    color = color or ("grey" if channel == 1 else "rgb")
    size = size or (images.shape[2], images.shape[3])
    converted = np.empty((len(images), CHANNELS[color], *size), dtype=np.uint8)

    def convert(row: int) -> None:
        converted[row] = _convert_image(images[row], size, color)

    for _ in map_threaded(convert, range(len(images))):
        pass
    return converted


def _convert_image(values: np.ndarray, size: Size, color: Color) -> np.ndarray:
    from PIL import Image

    image = Image.fromarray(values[0] if len(values) == 1 else np.ascontiguousarray(values.transpose(1, 2, 0)))
    fitted = np.asarray(fit(image.convert(MODES[color]), size))
    return fitted[None] if fitted.ndim == 2 else fitted.transpose(2, 0, 1)


def reduced(picture: np.ndarray, factor: int) -> np.ndarray:
    """A picture, uint8 (channel, rows, columns), with each side shorter by a whole factor, but of one pixel at least."""
    if factor <= 1:
        return picture
    rows, columns = picture.shape[1:]
    factors = min(factor, columns), min(factor, rows)
    return np.stack([np.asarray(_as_grey(channel).reduce(factors)) for channel in picture])


def _as_grey(values: np.ndarray) -> Image.Image:
    from PIL import Image

    return Image.fromarray(values)
