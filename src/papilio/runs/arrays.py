"""Arrays and plain facts as one safetensors file: weights, and the state of training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from papilio.engine import Arrays
from papilio.errors import RunError
from papilio.files import open_atomic

FORMAT = 1
KEY = "papilio"  # the only one in the header: safetensors writes several in any order, and equal files would differ


def save_arrays(path: Path, arrays: Arrays, facts: Mapping[str, Any]) -> None:
    """Write arrays and plain facts atomically.

    Raises StorageError when the disk is full; what was at `path` is then still there.
    """
    header = {KEY: json.dumps({"format": FORMAT, "facts": facts})}
    with open_atomic(path) as file:
        file.write(to_bytes(dict(arrays), metadata=header))


def load_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and facts of `save_arrays`; raises RunError, naming the file, where it is torn or not one of ours."""
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})[KEY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        return arrays, header["facts"]
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise _torn(path, error) from error


def load_facts(path: Path) -> dict[str, Any]:
    """The facts of `save_arrays` alone; raises RunError as `load_arrays` does."""
    try:
        with safe_open(path, framework="numpy") as file:
            return json.loads((file.metadata() or {})[KEY])["facts"]
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise _torn(path, error) from error


def with_prefix(prefix: str, arrays: Arrays) -> dict[str, np.ndarray]:
    """The arrays under `prefix/name`."""
    return {f"{prefix}/{name}": one for name, one in arrays.items()}


def under_prefix(prefix: str, arrays: Arrays) -> dict[str, np.ndarray]:
    """Those arrays that `with_prefix` put there, by their own names again."""
    return {name.removeprefix(f"{prefix}/"): one for name, one in arrays.items() if name.startswith(f"{prefix}/")}


def _torn(path: Path, error: Exception) -> RunError:
    return RunError(f"{path}: not a whole file of weights ({error}); delete it, and the study's command makes it again")
