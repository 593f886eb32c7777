"""Brush fonts that the user's system has: looked for where systems keep fonts, then by `fc-list`. None comes with Papilio."""

from __future__ import annotations

import functools
import subprocess
from dataclasses import dataclass
from pathlib import Path

from papilio.errors import DataError

FC_LIST_SECONDS = 20


@dataclass(frozen=True)
class FontPackage:
    """A Debian package of brush fonts: its fonts' file names and families, a pair each."""

    name: str
    fonts: tuple[tuple[str, str], ...]


# the first one that is whole is drawn from: the same package gives the same pictures
PACKAGES = (
    FontPackage(
        "fonts-kouzan-mouhitsu",
        (
            ("KouzanBrushFontSousyo.ttf", "KouzanBrushFontSousyo"),  # cursive, the nearest to old books
            ("kouzan-mouhitsu-gyosho.ttf", "KouzanBrushFontGyousyo"),
            ("kouzan-mouhitsu.ttf", "KouzanBrushFont"),
        ),
    ),
    FontPackage("fonts-aoyagi-soseki", (("aoyagi-soseki.ttf", "AoyagiSosekiFont2"),)),
)
FOLDERS = (
    "/usr/share/fonts/truetype/kouzan-mouhitsu",
    "/usr/share/fonts/truetype/aoyagi-soseki",
    "~/.local/share/fonts",
    "~/.fonts",
    "~/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)
HOW = f"install Debian's package {PACKAGES[0].name} (or {PACKAGES[1].name}), or put its .ttf files into ~/.fonts"


def brush_fonts() -> tuple[Path, ...]:
    """The files of the first package of brush fonts that is here. Raises DataError, which names it, where none is."""
    for package in PACKAGES:
        if found := _files_of(package):
            return found
    raise DataError(f"brush-kanji is drawn with a brush font, and none is installed; {HOW}")


def has_brush_fonts() -> bool:
    """Whether there is a font to draw with."""
    return any(_files_of(package) for package in PACKAGES)


def _files_of(package: FontPackage) -> tuple[Path, ...]:
    """A file for each of its fonts, or nothing."""
    files = [_in_folders(name) or _listed().get(family) for name, family in package.fonts]
    found = tuple(file for file in files if file is not None and file.is_file())
    return found if len(found) == len(files) else ()


def _in_folders(name: str) -> Path | None:
    paths = (Path(folder).expanduser() / name for folder in FOLDERS)
    return next((path for path in paths if path.is_file()), None)


@functools.cache
def _listed() -> dict[str, Path]:
    """The files that fontconfig knows, by family; nothing where there is no fontconfig."""
    command = ["fc-list", "--format", "%{family}\t%{file}\n"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=FC_LIST_SECONDS).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return {}
    pairs = (line.split("\t") for line in told.splitlines() if line.count("\t") == 1)
    # a font has its family's name in several languages
    return {family.strip(): Path(file) for families, file in pairs for family in families.split(",")}
