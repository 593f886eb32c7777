"""What takes longer than a request: computed in the background, one after another, with a word of how far it is, and second
to what the page asks for."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from papilio.data.progress import Progress

Result = TypeVar("Result")

AT_ONCE = 0.3  # seconds: what takes no longer is answered with its result
QUIET, LONGEST_WAIT = 0.3, 2.0  # seconds


class Stopped(Exception):
    """Nobody waits for a job any more."""


@dataclass(frozen=True)
class Far:
    """How far a job is; `total` 0 where that is not known."""

    done: int
    total: int
    what: str

    def as_plain(self) -> dict[str, object]:
        return {"done": self.done, "total": self.total, "what": self.what}


class Courtesy:
    """Lets work behind the page wait while somebody moves over the map: pictures come first."""

    def __init__(self) -> None:
        self._last = -math.inf

    def heard(self) -> None:
        """A picture was asked for."""
        self._last = time.monotonic()

    def give_way(self) -> None:
        """Wait until nothing was asked for during 0.3 s, but 2 s at most: whoever never stops does not stop the work."""
        end = time.monotonic() + LONGEST_WAIT
        while (now := time.monotonic()) < min(end, self._last + QUIET):
            time.sleep(min(end, self._last + QUIET) - now)


class Jobs(Generic[Result]):
    """Jobs by name. A job is done once: who asks again hears how far it is, then gets its result."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._lock = threading.Lock()
        self._futures: dict[str, Future[Result]] = {}
        self._far: dict[str, Far] = {}
        self._is_closed = False

    def ask(self, name: str, what: str, job: Callable[[Progress], Result]) -> Result | Far:
        """The result, or how far the job is; it is started where it was not. Raises what the job raised, once."""
        with self._lock:
            if name not in self._futures:
                self._far[name] = Far(0, 0, what)
                self._futures[name] = self._pool.submit(job, lambda *far: self._hear(name, Far(*far)))
            future = self._futures[name]
        wait([future], timeout=AT_ONCE)
        if not future.done():
            return self._far[name]
        if future.exception() is not None:
            with self._lock:
                self._futures.pop(name, None)
        return future.result()

    def _hear(self, name: str, far: Far) -> None:
        if self._is_closed:
            raise Stopped
        self._far[name] = far

    def close(self) -> None:
        """Start nothing more, and end the job that has begun as soon as it tells how far it is: no process is left."""
        self._is_closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
