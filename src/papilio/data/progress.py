"""How far the reading, fetching or drawing of images is, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable


def reading_progress() -> Callable[[int, int, str], None] | None:
    """A callback (done, total, what) that shows on a terminal how far reading images is; None elsewhere.

    A total of 0 means that it is not known yet.
    """
    if not sys.stderr.isatty():
        return None

    def show(done: int, total: int, what: str) -> None:
        is_last = bool(total) and done >= total
        of = f" of {total:,}" if total else ""
        print(f"\r{what}: {done:,}{of}\x1b[K", end="\n" if is_last else "", file=sys.stderr, flush=True)

    return show
