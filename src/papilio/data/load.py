"""The way in: an image set by its name, or from pictures and arrays of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from papilio.data.arrays import from_arrays, read_array_set
from papilio.data.binary import binarized
from papilio.data.factors import FACTORS, read_factors
from papilio.data.facts import NO_LABELS
from papilio.data.folders import is_source, read_pictures
from papilio.data.imageset import ImageSet, RawImages
from papilio.data.label_tables import read_labeled_pictures
from papilio.data.leaks import leak_notes
from papilio.data.named import READERS, read_named
from papilio.data.npz import read_npz_set
from papilio.data.pictures import resolve_size
from papilio.data.progress import Progress
from papilio.data.quantities import Quantity
from papilio.data.scaling import COLORS, Color, Size, convert_images
from papilio.data.splits import check_shares, draw_splits, follows_draw
from papilio.errors import DataError, SettingError, did_you_mean, shown
from papilio.files import expanded_path

DRAWN = ("clocks", "gauges", "butterflies", "brush-kanji")  # sets that Papilio draws itself
MIN_PERIOD = 1e-9
UNREADABLE = ("error", "skip")  # what becomes of pictures that cannot be read
NOT_FOR_ARRAYS = "unreadable is only for pictures in folders, archives and Parquet files; leave it out"
MAX_BITS = 16
SOURCES = "a path to a folder, a zip or tar of pictures, or a .parquet, .npy or .npz file"


def load_images(
    name_or_path: str | Path | np.ndarray,
    labels: str | Path | np.ndarray | None = None,
    *,
    size: int | tuple[int, int] | None = None,
    color: Literal["gray", "rgb"] | None = None,
    bits: int | None = None,
    unreadable: Literal["error", "skip"] = "error",
    binarize: bool = False,
    validation: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    fraction: float = 1.0,
    num_train: int | None = None,
    period: float | None = None,
    unit: str = "",
    render: Mapping[str, Any] | None = None,
    home: Path | None = None,
    download: bool = True,
    progress: Callable[[int, int, str], None] | None = None,
) -> ImageSet:
    """Load an image set: a named one; pictures in a folder, zip, tar or Parquet file; or arrays, in `.npy` or `.npz` files or
    in memory.

    A string that is a set's name is that set, also where a folder of this name is there: write `./mnist` for the
    folder. Splits that a set comes with are kept. `test` is the share of all images (of the training images, where a
    validation split is given) that is drawn where there is no test split; `validation` is the share of the training
    images that are then left. Both are stratified where there are labels, and the same labels and seed give the same
    indices. `fraction` takes that share of every split afterwards, `num_train` so many of the training images
    that are then left, all of them where a fraction leaves fewer.

    Arrays of images are (num, height, width), (num, height, width, channel) or (num, channel, height, width) with 1 or 3
    channels, of integers from 0 to 255 or floats from 0 to 1. Labels are classes: integers or words (num,), whose values that
    occur are the classes, or one-hot rows (num, classes); or (num, 2) integers, [hour, minute] on a dial; or, where `period`
    is given, numbers on a circle of that length, in `unit`s. A `.npz` file holds images and labels, or x_train, y_train,
    x_test and y_test. A folder's `labels` are then a table, labels.csv, with a picture's file and its value
    (or its time, as 5:33) in each row.

    A set without labels has no class names and no quantity, and `split` gives None in their place; its array `labels`, by which
    images are split, is all 0. It comes from pictures that
    lie in no class folder, from an array without labels, and from every source where `labels` is "none", which
    ignores class folders of any depth and the labels of a named set, and keeps splits that the set comes with.

    `render` says how a set that Papilio draws itself is drawn: { num = 18000, seed = 0, size = 150, variety = "plain" }.

    `factors` of the images come with a set that Papilio draws and has some, and with a `.npy` file next to which there is
    a table factors.csv: names in its first line, then a row of numbers per image.

    `bits` is how many bits 16-bit pictures or integers use: with 12, the 4,095 of many cameras is white. `unreadable` is what
    becomes of pictures that cannot be read, in folders, archives, Parquet files and tables: with "error" they are all refused,
    with "skip" they are left out, and a note counts and names them.
    `size` is one side or (height, width); pictures are scaled (antialiased) until they cover it and cropped about
    their center. `binarize` then makes each pixel of each channel 0 or 255, drawn with its gray value / 255 as the
    probability of 255, the same every time. `home` is the folder of image sets in place of PAPILIO_DATA. With `download`
    off a set that is not here is an error. `progress` is called with (done, total or 0, what), from this thread.

    Raises DataError for what is unknown, missing, damaged or of the wrong shape, and for labels that are there and not named;
    SettingError for a setting out of
    range, DownloadError where fetching fails, StorageError where the cache cannot be written.
    """
    check_shares(validation=validation, test=test)
    check_settings(color=color, fraction=fraction, seed=seed, bits=bits, unreadable=unreadable)
    mode = None if color is None else COLORS[color]
    if isinstance(name_or_path, str | Path):
        if not (labels is None or isinstance(labels, str | Path)):
            raise DataError(f"{name_or_path}: the images are a file, so labels must be a file, too")
        raw = read_images(
            name_or_path,
            labels=labels,
            quantity=as_quantity(period, unit),
            render=render,
            size=resolve_size(size),
            color=mode,
            bits=bits,
            skips_unreadable=unreadable == "skip",
            home=home,
            download=download,
            progress=progress,
        )
    else:
        if unreadable == "skip":
            raise DataError(f"images: {NOT_FOR_ARRAYS}")
        if render is not None:
            raise DataError(f"images: render works only with the sets that Papilio draws: {', '.join(DRAWN)}")
        raw = _converted(_in_memory(name_or_path, labels, as_quantity(period, unit), bits), resolve_size(size), mode)
    raw = binarized(raw) if binarize else raw
    images = split_images(raw, validation=validation, test=test, seed=seed)
    if str(name_or_path) not in (*READERS, *DRAWN):
        images = replace(images, notes=(*images.notes, *leak_notes(images.fraction(fraction, seed))))
    return chosen_images(images, seed=seed, fraction=fraction, num_train=num_train)


def chosen_images(images: ImageSet, *, seed: int, fraction: float, num_train: int | None) -> ImageSet:
    """The share of a set, and of it the number of training images, that `load_images` was asked for."""
    images = images.fraction(fraction, seed)
    if num_train is None:
        return images
    if fraction < 1 and num_train > len(images.train):
        note = f"{len(images.train):,} training images instead of num_train = {num_train:,}"
        return replace(images, notes=(*images.notes, note))
    return images.with_training_images(num_train, seed)


def read_images(
    name_or_path: str | Path,
    *,
    labels: str | Path | None,
    size: Size | None,
    quantity: Quantity | None = None,
    render: Mapping[str, Any] | None = None,
    color: Color | None,
    bits: int | None = None,
    skips_unreadable: bool = False,
    home: Path | None,
    download: bool,
    progress: Callable[[int, int, str], None] | None,
) -> RawImages:
    """Read a set as `load_images` does, but leave it with the splits that it comes with."""
    path = expanded_path(name_or_path, error=DataError)
    name = name_or_path if isinstance(name_or_path, str) and name_or_path in [*DRAWN, *READERS] else None
    if render is not None and name not in DRAWN:
        raise DataError(f"{name_or_path}: render works only with the sets that Papilio draws: {', '.join(DRAWN)}")
    with_labels = not is_no_labels(labels)
    label_file = expanded_path(labels, error=DataError) if labels is not None and with_labels else None
    if label_file is not None:
        _refuse_misplaced(label_file, name, path)
    elif quantity is not None and (path.suffix.lower() != ".npz" or not with_labels):
        raise DataError(f"{name_or_path}: {_no_numbers(name, with_labels=with_labels)}")
    if skips_unreadable and (name is not None or (path.is_file() and path.suffix.lower() in (".npy", ".npz"))):
        raise DataError(f"{name_or_path}: {NOT_FOR_ARRAYS}")
    if name is not None:
        if bits is not None:
            raise DataError(f"{name}: bits is only for 16-bit pictures or arrays of your own; leave it out")
        raw = _read_by_name(name, render=render, home=home, download=download, progress=progress)
        return _converted(raw if with_labels else raw.without_labels(), size, color)
    if path.is_dir() and label_file is not None:
        return read_labeled_pictures(
            path,
            label_file,
            quantity,
            size=size,
            color=color,
            bits=bits,
            skips_unreadable=skips_unreadable,
            progress=progress,
        )
    if is_source(path):
        return read_pictures(
            path,
            size=size,
            color=color,
            bits=bits,
            skips_unreadable=skips_unreadable,
            progress=progress,
            with_classes=with_labels,
        )
    if path.is_file() and path.suffix.lower() == ".npz":
        return _converted(read_npz_set(path, quantity, with_labels=with_labels, bits=bits), size, color)
    if path.is_file() and path.suffix.lower() == ".npy":
        raw = _read_file(path, label_file, quantity, with_labels=with_labels, bits=bits)
        return _converted(_with_factors(raw, path), size, color)
    raise _unknown(str(name_or_path), path)


def is_no_labels(labels: str | Path | None) -> bool:
    """Whether `labels` asks for images without labels."""
    return labels is not None and str(labels) == NO_LABELS


def as_quantity(period: float | None, unit: str = "") -> Quantity | None:
    """What numbers on a circle of that length are; None where labels are no such numbers. Raises SettingError."""
    if period is None:
        if unit:
            raise SettingError(f"unit = {shown(unit)}: is for numbers on a circle: set period, too, or leave out unit")
        return None
    if not MIN_PERIOD <= period <= 1 / MIN_PERIOD:
        raise SettingError(f"period = {period}: must be above 0, from {MIN_PERIOD:g} to {1 / MIN_PERIOD:g}")
    return Quantity(float(period), unit)


def split_images(raw: RawImages, *, validation: float, test: float, seed: int) -> ImageSet:
    """Give raw images the splits that they do not come with."""
    splits = draw_splits(raw.strata, raw.given, validation=validation, test=test, seed=seed)
    notes = raw.notes
    if raw.quantity is not None and not raw.given and follows_draw(raw.labels, seed=seed):
        same = "the labels seem to have been generated with the same random seed as the splits"
        notes = (*notes, f"{same}, so the splits depend on them; set data.seed to a value other than {seed}")
    return ImageSet(
        name=raw.name,
        images=raw.images,
        labels=raw.labels,
        class_names=raw.class_names,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        origin=raw.origin,
        notes=notes,
        quantity=raw.quantity,
        factors=raw.factors,
    )


def check_settings(
    *, color: str | None, fraction: float, seed: int, bits: int | None = None, unreadable: str = "error"
) -> None:
    """Raise SettingError for settings out of range, before anything is read."""
    if unreadable not in UNREADABLE:
        raise SettingError(f"unreadable = {shown(unreadable)}: allowed are {' and '.join(map(repr, UNREADABLE))}")
    if color is not None and color not in COLORS:
        raise SettingError(f"color = {color} is not a color; allowed are gray and rgb")
    if not 0.0 < fraction <= 1.0:
        raise SettingError(f"fraction = {fraction}: must be above 0 and at most 1")
    if bits is not None and not 1 <= bits <= MAX_BITS:
        raise SettingError(f"bits = {bits}: must be from 1 to {MAX_BITS}")
    if seed < 0:
        raise SettingError(f"seed = {seed}: must be 0 or more")


def _converted(raw: RawImages, size: Size | None, color: Color | None) -> RawImages:
    images = convert_images(raw.images, size=size, color=color)
    if images is raw.images:
        return raw
    old, new = (f"{array.shape[1]} x {array.shape[2]} x {array.shape[3]}" for array in (raw.images, images))
    return replace(raw, images=images, notes=(*raw.notes, f"converted from {old} (channel, height, width) to {new}"))


def _in_memory(images: Any, labels: Any, quantity: Quantity | None, bits: int | None) -> RawImages:
    """Arrays that were passed, or what NumPy makes arrays of."""
    if isinstance(labels, Path) or (isinstance(labels, str) and labels != NO_LABELS):
        raise DataError(
            f"labels = {labels}: the images are in memory, so labels must be, too; load them with numpy.load"
        )
    given = None if labels is None or isinstance(labels, str) else as_array(labels, what="labels")
    if given is None and quantity is not None:
        raise DataError("images: period needs numeric labels; pass labels, too")
    return from_arrays(as_array(images, what="images"), given, quantity, bits=bits)


def as_array(given: Any, *, what: str) -> np.ndarray:
    """What was passed as an array of numbers or words. Raises DataError, naming its type and shape only."""
    try:
        array = np.asarray(given)
    except (ValueError, TypeError, RuntimeError):
        raise DataError(
            f"{what}: a {type(given).__name__} cannot be converted to a NumPy array; give a NumPy array"
        ) from None
    takes_words = what.endswith("labels")
    if takes_words and array.dtype.kind == "O" and array.ndim:
        return _of_one_type(array, what=what)
    if array.dtype.kind not in "biufUS":
        raise DataError(f"{what}: {array.dtype} {array.shape}, expected an array of numbers{' or words' * takes_words}")
    return array


def _of_one_type(labels: np.ndarray, *, what: str) -> np.ndarray:
    """Labels that are Python objects, as pandas keeps words, as words, whole numbers or booleans, whichever all of them are."""
    ones = labels.reshape(-1).tolist()
    kinds: dict[type, Any] = {str: str, bool: bool, int: int}
    kind = next((one for one in kinds if isinstance(ones[0], one)), None) if ones else None
    wrong = next((number for number, one in enumerate(ones) if kind is None or type(one) is not kind), None)
    if kind is not None and wrong is None:
        return np.array(ones, dtype=kinds[kind]).reshape(labels.shape)
    given = f"; number {wrong} is {shown(ones[wrong])}" if wrong is not None else ""
    raise DataError(
        f"{what}: object {labels.shape}{given}; expected words alone or whole numbers alone, and none missing"
    )


def _read_by_name(
    name: str, *, render: Mapping[str, Any] | None, home: Path | None, download: bool, progress: Progress | None
) -> RawImages:
    if name in DRAWN:
        from papilio.data.rendering.source import read_rendered

        return read_rendered(name, render, progress)
    return read_named(name, home=home, download=download, progress=progress)


def _read_file(
    path: Path, label_file: Path | None, quantity: Quantity | None, *, with_labels: bool, bits: int | None
) -> RawImages:
    if label_file is None:
        if with_labels:
            _refuse_labels_beside(path)
        return read_array_set(path, bits=bits)
    if not label_file.is_file():
        raise DataError(
            f'{label_file}: the labels of {path} are missing; give a .npy file of integers, or labels = "{NO_LABELS}"'
        )
    return read_array_set(path, label_file, quantity, bits=bits)


def _with_factors(raw: RawImages, path: Path) -> RawImages:
    """The set with the factors that lie next to a file of images, if there are any."""
    table = path.with_name(FACTORS)
    return replace(raw, factors=read_factors(table, num=len(raw.images))) if table.is_file() else raw


def _refuse_misplaced(label_file: Path, name: str | None, path: Path) -> None:
    """Refuse a file of labels that does not go with the images."""
    is_fitting = label_file.suffix.lower() == ".csv" if path.is_dir() else path.suffix.lower() == ".npy"
    if name is not None or not is_fitting:
        raise DataError(
            f"{name or path}: labels = {label_file} needs a .npy file of images (a .csv file needs a folder of pictures);"
            f' labels = "{NO_LABELS}" works with every set'
        )


def _no_numbers(name: str | None, *, with_labels: bool) -> str:
    """Why a period is refused where no file of labels is given."""
    if not with_labels:
        return f'period needs numeric labels, but labels = "{NO_LABELS}" ignores labels; leave out one of the two'
    if name in DRAWN:
        return "period is for numeric labels in a file; this set has its own, leave out period"
    if name is not None:
        return "period needs numeric labels, but this set has classes; leave period out"
    ways = 'labels = "labels.csv" of a folder of pictures, a second .npy file for one of images, or an .npz file'
    return f"period needs numeric labels: {ways}"


def _refuse_labels_beside(path: Path) -> None:
    """Refuse to leave out, unasked, what is most likely the labels: labels.npy, or labels-75.npy next to images-75.npy."""
    for name in ("labels.npy", path.name.replace("images", "labels")):
        labels = path.with_name(name)
        if labels != path and labels.is_file():
            raise DataError(
                f'{path}: found {name} next to it; set labels = "{labels}" to use it, or labels = "{NO_LABELS}" to ignore it'
            )


def _unknown(given: str, path: Path) -> DataError:
    if path.exists():
        return DataError(f"{given}: neither a folder nor a file of a known kind; give {SOURCES}")
    if len(path.parts) > 1 or path.suffix:
        return DataError(f"{given}: no such file or folder; give {SOURCES}, or one of {', '.join([*READERS, *DRAWN])}")
    nearest = did_you_mean(given, [*READERS, *DRAWN])
    return DataError(
        f"{given} is not an image set; {nearest}{' If not,' if nearest.endswith('?') else '; or'} give {SOURCES}"
    )
