"""Rendered sets by name: drawn once into the cache, then read like any other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from papilio.data.arrays import read_arrays
from papilio.data.imageset import RawImages
from papilio.data.places import cache_folder
from papilio.data.rendering.sets import DEFAULT_NUM, RENDERERS
from papilio.errors import SettingError, did_you_mean

DEFAULTS: dict[str, Any] = {"num": DEFAULT_NUM, "size": 150, "seed": 0, "variety": "plain"}
VERSION = 1  # raise it whenever the same settings would come out as other pixels


def read_rendered(
    name: str, render: Mapping[str, Any] | None, progress: Callable[[int, int, str], None] | None
) -> RawImages:
    """The set that `render` describes (num, size, seed, variety), from the cache, or drawn first.

    Raises SettingError for a setting that is none, StorageError where the cache cannot be written.
    """
    settings = DEFAULTS | dict(render or {})
    if unknown := [key for key in settings if key not in DEFAULTS]:
        raise SettingError(f"data.render: {unknown[0]} is not a setting; {did_you_mean(unknown[0], DEFAULTS)}")
    folder = cached_folder(name, settings)
    if not (folder / "rendered.json").exists():  # written last
        RENDERERS[name](folder, progress=progress, **settings)
    raw = read_arrays(folder / "images.npy", folder / "labels.npy")
    words = ", ".join(f"{key} {value}" for key, value in settings.items())
    return RawImages(name, raw.images, raw.labels, (), f"drawn by Papilio: {words}", {}, quantity=raw.quantity)


def cached_folder(name: str, settings: Mapping[str, Any]) -> Path:
    """Where a rendered set with these settings is kept."""
    key = hashlib.sha256(json.dumps([VERSION, name, settings], sort_keys=True).encode()).hexdigest()[:16]
    return cache_folder() / "rendered" / f"{name}-{key}"
