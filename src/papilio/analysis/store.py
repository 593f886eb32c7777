"""What analyses leave in DIR/analyses: arrays of any kind and a header of plain JSON, one npz file each, nothing pickled."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from papilio.data.arrays import BROKEN
from papilio.data.facts import ImageFacts
from papilio.data.npz import unpack_arrays
from papilio.data.quantities import Quantity
from papilio.engine import Arrays
from papilio.errors import DataError, RunError
from papilio.files import open_atomic, open_regular
from papilio.settings.validation import one_reason

HEADER = "header"  # the array, text without dimensions, that holds the header
PLAIN = "biufcSU"  # kinds of dtypes that are read again without running code
ABOUT_RUN = ("run", "stage", "trial", "split")  # what files of 0.1.0, which have no header, say next to their arrays


@dataclass(frozen=True)
class Header:
    """Identifies an analysis: equal headers mean equal arrays.

    `section` is the name of the function that shows it, empty for an analysis of Papilio's own. For an analysis of a stage,
    run, trial, split, images and facts are empty.
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
        """Raises ValueError where the text is not a header's; what it does not know is left out."""
        header = _header_reader().validate_json(text, strict=True)
        if header.facts is not None:
            _refuse_impossible_facts(header.facts)
        return header


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
        with open_regular(path) as file:
            arrays = unpack_arrays(file, path)
        for name, array in arrays.items():
            if array.dtype.kind not in PLAIN:
                raise ValueError(f"{name!r} is no array of numbers or text")
        if HEADER in arrays:
            return StoredAnalysis(path, Header.of_json(str(arrays.pop(HEADER))), arrays)
        return _of_first_version(path, arrays)
    except (DataError, *BROKEN) as error:
        raise RunError(
            f"{path}: not an analysis ({one_reason(error)}); delete it and run the study again to recreate it"
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


@functools.cache
def _header_reader() -> TypeAdapter[Header]:
    return TypeAdapter(Header)


def _refuse_impossible_facts(facts: ImageFacts) -> None:
    if min(facts.shape) < 1:
        raise ValueError(f"facts.shape: {list(facts.shape)} is no [channel, height, width]")
    if facts.quantity is not None and not 0 < facts.quantity.period < math.inf:
        raise ValueError(f"facts.quantity.period: {facts.quantity.period} is no period; allowed are numbers above 0")


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
