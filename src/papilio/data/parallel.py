"""Work on many small items with threads, in order, with few of them in memory at a time."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_THREADS = 8
# a future costs about as much as decoding a tiny picture: each takes a few
ITEMS_A_TASK = 16
TASKS_A_THREAD = 4


def map_threaded(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The function's results in the order of the items; it should release the GIL, as Pillow and hashlib do."""
    num_threads = min(MAX_THREADS, available_cores())
    waiting: deque[Future[list[Result]]] = deque()
    source = iter(items)
    with ThreadPoolExecutor(num_threads) as pool:
        try:
            while chunk := list(itertools.islice(source, ITEMS_A_TASK)):
                waiting.append(pool.submit(lambda chunk: [function(item) for item in chunk], chunk))
                if len(waiting) >= num_threads * TASKS_A_THREAD:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
