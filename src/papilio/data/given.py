"""The pictures that somebody hands to a trained run: files, folders of them, and pictures in memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from papilio.data.arrays import as_pixels
from papilio.data.folders import walk
from papilio.data.held import Held
from papilio.data.layout import is_picture
from papilio.data.members import begins_as_picture
from papilio.data.pictures import read_each
from papilio.errors import DataError, reason_of
from papilio.files import possible_path

if TYPE_CHECKING:
    from PIL import Image

SHAPES = "(height, width), (height, width, 3), (num, height, width), (num, height, width, 3) or (num, channel, height, width)"
CHANNELS = (1, 3)
WITH_GRAY_AND_ALPHA, WITH_ALPHA = 2, 4  # channels


def as_pictures(given: Any, *, shape: tuple[int, int, int], bits: int | None = None) -> list[Path | Held]:
    """One picture or many, each a file's path, or in memory; a folder stands for all pictures below it.

    `given` is a path, a PIL image, an array of one image or of a batch, or any iterable of these. `shape` is (channel, height,
    width) of the images that the run takes, `bits` how many integers of more than 8 bits use. Raises DataError for what is
    none of these, and for a folder without pictures.
    """
    found: list[Path | Held] = []
    for one in given if _are_many(given) else [given]:
        if isinstance(one, str | Path):
            found += pictures_at(one)
        else:
            found += held_pictures(one, first=len(found) + 1, shape=shape, bits=bits)
    return found


def as_images(given: Any, *, shape: tuple[int, int, int], bits: int | None = None) -> np.ndarray:
    """Pictures as a run takes them, uint8 (num, channel, height, width), each sized and colored as `read_picture` does.

    `given` is as in `as_pictures`; an array that is of that type and shape is returned itself. `bits` is how many bits 16-bit
    pictures use. Raises DataError for what is not a picture.
    """
    if hasattr(given, "__array__"):
        array = _as_array(given)
        if array.dtype == np.uint8 and array.ndim == 4 and array.shape[1:] == shape:
            return array
    seen = read_each(as_pictures(given, shape=shape, bits=bits), shape=shape, bits=bits)
    return np.stack([one.values for one in seen]) if seen else np.empty((0, *shape), np.uint8)


def _are_many(given: Any) -> bool:
    """Whether something is many things one after another, as a list or a generator is; a path and an array are one."""
    return isinstance(given, Iterable) and not isinstance(given, str) and not hasattr(given, "__array__")


def pictures_at(path: Path | str) -> list[Path]:
    """The file itself, or of a folder all pictures at any depth, in natural order: 2.png comes before 10.png.

    Hidden files and studies' folders are passed over. Raises DataError for a folder without pictures, and a name
    that no file can have.
    """
    folder = possible_path(path, error=DataError)
    if not folder.is_dir():
        return [folder]
    names = [
        member.name
        for member in walk(folder)
        if not member.is_folder and (is_picture(member.name) or begins_as_picture(member))
    ]
    if not names:
        raise DataError(f"{folder}: no pictures in this folder, nor in folders in it; give another, or picture files")
    return [folder / name for name in sorted(names, key=natural_key)]


def natural_key(name: str) -> list[list[str | int]]:
    """What sorts names as people do: numbers in them by their size, folder by folder.

    >>> sorted(["b/1.png", "a/10.png", "a/9.png"], key=natural_key)
    ['a/9.png', 'a/10.png', 'b/1.png']
    """
    parts = name.split("/")
    return [[int(one) if one.isdecimal() else one for one in re.split(r"(\d+)", part)] for part in parts]


def held_pictures(given: Any, *, first: int, shape: tuple[int, int, int], bits: int | None = None) -> list[Held]:
    """The pictures of a PIL image or an array, named by their file, or "image 1" and so on, counted from `first`.

    Arrays are uint8, other integers from 0 to 255, or to 2 ** bits - 1, or floats from 0 to 1: one image, which may have a
    fourth channel for transparency, or a batch, see `as_batch`. Raises DataError for anything else.
    """
    from PIL import Image

    if isinstance(given, Image.Image):
        if getattr(given, "is_animated", False):
            given = _this_frame(given)
        return [Held(str(getattr(given, "filename", "") or f"image {first}"), given)]
    if not hasattr(given, "__array__"):
        raise DataError(
            f"got a {type(given).__name__} in place of a picture; give a path, a PIL image, a NumPy array, or a list of them"
        )
    array, where = _as_array(given), f"image {first}"
    bits = None if array.dtype == np.uint8 else bits
    if array.ndim == 3 and array.shape[2] == WITH_ALPHA != shape[2]:
        channels, _ = as_pixels(np.moveaxis(array, 2, 0), where=where, bits=bits)
        return [Held(where, Image.fromarray(np.ascontiguousarray(channels[:, 0].transpose(1, 2, 0)), "RGBA"))]
    pixels, _ = as_pixels(as_batch(array, shape=shape), where=where, bits=bits)
    return [Held(f"image {number}", _as_image(one)) for number, one in enumerate(pixels, start=first)]


def _this_frame(given: Image.Image) -> Image.Image:
    """The frame that an image with several shows now: the same image shows the next one as soon as somebody asks for it."""
    frame = given.copy()
    frame.filename = getattr(given, "filename", "")  # pyright: ignore[reportAttributeAccessIssue]
    return frame


def _as_array(given: Any) -> np.ndarray:
    """Raises DataError for what NumPy cannot take, as a tensor on another device."""
    try:
        return np.asarray(given)
    except Exception as error:  # of whatever library made it
        raise DataError(
            f"got a {type(given).__name__} that is not an array in memory ({reason_of(error)}); give a NumPy array"
        ) from error


def as_batch(array: np.ndarray, *, shape: tuple[int, int, int]) -> np.ndarray:
    """An array of one image or of many as one of many, (num, height, width) or (num, ...) with channels.

    Where three axes may be read in two ways, `shape`, (channel, height, width) of a run's images, decides: three gray images
    for a run of gray ones, one in color for a run of those. Raises DataError for other numbers of axes.
    """
    if array.ndim == 2:
        return array[None]
    if array.ndim == 3 and array.shape[2] == WITH_GRAY_AND_ALPHA != shape[2]:
        raise DataError(
            f"images are {array.dtype} {array.shape}: gray with transparency? Give array[..., 0]; expected {SHAPES}"
        )
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
