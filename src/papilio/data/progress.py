"""How far the reading, fetching or drawing of images is, and what else people are told meanwhile."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from typing import IO, Any

from papilio.errors import one_line

Progress = Callable[[int, int, str], None]  # how many are done, of how many (0: not known yet), of what

BETWEEN_LINES = 10.0  # seconds at least, where there is no terminal
MOST_BETWEEN_LINES = 600.0
SHARE_BETWEEN_LINES = 0.1  # of the time that has passed: a log of a day has some hundred lines


class Pace:
    """When a line is due where there is no terminal: soon at first, the longer it takes the more rarely."""

    def __init__(self) -> None:
        self.began = self.last = time.monotonic()

    def is_due(self) -> bool:
        between = max(BETWEEN_LINES, min(MOST_BETWEEN_LINES, SHARE_BETWEEN_LINES * (self.last - self.began)))
        return time.monotonic() - self.last > between

    def told(self) -> None:
        """A line was written."""
        self.last = time.monotonic()


def reading_progress() -> Progress:
    """A callback that shows how far it is: on a terminal always, elsewhere in lines, see `Lines`."""
    if not is_terminal(sys.stderr):
        return Lines()

    def show(done: int, total: int, what: str) -> None:
        is_last = done >= total if total else not done
        tell(f"\r{one_line(state_words(done, total, what))}\x1b[K", end="\n" if is_last else "", file=sys.stderr)

    return show


class Lines:
    """A callback for logs: each step that counts nothing has a line; what is counted has one now and then.

    What has had such a line has a last one when it is finished, or when something else begins.
    """

    def __init__(self) -> None:
        self.pace = Pace()
        self.now = (0, 0, "")
        self.is_open = False  # whether what is counted has had a line, and is not known to be finished

    def __call__(self, done: int, total: int, what: str) -> None:
        if what != self.now[2]:
            self._close()
        self.now = (done, total, what)
        is_step, is_end = not done and not total, 0 < total <= done
        if is_step or self.pace.is_due() or (is_end and self.is_open):
            self._tell(state_words(done, total, what))
            self.is_open = not (is_step or is_end)

    def _close(self) -> None:
        done, total, what = self.now
        if self.is_open and not total:  # nobody knew how many there would be
            self._tell(f"{state_words(done, total, what)} in all")
        self.is_open = False

    def _tell(self, line: str) -> None:
        self.pace.told()
        tell(one_line(line), file=sys.stderr)


def state_words(done: int, total: int, what: str) -> str:
    """How far something is, in a line.

    >>> state_words(0, 0, "loading the run"), state_words(7, 0, "looking"), state_words(1000, 2000, "decoding")
    ('loading the run', 'looking: 7', 'decoding: 1,000 of 2,000')
    """
    return what if not done and not total else f"{what}: {done:,}" + (f" of {total:,}" if total else "")


def is_terminal(stream: IO[Any] | None) -> bool:
    """Whether somebody sits at a standard stream, which may be closed."""
    return stream is not None and not stream.closed and stream.isatty()


def tell(line: str, *, file: IO[str] | None, end: str = "\n") -> None:
    """Write a line of progress; where nobody reads it any more, or a disk is full, the work continues without."""
    with contextlib.suppress(OSError, ValueError):
        print(line, end=end, file=file, flush=True)
