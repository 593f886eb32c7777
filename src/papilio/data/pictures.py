"""Pictures from files of any common format to uint8 arrays, with Pillow and within its limits."""

from __future__ import annotations

import contextlib
import functools
import io
import math
import os
import struct
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

import numpy as np

from papilio.data.held import Held
from papilio.data.parallel import map_threaded
from papilio.data.progress import Progress
from papilio.errors import DataError, SettingError, reason_of
from papilio.files import open_atomic, open_regular, possible_path

if TYPE_CHECKING:
    from PIL import Image

Color = Literal["grey", "rgb"]
COLORS: dict[str, Color] = {
    "gray": "grey",
    "grey": "grey",
    "rgb": "rgb",
}  # by the names that are taken, the usual ones first
Size = tuple[int, int]

# formats that Pillow reads by itself: EPS, for one, would start Ghostscript
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
MODES: dict[Color, str] = {"grey": "L", "rgb": "RGB"}
CHANNELS: dict[Color, int] = {"grey": 1, "rgb": 3}
REDUCIBLE = ("RGB", "RGBA", "CMYK", "YCbCr")  # modes in color that Pillow reduces
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
ORIENTATION_TAG = 0x0112
EXIF_KEYS = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")  # of what Pillow knows of a picture
EXIF_CHUNKS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")  # of a PNG
PNG_HEAD_BYTES = 8
STDERR = 2
MAX_SIDE = 4096
MAX_PIXELS_AT_ONCE = 2**26  # decoded by all threads together; a larger picture is decoded alone
MAX_SCANS = 100  # of a progressive JPEG, each of which takes the time of a whole picture; encoders write about ten
MAX_PADDED_PIXELS = 2**26  # of a window around a whole picture
MAX_LOOKED_AT = (2**14, 2**25)  # the longer side, and the pixels, of a picture of which parts are looked at
SHEET_SIDE = 64  # pixels that an image has at least on a contact sheet
SHEET_GAP = 2
SIDE_OF_COLORS = 64  # pixels of a copy in which colors are looked for
MOST_NAMED = 3  # pictures in a message
SMALLER = "make it smaller"
LEAST_COLOR = 12  # how far the channels of a pixel are apart, in the mean, in a picture that is in color


# what Pillow raises for invalid EXIF; the picture is as good without it
DAMAGED_EXIF = (OSError, EOFError, ValueError, TypeError, LookupError, SyntaxError, OverflowError, struct.error)


class UnreadablePictureError(Exception):
    """One picture cannot be read; its text is the reason, `advice` what to do where that does not say so.

    Those who know the file's name turn it into a DataError.
    """

    def __init__(self, reason: str, *, advice: str = "") -> None:
        super().__init__(reason)
        self.advice = advice


class BrokenPicturesError(DataError):
    """Some of the pictures that were asked about cannot be read: `broken` has a line for each, by its name."""

    def __init__(self, broken: Mapping[str, str], *, num: int) -> None:
        first, *others = broken.items()
        text = first[1]
        if num > 1:
            names = ", ".join([name for name, _ in others[:MOST_NAMED]])
            more = f" and {len(others) - MOST_NAMED:,} more" if len(others) > MOST_NAMED else ""
            also = f"; nor can {names}{more}" if others else ""
            text = f'{len(broken):,} of {num:,} pictures cannot be read: {text}{also}; errors="skip" leaves them out'
        super().__init__(text)
        self.broken = dict(broken)


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
class Window:
    """A part of a picture: by default the largest one of the shape that is asked for, about the center.

    `scale` below 1 is a smaller part; `x` and `y` move it by shares of its own width and height. `is_whole` is the smallest
    one that has all of the picture in it. What lies outside the picture is as its rim.
    """

    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0
    is_whole: bool = False


@dataclass(frozen=True)
class Seen:
    """A picture as a net is shown it, uint8 (channel, height, width), and whether it had colors that the net is not shown."""

    values: np.ndarray
    lost_colors: bool


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
    return _reduced(values, factor)


def _seen(picture: Path | Held, *, channel: int, size: Size | None, bits: int | None) -> Seen:
    """Enter `pillow_limits` around it, once for all threads."""
    colors: dict[int, Color] = {1: "grey", 3: "rgb"}
    if channel not in colors:
        raise DataError(f"{picture}: a picture has 1 or 3 channels, {channel} were asked for")
    try:
        if isinstance(picture, Held):
            with _one_reason():
                return _converted(picture.image, size=size, color=colors[channel], depth=Depth(bits))
        with open_regular(possible_path(picture, error=DataError)) as file, _one_reason():
            return _decoded(file, size=size, color=colors[channel], depth=Depth(bits))
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


@contextlib.contextmanager
def pillow_limits() -> Iterator[None]:
    """Within, Pillow's remarks on odd metadata and many pixels are not shown: what is too large is refused here.

    Warning filters belong to the process, not to a thread: enter it once, around the threads.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def probe_picture(file: IO[bytes]) -> Looks:
    """Read a picture's header. Raises UnreadablePictureError."""
    with _one_reason():
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
    with _one_reason():
        return _decoded(file, size=size, color=color, depth=depth or Depth()).values


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
        return cut(_reduced(picture, int(ratio / 8)), window, size)
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


def _decoded(file: IO[bytes], *, size: Size | None, color: Color, depth: Depth) -> Seen:
    image = _open(file)
    if "progressive" in image.info and (num := _num_scans(file)) > MAX_SCANS:
        raise UnreadablePictureError(f"a progressive JPEG of {num:,} scans, at most {MAX_SCANS} are decoded")
    _shrink_while_reading(image, size)
    with ROOM.taken(image.width * image.height), SILENCE.kept(image.format == "TIFF"):
        # a PPM says which of its values is white, and Pillow goes by it
        return _converted(image, size=size, color=color, depth=Depth() if image.format == "PPM" else depth)


def _converted(image: Image.Image, *, size: Size | None, color: Color, depth: Depth) -> Seen:
    _refuse_wide_values(image)
    image = _turned(image)
    lost_colors = color == "grey" and _is_colorful(image)
    image = _in_color(_in_eight_bits(image, depth), color)
    values = np.asarray(image if size is None else fit(image, size))
    values = values[None] if values.ndim == 2 else np.ascontiguousarray(values.transpose(2, 0, 1))
    return Seen(values, lost_colors)


def _is_colorful(image: Image.Image) -> bool:
    """Whether its pixels differ from gray on average by more than a scanner's tint, in a small copy."""
    if image.mode in GREY_MODES:
        return False
    factor = max(image.size) // SIDE_OF_COLORS
    small = image.reduce(factor) if factor > 1 and image.mode in REDUCIBLE else image
    values = np.asarray(small.convert("RGB")).astype(np.int16)
    return bool((values.max(axis=2) - values.min(axis=2)).mean() > LEAST_COLOR)


def _convert_image(values: np.ndarray, size: Size, color: Color) -> np.ndarray:
    from PIL import Image

    image = Image.fromarray(values[0] if len(values) == 1 else np.ascontiguousarray(values.transpose(1, 2, 0)))
    fitted = np.asarray(fit(image.convert(MODES[color]), size))
    return fitted[None] if fitted.ndim == 2 else fitted.transpose(2, 0, 1)


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
            f"{image.width} x {image.height} = {num:,} pixels, at most {limit:,} are decoded", advice=SMALLER
        )
    return image


def _num_scans(file: IO[bytes]) -> int:
    """How often a JPEG begins anew with its pixels."""
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


def _reduced(picture: np.ndarray, factor: int) -> np.ndarray:
    """A picture, uint8 (channel, rows, columns), with each side shorter by a whole factor, but of one pixel at least."""
    if factor <= 1:
        return picture
    rows, columns = picture.shape[1:]
    factors = min(factor, columns), min(factor, rows)
    return np.stack([np.asarray(_as_grey(channel).reduce(factors)) for channel in picture])


def _as_grey(values: np.ndarray) -> Image.Image:
    from PIL import Image

    return Image.fromarray(values)


def _is_tinted(image: Image.Image) -> bool:
    # a transparent color of a gray PNG is one gray value; anything else is a color
    return isinstance(image.info.get("transparency"), tuple)


class _Room:
    """Pixels that threads may decode at the same time: they wait for each other where there would be more."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.num_pixels = 0

    @contextlib.contextmanager
    def taken(self, num_pixels: int) -> Iterator[None]:
        with self.changed:
            self.changed.wait_for(lambda: not self.num_pixels or self.num_pixels + num_pixels <= MAX_PIXELS_AT_ONCE)
            self.num_pixels += num_pixels
        try:
            yield
        finally:
            with self.changed:
                self.num_pixels -= num_pixels
                self.changed.notify_all()


class _Silence:
    """libtiff writes what it thinks of a damaged file to the process' standard error, past Python: not while it is kept."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.num_inside = 0
        self.stderr: int | None = None

    @contextlib.contextmanager
    def kept(self, is_needed: bool) -> Iterator[None]:
        if not is_needed:
            yield
            return
        with self.lock:
            self.num_inside += 1
            if self.num_inside == 1:
                self._begin()
        try:
            yield
        finally:
            with self.lock:
                self.num_inside -= 1
                if self.num_inside == 0 and self.stderr is not None:
                    os.dup2(self.stderr, STDERR)
                    os.close(self.stderr)

    def _begin(self) -> None:
        try:
            self.stderr = os.dup(STDERR)
        except OSError:  # it is closed
            self.stderr = None
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, STDERR)
        os.close(nowhere)


ROOM, SILENCE = _Room(), _Silence()


@contextlib.contextmanager
def _one_reason() -> Iterator[None]:
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
