"""How far the reading, fetching or drawing of images is, and what else people are told meanwhile."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from typing import IO, Any

from papilio.errors import one_line

Progress = Callable[[int, int, str], None]  # how many are done, of how many (0: not known yet), of what

BETWEEN_LINES = 10.0  # seconds, where there is no terminal


def reading_progress() -> Progress:
    """A callback that shows how far it is: on a terminal always, elsewhere with a line now and then."""
    is_live, last = is_terminal(sys.stderr), time.monotonic()

    def show(done: int, total: int, what: str) -> None:
        nonlocal last
        line = what if not done and not total else f"{what}: {done:,}" + (f" of {total:,}" if total else "")
        if is_live:
            is_last = done >= total if total else not done
            tell(f"\r{one_line(line)}\x1b[K", end="\n" if is_last else "", file=sys.stderr)
        elif time.monotonic() - last > BETWEEN_LINES:
            last = time.monotonic()
            tell(one_line(line), file=sys.stderr)

    return show


def is_terminal(stream: IO[Any] | None) -> bool:
    """Whether somebody sits at a standard stream, which may be closed."""
    return stream is not None and not stream.closed and stream.isatty()


def tell(line: str, *, file: IO[str] | None, end: str = "\n") -> None:
    """Write a line of progress; where nobody reads it any more, or a disk is full, the work continues without."""
    with contextlib.suppress(OSError, ValueError):
        print(line, end=end, file=file, flush=True)
