"""From the names of files to classes and splits: CLASS/picture or SPLIT/CLASS/picture, wrapped in a folder or not.

Pictures that lie next to each other, without any folder, have no classes; nor have those whose classes are to be ignored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from unicodedata import category, normalize

import numpy as np

from papilio.data.decoding import SUFFIXES
from papilio.data.facts import NO_LABELS
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
LEFT_BY_SYSTEMS = ("thumbs.db", "desktop.ini", "__macosx", "lost+found", "$recycle.bin", "system volume information")
# a name split at its slashes; paths of pathlib took seconds for 60,000 pictures
Parts = tuple[str, ...]
EXPECTED = (
    "expected CLASS/picture or SPLIT/CLASS/picture, a split being train, valid or test, or pictures without folders"
)
WITHOUT_CLASSES = f'set labels = "{NO_LABELS}" to use the pictures without classes'
MOST_SPLITS = 3
NO_LETTERS = ("Cc", "Cs")  # control characters, and bytes that are not UTF-8
LABEL_TABLE = "labels.csv"


@dataclass(frozen=True)
class Layout:
    """The pictures of a set in the order of names: `rows` has each name's place, `others` are files left out.

    `labels` is int64 (num,), the class of each picture; without classes all are 0, and `class_names` is empty. `given` holds
    the sorted int64 indices of the splits that the folders tell.
    """

    rows: dict[str, int]
    labels: np.ndarray
    class_names: tuple[str, ...]
    given: dict[SplitName, np.ndarray]
    others: tuple[str, ...]


def arrange(
    source: str,
    files: Iterable[str],
    folders: Iterable[str],
    known: Collection[str] = (),
    *,
    with_classes: bool = True,
) -> Layout:
    """Find classes and splits in the names of files and folders (relative, with forward slashes).

    Pictures are the files whose names end as those of pictures do, and those that are `known` to be some.

    The order of pictures depends on names alone, so that a folder, a zip and a tar of it are the same set. Classes are
    sorted by name, by number where all names are numbers. Where every picture lies at the top there are no classes, and
    `with_classes` off ignores them: pictures may then lie at any depth, and only folders of splits at the top mean anything.
    `source` begins each message. Raises DataError where there is not a picture, a picture is not in a class folder, a folder
    has no pictures, or there is only one class; without classes, where a picture is in none of the splits that are there.
    """
    visible = [Parts(name.split("/")) for name in files if not is_hidden(name)]
    pictures = sorted(name for name in visible if name[-1].lower().endswith(SUFFIXES) or "/".join(name) in known)
    if not pictures:
        raise DataError(f"{source}: it contains no pictures; {EXPECTED}")
    # tar has an entry without a name for the folder that was packed
    shown = {Parts(name.split("/")) for name in folders if name and not is_hidden(name)} | _folders_of(visible)
    is_flat = all(len(name) == 1 for name in pictures)
    if with_classes and is_flat:
        _refuse_unclear(source, visible, shown)
    rows = {"/".join(name): row for row, name in enumerate(pictures)}
    others = tuple(sorted("/".join(name) for name in visible if "/".join(name) not in rows))
    if is_flat or not with_classes:
        given = _splits_without_classes(source, pictures, shown)
        return Layout(rows, np.zeros(len(rows), dtype=np.int64), (), given, others)
    class_folders, given = _classes_and_splits(source, pictures, shown)
    class_names = _class_names(source, class_folders)
    label_of = {class_name: label for label, class_name in enumerate(class_names)}
    labels = np.array([label_of[class_name] for class_name in class_folders], dtype=np.int64)
    return Layout(rows, labels, class_names, given, others)


def split_like(class_names: Iterable[str]) -> tuple[str, ...]:
    """Folders that hold the same folders, of a set whose classes are folders in folders: they may be splits.

    >>> split_like(["test_set/cat", "test_set/dog", "training_set/cat", "training_set/dog"]), split_like(["a/x", "b/y"])
    (('test_set', 'training_set'), ())
    """
    inside: dict[str, set[str]] = {}
    for name in class_names:
        top, _, rest = name.partition("/")
        inside.setdefault(top, set()).add(rest)
    contents = list(inside.values())
    is_alike = (
        2 <= len(contents) <= MOST_SPLITS and len(contents[0]) > 1 and all(one == contents[0] for one in contents)
    )
    return tuple(sorted(inside)) if is_alike else ()


def split_like_words(folders: Sequence[str]) -> str:
    """What to say of folders that `split_like` found."""
    return f"{' and '.join(folders)} hold the same folders; if they are splits, rename them train, valid and test"


def is_hidden(name: str) -> bool:
    """Whether a name is one of those that systems leave behind: hidden, Thumbs.db, __MACOSX."""
    return any(part.startswith(".") or part.lower() in LEFT_BY_SYSTEMS for part in name.split("/"))


def is_picture(name: str) -> bool:
    """Whether a file counts as a picture, by its suffix."""
    return not is_hidden(name) and name.lower().endswith(SUFFIXES)


def _classes_and_splits(
    source: str, pictures: list[Parts], folders: set[Parts]
) -> tuple[list[str], dict[SplitName, np.ndarray]]:
    """The class folder of each picture, and the splits that are told."""
    depth = _wrapping_depth(pictures)
    has_splits = _has_splits(pictures, depth)
    level = depth + (2 if has_splits else 1)
    _refuse_wrong_depth(source, pictures, level=level, has_splits=has_splits)
    _refuse_empty(source, _folders_of(pictures), folders, len(pictures[0]) - 1)
    given = _given_splits(source, [name[level - 2] for name in pictures]) if has_splits else {}
    # one name may be written in several ways: é is one letter, or an e and an accent
    return [normalize("NFC", "/".join(name[level - 1 : -1])) for name in pictures], given


def _splits_without_classes(source: str, pictures: list[Parts], folders: set[Parts]) -> dict[SplitName, np.ndarray]:
    depth = _shared_depth(pictures)
    if not _has_splits(pictures, depth):
        return {}
    outside = next((name for name in pictures if len(name) == depth + 1), None)
    if outside is not None:
        # left out of the splits they would be one set, test images among those to train on
        raise DataError(f"{source}: {'/'.join(outside)} is next to split folders; move it into one of them")
    _refuse_empty(source, _folders_of(pictures), folders, depth + 1)
    return _given_splits(source, [name[depth] for name in pictures])


def _refuse_unclear(source: str, visible: list[Parts], folders: set[Parts]) -> None:
    """Refuse pictures that lie at the top next to what may tell their labels."""
    if any(len(name) == 1 and name[0].lower() == LABEL_TABLE for name in visible):
        raise DataError(
            f"{source}: {LABEL_TABLE} is next to the pictures; set labels to its path (in a folder, not an archive),"
            f" or {WITHOUT_CLASSES}"
        )
    if folders:
        folder = min(folders)[0]
        raise DataError(
            f"{source}: the pictures are next to a folder without pictures, {folder}; remove it, or {WITHOUT_CLASSES}"
        )


def _shared_depth(pictures: list[Parts]) -> int:
    """How many folders that are no splits wrap everything, one inside the other; `pictures` are sorted."""
    depth = 0
    for first, last in zip(pictures[0][:-1], pictures[-1][:-1], strict=False):
        if first != last or first.lower() in SPLIT_FOLDERS:
            break
        depth += 1
    return depth


def _wrapping_depth(pictures: list[Parts]) -> int:
    """1 where one folder that is not a split wraps everything, else 0."""
    tops = {name[0] for name in pictures}
    is_wrapped = len(tops) == 1 and min(len(name) for name in pictures) >= 3
    return int(is_wrapped and min(tops).lower() not in SPLIT_FOLDERS)


def _has_splits(pictures: list[Parts], depth: int) -> bool:
    tops = {name[depth].lower() for name in pictures if len(name) > depth + 1}
    return bool(tops) and tops <= SPLIT_FOLDERS.keys()


def _refuse_wrong_depth(source: str, pictures: list[Parts], *, level: int, has_splits: bool) -> None:
    flat = next((name for name in pictures if len(name) == level), None) if has_splits else None
    if flat is not None:
        raise DataError(
            f"{source}: {'/'.join(flat)} is in a split but in no class folder; {EXPECTED}; {WITHOUT_CLASSES}"
        )
    for name in pictures:
        if len(name) <= level:
            raise DataError(f"{source}: {'/'.join(name)} is in no class folder; {EXPECTED}; {WITHOUT_CLASSES}")
        # folders in folders are classes by their whole path, where all are as deep and no split is among them
        inside = {part.lower() for part in name[level - 1 : -1]}
        if len(name) > level + 1 and (len(name) != len(pictures[0]) or inside & SPLIT_FOLDERS.keys()):
            raise DataError(f"{source}: {'/'.join(name)} is nested too deeply; {EXPECTED}; {WITHOUT_CLASSES}")


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
    odd = next((name for name in unique if any(category(letter) in NO_LETTERS for letter in name)), None)
    if odd is not None:
        raise DataError(f"{source}: the folder {odd} has a name that is not UTF-8 or contains a line break; rename it")
    if len(unique) < 2:
        raise DataError(
            f"{source}: only one class, {names[0]}; at least two class folders are needed, or {WITHOUT_CLASSES}"
        )
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
        there = ", ".join(sorted(set(folders)))
        raise DataError(f"{source}: has the splits {there} but no train; put the training pictures into a folder train")
    array = np.array(folders)
    return {split: np.flatnonzero(np.isin(array, sorted(names))) for split, names in spellings.items()}
