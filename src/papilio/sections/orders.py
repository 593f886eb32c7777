"""Whether trials come out in the order in which others published them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import combinations

from papilio.results.results import StudyResults
from papilio.sections.result_tables import Spread, plain_number, published_table
from papilio.sections.stuck import stuck_words

FEWEST_TRIALS = 3  # whose order is worth a sentence


@dataclass(frozen=True)
class Compared:
    """A trial, what others published of it, and what we measured."""

    trial: str
    published: float
    ours: Spread
    stuck: str | None = None  # how many of its runs learned nothing, in words


@dataclass(frozen=True)
class Swap:
    """Two trials of which others found one better, and we the other one."""

    theirs: Compared  # the better one by what was published
    ours: Compared

    def __str__(self) -> str:
        measured = f"measured {self.ours.ours} and {self.theirs.ours}"
        published = f"published {plain_number(self.ours.published)} and {plain_number(self.theirs.published)}"
        remarks = ["no further apart than runs of one trial are"] if self.is_within_spread else []
        remarks += [one.stuck for one in (self.ours, self.theirs) if one.stuck]
        remark = "".join(f"; {one}" for one in remarks)
        return f"{self.ours.trial} before {self.theirs.trial} ({measured}; {published}{remark})"

    @property
    def is_within_spread(self) -> bool:
        """Whether they differ by no more than one standard deviation of the difference between single runs."""
        one, other = self.theirs.ours, self.ours.ours
        return abs(one.mean - other.mean) <= math.hypot(one.sd or 0.0, other.sd or 0.0)


@dataclass(frozen=True)
class Order:
    """A stage's trials with a published number, best first, and the pairs that stand the other way round."""

    stage: str
    metric: str
    published: tuple[str, ...]
    measured: tuple[str, ...]
    swaps: tuple[Swap, ...]

    @property
    def num_pairs(self) -> int:
        """How many pairs of trials there are."""
        return math.comb(len(self.published), 2)


def published_orders(results: StudyResults) -> list[Order]:
    """The order of each stage's trials by the metric on test images that goes with the one that chooses.

    Trials count that were run and stand beside one published number; stages with fewer than three of them are left out.
    """
    orders = [_order(results, stage) for stage in results.stages]
    return [order for order in orders if len(order.published) >= FEWEST_TRIALS]


def _order(results: StudyResults, stage: str) -> Order:
    metric = "test_" + results.chosen_by.removeprefix("val_")
    sign = -1 if results.direction == "max" else 1
    rows = [row for row in published_table(results) if (row.stage, row.metric) == (stage, metric)]
    times = Counter(row.trial for row in rows)
    stuck = {trial.name: stuck_words(trial) for trial in results.trials(stage)} if rows else {}
    compared = [
        Compared(row.trial, row.published, row.ours, stuck[row.trial])
        for row in rows
        if row.trial is not None and row.ours is not None and times[row.trial] == 1
    ]
    theirs = sorted(compared, key=lambda one: sign * one.published)
    ours = sorted(compared, key=lambda one: sign * one.ours.mean)
    swaps = [
        Swap(theirs=one, ours=other)
        for one, other in combinations(theirs, 2)
        if one.published != other.published and ours.index(one) > ours.index(other)
    ]
    return Order(stage, metric, tuple(one.trial for one in theirs), tuple(one.trial for one in ours), tuple(swaps))
