"""Ways to make wrong values of plain data: tables, lists, texts and numbers, as TOML and JSON have them."""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.faults.damage import damaged

VALUES: tuple[Any, ...] = (
    True,
    0,
    -1,
    1,
    7,
    2**31,
    2**63,
    -(10**30),
    0.0,
    0.5,
    -2.5,
    1e308,
    float("inf"),
    float("nan"),
    "",
    "x",
    "a\nb",
    "../../x",
    "5",
    "true",
    "x" * 5000,
    "\x7f\u200b",
    "os:getcwd",
    "nowhere:nothing",
    [],
    [1],
    [[1, 2], "x"],
    {},
    {"name": "x"},
    {"run": "x"},
    {"low": 1, "high": 0},
)
Place = tuple[Any, Any]  # what holds a value, and its key or number there


def places(value: Any) -> Iterator[Place]:
    """Every place in tables and lists within each other."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from places(inner)


def with_wrong_values(plain: Any, rng: random.Random, *, values: tuple[Any, ...] = VALUES) -> Any:
    """A copy with one to three values replaced, removed, renamed, or put elsewhere."""
    changed = copy.deepcopy(plain)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if found := list(places(changed)):
            holder, key = rng.choice(found)
            rng.choice(CHANGES)(holder, key, rng, values)
    return changed


def _replace(holder: Any, key: Any, rng: random.Random, values: tuple[Any, ...]) -> None:
    holder[key] = copy.deepcopy(rng.choice(values))


def _remove(holder: Any, key: Any, rng: random.Random, values: tuple[Any, ...]) -> None:
    del holder[key]


def _rename(holder: Any, key: Any, rng: random.Random, values: tuple[Any, ...]) -> None:
    if isinstance(holder, dict):
        name = rng.choice((f"{key}x", str(key)[:-1], "", "x" * 3000, "a\nb", str(key).upper()))
        holder[name] = holder.pop(key)


def _wrap(holder: Any, key: Any, rng: random.Random, values: tuple[Any, ...]) -> None:
    holder[key] = rng.choice(([holder[key]], {"x": holder[key]}, str(holder[key]), [holder[key]] * 3))


CHANGES: tuple[Callable[[Any, Any, random.Random, tuple[Any, ...]], None], ...] = (
    _replace,
    _replace,
    _replace,
    _remove,
    _rename,
    _wrap,
)


def damage_file(path: Path, rng: random.Random) -> None:
    """Damage a file's bytes, or put something else in its place."""
    content = path.read_bytes()
    if rng.random() < 0.75:
        path.write_bytes(damaged(content, rng, head=200))
        return
    path.unlink()
    rng.choice(OTHER_THINGS)(path, rng)


def _nothing(path: Path, rng: random.Random) -> None: ...


def _folder(path: Path, rng: random.Random) -> None:
    path.mkdir()


def _full_folder(path: Path, rng: random.Random) -> None:
    path.mkdir()
    (path / "notes.txt").write_text("mine")


def _loop(path: Path, rng: random.Random) -> None:
    path.symlink_to(path.name)


def _nowhere(path: Path, rng: random.Random) -> None:
    path.symlink_to("nowhere/at-all")


def _pipe(path: Path, rng: random.Random) -> None:
    os.mkfifo(path)


def _device(path: Path, rng: random.Random) -> None:
    path.symlink_to(rng.choice(("/dev/null", "/dev/zero", "/dev/full")))


def _empty(path: Path, rng: random.Random) -> None:
    path.write_bytes(b"")


def _foreign(path: Path, rng: random.Random) -> None:
    path.write_bytes(
        rng.choice(
            (b"\x89PNG\r\n\x1a\n", b"PK\x03\x04" + bytes(30), b"#!/bin/sh\n", b"null", b"[]", b"{}\n", b"\xff\xfe{\x00")
        )
    )


OTHER_THINGS = (_nothing, _folder, _full_folder, _loop, _nowhere, _pipe, _foreign, _device, _empty)
