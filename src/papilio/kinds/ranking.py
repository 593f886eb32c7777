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
    def is_maximized(self) -> bool:
        return self.direction == "max"

    def is_better(self, value: float, than: float) -> bool:
        """Whether one value of the metric beats another."""
        return value > than if self.is_maximized else value < than


class Standing(NamedTuple):
    """By what a run is ranked among others.

    `meaning` is equal for runs whose metric means the same: a loss with another factor is another loss. Among runs of other
    meanings it is ranked by `otherwise`, which means the same in all that have it; None where it has no such metric.
    """

    ranking: Ranking | None
    meaning: str = ""
    otherwise: Ranking | None = None


UNRANKED = Standing(None)


def common_ranking(standings: Iterable[Standing]) -> Ranking | None:
    """What ranks runs of several kinds or objectives: what all of them have and means the same in all; None: there is none."""
    different = set(standings)
    if len({(one.ranking, one.meaning) for one in different}) == 1:
        return next(iter(different)).ranking
    others = {one.otherwise for one in different}
    return others.pop() if len(others) == 1 else None
