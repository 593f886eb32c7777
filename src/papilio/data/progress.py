"""How far the reading, fetching or drawing of images is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

Progress = Callable[[int, int, str], None]  # how many are done, of how many (0: not known yet), of what

BETWEEN_LINES = 10.0  # seconds, where there is no terminal


def reading_progress() -> Progress:
    """A callback that shows how far it is: on a terminal always, elsewhere with a line now and then."""
    is_terminal, last = sys.stderr.isatty(), time.monotonic()

    def show(done: int, total: int, what: str) -> None:
        nonlocal last
        line = f"{what}: {done:,}" + (f" of {total:,}" if total else "")
        if is_terminal:
            is_last = bool(total) and done >= total
            print(f"\r{line}\x1b[K", end="\n" if is_last else "", file=sys.stderr, flush=True)
        elif time.monotonic() - last > BETWEEN_LINES:
            last = time.monotonic()
            print(line, file=sys.stderr, flush=True)

    return show
