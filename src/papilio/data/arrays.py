"""Image sets from arrays and `.npy` files; objects in them are refused (they are pickles)."""

from __future__ import annotations

import lzma
import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np

from papilio.data.array_labels import read_labels
from papilio.data.decoding import eight_bits
from papilio.data.imageset import RawImages, no_labels
from papilio.data.places import is_handed_over
from papilio.data.quantities import Quantity
from papilio.errors import DataError, reason_of
from papilio.files import open_regular

PIECE = 1000  # images that are converted at a time
CHANNELS = (1, 3)
SMALLEST_FLAT_SIDE = 4  # pixels; what is flat and has less is more likely no image
IMAGE_SHAPES = "(num, height, width), (num, height, width, 1 or 3) or (num, 1 or 3, height, width)"
# what damaged headers make NumPy raise: they are Python literals inside
BROKEN = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    SyntaxError,
    ArithmeticError,
    RuntimeError,  # RecursionError and NotImplementedError, too
    MemoryError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
# by version: the header's reader, and the bytes of its length
HEADERS = {(1, 0): (np.lib.format.read_array_header_1_0, 2), (2, 0): (np.lib.format.read_array_header_2_0, 4)}
MAX_HEADER_BYTES = 10_000


def read_array_set(
    images_path: Path,
    labels_path: Path | None = None,
    quantity: Quantity | None = None,
    *,
    bits: int | None = None,
) -> RawImages:
    """Read images, and their labels if there are any, from `.npy` files, as `from_arrays` takes them.

    Images that are uint8 already stay mapped into memory where they need no new order. Of arrays that a study in Python
    brought, messages say where they stand there, not where they are kept. Raises DataError.
    """
    raw = from_arrays(
        read_npy(images_path),
        None if labels_path is None else read_npy(labels_path),
        quantity,
        bits=bits,
        images_from="data.images" if is_handed_over(images_path) else str(images_path),
        labels_from="data.labels" if labels_path is not None and is_handed_over(labels_path) else str(labels_path),
    )
    origin = f"{images_path.resolve()}" + ("" if labels_path is None else f" with {labels_path.resolve()}")
    return replace(raw, name=raw.name if is_handed_over(images_path) else images_path.stem, origin=origin)


def from_arrays(
    images: np.ndarray,
    labels: np.ndarray | None = None,
    quantity: Quantity | None = None,
    *,
    bits: int | None = None,
    images_from: str = "images",
    labels_from: str = "labels",
) -> RawImages:
    """An image set of arrays; `images_from` and `labels_from` begin messages about them.

    Images are (num, height, width), (num, height, width, channel) or (num, channel, height, width) with 1 or 3 channels:
    uint8, other integers from 0 to 255, booleans, or floats from 0 to 1, which are rounded to 256 levels; with `bits`
    integers from 0 to 2 ** bits - 1. Labels are as `papilio.data.array_labels.read_labels` takes them. Raises DataError for
    anything else.
    """
    pixels, notes = as_pixels(images, where=images_from, bits=bits)
    if labels is None:
        return RawImages("arrays", pixels, no_labels(len(pixels)), (), "arrays", {}, notes)
    read = read_labels(labels, quantity, num_images=len(pixels), where=labels_from)
    notes = (*notes, *read.notes)
    return RawImages("arrays", pixels, read.values, read.class_names, "arrays", {}, notes, quantity=read.quantity)


def read_npy(path: Path) -> np.ndarray:
    """A `.npy` file as a read-only memory map. Raises DataError for another file, one cut short, or one of objects."""
    try:
        with open_regular(path) as file:
            shape, is_fortran, dtype = read_header(file)
            start, order = file.tell(), "F" if is_fortran else "C"
        return np.memmap(path, dtype, "r", offset=start, shape=shape, order=order)
    except BROKEN as error:
        raise DataError(
            f"{path}: cannot be read as .npy ({reason_of(error)}); write it again with numpy.save"
        ) from error


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether the first axis is the fastest, and type, of a `.npy` file, which is left at its values.

    Raises ValueError for what is no such header, is too long, or states what no array can have.
    """
    try:
        version = np.lib.format.read_magic(file)
        read, length_bytes = HEADERS[version]
        start = file.tell()
        if int.from_bytes(file.read(length_bytes), "little") > MAX_HEADER_BYTES:
            raise ValueError(f"its header is longer than {MAX_HEADER_BYTES:,} bytes")
        file.seek(start)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a header that Python 2 wrote is as good
            shape, is_fortran, dtype = read(file)
    except BROKEN as error:
        # NumPy quotes the whole header
        raise ValueError("its header is damaged, or that of another kind of file") from error
    if any(length < 0 for length in shape) or dtype.hasobject:
        raise ValueError("it holds Python objects, which are never unpacked" if dtype.hasobject else f"shape {shape}")
    return shape, is_fortran, dtype


def as_pixels(images: np.ndarray, *, where: str, bits: int | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Images as uint8 (num, channel, height, width), and what was done to them in words; `bits` is how many integers use.

    Raises DataError.
    """
    found = f"{where}: images are {images.dtype} {images.shape}"
    if images.ndim == 2 and images.dtype.kind in "buif":
        raise DataError(f"{found}, expected {IMAGE_SHAPES}; {_with_more_axes(images)}")
    if images.ndim not in (3, 4) or 0 in images.shape or images.dtype.kind not in "buif":
        raise DataError(f"{found}, expected uint8, or floats from 0 to 1, {IMAGE_SHAPES}")
    if images.ndim == 3:
        images = images[:, None]
    elif (is_first := images.shape[1] in CHANNELS) == (is_last := images.shape[3] in CHANNELS):
        which = "either axis 1 or axis 3 may be the channels" if is_last else "no axis has 1 or 3 channels"
        raise DataError(f"{found}: {which}; expected {IMAGE_SHAPES}")
    elif not is_first:
        images = np.moveaxis(images, 3, 1)
    if bits is not None and (images.dtype == np.uint8 or images.dtype.kind not in "ui"):
        raise DataError(f"{found}: bits is for integers of more than 8 bits; leave it out, or pass another type")
    if images.dtype == np.uint8:
        return (images if images.flags.c_contiguous else np.ascontiguousarray(images)), ()
    if bits is not None:
        return _scaled(images, bits, found=found)
    return _rounded(images, found=found)


def _with_more_axes(images: np.ndarray) -> str:
    """What makes an array of images out of one with two axes: rows of pixels, or a single image."""
    for channels in CHANNELS:
        side = math.isqrt(images.shape[1] // channels)
        if side >= SMALLEST_FLAT_SIDE and channels * side**2 == images.shape[1]:
            axes = f"{side}, {side}" + f", {channels}" * (channels > 1)
            return f"if each row is an image, pass images.reshape(-1, {axes}); if all of it is one image, images[None]"
    return "if all of it is one image, pass images[None]; if each row is one, reshape them"


def _rounded(images: np.ndarray, *, found: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Numbers of another type as uint8, a piece at a time."""
    pixels = np.empty(images.shape, np.uint8)
    scale = 1 if images.dtype.kind in "ui" else 255
    for begin in range(0, len(images), PIECE):
        piece = images[begin : begin + PIECE]
        if piece.dtype.kind != "b":
            _refuse_out_of_range(images, piece, highest=255 // scale, found=found)
        pixels[begin : begin + PIECE] = np.rint(piece.astype(np.float64) * scale)
    if images.dtype.kind != "f":
        return pixels, ()
    return pixels, (f"images are {images.dtype} from 0 to 1, rounded to 256 levels",)


def _scaled(images: np.ndarray, bits: int, *, found: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Integers of so many bits as uint8, a piece at a time."""
    levels, pixels = eight_bits(bits), np.empty(images.shape, np.uint8)
    for begin in range(0, len(images), PIECE):
        piece = images[begin : begin + PIECE]
        if piece.min() < 0 or piece.max() >= len(levels):
            low, high = int(images.min()), int(images.max())
            raise DataError(f"{found}, from {low:,} to {high:,}, expected 0 to {len(levels) - 1:,} for bits = {bits}")
        pixels[begin : begin + PIECE] = levels[piece]
    return pixels, (f"images are {images.dtype} of {bits} bits, rounded to 256 levels",)


def _refuse_out_of_range(images: np.ndarray, piece: np.ndarray, *, highest: int, found: str) -> None:
    if piece.dtype.kind == "f" and not np.all(np.isfinite(piece)):
        raise DataError(f"{found}, and some values are not numbers (NaN or infinite); replace them (numpy.nan_to_num)")
    slack = 0.49 / 255 if piece.dtype.kind == "f" else 0  # what rounds to black or white, as after a resampling
    if piece.min() < -slack or piece.max() > highest + slack:
        low, high = (float(extreme) for extreme in (np.nanmin(images), np.nanmax(images)))
        remedy = f"bring them to 0 to {highest}"
        if highest == 1 and -1 <= low < 0 and high <= 1:
            remedy = "bring them to 0 to 1: (images + 1) / 2 does so with those from -1 to 1"
        elif low >= 0 and highest == 1:
            # divided by 255, values from 0 to 16 would be nearly black, and nothing else would ever say so
            white = "255" if 128 <= high <= 255 else f"the value that is white in them ({high:g}?)"
            remedy = f"divide them by {white}"
        elif low >= 0 and images.dtype.kind in "ui" and high < 2**16:
            remedy = f"set bits = {int(high).bit_length()} for values up to {2 ** int(high).bit_length() - 1:,}"
        raise DataError(f"{found}, from {low:g} to {high:g}, expected 0 to {highest}; {remedy}")
