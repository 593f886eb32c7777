"""Whether trials come out in the order in which others published them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations, groupby

from papilio.analysis.spreads import Spread, spread_of
from papilio.analysis.stuck import stuck_runs
from papilio.kinds.ranking import Ranking
from papilio.results.metrics import on_split
from papilio.results.published_numbers import PublishedNumber, published_numbers
from papilio.results.results import StudyResults

FEWEST_TRIALS = 3  # whose order is worth a sentence


@dataclass(frozen=True)
class Compared:
    """A trial, what others published of it, and what we measured."""

    trial: str
    published: float
    ours: Spread
    num_stuck: int = 0  # runs that are done but learned nothing


@dataclass(frozen=True)
class Swap:
    """Two trials of which others found one better, and we the other one."""

    theirs: Compared  # the better one by what was published
    ours: Compared

    @property
    def is_within_spread(self) -> bool:
        """Whether they differ by no more than one standard deviation of the difference between single runs."""
        return not self.theirs.ours.is_apart_from(self.ours.ours)


@dataclass(frozen=True)
class Order:
    """A stage's trials with a published number, best first, and the pairs that stand the other way around.

    Trials with the same published number have no order: they make up one group of `published`, and no pair.
    """

    stage: str
    metric: str
    published: tuple[tuple[str, ...], ...]
    measured: tuple[str, ...]
    swaps: tuple[Swap, ...]

    @property
    def num_pairs(self) -> int:
        """How many pairs of trials have an order."""
        return sum(len(one) * len(other) for one, other in combinations(self.published, 2))


def published_orders(results: StudyResults) -> list[Order]:
    """The order of each stage's trials by the metric on test images that goes with the one that ranks them.

    Trials count that were run and stand next to one published number; stages with fewer than three of them are left out,
    those where all have the same, and those that nothing ranks.
    """
    rankings = {stage: ranking for stage in results.stages if (ranking := results.ranking(stage)) is not None}
    orders = [_order(results, stage, ranking) for stage, ranking in rankings.items()]
    return [order for order in orders if len(order.measured) >= FEWEST_TRIALS and order.num_pairs]


def _order(results: StudyResults, stage: str, ranking: Ranking) -> Order:
    metric = on_split(ranking.metric, "test")
    sign = -1 if ranking.is_maximized else 1
    compared = _compared(results, stage, metric)
    theirs = sorted(compared, key=lambda one: sign * one.published)
    ours = sorted(compared, key=lambda one: sign * one.ours.mean)
    swaps = [
        Swap(theirs=one, ours=other)
        for one, other in combinations(theirs, 2)
        if one.published != other.published and ours.index(one) > ours.index(other)
    ]
    groups = tuple(tuple(one.trial for one in equal) for _, equal in groupby(theirs, key=lambda one: one.published))
    return Order(stage, metric, groups, tuple(one.trial for one in ours), tuple(swaps))


def _compared(results: StudyResults, stage: str, metric: str) -> list[Compared]:
    """The trials that stand next to one published number."""
    known = published_numbers(results)
    numbers = [one for one in known if one.published.stage == stage and one.metric == metric]
    times = Counter(one.trial.name for one in numbers if one.trial is not None)
    compared = (_beside(one) for one in numbers if one.trial is not None and times[one.trial.name] == 1)
    return [one for one in compared if one is not None]


def _beside(number: PublishedNumber) -> Compared | None:
    """None where the trial was not run."""
    trial = number.trial
    ours = None if trial is None else spread_of(trial, number.metric)
    if trial is None or ours is None:
        return None
    return Compared(trial.name, number.value, ours, len(stuck_runs(trial)))
