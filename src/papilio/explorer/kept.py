"""What was computed of a run's map is kept in the cache folder: clouds, spaces and maps, by what they depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from papilio.data.arrays import BROKEN
from papilio.data.npz import unpack_arrays
from papilio.data.places import cache_folder
from papilio.errors import PapilioError, StorageError
from papilio.explorer.cloud import Cloud, Space
from papilio.files import checksum, open_atomic, open_regular
from papilio.runs.folder import RunFolder

VERSION = 3  # of what is computed: another one, and nothing that is kept is used
VALUES = "values-"


class Kept:
    """The arrays that are kept of a run on an image set. A file that cannot be read is as good as none; what
    cannot be written is kept in memory, for as long as the page is served."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._in_memory: dict[str, dict[str, np.ndarray]] = {}

    @classmethod
    def of_run(cls, run: RunFolder, *, judge: RunFolder | None) -> Kept:
        """By the checksums of the run's weights, its images, and the classifier's weights."""
        depends = [VERSION, checksum(run.weights_file), run.facts().data_checksum]
        if judge is not None:
            depends.append(checksum(judge.weights_file))
        return cls(cache_folder() / "explored" / hashlib.sha256(json.dumps(depends).encode()).hexdigest()[:24])

    def cloud(self) -> Cloud | None:
        """The points, where they are kept."""
        arrays = self.read("cloud")
        if arrays is None:
            return None
        values = {name.removeprefix(VALUES): arrays.pop(name) for name in sorted(arrays) if name.startswith(VALUES)}
        known = {one.name for one in fields(Cloud)}
        return Cloud(**arrays, values=values) if {"indices", "splits", "labels"} <= arrays.keys() <= known else None

    def keep_cloud(self, cloud: Cloud) -> None:
        arrays = {one.name: getattr(cloud, one.name) for one in fields(Cloud) if one.name != "values"}
        self.write("cloud", {**arrays, **{VALUES + name: values for name, values in cloud.values.items()}})

    def space(self, name: str) -> Space | None:
        """One of the spaces, where it is kept."""
        arrays = self.read(f"space-{name}")
        if arrays is None or not {"features", "dimensions"} <= arrays.keys():
            return None
        return Space(arrays["features"], int(arrays["dimensions"]), arrays.get("center"), arrays.get("directions"))

    def keep_space(self, name: str, space: Space) -> None:
        self.write(f"space-{name}", {one.name: getattr(space, one.name) for one in fields(Space)})

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
