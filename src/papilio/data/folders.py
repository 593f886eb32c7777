"""Image sets from a folder, a zip or a tar of pictures, decoded once and kept as a memory map in the cache."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from papilio.archives import Member, is_archive, read_archive
from papilio.data.imageset import RawImages
from papilio.data.layout import Layout, arrange, is_hidden, is_picture
from papilio.data.parallel import map_threaded
from papilio.data.pictures import (
    Color,
    Looks,
    Size,
    UnreadablePictureError,
    pillow_limits,
    probe_picture,
)
from papilio.data.places import cache_folder
from papilio.errors import DataError

Progress = Callable[[int, int, str], None]

# part of every key: raise it whenever the same pictures would come out as other pixels
READER_VERSION = 1
MAX_DEPTH = 5
NUM_NAMED = 3


@dataclass
class Survey:
    """What a first look finds: the layout, sizes and colours of all pictures, and those that cannot be read."""

    layout: Layout
    looks: dict[str, Looks] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    @property
    def sizes(self) -> Counter[Size]:
        return Counter(look.size for look in self.looks.values())


def read_pictures(path: Path, *, size: Size | None, color: Color | None, progress: Progress | None) -> RawImages:
    """Read class folders of pictures, from a folder or an archive, as one uint8 memory map.

    `size` is (height, width); None asks for pictures that are all of one size. `color` None gives grey where every
    picture is grey, else RGB. `progress` is called with (done, total, what). The decoded images are kept in the cache folder under the
    sha256 of an archive, or of the names, sizes and times of a folder's files, together with the settings: what changes is
    decoded again. Raises DataError for pictures that cannot be read or differ in size, and for a layout of other folders.
    """
    key = _content_key(path, size=size, color=color)
    cached = _read_cached(key)
    if cached is None:
        _decode_into_cache(key, path, size=size, color=color, progress=progress)
        cached = _read_cached(key)
    if cached is None:
        raise DataError(f"{cache_folder() / 'pictures'}: was changed while it was written; give the same command again")
    return replace(cached, name=_set_name(path), origin=f"{path.resolve()}: {len(cached.labels)} pictures")


def walk(path: Path) -> Iterator[Member]:
    """The files and folders in a folder or an archive."""
    return read_archive(path) if is_archive(path) else _walk_folder(path, "")


def survey_pictures(path: Path, progress: Progress | None) -> Survey:
    """Look through a folder or an archive, reading names and the headers of pictures."""
    files: list[str] = []
    folders: list[str] = []
    looks: dict[str, Looks] = {}
    broken: dict[str, str] = {}
    with pillow_limits():
        for member in walk(path):
            (folders if member.is_folder else files).append(member.name)
            if not member.is_folder and is_picture(member.name):
                try:
                    with member.open() as file:
                        looks[member.name] = probe_picture(file)
                except UnreadablePictureError as error:
                    broken[member.name] = str(error)
                if progress is not None:
                    progress(len(looks) + len(broken), 0, f"looking through {path.name}")
    return Survey(arrange(str(path), files, folders), looks, broken)


def decode_pictures(
    path: Path,
    function: Callable[[str, IO[bytes]], object],
    *,
    num_pictures: int,
    what: str,
    progress: Progress | None,
) -> Iterator[tuple[str, object]]:
    """Apply a function of name and file to every picture, with threads; gives names and results in the order they are read.

    A picture that cannot be read gives its UnreadablePictureError as the result.
    """

    def apply(item: tuple[str, bytes]) -> tuple[str, object]:
        name, content = item
        try:
            return name, function(name, io.BytesIO(content))
        except UnreadablePictureError as error:
            return name, error

    contents = (
        (member.name, member.read()) for member in walk(path) if not member.is_folder and is_picture(member.name)
    )
    with pillow_limits():
        for done, result in enumerate(map_threaded(apply, contents), start=1):
            yield result
            if progress is not None:
                progress(done, num_pictures, what)


def refuse_broken(path: Path, broken: dict[str, str]) -> None:
    """Raise DataError, naming the first few, where pictures cannot be read."""
    if broken:
        first = ", ".join(f"{name} ({reason})" for name, reason in sorted(broken.items())[:NUM_NAMED])
        raise DataError(
            f"{path}: {len(broken)} pictures cannot be read: {first}{', ...' if len(broken) > NUM_NAMED else ''};"
            f" remove or replace them; `papilio data check {path}` lists all"
        )


def size_counts(sizes: Counter[Size]) -> str:
    """The commonest sizes in words, as height x width."""
    listed = ", ".join(f"{height} x {width} ({count})" for (height, width), count in sizes.most_common(NUM_NAMED))
    return f"{listed}{f', and {len(sizes) - NUM_NAMED} other sizes' if len(sizes) > NUM_NAMED else ''}"


def _walk_folder(path: Path, prefix: str, depth: int = 0) -> Iterator[Member]:
    # follows links, which are the user's own; the depth keeps a loop of them finite
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    for entry in entries:
        name = f"{prefix}{entry.name}"
        if is_hidden(name):
            continue
        if entry.is_dir():
            yield Member(name, 0, True, lambda: io.BytesIO())
            if depth < MAX_DEPTH:
                yield from _walk_folder(Path(entry.path), f"{name}/", depth + 1)
        else:
            yield Member(name, _file_size(entry), False, lambda entry=entry: Path(entry.path).open("rb"))
