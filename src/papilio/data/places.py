"""Where the files of named sets are looked for, and where downloads and decoded pictures are kept."""

from __future__ import annotations

import os
from pathlib import Path

from papilio.data.published import PUBLISHED, STAND_INS, PublishedFile
from papilio.errors import DataError
from papilio.files import full_path

DEBIAN_FOLDERS = {"fashion-mnist": Path("/usr/share/datasets/fashion-mnist")}


def cache_folder() -> Path:
    """The folder for downloads and decoded pictures: PAPILIO_CACHE, or the user's cache folder."""
    from platformdirs import user_cache_dir

    return Path(os.environ.get("PAPILIO_CACHE") or user_cache_dir("papilio"))


def handed_over_folder() -> Path:
    """Where arrays are kept that a study in Python brings with it."""
    return cache_folder() / "arrays"


def is_handed_over(path: Path) -> bool:
    """Whether a file is such an array: its name is a checksum, and says nothing to people."""
    return full_path(path.parent) == full_path(handed_over_folder())


def home_folder(home: Path | None) -> Path | None:
    """The folder of image sets that the user keeps: the one given, or PAPILIO_DATA, or none."""
    if home is None and os.environ.get("PAPILIO_DATA"):
        return Path(os.environ["PAPILIO_DATA"])
    return home


def candidate_folders(name: str, home: Path | None) -> list[Path]:
    """Where a named set may lie, in the order that they are tried."""
    own = home_folder(home)
    folders = [own / name] if own is not None else []
    folders.append(cache_folder() / name)
    return [*folders, DEBIAN_FOLDERS[name]] if name in DEBIAN_FOLDERS else folders


def find_set(name: str, home: Path | None) -> Path | None:
    """The first folder that has every file of a named set, or None."""
    for folder in candidate_folders(name, home):
        if all(has_file(folder, file) for file in PUBLISHED[name].files):
            return folder
    return None


def find_stand_in(name: str, home: Path | None) -> Path | None:
    """A lesser copy of a named set in the user's own folder, or None."""
    own = home_folder(home)
    if own is None or name not in STAND_INS:
        return None
    path = own / name / STAND_INS[name][0]
    return path if path.is_file() else None


def has_file(folder: Path, file: PublishedFile) -> bool:
    return (folder / file.name).is_file() or (folder / unpacked_name(file)).is_file()


def path_of(folder: Path, file: PublishedFile) -> Path:
    """The published file, or where that does not exist the same unpacked (for a `.gz` with a known unpacked checksum)."""
    published = folder / file.name
    return published if published.is_file() else folder / unpacked_name(file)


def unpacked_name(file: PublishedFile) -> str:
    """The file's name without `.gz`, where its unpacked bytes can be verified; otherwise its name."""
    return file.name.removesuffix(".gz") if file.unpacked_md5 else file.name


def not_here(name: str, home: Path | None) -> DataError:
    """The complaint about a set that is in none of its places."""
    looked = ", ".join(str(folder) for folder in candidate_folders(name, home))
    return DataError(f"{name}: not in {looked}; run `papilio data fetch {name}` or set PAPILIO_DATA")
