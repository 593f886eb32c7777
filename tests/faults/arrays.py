"""`.npy`, `.npz` and idx files that are damaged, or that state what no array can be."""

from __future__ import annotations

import functools
import gzip
import io
import random
import struct
from pathlib import Path

import numpy as np
from tests.faults.damage import damaged
from tests.faults.harness import Fault
from tests.faults.pictures import write_files

NUM = 24
HEAD_BYTES = 128
SHAPES = (
    "()",
    "(24,)",
    "(24, 6, 6)",
    "(0, 6, 6)",
    "(-1, 6, 6)",
    "(99999999999, 6, 6)",
    "(24, 6, 6, 1)",
    "(True, 6, 6)",
    "24",
)
SHAPES += (
    f"({'9' * 4400},)",
    "(2**70, 6, 6)",
    "(18446744073709551615, 1, 1)",
    "(24, 6, 0)",
    "('a',)",
    "[24, 6, 6]",
    "(24.0, 6, 6)",
)
TYPES = (
    "'|u1'",
    "'<f8'",
    "'<i8'",
    "'|O'",
    "'|V4'",
    "'<U0'",
    "'<M8[s]'",
    "'x'",
    "[('a', '|u1')]",
    "[('a', 'O')]",
    "('|u1', (2, 3))",
)
TYPES += ("'|b1'", "'<c16'", "'<f2'", "None", "{}", "'|u1' * 99", "[" * 150 + "]" * 150, "'|S2147483647'", "'>u1'")


def odd_array(rng: random.Random) -> Fault:
    """A file of images with one of labels, one of which is odd."""
    way, make = rng.choice(list(WAYS.items()))
    images, labels = sound_arrays(rng)
    files = {"images.npy": npy_bytes(images), "labels.npy": npy_bytes(labels)}
    odd = rng.choice(list(files))
    files[odd] = make(files[odd], rng)
    labels_option = rng.choice((("--labels", "labels.npy"), ("--labels", "labels.npy"), ("--labels", "none")))
    period = ("--period", rng.choice(("360", "360", "1e-300", "1e300", "nan"))) if rng.random() < 0.2 else ()
    command = ("data", rng.choice(("info", "check")), "images.npy", *labels_option, *period)
    return Fault(f"{odd} {way}: {command[1]}", functools.partial(write_files, files), command)


def odd_labels(rng: random.Random) -> Fault:
    """Sound images with labels of any shape, type and value."""
    images, _ = sound_arrays(rng)
    values = rng.choice(
        (
            rng_array(rng, (NUM,), -5, 5),
            rng_array(rng, (NUM, 2), 0, 70),
            rng_array(rng, (NUM, 2), 0, 12),
            np.eye(3)[rng_array(rng, (NUM,), 0, 3)],
            rng_array(rng, (NUM,), 0, 3) * 10 ** rng.choice((0, 3, 17)),
            np.array(["cat", "dog"])[rng_array(rng, (NUM,), 0, 2)],
            np.full(NUM, rng.choice((np.nan, np.inf, 1e300, -0.0))),
            np.zeros((NUM, 0)),
            np.array(5),
            np.zeros((rng.choice((1, NUM - 1, 0)),)),
            np.array(["2024-01-01"] * NUM, dtype="datetime64[D]"),
        )
    )
    kinds = ("u1", "i1", "i8", "u8", "f4", "f8", "f2", "bool", "c8", "S3", "U3")
    if values.dtype.kind in "if" and rng.random() < 0.7:
        with np.errstate(all="ignore"):
            values = values.astype(rng.choice(kinds))
    files = {"images.npy": npy_bytes(images), "labels.npy": npy_bytes(values)}
    period = ("--period", rng.choice(("360", "1e-300", "1e300", "5e-324", "inf"))) if rng.random() < 0.4 else ()
    command = ("data", rng.choice(("info", "check")), "images.npy", "--labels", "labels.npy", *period)
    return Fault(
        f"labels {values.dtype} {values.shape}",
        functools.partial(write_files, files),
        command,
        file="" if period else ".npy",
    )


def odd_published(rng: random.Random) -> Fault:
    """A damaged file in one of the formats of published sets, read by its reader."""
    content = idx_bytes(rng) if rng.random() < 0.6 else npz_bytes(rng)
    suffix = "npz" if content.startswith(b"PK") else "idx"
    content = damaged(content, rng, head=30) if rng.random() < 0.8 else content
    if suffix == "idx" and rng.random() < 0.5:
        content = gzip.compress(content, mtime=0)
        content, suffix = damaged(content, rng, head=10) if rng.random() < 0.5 else content, "gz"
    read = functools.partial(_read_published, f"file.{suffix}")
    return Fault(suffix, functools.partial(write_files, {f"file.{suffix}": content}), read, file=f"file.{suffix}")


def _read_published(name: str, folder: Path) -> None:
    from papilio.data.idx import read_idx
    from papilio.data.npz import read_npz_array

    if name.endswith(".npz"):
        read_npz_array(folder / name, shape=(NUM, 6, 6), remedy="fetch it again")
    else:
        read_idx(folder / name, unpacked_md5=None, remedy="fetch it again")


def sound_arrays(rng: random.Random) -> tuple[np.ndarray, np.ndarray]:
    shape = rng.choice(((NUM, 6, 6), (NUM, 6, 6, 3), (NUM, 3, 6, 6)))
    return rng_array(rng, shape, 0, 256).astype(np.uint8), np.arange(NUM) % 3


def rng_array(rng: random.Random, shape: tuple[int, ...], low: int, high: int) -> np.ndarray:
    return np.random.default_rng(rng.randrange(2**32)).integers(low, high, shape)


def npy_bytes(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npz_bytes(rng: random.Random) -> bytes:
    file = io.BytesIO()
    save = rng.choice((np.savez, np.savez_compressed))
    save(file, *[rng_array(rng, (NUM, 6, 6), 0, 256).astype(np.uint8)] * rng.choice((1, 1, 1, 2)))
    return file.getvalue()


def idx_bytes(rng: random.Random) -> bytes:
    shape = rng.choice(((NUM, 6, 6), (NUM,), (2**31, 6, 6), (2**28, 1), (0,)))
    return bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape) + rng.randbytes(NUM * 36)


def _damaged(content: bytes, rng: random.Random) -> bytes:
    return damaged(content, rng, head=HEAD_BYTES)


def _header(content: bytes, rng: random.Random) -> bytes:
    """A header of the right form that states something odd."""
    shape, kind, order = rng.choice(SHAPES), rng.choice(TYPES), rng.choice(("False", "True", "0", "None"))
    text = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}"
    return _with_header(text, content, rng)


def _text(content: bytes, rng: random.Random) -> bytes:
    text = rng.choice(
        ("[" * 5000, "-" * 9000 + "1", "{" * 300, "{}", "", "(" * 90 + ")" * 90, "'" + "9" * 9000, "\0" * 50, "é")
    )
    return _with_header(text, content, rng)


def _with_header(text: str, content: bytes, rng: random.Random) -> bytes:
    version, width = rng.choice(((1, "<H"), (2, "<I"), (3, "<I")))
    body = text.encode("latin-1", errors="replace") + b"\n"
    length = len(body) if rng.random() < 0.8 else rng.choice((0, 1, 65535, len(body) - 1))
    return b"\x93NUMPY" + bytes((version, 0)) + struct.pack(width, length) + body + content[HEAD_BYTES:]


def _huge_header(content: bytes, rng: random.Random) -> bytes:
    return b"\x93NUMPY\2\0" + struct.pack("<I", rng.choice((2**32 - 1, 2**31, 10**6))) + b" " * rng.choice((10, 10**6))


def _objects(content: bytes, rng: random.Random) -> bytes:
    return npy_bytes(np.array([{"a": 1}] * NUM, dtype=object))


def _other_file(content: bytes, rng: random.Random) -> bytes:
    return rng.choice(
        (b"", npz_bytes(rng), rng.randbytes(300), b"\x93NUMPY", b"1,2,3\n", gzip.compress(content, mtime=0))
    )


WAYS = {
    "damaged": _damaged,
    "header": _header,
    "header again": _header,
    "text": _text,
    "huge header": _huge_header,
    "objects": _objects,
    "other file": _other_file,
}
