"""Pictures in memory: PIL images, and arrays of one image or of many, in the layouts that people keep them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from papilio.data.arrays import as_pixels
from papilio.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

SHAPES = "(height, width), (height, width, 3), (num, height, width), (num, height, width, 3) or (num, channel, height, width)"
CHANNELS = (1, 3)


@dataclass(frozen=True)
class Held:
    """A picture that is in memory, and what answers call it."""

    name: str
    image: Image.Image

    def __str__(self) -> str:
        return self.name


def held_pictures(given: Any, *, first: int, shape: tuple[int, int, int]) -> list[Held]:
    """The pictures of a PIL image or an array, named by their file, or "image 1" and so on, counted from `first`.

    Arrays are uint8, other integers from 0 to 255, or floats from 0 to 1: one image or a batch, see `as_batch`. Raises
    DataError for anything else.
    """
    from PIL import Image

    if isinstance(given, Image.Image):
        return [Held(str(getattr(given, "filename", "") or f"image {first}"), given)]
    if not hasattr(given, "__array__"):
        raise DataError(
            f"got a {type(given).__name__} in place of a picture; give a path, a PIL image, a NumPy array, or a list of them"
        )
    pixels, _ = as_pixels(as_batch(np.asarray(given), shape=shape), where=f"image {first}")
    return [Held(f"image {number}", _as_image(one)) for number, one in enumerate(pixels, start=first)]


def as_batch(array: np.ndarray, *, shape: tuple[int, int, int]) -> np.ndarray:
    """An array of one image or of many as one of many, (num, height, width) or (num, ...) with channels.

    Where three axes may be read in two ways, `shape`, (channel, height, width) of a run's images, decides: three gray images
    for a run of gray ones, one in color for a run of those. Raises DataError for other numbers of axes.
    """
    if array.ndim == 2:
        return array[None]
    if array.ndim == 3:
        is_one = array.shape[2] in CHANNELS or array.shape == shape or (array.shape[0] == 3 == shape[0])
        return array[None] if is_one else array
    if array.ndim == 4 and array.shape[1] in CHANNELS and array.shape[3] in CHANNELS:
        return array if array.shape[1:] == shape else np.moveaxis(array, 3, 1)
    if array.ndim == 4:
        return array
    raise DataError(f"images are {array.dtype} {array.shape}, expected {SHAPES}")


def _as_image(pixels: np.ndarray) -> Image.Image:
    """uint8 (channel, height, width) as a PIL image."""
    from PIL import Image

    return Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
