"""Image sets from a folder, a zip or a tar of pictures, or Parquet files, decoded once and kept mapped in the cache."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import numpy as np

from papilio.archives import Member, is_archive, read_archive
from papilio.data.decoder_limits import pillow_limits
from papilio.data.decoding import Depth, Looks, UnreadablePictureError, decode_picture
from papilio.data.facts import NO_LABELS
from papilio.data.imageset import RawImages
from papilio.data.kept_images import images_file, index_file, read_decoded
from papilio.data.layout import Layout, arrange, is_hidden, is_picture, split_like, split_like_words
from papilio.data.members import (
    NUM_NAMED,
    begins_as_picture,
    broken_words,
    common_color,
    common_size,
    for_each_picture,
    probe_member,
    refuse_broken,
    size_counts,
    skipped_notes,
)
from papilio.data.parquet import is_parquet, read_parquet
from papilio.data.places import cache_folder
from papilio.data.progress import Progress
from papilio.data.scaling import CHANNELS, Color, Size, size_words
from papilio.errors import DataError, agreed, one_line, reason_of
from papilio.files import checksum, open_atomic, open_regular, write_json
from papilio.study_folder import OWN_FOLDERS, is_study_folder

Inodes = frozenset[tuple[int, int]]  # with their devices

# part of every key: raise it whenever the same pictures would come out as other pixels
READER_VERSION = 3


@dataclass(frozen=True)
class Survey:
    """What a first look finds: the layout, sizes and colors of all pictures, and those that cannot be read.

    `skipped` are those of them that are left out; `arranged` makes the layout of all pictures but some.
    """

    layout: Layout
    looks: dict[str, Looks]
    broken: dict[str, str]
    arranged: Callable[[Collection[str]], Layout] = field(repr=False)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def sizes(self) -> Counter[Size]:
        return Counter(look.size for look in self.looks.values())

    def without(self, broken: Mapping[str, str]) -> Survey:
        """The same without pictures that cannot be read; raises DataError where the layout of what is left is not one."""
        if not broken:
            return self
        skipped = self.skipped | dict(broken)
        looks = {name: look for name, look in self.looks.items() if name not in skipped}
        left = {name: reason for name, reason in self.broken.items() if name not in skipped}
        try:
            return replace(self, layout=self.arranged(skipped), looks=looks, broken=left, skipped=skipped)
        except DataError as error:
            num = agreed(len(skipped), "{} picture that cannot be read is", "{} pictures that cannot be read are")
            raise DataError(f"{error} ({num} left out: {broken_words(skipped, most=NUM_NAMED)})") from error


def read_pictures(
    path: Path,
    *,
    size: Size | None,
    color: Color | None,
    bits: int | None = None,
    skips_unreadable: bool = False,
    progress: Progress | None,
    with_classes: bool = True,
) -> RawImages:
    """Read pictures, from a folder or an archive, as one uint8 memory map.

    Class folders tell their labels; pictures without any folder have none, and with `with_classes` off neither have
    pictures in folders.

    `size` is (height, width); None asks for pictures that are all of one size. `color` None gives gray where every
    picture is gray, else RGB. `bits` is how many bits 16-bit pictures use. With `skips_unreadable` pictures that cannot be read
    are left out, and named in a note. `progress` is called with (done, total, what).
    The decoded images are kept in the cache folder under the sha256 of an archive, or of the names, sizes and times of a
    folder's files, together with the settings: what changes is decoded again. Raises DataError for pictures that cannot be
    read or differ in size, and for a layout of other folders.
    """
    key = _content_key(
        path, size=size, color=color, bits=bits, with_classes=with_classes, skips_unreadable=skips_unreadable
    )
    cached = read_decoded(key)
    if cached is None:
        survey = survey_pictures(path, progress, with_classes=with_classes)
        if skips_unreadable:
            survey = survey.without(survey.broken)
        while broken := _decode_into_cache(key, path, survey, size=size, color=color, bits=bits, progress=progress):
            if not skips_unreadable:
                refuse_broken(path, broken, advice=unreadable_advice(path, survey.layout))
            survey = survey.without(broken)  # there are fewer each time
        cached = read_decoded(key)
    if cached is None:
        raise DataError(
            f"{cache_folder() / 'pictures'}: was changed while it was being written; run the same command again"
        )
    return replace(
        cached,
        name=one_line(_set_name(path)),
        origin=one_line(f"{path.resolve()}: {len(cached.labels)} pictures"),
    )


def walk(path: Path, *, with_classes: bool = True) -> Iterator[Member]:
    """The files and folders in a folder or an archive, or the pictures in Parquet files."""
    if is_parquet(path):
        return read_parquet(path, with_labels=with_classes)
    return read_archive(path) if is_archive(path) else _walk_folder(path)


def is_source(path: Path) -> bool:
    """Whether a path is a folder, an archive or a Parquet file, from which pictures are read."""
    return path.is_dir() or (path.is_file() and (is_archive(path) or is_parquet(path)))


def survey_pictures(path: Path, progress: Progress | None, *, with_classes: bool = True) -> Survey:
    """Look through a folder or an archive, reading names and the headers of pictures.

    Raises DataError for a layout of other folders than `with_classes` asks for, and a folder or archive that is damaged.
    """
    names: dict[bool, list[str]] = {True: [], False: []}
    looks: dict[str, Looks] = {}
    broken: dict[str, str] = {}
    with pillow_limits():
        for member in walk(path, with_classes=with_classes):
            names[member.is_folder].append(member.name)
            if member.is_folder or is_hidden(member.name):
                continue
            if not is_picture(member.name) and not begins_as_picture(member):
                continue
            look = probe_member(member)
            if isinstance(look, Looks):
                looks[member.name] = look
            else:
                broken[member.name] = str(look)
            if progress is not None:
                progress(len(looks) + len(broken), 0, f"looking through {path.name}")
    pictures = looks.keys() | broken.keys()

    def arranged(left_out: Collection[str]) -> Layout:
        files = [name for name in names[False] if name not in left_out]
        return arrange(str(path), files, names[True], pictures, with_classes=with_classes)

    return Survey(arranged(()), looks, broken, arranged)


def members_of(path: Path, layout: Layout) -> Iterator[Member]:
    """The pictures of a folder or an archive, in the order they are stored."""
    return (member for member in walk(path, with_classes=bool(layout.class_names)) if member.name in layout.rows)


def unreadable_advice(path: Path, layout: Layout) -> str:
    """What tells all pictures that cannot be read, behind a message that names some."""
    return f"; `papilio data check {path}{'' if layout.class_names else f' --labels {NO_LABELS}'}` lists all"


def _walk_folder(path: Path) -> Iterator[Member]:
    """What is in a folder, at any depth, in the order of names, a folder before what is in it."""
    # what is still to be looked at, the next at the end; of each the folders around it, by device and inode
    waiting = _entries(path, "", frozenset())
    while waiting:
        entry, name, around = waiting.pop()
        if not _is_folder(entry):
            yield Member(name, 0, False, functools.partial(open_regular, Path(entry.path)))
        elif not _holds_results(Path(entry.path)):
            yield Member(name, 0, True, lambda: io.BytesIO())
            waiting += _entries(Path(entry.path), f"{name}/", around)


def _entries(folder: Path, prefix: str, around: Inodes) -> list[tuple[os.DirEntry[str], str, Inodes]]:
    """What lies in a folder and belongs to a set, the last first, each with its name and the folders around it."""
    try:
        facts = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name, reverse=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({reason_of(error)}); make it readable, or remove it") from error
    inode = (facts.st_dev, facts.st_ino)
    # links are followed, as they are the user's own; one to a folder that it lies in is a loop
    if inode in around:
        return []
    ours = OWN_FOLDERS if is_study_folder(folder) else ()
    return [
        (entry, f"{prefix}{entry.name}", around | {inode})
        for entry in entries
        if not is_hidden(entry.name) and entry.name not in ours
    ]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _holds_results(folder: Path) -> bool:
    """Whether a folder is a study's, or has nothing but studies' folders in it, as `results` next to the pictures has."""
    if is_study_folder(folder):
        return True
    with contextlib.suppress(OSError):
        inside = [entry for entry in os.scandir(folder) if not is_hidden(entry.name)]
        return bool(inside) and all(entry.is_dir() and is_study_folder(Path(entry.path)) for entry in inside)
    return False


def _decode_into_cache(
    key: str,
    path: Path,
    survey: Survey,
    *,
    size: Size | None,
    color: Color | None,
    bits: int | None,
    progress: Progress | None,
) -> dict[str, str]:
    """The pictures that cannot be read, with the reasons: then nothing is kept."""
    if survey.broken:
        return survey.broken
    depth = Depth(bits)
    size = size or common_size(path, survey.looks.values())
    color = color or common_color(survey.looks.values())
    try:
        _write_images(images_file(key), path, survey.layout, size=size, color=color, depth=depth, progress=progress)
    except _BrokenError as error:
        return error.broken
    # last: it is what tells that the images are whole
    write_json(index_file(key), _index(survey, size, depth))
    return {}


class _BrokenError(Exception):
    """Some pictures cannot be decoded, so that the file of all is not written."""

    def __init__(self, broken: dict[str, str]) -> None:
        super().__init__(broken)
        self.broken = broken


def _write_images(
    target: Path, path: Path, layout: Layout, *, size: Size, color: Color, depth: Depth, progress: Progress | None
) -> None:
    rows = layout.rows
    shape = (len(rows), CHANNELS[color], *size)
    row_bytes = CHANNELS[color] * size[0] * size[1]
    broken: dict[str, str] = {}

    def decode(file: IO[bytes]) -> bytes:
        return decode_picture(file, size=size, color=color, depth=depth).tobytes()

    # written, not mapped: on a full disk a write raises, where a memory map kills the process
    with open_atomic(target) as file, pillow_limits():
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        start = file.tell()
        pictures = for_each_picture(
            members_of(path, layout),
            decode,
            num_pictures=len(rows),
            what=f"decoding {path.name}",
            progress=progress,
            result_bytes=row_bytes,
        )
        for name, values in pictures:
            if isinstance(values, UnreadablePictureError):
                broken[name] = str(values)
            else:
                file.seek(start + rows[name] * row_bytes)
                file.write(values)
        if broken:
            raise _BrokenError(broken)


def _index(survey: Survey, size: Size, depth: Depth) -> dict[str, object]:
    layout = survey.layout
    return {
        "labels": layout.labels.tolist(),
        "class_names": layout.class_names,
        "given": {split: indices.tolist() for split, indices in layout.given.items()},
        "notes": _notes(survey, size, depth),
        "skipped": survey.skipped,
    }


def _notes(survey: Survey, size: Size, depth: Depth) -> list[str]:
    notes = skipped_notes(survey.skipped)
    if set(survey.sizes) != {size}:
        notes.append(f"pictures of {size_counts(survey.sizes)} scaled and cropped to {size_words(size)}")
    if survey.layout.others:
        one, several = "{} file that is not a picture was", "{} files that are not pictures were"
        notes.append(f"{agreed(len(survey.layout.others), one, several)} ignored")
    if tops := split_like(survey.layout.class_names):
        notes.append(split_like_words(tops))
    return notes if depth.unused is None else [*notes, depth.unused]


def _content_key(
    path: Path,
    *,
    size: Size | None,
    color: Color | None,
    bits: int | None,
    with_classes: bool,
    skips_unreadable: bool,
) -> str:
    """A sha256 that changes with the content, the settings, and whatever decodes the pictures."""
    import PIL

    digest = hashlib.sha256(f"{READER_VERSION} {PIL.__version__} {size} {color}".encode())
    if not with_classes:
        digest.update(f" {NO_LABELS}".encode())
    if bits is not None:
        digest.update(f" {bits} bits".encode())
    if skips_unreadable:
        digest.update(b" skip")
    if path.is_file():
        digest.update(checksum(path).encode())
    else:
        # the path too: unpacked archives may agree in names, sizes and times, and differ in content
        digest.update(os.fsencode(path.resolve()))
        for line in _file_facts(path):
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _file_facts(folder: Path) -> Iterator[str]:
    """Name, size and times of every file and folder; the change time betrays a file replaced under its old date."""
    for member in _walk_folder(folder):
        if member.is_folder:
            yield f"{member.name}\0" + "0 \n"
            continue
        try:
            facts = (folder / member.name).stat()
        except OSError:  # a link that leads nowhere
            yield f"{member.name}\0 nothing\n"
        else:
            yield f"{member.name}\0{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}\n"


def _set_name(path: Path) -> str:
    name = path.resolve().name
    for suffix in (".zip", ".tar.gz", ".tgz", ".tar", ".parquet"):
        if path.is_file() and name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name
