"""Work on many small items with threads, in order, with few of them in memory at a time."""

from __future__ import annotations

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
TASK_BYTES = 2**24
MAX_BYTES = 2**28  # in memory at a time


def map_threaded(
    function: Callable[[Item], Result], items: Iterable[Item], *, num_bytes: Callable[[Item], int] = lambda item: 0
) -> Iterator[Result]:
    """The function's results in the order of the items; it should release the GIL, as Pillow and hashlib do.

    `num_bytes` is what an item and its result take, of which no more than MAX_BYTES wait (or a single item).
    """
    num_threads = min(MAX_THREADS, available_cores())
    waiting: deque[tuple[Future[list[Result]], int]] = deque()
    held_bytes = 0
    with ThreadPoolExecutor(num_threads) as pool:
        try:
            for chunk, chunk_bytes in _chunks(items, num_bytes):
                while waiting and (
                    len(waiting) >= num_threads * TASKS_A_THREAD or held_bytes + chunk_bytes > MAX_BYTES
                ):
                    future, done_bytes = waiting.popleft()
                    yield from future.result()
                    held_bytes -= done_bytes
                waiting.append((pool.submit(lambda chunk: [function(item) for item in chunk], chunk), chunk_bytes))
                held_bytes += chunk_bytes
            while waiting:
                yield from waiting.popleft()[0].result()
        finally:
            for future, _ in waiting:
                future.cancel()


def _chunks(items: Iterable[Item], num_bytes: Callable[[Item], int]) -> Iterator[tuple[list[Item], int]]:
    """The items a few at a time, large ones fewer, with the bytes that they take."""
    chunk: list[Item] = []
    chunk_bytes = 0
    for item in items:
        chunk.append(item)
        chunk_bytes += num_bytes(item)
        if len(chunk) == ITEMS_A_TASK or chunk_bytes >= TASK_BYTES:
            yield chunk, chunk_bytes
            chunk, chunk_bytes = [], 0
    if chunk:
        yield chunk, chunk_bytes


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
