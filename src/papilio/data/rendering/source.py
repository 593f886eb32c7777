"""Rendered sets by name: drawn once into the cache, then read like any other."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from papilio.data.array_labels import read_labels
from papilio.data.arrays import as_pixels, read_npy
from papilio.data.factors import FACTORS, Factors, read_factors
from papilio.data.imageset import RawImages
from papilio.data.places import cache_folder
from papilio.data.progress import Progress
from papilio.data.rendering.renderers import RENDERERS, make_renderer, settings_of
from papilio.data.rendering.sets import FACTS, VERSION, render_set
from papilio.data.rendering.settings import RenderSettings
from papilio.errors import DataError, SettingError
from papilio.files import read_own

BETWEEN_WORDS = 100  # pictures


def read_rendered(
    name: str, render: Mapping[str, Any] | None, progress: Callable[[int, int, str], None] | None
) -> RawImages:
    """The set that `render` describes (num, size, seed, variety, color), from the cache, or drawn first.

    Raises SettingError for an unknown setting, DataError where a font is not installed, StorageError where the
    cache cannot be written.
    """
    try:
        settings = settings_of(name, render or {})
        folder = cached_folder(name, settings)
        found = _read_drawn(name, folder, settings) if is_drawn(name, settings) else None
        if found is None:
            _remove_outdated(folder.parent)
            render_set(name, folder, settings, progress=progress)
            found = _read_drawn(name, folder, settings)
    except SettingError as error:
        raise SettingError(f"data.render: {error}") from error
    if found is None:
        raise DataError(f"{folder}: was changed while it was being drawn; run the same command again")
    return found


def numbered(name: str, settings: RenderSettings) -> RawImages:
    """A set of which nothing is drawn: all that is known of each picture, and in the place of its pixels its number.

    Its images are uint8 (num, 1, 1, 4), of which `numbers_of` makes the numbers again: they survive every choice of images.
    """
    drawn = RENDERERS[name]
    values = drawn.shown(settings)
    places = np.arange(settings.num, dtype="<i4").view(np.uint8).reshape(-1, 1, 1, 4)
    return _raw(name, settings, places, drawn.labels(values), drawn.factors(values) or None)


def numbers_of(images: np.ndarray) -> np.ndarray:
    """The numbers of the pictures of a `numbered` set: int64 (num,)."""
    return np.ascontiguousarray(images).view("<i4").reshape(-1).astype(np.int64)


def draw_some(name: str, settings: RenderSettings, numbers: np.ndarray, *, progress: Progress | None) -> np.ndarray:
    """The pictures of a set that have these numbers, as the set itself has them: uint8 (num, channel, size, size)."""
    drawn, values = make_renderer(name, settings), RENDERERS[name].shown(settings)
    found = []
    for done, number in enumerate(numbers.tolist(), start=1):
        found.append(drawn.draw(number, values[number].tolist()))
        if progress is not None and (done % BETWEEN_WORDS == 0 or done == len(numbers)):
            progress(done, len(numbers), f"drawing a sample of the {settings.num:,} {name}")
    return as_pixels(np.stack(found), where=name)[0]


def is_drawn(name: str, settings: RenderSettings) -> bool:
    """Whether the set is in the cache."""
    return (cached_folder(name, settings) / FACTS).exists()


def _raw(
    name: str, settings: RenderSettings, pixels: np.ndarray, labels: np.ndarray, factors: Factors | None
) -> RawImages:
    drawn = RENDERERS[name]
    if drawn.quantity is not None:
        labels = read_labels(labels, drawn.quantity, num_images=len(labels), where=name).values
    words = ", ".join(
        [f"{key} {value}" for key, value in asdict(settings).items()]
        + [f"{file} {digest[:8]}" for file, digest in drawn.made_from().items()]
    )
    return RawImages(
        name=name,
        images=pixels,
        labels=np.asarray(labels),
        class_names=drawn.class_names,
        origin=f"drawn by Papilio: {words}",
        given=drawn.splits(settings.num),
        quantity=drawn.quantity,
        factors=factors,
        notes=drawn.notes,
    )


def _read_drawn(name: str, folder: Path, settings: RenderSettings) -> RawImages | None:
    """A drawn set in the cache; None where its files are damaged, to be drawn again."""
    try:
        pixels, labels = (
            as_pixels(read_npy(folder / "images.npy"), where=str(folder))[0],
            read_npy(folder / "labels.npy"),
        )
        factors = read_factors(folder / FACTORS, num=settings.num) if (folder / FACTORS).exists() else None
        if len(pixels) == len(labels) == settings.num:
            return _raw(name, settings, pixels, labels, factors)
    except DataError:
        pass
    return None


def cached_folder(name: str, settings: RenderSettings) -> Path:
    """Where a rendered set with these settings is kept."""
    made_from = RENDERERS[name].made_from()
    facts = [VERSION, name, asdict(settings), *([made_from] if made_from else [])]
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    return cache_folder() / "rendered" / f"{name}-{key}"


def _remove_outdated(rendered: Path) -> None:
    """Sets whose pixels an earlier version of Papilio drew, which nothing reads any more."""
    for facts in rendered.glob(f"*/{FACTS}"):
        # another process removes the same, or they are damaged
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            if json.loads(read_own(facts))["version"] < VERSION:
                facts.unlink()  # first: where it is not, the set is drawn again
                shutil.rmtree(facts.parent)
