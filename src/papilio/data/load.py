"""The way in: an image set by its name, or from pictures and arrays of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from papilio.data.imageset import ImageSet, RawImages
from papilio.data.named import read_named
from papilio.data.splits import check_shares, draw_splits


def load_images(
    name_or_path: str | Path,
    *,
    labels: str | Path | None = None,
    size: int | tuple[int, int] | None = None,
    color: Literal["grey", "rgb"] | None = None,
    validation: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    fraction: float = 1.0,
    home: Path | None = None,
    download: bool = True,
    progress: Callable[[int, int, str], None] | None = None,
) -> ImageSet:
    check_shares(validation=validation, test=test)
    raw = read_named(str(name_or_path), home=home, download=download, progress=progress)
    return split_images(raw, validation=validation, test=test, seed=seed).fraction(fraction, seed)


def split_images(raw: RawImages, *, validation: float, test: float, seed: int) -> ImageSet:
    """Give raw images the splits that they do not come with."""
    splits = draw_splits(raw.labels, raw.given, validation=validation, test=test, seed=seed)
    return ImageSet(
        name=raw.name,
        images=raw.images,
        labels=raw.labels,
        class_names=raw.class_names,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        origin=raw.origin,
        notes=raw.notes,
    )
