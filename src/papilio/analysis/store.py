"""What analyses leave in DIR/analyses: arrays of any kind and a header of plain JSON, one npz file each, nothing pickled."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from papilio.data.facts import ImageFacts
from papilio.data.quantities import Quantity
from papilio.engine import Arrays
from papilio.errors import RunError
from papilio.files import open_atomic

HEADER = "header"  # the array, text without dimensions, that holds the header
PLAIN = "biufcSU"  # kinds of dtypes that are read again without running code
UNREADABLE = (KeyError, TypeError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error)
ABOUT_RUN = ("run", "stage", "trial", "split")  # what files of 0.1.0, which have no header, say next to their arrays


@dataclass(frozen=True)
class Header:
    """Of what an analysis is, and how it was asked for: equal headers, equal arrays.

    `section` is the name of the function that shows it, empty for an analysis of Papilio's own. Where it is of a stage, run,
    trial, split, images and facts are empty.
    """

    analysis: str
    stage: str
    section: str = ""
    run: str = ""
    trial: str = ""
    split: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    images: str = ""  # the name of the image set
    checksum: str = ""  # of the image set; empty in files of 0.1.0
    title: str = ""  # a word for the images, where they are not the run's own
    facts: ImageFacts | None = None  # of the images
    uses: dict[str, str] = field(default_factory=dict)  # checksums of what else was looked at, by name

    def to_json(self) -> str:
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def of_json(cls, text: str) -> Header:
        """Raises ValueError, TypeError or KeyError where the text is not a header's; what it does not know is left out."""
        given = json.loads(text)
        known: dict[str, Any] = {name: given[name] for name in cls.__dataclass_fields__ if name in given}
        known["facts"] = _facts(known.get("facts"))
        return cls(**known)


@dataclass(frozen=True)
class StoredAnalysis:
    """An analysis as it was read from its file."""

    path: Path
    header: Header
    arrays: Arrays = field(repr=False)


def write_analysis(path: Path, header: Header, arrays: Mapping[str, Any]) -> None:
    """Write an npz file, atomically; raises ValueError for what is not an array of numbers or text."""
    if HEADER in arrays:
        raise ValueError(f"{HEADER!r} is no name for an array")
    plain = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in plain.items():
        if array.dtype.kind not in PLAIN:
            raise ValueError(f"{name!r} is not an array of numbers or text")
    with open_atomic(path) as file:
        np.savez_compressed(file, allow_pickle=False, **plain, **{HEADER: np.array(header.to_json())})


def read_analysis(path: Path) -> StoredAnalysis:
    """An analysis from its file, whole; raises RunError where it is damaged."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if HEADER in arrays:
            return StoredAnalysis(path, Header.of_json(str(arrays.pop(HEADER))), arrays)
        return _of_first_version(path, arrays)
    except UNREADABLE as error:
        raise RunError(
            f"{path}: not an analysis ({error}); delete it and run the study again to recreate it"
        ) from error


def read_analyses(folder: Path) -> list[StoredAnalysis]:
    """Every analysis in a study's folder, by file name; none where there is no folder `analyses`.

    Raises RunError for a file that is damaged.
    """
    return [read_analysis(path) for path in sorted((folder / "analyses").glob("*.npz"), key=lambda path: path.stem)]


def is_current(path: Path, header: Header) -> bool:
    """Whether what is at `path` is whole and what is asked for, so that it need not be computed again."""
    if not path.exists():
        return False
    try:
        found = read_analysis(path).header
    except RunError:
        return False
    if not found.checksum:  # 0.1.0 did not say which images it looked at
        found = replace(found, images=header.images, checksum=header.checksum, facts=header.facts)
    return found == header


def _facts(given: dict[str, Any] | None) -> ImageFacts | None:
    if given is None:
        return None
    quantity = None if given["quantity"] is None else Quantity(**given["quantity"])
    channel, height, width = given["shape"]
    return ImageFacts((channel, height, width), tuple(given["class_names"]), quantity)


def _of_first_version(path: Path, arrays: dict[str, np.ndarray]) -> StoredAnalysis:
    """A file of 0.1.0: what is now the header stands in arrays of their own, of which each of two analyses had its own."""
    about: dict[str, Any] = {name: str(arrays.pop(name)) for name in ABOUT_RUN}
    if "period" in arrays:
        quantity = Quantity(float(arrays.pop("period")), str(arrays.pop("unit")), bool(arrays.pop("is_time")))
        asked = 3 * int(arrays.pop("asked_pictures"))  # in each of three galleries
        title = str(arrays.pop("name"))
        facts = ImageFacts(_shape(arrays["shown_images"]), (), quantity)
        return StoredAnalysis(
            path, Header("reading", title=title, options={"mistakes": asked}, facts=facts, **about), arrays
        )
    facts = ImageFacts(_shape(arrays["mistake_images"]), tuple(map(str, arrays.pop("class_names"))))
    asked = int(arrays.pop("asked_mistakes", len(arrays["mistake_images"])))
    return StoredAnalysis(path, Header("classification", options={"mistakes": asked}, facts=facts, **about), arrays)


def _shape(images: np.ndarray) -> tuple[int, int, int]:
    *_, channel, height, width = images.shape
    return channel, height, width
