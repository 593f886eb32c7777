"""One picture's file, of any common format, to a uint8 array, with Pillow."""

from __future__ import annotations

import contextlib
import functools
import io
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

import numpy as np

from papilio.data.decoder_limits import ROOM, SILENCE
from papilio.data.scaling import MODES, Color, Size, fit
from papilio.errors import reason_of

if TYPE_CHECKING:
    from PIL import Image


# formats that Pillow reads by itself: EPS, for one, would start Ghostscript
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
REDUCIBLE = ("RGB", "RGBA", "CMYK", "YCbCr")  # modes in color that Pillow reduces
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
ORIENTATION_TAG = 0x0112
EXIF_KEYS = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")  # of what Pillow knows of a picture
EXIF_CHUNKS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")  # of a PNG
PNG_HEAD_BYTES = 8
SIDE_OF_COLORS = 64  # pixels of a copy in which colors are looked for
SMALLER = "make it smaller"
MAX_SCANS = 100  # of a progressive JPEG, each of which takes the time of a whole picture; encoders write about ten
LEAST_COLOR = 12  # how far the channels of a pixel are apart, on average, in a picture that is in color
# what Pillow raises for invalid EXIF; the picture is as good without it
DAMAGED_EXIF = (OSError, EOFError, ValueError, TypeError, LookupError, SyntaxError, OverflowError, struct.error)


class UnreadablePictureError(Exception):
    """One picture cannot be read; its text is the reason, `advice` what to do where that does not say so.

    Those who know the file's name turn it into a DataError.
    """

    def __init__(self, reason: str, *, advice: str = "") -> None:
        super().__init__(reason)
        self.advice = advice


@dataclass(frozen=True)
class Looks:
    """What a picture's header says: its size as it is meant to be seen, and whether it has only gray values."""

    size: Size
    is_grey: bool


class Depth:
    """How much of their 16 bits pictures use: `bits` as told, `highest` the highest value that was seen where nothing is told.

    It is shared by the threads that decode a set. Pictures of 8 bits have nothing to do with it.
    """

    def __init__(self, bits: int | None = None) -> None:
        self.bits = bits
        self.highest: int | None = None
        self.lock = threading.Lock()

    def see(self, highest: int) -> None:
        """Take note of a picture's highest value. Raises UnreadablePictureError where `bits` have no room for it."""
        if self.bits is not None and highest >= 2**self.bits:
            needed = highest.bit_length()
            raise UnreadablePictureError(
                f"it has the value {highest:,}, above {2**self.bits - 1:,}: set bits = {needed}"
            )
        with self.lock:
            self.highest = max(highest, self.highest or 0)

    @property
    def unused(self) -> str | None:
        """What to tell of pictures that leave some of their 16 bits unused and are shown too dark for it."""
        if self.bits is not None or self.highest is None or self.highest >= 2**15:
            return None
        bits = max(self.highest.bit_length(), 1)
        return (
            f"the 16-bit pictures have no value above {self.highest:,}: they use {bits} of 16 bits and come out dark;"
            f" set bits = {bits} to use the full range"
        )


@dataclass(frozen=True)
class Seen:
    """A picture as a net is shown it, uint8 (channel, height, width), whether it had colors that the net is not shown, and
    its own size, upright."""

    values: np.ndarray
    lost_colors: bool
    size: Size


def probe_picture(file: IO[bytes]) -> Looks:
    """Read a picture's header. Raises UnreadablePictureError."""
    with one_reason():
        image = _open(file)
        _refuse_wide_values(image)
        size = image.height, image.width
        # what Pillow knows of a PNG without EXIF in front, it knows by decoding all of it
        is_turned = (image.format != "PNG" or _has_exif(image, file)) and _orientation(image) >= 5
        return Looks((size[1], size[0]) if is_turned else size, image.mode in GREY_MODES and not _is_tinted(image))


def decode_picture(file: IO[bytes], *, size: Size | None, color: Color, depth: Depth | None = None) -> np.ndarray:
    """A picture as uint8 (channel, height, width), at its own size where none is asked for.

    `depth` says how many of their bits 16-bit pictures use, or is told what they hold.

    Raises UnreadablePictureError for whatever is wrong with it.
    """
    with one_reason():
        return decoded(file, size=size, color=color, depth=depth or Depth()).values


def decoded(file: IO[bytes], *, size: Size | None, color: Color, depth: Depth) -> Seen:
    """A picture's file as a net is shown it; raises what Pillow raises: wrap it in `one_reason`."""
    image = _open(file)
    if "progressive" in image.info and (num := _num_scans(file)) > MAX_SCANS:
        raise UnreadablePictureError(f"a progressive JPEG of {num:,} scans, at most {MAX_SCANS} are decoded")
    width = image.width
    _shrink_while_reading(image, size)
    factor = width / image.width
    with ROOM.taken(image.width * image.height), SILENCE.kept(image.format == "TIFF"):
        # a PPM says which of its values is white, and Pillow goes by it
        seen = converted(image, size=size, color=color, depth=Depth() if image.format == "PPM" else depth)
    return replace(seen, size=(round(seen.size[0] * factor), round(seen.size[1] * factor)))


def converted(image: Image.Image, *, size: Size | None, color: Color, depth: Depth) -> Seen:
    """A picture in memory as a net is shown it; raises what Pillow raises: wrap it in `one_reason`."""
    _refuse_wide_values(image)
    if depth.bits is not None and _is_deep_color(image):
        raise UnreadablePictureError(
            "of its 16 bits per channel the upper 8 are read, to which bits cannot be applied; save it in gray, or with 8 bits"
        )
    image = _turned(image)
    own_size = image.height, image.width
    lost_colors = color == "grey" and _is_colorful(image)
    image = _in_color(_in_eight_bits(image, depth), color)
    values = np.asarray(image if size is None else fit(image, size))
    values = values[None] if values.ndim == 2 else np.ascontiguousarray(values.transpose(2, 0, 1))
    return Seen(values, lost_colors, own_size)


def _open(file: IO[bytes]) -> Image.Image:
    """A picture of which the header is read, with no more pixels than are decoded."""
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS
    try:
        image = Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise UnreadablePictureError(f"more than {2 * (limit or 0):,} pixels", advice=SMALLER) from error
    if _is_too_large(image) and not _is_shrinkable(image):
        num = image.width * image.height
        raise UnreadablePictureError(
            f"{image.width} wide and {image.height} high, {num:,} pixels, of which at most {limit:,} are decoded",
            advice=SMALLER,
        )
    return image


def _num_scans(file: IO[bytes]) -> int:
    """The number of scans of a JPEG, by their marks."""
    place = file.tell()
    file.seek(0)
    num = sum(piece.startswith(b"\xda") for piece in file.read().split(b"\xff"))
    file.seek(place)
    return num


def _is_too_large(image: Image.Image) -> bool:
    from PIL import Image

    return Image.MAX_IMAGE_PIXELS is not None and image.width * image.height > Image.MAX_IMAGE_PIXELS


def _is_shrinkable(image: Image.Image) -> bool:
    # a progressive JPEG is in memory as a whole before it is shrunk
    return image.format == "JPEG" and "progressive" not in image.info


def _shrink_while_reading(image: Image.Image, size: Size | None) -> None:
    """Let the JPEG decoder shrink by 2, 4 or 8, to no less than twice what is needed, and one that is too large by 2."""
    sides = image.size if size is None else (2 * max(size), 2 * max(size))
    if _is_too_large(image):
        sides = min(sides[0], image.width // 2), min(sides[1], image.height // 2)
    if sides != image.size:
        image.draft(None, sides)


def _has_exif(image: Image.Image, file: IO[bytes]) -> bool:
    """Whether a PNG may say how it is to be turned: in front, or in a chunk behind its pixels."""
    if any(key in image.info for key in EXIF_KEYS):
        return True
    place, is_behind = file.tell(), False
    try:
        file.seek(PNG_HEAD_BYTES)
        while len(head := file.read(8)) == 8:
            num_bytes, kind = struct.unpack(">I4s", head)
            if is_behind and kind in EXIF_CHUNKS:
                return True
            is_behind = is_behind or kind == b"IDAT"
            file.seek(num_bytes + 4, io.SEEK_CUR)
        return False
    finally:
        file.seek(place)


def _orientation(image: Image.Image) -> int:
    """How a picture is to be turned, from 1 to 8, as EXIF counts; 1, not at all, where that is anything but such a number."""
    try:
        value = image.getexif().get(ORIENTATION_TAG)
    except DAMAGED_EXIF:
        return 1
    if isinstance(value, bytes):  # of the type byte, or undefined
        value = value[0] if len(value) == 1 and value[0] <= 8 else value.decode("ascii", "replace")
    if isinstance(value, str):
        value = {str(number): number for number in range(1, 9)}.get(value.strip("\0 "), 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _turned(image: Image.Image) -> Image.Image:
    from PIL import Image

    image.load()
    turn = Image.Transpose
    turns = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_270,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_90,
    }
    orientation = _orientation(image)
    return image.transpose(turns[orientation]) if orientation in turns else image


def _has_wide_values(image: Image.Image) -> bool:
    return image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM"))


def _refuse_wide_values(image: Image.Image) -> None:
    if _has_wide_values(image):
        raise UnreadablePictureError("pixels of 32 bits have no fixed range: save it with 8 or 16")


def _is_deep_color(image: Image.Image) -> bool:
    """Whether a file has 16 bits per channel, in color or with transparency; not known of pictures in memory."""
    return not image.mode.startswith("I") and any(";16" in str(tile[-1]) for tile in getattr(image, "tile", ()))


def _in_eight_bits(image: Image.Image, depth: Depth) -> Image.Image:
    from PIL import Image

    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).clip(0, 2**16 - 1)
    depth.see(int(values.max()))
    return Image.fromarray(eight_bits(depth.bits or 16)[values])


@functools.cache
def eight_bits(bits: int) -> np.ndarray:
    """For each value of so many bits the nearest of the 256 levels, uint8 (2 ** bits,)."""
    white = 2**bits - 1
    return ((np.arange(white + 1) * 2 * 255 + white) // (2 * white)).astype(np.uint8)


def _in_color(image: Image.Image, color: Color) -> Image.Image:
    if image.has_transparency_data:
        image = _on_white(image)
    return image if image.mode == MODES[color] else image.convert(MODES[color])


def _on_white(image: Image.Image) -> Image.Image:
    """A transparent picture as RGB on white, some rows at a time: it is large enough once."""
    from PIL import Image

    result = Image.new("RGB", image.size)
    for top in range(0, image.height, rows := max(1, 2**22 // image.width)):
        part = image.crop((0, top, image.width, min(top + rows, image.height))).convert("RGBA")
        result.paste(Image.alpha_composite(Image.new("RGBA", part.size, "white"), part).convert("RGB"), (0, top))
    return result


def _is_tinted(image: Image.Image) -> bool:
    # a transparent color of a gray PNG is one gray value; anything else is a color
    return isinstance(image.info.get("transparency"), tuple)


def _is_colorful(image: Image.Image) -> bool:
    """Whether its pixels differ from gray on average by more than a scanner's tint, in a small copy."""
    if image.mode in GREY_MODES:
        return False
    factor = max(image.size) // SIDE_OF_COLORS
    small = image.reduce(factor) if factor > 1 and image.mode in REDUCIBLE else image
    values = np.asarray(small.convert("RGB")).astype(np.int16)
    return bool((values.max(axis=2) - values.min(axis=2)).mean() > LEAST_COLOR)


@contextlib.contextmanager
def one_reason() -> Iterator[None]:
    """Whatever goes wrong within is raised as UnreadablePictureError."""
    try:
        yield
    except UnreadablePictureError:
        raise
    except Exception as error:
        # damaged files make Pillow's decoders raise almost anything: SyntaxError, struct.error, IndexError, ...
        raise _with_reason(error) from error


def _with_reason(error: Exception) -> UnreadablePictureError:
    if isinstance(error, MemoryError):
        return UnreadablePictureError("not enough memory to decode it", advice=SMALLER)
    text = " ".join(reason_of(error).split())
    if "cannot identify" in text:  # Pillow names the in-memory file by its address
        return UnreadablePictureError("unknown image format", advice=f"supported formats: {', '.join(FORMATS)}")
    return UnreadablePictureError(text, advice="the file is damaged or incomplete: replace it")
