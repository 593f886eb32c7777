"""From the names of files to classes and splits: CLASS/picture or SPLIT/CLASS/picture, wrapped in a folder or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from papilio.data.pictures import SUFFIXES
from papilio.data.splits import SplitName
from papilio.errors import DataError

SPLIT_FOLDERS: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}
LEFT_BY_SYSTEMS = ("thumbs.db", "desktop.ini", "__macosx")
# a name split at its slashes; paths of pathlib took seconds for 60,000 pictures
Parts = tuple[str, ...]
EXPECTED = "expected CLASS/picture or SPLIT/CLASS/picture, a split being train, valid or test"


@dataclass(frozen=True)
class Layout:
    """The pictures of a set in the order of names: `rows` has each name's place, `num_other` counts files left out."""

    rows: dict[str, int]
    labels: np.ndarray
    class_names: tuple[str, ...]
    given: dict[SplitName, np.ndarray]
    num_other: int


def arrange(source: str, files: Iterable[str], folders: Iterable[str]) -> Layout:
    """Find classes and splits in the names of files and folders (relative, with forward slashes).

    The order of pictures depends on names alone, so that a folder, a zip and a tar of it are the same set. Classes are
    sorted by name, by number where all names are numbers. `source` begins each message. Raises DataError where there is
    no picture, a picture is not in a class folder, a folder has no pictures, or fewer than two classes are there.
    """
    visible = [Parts(name.split("/")) for name in files if not is_hidden(name)]
    pictures = sorted(name for name in visible if name[-1].lower().endswith(SUFFIXES))
    if not pictures:
        raise DataError(f"{source}: no pictures in it; {EXPECTED}")
    depth = _wrapping_depth(pictures)
    has_splits = _has_splits(source, pictures, depth)
    level = depth + (2 if has_splits else 1)
    _refuse_wrong_depth(source, pictures, level)
    shown = {Parts(name.split("/")) for name in folders if not is_hidden(name)}
    _refuse_empty(source, _folders_of(pictures), shown | _folders_of(visible), level)
    class_names = _class_names(source, [name[level - 1] for name in pictures])
    label_of = {class_name: label for label, class_name in enumerate(class_names)}
    labels = np.array([label_of[name[level - 1]] for name in pictures], dtype=np.int64)
    given = _given_splits(source, [name[level - 2] for name in pictures]) if has_splits else {}
    rows = {"/".join(name): row for row, name in enumerate(pictures)}
    return Layout(rows, labels, class_names, given, len(visible) - len(pictures))


def is_hidden(name: str) -> bool:
    """Whether a name is one of those that systems leave behind: hidden, Thumbs.db, __MACOSX."""
    return any(part.startswith(".") or part.lower() in LEFT_BY_SYSTEMS for part in name.split("/"))


def is_picture(name: str) -> bool:
    """Whether a file counts as a picture, by its suffix."""
    return not is_hidden(name) and name.lower().endswith(SUFFIXES)


def _wrapping_depth(pictures: list[Parts]) -> int:
    """1 where one folder that is no split wraps everything, else 0."""
    tops = {name[0] for name in pictures}
    is_wrapped = len(tops) == 1 and min(len(name) for name in pictures) >= 3
    return int(is_wrapped and min(tops).lower() not in SPLIT_FOLDERS)


def _has_splits(source: str, pictures: list[Parts], depth: int) -> bool:
    tops = {name[depth] for name in pictures if len(name) > depth + 1}
    if not tops or not {top.lower() for top in tops} <= SPLIT_FOLDERS.keys():
        return False
    flat = next((name for name in pictures if len(name) == depth + 2), None)
    if flat is not None:
        raise DataError(f"{source}: {'/'.join(flat)} is in a split but in no class folder; {EXPECTED}")
    return True


def _refuse_wrong_depth(source: str, pictures: list[Parts], level: int) -> None:
    for name in pictures:
        if len(name) <= level:
            raise DataError(f"{source}: {'/'.join(name)} is in no class folder; {EXPECTED}")
        if len(name) > level + 1:
            raise DataError(f"{source}: {'/'.join(name)} lies too deep; {EXPECTED}")


def _folders_of(names: list[Parts]) -> set[Parts]:
    """Every folder on the way to the files of these names."""
    folders = {name[:-1] for name in names}
    return {folder[:level] for folder in folders for level in range(1, len(folder) + 1)}


def _refuse_empty(source: str, filled: set[Parts], folders: set[Parts], level: int) -> None:
    empty = sorted("/".join(folder) for folder in folders - filled if len(folder) <= level)
    if empty:
        more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
        raise DataError(f"{source}: folder {empty[0]}{more} has no pictures; fill it or remove it")


def _class_names(source: str, names: list[str]) -> tuple[str, ...]:
    unique = set(names)
    if len(unique) < 2:
        raise DataError(f"{source}: only one class, {names[0]}; at least two class folders are needed")
    if all(name.isascii() and name.isdigit() for name in unique):
        return tuple(sorted(unique, key=lambda name: (int(name), name)))
    return tuple(sorted(unique))


def _given_splits(source: str, folders: list[str]) -> dict[SplitName, np.ndarray]:
    spellings: dict[SplitName, set[str]] = {}
    for folder in set(folders):
        spellings.setdefault(SPLIT_FOLDERS[folder.lower()], set()).add(folder)
    for split, names in spellings.items():
        if len(names) > 1:
            raise DataError(
                f"{source}: {' and '.join(sorted(names))} are both the {split} split; join them in one folder"
            )
    if "train" not in spellings:
        raise DataError(f"{source}: has the splits {', '.join(sorted(set(folders)))} but no train; {EXPECTED}")
    array = np.array(folders)
    return {split: np.flatnonzero(np.isin(array, sorted(names))) for split, names in spellings.items()}
