"""Ways to damage bytes and texts that hold for every format."""

from __future__ import annotations

import random
from collections.abc import Callable

MAGIC_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF)
BIG = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00", b"\x80\x00\x00\x00", b"\xff\xff\xff\x7f")


def damaged(content: bytes, rng: random.Random, *, head: int = 0) -> bytes:
    """The bytes with a few faults; where `head` is given, half of them are within so many bytes of the start."""
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        content = rng.choice(WAYS)(content, rng, head if head and rng.random() < 0.5 else len(content))
    return content


def _flip_bit(content: bytes, rng: random.Random, reach: int) -> bytes:
    return _set(content, rng, reach, lambda byte: byte ^ (1 << rng.randrange(8)))


def _set_byte(content: bytes, rng: random.Random, reach: int) -> bytes:
    return _set(content, rng, reach, lambda byte: rng.choice((*MAGIC_NUMBERS, rng.randrange(256))))


def _set(content: bytes, rng: random.Random, reach: int, change: Callable[[int], int]) -> bytes:
    if not content:
        return content
    at = rng.randrange(min(len(content), max(reach, 1)))
    return content[:at] + bytes([change(content[at])]) + content[at + 1 :]


def _set_number(content: bytes, rng: random.Random, reach: int) -> bytes:
    at = rng.randrange(min(len(content), max(reach, 1)) or 1)
    return content[:at] + rng.choice(BIG) + content[at + 4 :]


def _truncate(content: bytes, rng: random.Random, reach: int) -> bytes:
    return content[: rng.randrange(min(len(content), max(reach, 1)) or 1)]


def _remove_part(content: bytes, rng: random.Random, reach: int) -> bytes:
    at = rng.randrange(min(len(content), max(reach, 1)) or 1)
    return content[:at] + content[at + rng.randrange(1, 64) :]


def _repeat_part(content: bytes, rng: random.Random, reach: int) -> bytes:
    at = rng.randrange(min(len(content), max(reach, 1)) or 1)
    part = content[at : at + rng.randrange(1, 64)]
    return content[:at] + part * rng.choice((2, 2, 100)) + content[at:]


def _insert_noise(content: bytes, rng: random.Random, reach: int) -> bytes:
    at = rng.randrange(min(len(content), max(reach, 1)) or 1)
    return content[:at] + rng.randbytes(rng.randrange(1, 32)) + content[at:]


def _zero_part(content: bytes, rng: random.Random, reach: int) -> bytes:
    at = rng.randrange(min(len(content), max(reach, 1)) or 1)
    num = min(rng.randrange(1, 256), len(content) - at)
    return content[:at] + bytes(num) + content[at + num :]


def _append_noise(content: bytes, rng: random.Random, reach: int) -> bytes:
    return content + rng.randbytes(rng.randrange(1, 1024))


WAYS = (
    _flip_bit,
    _flip_bit,
    _set_byte,
    _set_number,
    _truncate,
    _remove_part,
    _repeat_part,
    _insert_noise,
    _zero_part,
    _append_noise,
)
