"""Image sets from `.npy` files and the `.npz` files of Kuzushiji-49; objects in them are refused (they are pickles)."""

from __future__ import annotations

import lzma
import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from papilio.data.facts import NO_LABELS
from papilio.data.imageset import RawImages, no_labels
from papilio.data.quantities import CLOCK, Quantity
from papilio.errors import DataError, reason_of
from papilio.files import open_regular

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


def read_unlabelled_array(path: Path) -> RawImages:
    """Read uint8 images without labels from a `.npy` file, of the shapes that `read_arrays` takes; raises what it raises."""
    images = _as_nchw(read_npy(path), path)
    return RawImages(path.stem, images, no_labels(len(images)), (), f"{path.resolve()}", {})


def read_arrays(images_path: Path, labels_path: Path, quantity: Quantity | None = None) -> RawImages:
    """Read uint8 images and their labels from two `.npy` files.

    Images are (num, height, width), (num, height, width, channel) or (num, channel, height, width) with 1 or 3
    channels, mapped into memory where they need no new order. Labels are integers (num,), classes counted from 0; or
    integers (num, 2), [hour, minute] on a dial; or, for a `quantity`, numbers (num,). Raises DataError for anything else.
    """
    images = _as_nchw(read_npy(images_path), images_path)
    labels = read_npy(labels_path)
    found = f"{labels_path}: labels are {labels.dtype} {labels.shape}"
    if labels.ndim and len(labels) != len(images):
        raise DataError(f"{found} for the {len(images)} images of {images_path}; one label an image is needed")
    class_names: tuple[str, ...] = ()
    if labels.ndim == 2 and labels.shape[1] == 2 and labels.dtype.kind in "iu":
        if quantity is not None:
            raise DataError(f"{found}, hours and minutes, whose period is known; leave period away")
        labels, quantity = _as_minutes(np.asarray(labels), labels_path), CLOCK
    elif quantity is not None:
        labels = as_values(np.asarray(labels), quantity, found=found)
    else:
        labels = _as_labels(labels, labels_path, num_images=len(images))
        class_names = tuple(str(label) for label in range(labels.max() + 1))
    origin = f"{images_path.resolve()} with {labels_path.resolve()}"
    return RawImages(images_path.stem, images, labels, class_names, origin, {}, quantity=quantity)


def read_npy(path: Path) -> np.ndarray:
    """A `.npy` file as a read-only memory map. Raises DataError for one that is none, cut short, or holds objects."""
    try:
        with open_regular(path) as file:
            shape, is_fortran, dtype = _read_header(file)
            start, order = file.tell(), "F" if is_fortran else "C"
        return np.memmap(path, dtype, "r", offset=start, shape=shape, order=order)
    except BROKEN as error:
        raise DataError(
            f"{path}: cannot be read as .npy ({reason_of(error)}); write it again with numpy.save"
        ) from error


def read_npz_array(path: Path, *, shape: tuple[int, ...], remedy: str) -> np.ndarray:
    """The only array in an `.npz` file, uint8 of the shape that is expected.

    Raises DataError, ending with `remedy`, for a damaged file or other content; the header is checked before the values
    are unpacked.
    """
    try:
        with open_regular(path) as raw, zipfile.ZipFile(raw) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise ValueError(f"it holds {len(names)} arrays, expected one")
            with archive.open(names[0]) as file:
                found, is_fortran, dtype = _read_header(file)
                if found != shape or dtype != np.uint8 or is_fortran:
                    raise ValueError(f"it holds {dtype} {found}, expected uint8 {shape}")
                values = file.read(math.prod(shape) + 1)  # one more makes it check its checksum
        return np.frombuffer(values, dtype=np.uint8).reshape(shape)
    except BROKEN as error:
        raise DataError(f"{path}: cannot be read as .npz ({reason_of(error)}); {remedy}") from error


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
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


def _as_nchw(images: np.ndarray, path: Path) -> np.ndarray:
    found = f"{path}: images are {images.dtype} {images.shape}"
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or 0 in images.shape:
        raise DataError(f"{found}, expected uint8 {IMAGE_SHAPES}")
    if images.ndim == 3:
        return images[:, None]
    is_first, is_last = images.shape[1] in (1, 3), images.shape[3] in (1, 3)
    if is_first == is_last:
        which = "either axis 1 or axis 3 may be the channels" if is_first else "no axis has 1 or 3 channels"
        raise DataError(f"{found}: {which}; expected {IMAGE_SHAPES}")
    return images if is_first else np.ascontiguousarray(np.moveaxis(images, 3, 1))


def as_values(values: np.ndarray, quantity: Quantity, *, found: str) -> np.ndarray:
    """Numbers as values of the quantity, float64, brought into [0, period). Raises DataError, beginning with `found`."""
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise DataError(f"{found}, expected one number an image")
    if not np.all(np.isfinite(values)):
        raise DataError(f"{found}, and some are not numbers (NaN or infinite)")
    values = np.remainder(values.astype(np.float64), quantity.period)
    return np.where(values < quantity.period, values, 0.0)  # a tiny negative number rounds up to the period itself


def _as_minutes(labels: np.ndarray, path: Path) -> np.ndarray:
    hours, minutes = labels.astype(np.int64).T  # bytes hold them, but not their sum
    if not np.all((hours >= 0) & (hours <= 12) & (minutes >= 0) & (minutes < 60)):
        raise DataError(f"{path}: two numbers an image are [hour 0-11, minute 0-59]; some of these are not")
    return np.remainder(hours * 60 + minutes, 720).astype(np.float64)


def _as_labels(labels: np.ndarray, path: Path, *, num_images: int) -> np.ndarray:
    found = f"{path}: labels are {labels.dtype} {labels.shape}"
    if labels.dtype.kind == "f" and labels.ndim == 1:
        raise DataError(f"{found}: numbers on a circle need its length, period = 360 for degrees; classes are integers")
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise DataError(f"{found}, expected integers ({num_images},), or ({num_images}, 2) for [hour, minute]")
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest == 0 or highest >= num_images:
        raise DataError(
            f"{path}: labels go from {lowest} to {highest} for {num_images} images;"
            f' classes count from 0, are at least two and no more than the images; labels = "{NO_LABELS}" leaves them out'
        )
    return np.asarray(labels).astype(np.int64)
