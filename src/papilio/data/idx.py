"""The idx format of MNIST and its relatives, gzipped or plain.

Source: the description on the MNIST page (two zero bytes, a type code, the number of axes, their big-endian lengths,
values).
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path
from typing import Protocol

import numpy as np

from papilio.errors import DataError, reason_of
from papilio.files import open_regular

UNSIGNED_BYTE = 0x08
MAX_VALUES = 2**28  # six times those of MNIST
PIECE_BYTES = 2**20


class SupportsRead(Protocol):
    """A plain or a gzip file."""

    def read(self, size: int, /) -> bytes: ...


def read_idx(path: Path, *, unpacked_md5: str | None, remedy: str) -> np.ndarray:
    """The uint8 array in an idx file, of the shape its header states.

    `unpacked_md5` is the published digest of the unpacked bytes (None: not known, not checked); `remedy` ends each
    message with what to do. Raises DataError, in one line, for a file that is cut short, damaged, or not the published
    one.
    """
    try:
        with open_regular(path) as raw:
            file = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            header, shape = _read_header(file)
            # one byte more than expected: shows what follows, and makes gzip reach and check its checksum
            values = _read_at_most(file, math.prod(shape) + 1)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataError(f"{path}: cannot be read as idx ({reason_of(error)}); {remedy}") from error
    if len(values) != math.prod(shape):
        found = "more" if len(values) > math.prod(shape) else f"{len(values)}"
        raise DataError(f"{path}: {found} values found, its header says {math.prod(shape)} {shape}; {remedy}")
    refuse_other_bytes(path, hashlib.md5(header + values).hexdigest(), unpacked_md5, remedy=remedy)
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def refuse_other_bytes(path: Path, found: str, published: str | None, *, remedy: str) -> None:
    """Raise DataError where a digest is known and another one was found."""
    if published is not None and found != published:
        raise DataError(f"{path}: not the published file (checksum {found}, expected {published}); {remedy}")


def _read_header(file: SupportsRead) -> tuple[bytes, tuple[int, ...]]:
    """The header's bytes and the shape it states; ValueError where it is none."""
    start = file.read(4)
    if len(start) < 4 or start[:3] != bytes((0, 0, UNSIGNED_BYTE)) or not 1 <= start[3] <= 4:
        raise ValueError(f"it begins with {start.hex() or 'nothing'}, an idx file of bytes with 000008 and 1 to 4 axes")
    lengths = file.read(4 * start[3])
    if len(lengths) < 4 * start[3]:
        raise ValueError("it ends inside its header")
    shape = struct.unpack(f">{start[3]}I", lengths)
    if math.prod(shape) > MAX_VALUES:
        raise ValueError(f"its header states {math.prod(shape):,} values, at most {MAX_VALUES:,} are read")
    return start + lengths, shape


def _read_at_most(file: SupportsRead, num_bytes: int) -> bytes:
    """So many bytes, or those that there are: a header is not believed before they have come."""
    pieces: list[bytes] = []
    while num_bytes and (piece := file.read(min(num_bytes, PIECE_BYTES))):
        pieces.append(piece)
        num_bytes -= len(piece)
    return b"".join(pieces)
