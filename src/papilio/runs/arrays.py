"""Arrays and plain facts as one safetensors file: weights, and the state of training.

A checksum of both stands in the header, so that a file with one bit changed is not taken for a whole one. Files of Papilio
0.1.0 have none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from papilio.engine import Arrays
from papilio.errors import RunError
from papilio.files import open_atomic, open_regular

FORMAT = 1
# what a damaged file, or one of somebody else's, makes the library and the readers of its header raise
UNREADABLE = (SafetensorError, OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError, MemoryError)
KEY = "papilio"  # the only one in the header: safetensors writes several in any order, and equal files would differ


def save_arrays(path: Path, arrays: Arrays, facts: Mapping[str, Any]) -> None:
    """Write arrays and plain facts atomically.

    Raises StorageError when the disk is full; what was at `path` is then still there.
    """
    header = {KEY: json.dumps({"format": FORMAT, "sha256": _digest(arrays, facts), "facts": facts})}
    with open_atomic(path) as file:
        file.write(to_bytes(dict(arrays), metadata=header))


def load_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and facts of `save_arrays`; raises RunError, naming the file, where it is damaged or not one of ours."""
    try:
        with _opened(path) as file:
            header = json.loads((file.metadata() or {})[KEY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        facts, written = header["facts"], header.get("sha256")
        if written is not None and written != _digest(arrays, facts):
            raise ValueError("its checksum does not match")
        return arrays, facts
    except FileNotFoundError:
        raise
    except UNREADABLE as error:
        raise _torn(path, error) from error


def load_facts(path: Path) -> dict[str, Any]:
    """The facts of `save_arrays` alone; raises RunError as `load_arrays` does."""
    try:
        with _opened(path) as file:
            return json.loads((file.metadata() or {})[KEY])["facts"]
    except FileNotFoundError:
        raise
    except UNREADABLE as error:
        raise _torn(path, error) from error


def older_of(path: Path) -> Path:
    """Where `keep_older` keeps the file that another takes the place of."""
    return path.with_name("older.safetensors")


def keep_older(path: Path) -> None:
    """Keep a file under another name, too, before a new one takes its place; there may be none."""
    if not path.exists():
        return
    older_of(path).unlink(missing_ok=True)
    try:
        os.link(path, older_of(path))
    except OSError:  # a file system without links
        path.replace(older_of(path))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file, once it is known to be one: the library would wait at a pipe without end."""
    open_regular(path).close()
    with safe_open(path, framework="numpy") as file:
        yield file


def _digest(arrays: Arrays, facts: Mapping[str, Any]) -> str:
    """Of names, types, shapes and bytes of arrays in the order of names, and of facts as JSON has them."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"\0{name}\0{array.dtype.str}\0{arrays[name].shape}\0".encode())
        digest.update(array.data)
    return digest.hexdigest()


def _torn(path: Path, error: Exception) -> RunError:
    return RunError(f"{path}: not a complete weights file ({error}); delete it and run the study again to recreate it")
