"""Image sets in `.npz` files, several arrays by name; objects in them are refused (they are pickles)."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from papilio.archives import open_in_zip, refuse_too_much, unpacking_limit
from papilio.data.arrays import BROKEN, as_pixels, from_arrays, read_header
from papilio.data.imageset import RawImages
from papilio.data.quantities import Quantity
from papilio.data.splits import SplitName
from papilio.errors import DataError, reason_of
from papilio.files import open_regular

IMAGES, LABELS = ("x", "images", "data"), ("y", "labels", "targets")
SPLIT_WORDS: dict[SplitName, tuple[str, ...]] = {
    "train": ("train",),
    "validation": ("val", "valid", "validation"),
    "test": ("test",),
}
EXPECTED = "expected are images and labels, or x_train, y_train, x_test, y_test (or train_images, train_labels, ...)"


def read_npz_set(path: Path, quantity: Quantity | None, *, with_labels: bool, bits: int | None = None) -> RawImages:
    """Read an image set from one `.npz` file, with the splits that it brings.

    Its arrays are called images and labels, or x_train and y_train, with x_test, y_test and x_val, y_val where they
    are there; the same with other usual words (train_images, X_train). They are what `papilio.data.arrays.from_arrays` takes.
    With `with_labels` off labels are not read. Raises DataError, naming the arrays that the file has, for other content.
    """
    with _opened(path, remedy="write it again with numpy.savez") as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        refuse_too_much(path, sum(info.file_size for info in members.values()), unpacking_limit(path))
        named = _parts(list(members))
        if "train" not in named:
            raise DataError(f"{path}: its arrays are {', '.join(sorted(members)[:10]) or 'none'}; {EXPECTED}")
        arrays = {
            name: _read_member(archive, members[name]) for pair in named.values() for name in pair if name is not None
        }
    pixels, notes = _joined_images(path, {split: arrays[images] for split, (images, _) in named.items()}, bits)
    labels = None
    if with_labels:
        missing = [images for images, own in named.values() if own is None]
        if missing:
            raise DataError(f'{path}: no labels for {", ".join(missing)}; {EXPECTED}; or set labels = "none"')
        pairs = [(images, own) for images, own in named.values() if own is not None]
        labels = _joined_labels(path, arrays, pairs)
    raw = from_arrays(pixels, labels, quantity, images_from=str(path), labels_from=str(path))
    ends = np.cumsum([0, *(len(arrays[images]) for images, _ in named.values())])
    given: dict[SplitName, np.ndarray] = {
        split: np.arange(*ends[index : index + 2]) for index, split in enumerate(named)
    }
    return RawImages(
        path.stem,
        raw.images,
        raw.labels,
        raw.class_names,
        str(path.resolve()),
        given if len(given) > 1 else {},
        (*notes, *raw.notes),
        quantity=raw.quantity,
    )


def read_npz_array(path: Path, *, shape: tuple[int, ...], remedy: str) -> np.ndarray:
    """The only array in an `.npz` file, uint8 of the shape that is expected.

    Raises DataError, ending with `remedy`, for a damaged file or other content; the header is checked before the values
    are unpacked.
    """
    with _opened(path, remedy=remedy) as archive:
        members = archive.infolist()
        if len(members) != 1:
            raise ValueError(f"it holds {len(members)} arrays, expected one")
        with open_in_zip(archive, members[0]) as file:
            found, is_fortran, dtype = read_header(file)
        if found != shape or dtype != np.uint8 or is_fortran:
            raise ValueError(f"it holds {dtype} {found}, expected uint8 {shape}")
        return _read_member(archive, members[0])


def unpack_arrays(file: IO[bytes], path: Path) -> dict[str, np.ndarray]:
    """Every array in an `.npz` file by name; `path` is what a complaint calls it.

    Raises DataError for more than may be unpacked, and one of `BROKEN` for a damaged file.
    """
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        refuse_too_much(path, sum(info.file_size for info in members), unpacking_limit(path))
        return {info.filename.removesuffix(".npy"): _read_member(archive, info) for info in members}


@contextmanager
def _opened(path: Path, *, remedy: str) -> Iterator[zipfile.ZipFile]:
    """The archive; what is wrong with it, also within the block, is a DataError of one line."""
    try:
        with open_regular(path) as raw, zipfile.ZipFile(raw) as archive:
            yield archive
    except BROKEN as error:
        raise DataError(f"{path}: cannot be read as .npz ({reason_of(error)}); {remedy}") from error


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """An array, once its header says no more than its bytes can hold."""
    with open_in_zip(archive, member) as file:
        shape, _, dtype = read_header(file)
    if math.prod(shape) * max(1, dtype.itemsize) > member.file_size:
        raise ValueError(f"{member.filename} is {dtype} {shape} in its header, more than its {member.file_size} bytes")
    with open_in_zip(archive, member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _parts(names: list[str]) -> dict[SplitName, tuple[str, str | None]]:
    """The names of images and labels of every split; a set without splits is all training images."""
    lowered = {name.lower(): name for name in names}

    def first(candidates: Iterator[str]) -> str | None:
        return next((lowered[one] for one in candidates if one in lowered), None)

    found: dict[SplitName, tuple[str, str | None]] = {}
    for split, words in SPLIT_WORDS.items():
        images, labels = (
            first(one for stem in stems for word in words for one in (f"{stem}_{word}", f"{word}_{stem}"))
            for stems in (IMAGES, LABELS)
        )
        if images is not None:
            found[split] = (images, labels)
    if not found and (images := first(iter(IMAGES))) is not None:
        found["train"] = (images, first(iter((*LABELS, "label"))))
    return found


def _joined_labels(path: Path, arrays: Mapping[str, np.ndarray], pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """The labels of all splits; `pairs` are the names of each one's images and labels. Raises DataError for unequal lengths."""
    columns = {}
    for images, own in pairs:
        labels = arrays[own]
        if labels.ndim == 0 or len(labels) != len(arrays[images]):
            num = "one label" if labels.ndim == 0 else f"{len(labels):,} labels"
            raise DataError(f"{path}: {own} has {num} for the {len(arrays[images]):,} images of {images}")
        columns[own] = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if len({labels.shape[1:] for labels in columns.values()}) > 1:
        shapes = ", ".join(f"{own} is {arrays[own].shape}" for own in columns)
        raise DataError(f"{path}: its labels differ in shape: {shapes}; store them alike")
    return np.concatenate(list(columns.values()))


def _joined_images(
    path: Path, splits: Mapping[SplitName, np.ndarray], bits: int | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    read = {split: as_pixels(images, where=f"{path}, {split}", bits=bits) for split, images in splits.items()}
    shapes = {pixels.shape[1:] for pixels, _ in read.values()}
    if len(shapes) > 1:
        raise DataError(
            f"{path}: its splits differ in shape (channel, height, width): {', '.join(map(str, sorted(shapes)))};"
            " store them in one size"
        )
    notes = tuple(dict.fromkeys(note for _, notes in read.values() for note in notes))
    return np.concatenate([pixels for pixels, _ in read.values()]), notes
