"""Pictures from files and memory to arrays of one shape, and arrays to picture files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from papilio.data.decoder_limits import pillow_limits
from papilio.data.decoding import Depth, Seen, UnreadablePictureError, converted, decoded, one_reason
from papilio.data.held import Held
from papilio.data.parallel import map_threaded
from papilio.data.progress import Progress
from papilio.data.scaling import Color, Size, reduced
from papilio.errors import DataError, SettingError, reason_of
from papilio.files import open_atomic, open_regular, possible_path

MAX_SIDE = 4096
MAX_LOOKED_AT = (2**14, 2**25)  # the longer side, and the pixels, of a picture of which parts are looked at
SHEET_SIDE = 64  # pixels that an image has at least on a contact sheet
SHEET_GAP = 2
MOST_NAMED = 3  # pictures in a message


class BrokenPicturesError(DataError):
    """Some of the pictures that were asked about cannot be read: `broken` has a line for each, by its name."""

    def __init__(self, broken: Mapping[str, str], *, num: int, advice: str = 'errors="skip" leaves them out') -> None:
        first, *others = broken.items()
        text = first[1]
        if num > 1:
            names = ", ".join([name for name, _ in others[:MOST_NAMED]])
            more = f" and {len(others) - MOST_NAMED:,} more" if len(others) > MOST_NAMED else ""
            also = f"; nor can {names}{more}" if others else ""
            text = f"{len(broken):,} of {num:,} pictures cannot be read: {text}{also}; {advice}"
        super().__init__(text)
        self.broken = dict(broken)


def read_picture(picture: Path | Held, *, shape: tuple[int, int, int], bits: int | None = None) -> np.ndarray:
    """A picture, a file or one in memory, as uint8 of `shape` (channel, height, width), as the pictures of image sets are.

    The picture is turned as its EXIF orientation says, laid on white where it is transparent, scaled (antialiased)
    until it covers height and width, and cropped about its center. `bits` is how many bits 16-bit pictures use. Raises
    DataError for a file that is not a picture, or a shape of neither 1 nor 3 channels.
    """
    channel, height, width = shape
    with pillow_limits():
        return _seen(picture, channel=channel, size=(height, width), bits=bits).values


def read_each(
    pictures: Sequence[Path | Held],
    *,
    shape: tuple[int, int, int],
    bits: int | None = None,
    progress: Progress | None = None,
) -> list[Seen]:
    """Many pictures, each as `read_picture` reads one, by threads; `progress` is told how many are read. Raises DataError."""
    channel, height, width = shape

    def read(picture: Path | Held) -> Seen:
        return _seen(picture, channel=channel, size=(height, width), bits=bits)

    found: list[Seen] = []
    with pillow_limits():
        for one in map_threaded(read, pictures):
            found.append(one)
            if progress is not None:
                progress(len(found), len(pictures), "reading pictures")
    return found


def unreadable_pictures(pictures: Iterable[Path | Held], *, bits: int | None = None) -> dict[str, str]:
    """Of pictures, those that cannot be read, each with a line that names it and says why."""
    broken: dict[str, str] = {}
    for picture in pictures:
        try:
            read_picture(picture, shape=(1, 64, 64), bits=bits)
        except DataError as error:
            broken[str(picture)] = str(error)
    return broken


def read_whole_picture(picture: Path | Held, *, channel: int, bits: int | None = None) -> np.ndarray:
    """A picture at its own size, uint8 (channel, rows, columns), else as `read_picture`; raises what it raises.

    A picture with a side above 16,384 pixels, or more than 33 million of them, is made smaller.
    """
    with pillow_limits():
        values = _seen(picture, channel=channel, size=None, bits=bits).values
    longest, most = MAX_LOOKED_AT
    factor = max(math.ceil(max(values.shape[1:]) / longest), math.ceil(math.sqrt(values[0].size / most)))
    return reduced(values, factor)


def _seen(picture: Path | Held, *, channel: int, size: Size | None, bits: int | None) -> Seen:
    """Enter `pillow_limits` around it, once for all threads."""
    colors: dict[int, Color] = {1: "grey", 3: "rgb"}
    if channel not in colors:
        raise DataError(f"{picture}: a picture has 1 or 3 channels, {channel} were asked for")
    try:
        if isinstance(picture, Held):
            with one_reason():
                return converted(picture.image, size=size, color=colors[channel], depth=Depth(bits))
        with open_regular(possible_path(picture, error=DataError)) as file, one_reason():
            return decoded(file, size=size, color=colors[channel], depth=Depth(bits))
    except OSError as error:
        raise DataError(f"{picture}: cannot be opened ({reason_of(error)}); give a picture file") from error
    except UnreadablePictureError as error:
        advice = f"; {error.advice}" if error.advice else ""
        raise DataError(f"{picture}: not a readable picture ({error}){advice}") from error


def write_picture(path: Path, image: np.ndarray) -> None:
    """Write uint8 (channel, height, width) as a PNG file, atomically; raises StorageError where that cannot be."""
    from PIL import Image

    values = image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
    with open_atomic(path) as file:
        Image.fromarray(values).save(file, format="png")


def contact_sheet(images: np.ndarray, *, columns: int) -> np.ndarray:
    """Images (num, channel, height, width), row by row, on white, small ones enlarged pixel by pixel: uint8 (channel, ...)."""
    factor = max(1, SHEET_SIDE // max(images.shape[2:]))
    large = images.repeat(factor, axis=2).repeat(factor, axis=3)
    num, channels, height, width = large.shape
    down, across = height + SHEET_GAP, width + SHEET_GAP
    rows = -(-num // columns)
    sheet = np.full((channels, rows * down + SHEET_GAP, columns * across + SHEET_GAP), 255, dtype=np.uint8)
    for index, image in enumerate(large):
        top, left = SHEET_GAP + index // columns * down, SHEET_GAP + index % columns * across
        sheet[:, top : top + height, left : left + width] = image
    return sheet


def resolve_size(size: int | tuple[int, int] | None) -> Size | None:
    """(height, width) from a number or a pair. Raises SettingError for sides outside 1 to 4096."""
    if size is None:
        return None
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, int) and 1 <= side <= MAX_SIDE for side in sides):
        raise SettingError(f"size = {size}: must be one side or (height, width), each from 1 to {MAX_SIDE} pixels")
    return sides[0], sides[1]
