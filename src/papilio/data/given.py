"""The pictures that somebody hands to a trained run: files, folders of them, and pictures in memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from papilio.data.folders import walk
from papilio.data.held import Held, held_pictures
from papilio.data.layout import is_picture
from papilio.data.members import begins_as_picture
from papilio.errors import DataError


def as_pictures(given: Any, *, shape: tuple[int, int, int]) -> list[Path | Held]:
    """One picture or many, each a file's path, or in memory; a folder stands for all pictures below it.

    `given` is a path, a PIL image, an array of one image or of a batch, or any iterable of these. `shape` is (channel, height,
    width) of the images that the run takes. Raises DataError for what is none of these, and for a folder without pictures.
    """
    is_one = isinstance(given, str | Path) or hasattr(given, "__array__") or not isinstance(given, Iterable)
    found: list[Path | Held] = []
    for one in [given] if is_one else given:
        if isinstance(one, str | Path):
            found += pictures_at(one)
        else:
            found += held_pictures(one, first=len(found) + 1, shape=shape)
    return found


def pictures_at(path: Path | str) -> list[Path]:
    """The file itself, or of a folder all pictures at any depth, in natural order: 2.png comes before 10.png.

    Hidden files and studies' folders are passed over. Raises DataError for a folder without pictures.
    """
    folder = Path(path)
    if not folder.is_dir():
        return [folder]
    names = [
        member.name
        for member in walk(folder)
        if not member.is_folder and (is_picture(member.name) or begins_as_picture(member))
    ]
    if not names:
        raise DataError(f"{folder}: no pictures in this folder, nor in folders in it; give another, or picture files")
    return [folder / name for name in sorted(names, key=natural_key)]


def natural_key(name: str) -> list[list[str | int]]:
    """What sorts names as people do: numbers in them by their size, folder by folder.

    >>> sorted(["b/1.png", "a/10.png", "a/9.png"], key=natural_key)
    ['a/9.png', 'a/10.png', 'b/1.png']
    """
    parts = name.split("/")
    return [[int(one) if one.isdecimal() else one for one in re.split(r"(\d+)", part)] for part in parts]
