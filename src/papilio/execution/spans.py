"""Times that are not known exactly: from so many seconds to so many, and how people say that."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple

from papilio.results.words import duration


class Span(NamedTuple):
    """From the least to the most seconds that something is expected to take."""

    low: float
    high: float

    def plus(self, other: Span) -> Span:
        """Both, one after the other."""
        return Span(self.low + other.low, self.high + other.high)

    def times(self, number: float) -> Span:
        """The same so many times."""
        return Span(self.low * number, self.high * number)


def least_seconds(runs: Sequence[float], num_workers: int) -> float:
    """What runs of so many seconds take at least on so many workers, each run on one of them.

    >>> least_seconds([10.0] * 9, 8)
    11.25
    """
    return max(sum(runs) / num_workers, max(runs, default=0.0))


def most_seconds(runs: Sequence[float], num_workers: int) -> float:
    """What they take when each goes, in this order, to the next worker that is free: at most, where none takes longer.

    >>> most_seconds([10.0] * 9, 8), most_seconds([10.0] * 8, 8)
    (20.0, 10.0)
    """
    free = [0.0] * num_workers
    for seconds in runs:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


NO_TIME = Span(0.0, 0.0)
STEPS = ((20, 1), (120, 5), (600, 30), (7200, 60), (86400, 600))  # seconds up to which, and what they are rounded to


def spoken_span(span: Span) -> str:
    """A span as people say it, in round numbers.

    >>> spoken_span(Span(43.0, 81.4)), spoken_span(Span(7.1, 7.4)), spoken_span(Span(0.2, 0.4)), spoken_span(Span(4.4, 9.0))
    ('45 s to 1 min 20 s', 'about 7 s', 'about 1 s', '4 to 9 s')
    """
    low, high = (duration(max(1, _rounded(one))) for one in span)
    if low == high:
        return f"about {low}"
    number, _, unit = low.rpartition(" ")
    is_same_unit = number.isdigit() and high.rpartition(" ")[0].isdigit() and high.endswith(f" {unit}")
    return f"{number if is_same_unit else low} to {high}"


def _rounded(seconds: float) -> float:
    step = next((step for limit, step in STEPS if seconds < limit), 3600)
    return round(seconds / step) * step
