"""Arrays that were computed for a run's map are kept in the cache folder, by what they depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from papilio.data.arrays import BROKEN
from papilio.data.npz import unpack_arrays
from papilio.data.places import cache_folder
from papilio.errors import PapilioError, StorageError
from papilio.files import checksum, open_atomic, open_regular
from papilio.runs.folder import RunFolder
from papilio.settings.run_settings import RunSettings
from papilio.settings.since import plain_settings

VERSION = 4  # of what is computed: another one, and nothing that is kept is used


class Kept:
    """The arrays that are kept of a run on an image set. A file that cannot be read is as good as none; what
    cannot be written is kept in memory, for as long as the page is served."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._in_memory: dict[str, dict[str, np.ndarray]] = {}

    @classmethod
    def of_run(cls, run: RunFolder, *, offers: Collection[str], judge: RunFolder | None) -> Kept:
        """By the checksums of the run's weights, its images, and the classifier's weights, and by what the run offers."""
        depends = [checksum(run.weights_file), run.facts().data_checksum, sorted(offers)]
        return cls._of(depends if judge is None else [*depends, checksum(judge.weights_file)])

    @classmethod
    def of_images(cls, settings: RunSettings, fold: int | None) -> Kept:
        """By the settings of an image set and its splits: for all runs that have it."""
        return cls._of(["images", plain_settings(settings.data), *([settings.folds, fold] if fold is not None else [])])

    @classmethod
    def _of(cls, depends: list[Any]) -> Kept:
        key = hashlib.sha256(json.dumps([VERSION, *depends], sort_keys=True).encode()).hexdigest()
        return cls(cache_folder() / "explored" / key[:24])

    def read(self, name: str) -> dict[str, np.ndarray] | None:
        """The arrays of a file, or None."""
        if name in self._in_memory:
            return dict(self._in_memory[name])
        try:
            with open_regular(self._path(name)) as file:
                return unpack_arrays(file, self._path(name))
        except (PapilioError, *BROKEN):
            return None

    def write(self, name: str, arrays: Mapping[str, Any]) -> None:
        """Keep arrays, without those that are None."""
        given: dict[str, Any] = {key: np.asarray(one) for key, one in arrays.items() if one is not None}
        try:
            with open_atomic(self._path(name)) as file:
                np.savez(file, **given)
        except (OSError, StorageError):
            self._in_memory[name] = given

    def has(self, name: str) -> bool:
        return name in self._in_memory or self._path(name).exists()

    def _path(self, name: str) -> Path:
        safe = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)
        short = hashlib.sha256(name.encode()).hexdigest()[:8]
        return self.folder / f"{safe[:60]}-{short}.npz"
