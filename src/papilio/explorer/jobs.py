"""What takes longer than a request: computed in the background, one after another, with a word of how far it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from papilio.data.progress import Progress

Result = TypeVar("Result")

AT_ONCE = 0.3  # seconds: what takes no longer is answered with its result


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
