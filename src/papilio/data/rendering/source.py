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
from papilio.data.factors import FACTORS, read_factors
from papilio.data.imageset import RawImages
from papilio.data.places import cache_folder
from papilio.data.rendering.renderers import RENDERERS, settings_of
from papilio.data.rendering.sets import FACTS, VERSION, render_set
from papilio.data.rendering.settings import RenderSettings
from papilio.errors import DataError, SettingError
from papilio.files import read_own


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
        found = _read_drawn(name, folder, settings) if (folder / FACTS).exists() else None
        if found is None:
            _remove_outdated(folder.parent)
            render_set(name, folder, settings, progress=progress)
            found = _read_drawn(name, folder, settings)
    except SettingError as error:
        raise SettingError(f"data.render: {error}") from error
    if found is None:
        raise DataError(f"{folder}: was changed while it was being drawn; run the same command again")
    images, labels, factors = found
    drawn = RENDERERS[name]
    words = ", ".join(
        [f"{key} {value}" for key, value in asdict(settings).items()]
        + [f"{file} {digest[:8]}" for file, digest in drawn.made_from().items()]
    )
    return RawImages(
        name=name,
        images=images,
        labels=labels,
        class_names=drawn.class_names,
        origin=f"drawn by Papilio: {words}",
        given=drawn.splits(settings.num),
        quantity=drawn.quantity,
        factors=factors,
        notes=drawn.notes,
    )


def _read_drawn(
    name: str, folder: Path, settings: RenderSettings
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray] | None] | None:
    """Images, labels and factors of a drawn set in the cache; None where they are damaged, to be drawn again."""
    quantity = RENDERERS[name].quantity
    try:
        images = as_pixels(read_npy(folder / "images.npy"), where=str(folder))[0]
        labels = np.asarray(read_npy(folder / "labels.npy"))
        if quantity is not None:
            labels = read_labels(labels, quantity, num_images=len(images), where=str(folder)).values
        factors = read_factors(folder / FACTORS, num=settings.num) if (folder / FACTORS).exists() else None
    except DataError:
        return None
    return (images, labels, factors) if len(images) == len(labels) == settings.num else None


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
