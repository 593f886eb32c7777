"""By what epochs, runs and trials are ranked, or that they are not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Direction = Literal["min", "max"]  # which end of a metric is better


class Ranking(NamedTuple):
    """The recorded metric that chooses (`val_accuracy`), and which end of it is better."""

    metric: str
    direction: Direction

    @property
    def is_maximised(self) -> bool:
        return self.direction == "max"

    def is_better(self, value: float, than: float) -> bool:
        """Whether one value of the metric beats another."""
        return value > than if self.is_maximised else value < than


def common_ranking(rankings: Iterable[Ranking | None]) -> Ranking | None:
    """What ranks runs of several kinds: the ranking that all of them have, None where they have no such one."""
    different = set(rankings)
    return different.pop() if len(different) == 1 else None
