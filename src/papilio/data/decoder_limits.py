"""What decoders of pictures are held to: how much they decode at once, and what they write past Python."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import warnings
from collections.abc import Iterator

STDERR = 2
MAX_PIXELS_AT_ONCE = 2**26  # decoded by all threads together; a larger picture is decoded alone


@contextlib.contextmanager
def pillow_limits() -> Iterator[None]:
    """Within, Pillow's remarks on odd metadata and many pixels are not shown: what is too large is refused here.

    Warning filters and loggers belong to the process, not to a thread: enter it once, around the threads.
    """
    from PIL import Image

    logger = logging.getLogger("PIL")
    level = logger.level
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            logger.setLevel(level)


class _Room:
    """Pixels that threads may decode at the same time: they wait for each other where there would be more."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.num_pixels = 0

    @contextlib.contextmanager
    def taken(self, num_pixels: int) -> Iterator[None]:
        with self.changed:
            self.changed.wait_for(lambda: not self.num_pixels or self.num_pixels + num_pixels <= MAX_PIXELS_AT_ONCE)
            self.num_pixels += num_pixels
        try:
            yield
        finally:
            with self.changed:
                self.num_pixels -= num_pixels
                self.changed.notify_all()


class _Silence:
    """libtiff writes what it thinks of a damaged file to the process' standard error, past Python: not while it is kept."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.num_inside = 0
        self.stderr: int | None = None

    @contextlib.contextmanager
    def kept(self, is_needed: bool) -> Iterator[None]:
        if not is_needed:
            yield
            return
        with self.lock:
            self.num_inside += 1
            if self.num_inside == 1:
                self._begin()
        try:
            yield
        finally:
            with self.lock:
                self.num_inside -= 1
                if self.num_inside == 0 and self.stderr is not None:
                    os.dup2(self.stderr, STDERR)
                    os.close(self.stderr)

    def _begin(self) -> None:
        try:
            self.stderr = os.dup(STDERR)
        except OSError:  # it is closed
            self.stderr = None
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, STDERR)
        os.close(nowhere)


ROOM, SILENCE = _Room(), _Silence()
