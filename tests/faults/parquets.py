"""Parquet files that are damaged, odd, or unpack to a great deal."""

from __future__ import annotations

import functools
import io
import json
import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tests.faults.damage import damaged
from tests.faults.harness import Fault
from tests.faults.pictures import good_picture, odd_picture, write_files

NUM = 8
LABELS: tuple[tuple[list[Any], Any], ...] = (
    ([0, 1] * 4, pa.timestamp("s")),
    ([1, 2] * 4, pa.decimal128(5)),
    ([[1]] * NUM, None),
    ([None] * NUM, None),
    ([0, None] * 4, pa.int8()),
    ([0.5, 1.0] * 4, None),
    ([2**62, -1] * 4, None),
    (["a\nb", "c"] * 4, None),
    (["a\x1b[31m", "c"] * 4, None),
    (["..", "."] * 4, None),
    (["x" * 5000, "y"] * 4, None),
    (["a\0", "b"] * 4, None),
    (["", " "] * 4, None),
    (["train", "test"] * 4, None),
    ([True, False] * 4, None),
)
NAMES = ("[" * 100_000, "{}", "null", json.dumps({"info": {"features": {"label": {"names": ["a", "a"]}}}}), "\xff")


def odd_parquet(rng: random.Random) -> Fault:
    """A Parquet file, damaged or odd, looked at by one of the commands that read sets."""
    way, make = rng.choice(list(WAYS.items()))
    name = "set.parquet"
    command = rng.choice((("data", "check", name), ("data", "info", name), ("data", "info", name, "--size", "8")))
    content = make(rng)
    return Fault(f"parquet {way}: {command[1]}", functools.partial(write_files, {name: content}), command, file="set")


def _file(table: pa.Table, rng: random.Random) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression=rng.choice(("none", "snappy", "zstd", "gzip")))
    return file.getvalue()


def _pictures() -> list[bytes]:
    return [good_picture(number) for number in range(NUM)]


def _damaged(rng: random.Random) -> bytes:
    content = _file(pa.table({"image": _pictures(), "label": [0, 1] * 4}), rng)
    if rng.random() < 0.5:
        return damaged(content, rng)
    start = len(content) - 400  # where the file says what is in it
    return content[:start] + damaged(content[start:], rng)


def _labels(rng: random.Random) -> bytes:
    values, kind = rng.choice(LABELS)
    return _file(pa.table({"image": _pictures(), "label": pa.array(values, kind)}), rng)


def _images(rng: random.Random) -> bytes:
    column = rng.choice(
        (
            pa.array([None] * NUM, pa.binary()),
            pa.array([{"bytes": None, "path": "x.png"}] * NUM),
            pa.array([{"bytes": one, "path": None} for one in _pictures()]),
            pa.array([[one] for one in _pictures()]),
            pa.array(["x"] * NUM),
            pa.array([odd_picture(rng)[2] for _ in range(NUM)], pa.large_binary()),
        )
    )
    return _file(pa.table({"image": column, "label": [0, 1] * 4}), rng)


def _columns(rng: random.Random) -> bytes:
    names = rng.choice(
        (["image", "image", "label"], ["image", "label", "label"], ["a\nb", "image", "label"], ["x", "y", "z"])
    )
    columns = [pa.array(_pictures()), pa.array(_pictures() if rng.random() < 0.5 else [0, 1] * 4), pa.array([0, 1] * 4)]
    return _file(pa.table(columns, names=names), rng)


def _metadata(rng: random.Random) -> bytes:
    table = pa.table({"image": _pictures(), "label": [0, 1] * 4})
    return _file(table.replace_schema_metadata({"huggingface": rng.choice(NAMES)}), rng)


def _bomb(rng: random.Random) -> bytes:
    """A file of kilobytes whose rows are alike, or are of nothing."""
    size, num = rng.choice(((2**20, 2000), (2**27, 4), (2**16, 64)))
    file = io.BytesIO()
    with pq.ParquetWriter(file, pa.schema({"image": pa.binary(), "label": pa.int64()}), compression="zstd") as writer:
        for _ in range(num // 4):
            writer.write_table(pa.table({"image": pa.array([bytes(size)] * 4, pa.binary()), "label": [0] * 4}))
    return file.getvalue()


def _empty(rng: random.Random) -> bytes:
    return _file(pa.table({"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())}), rng)


WAYS = {
    "damaged": _damaged,
    "damaged again": _damaged,
    "labels": _labels,
    "images": _images,
    "columns": _columns,
    "metadata": _metadata,
    "bomb": _bomb,
    "empty": _empty,
}
