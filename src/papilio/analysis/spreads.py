"""What a trial's runs come to: their mean, how far they are apart, how sure the mean is."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from papilio.analysis.comparison import mean_interval
from papilio.results.metrics import possible_range
from papilio.results.results import TrialResult
from papilio.results.words import decimals, is_count, mean_spread, signed


@dataclass(frozen=True)
class Spread:
    """A mean over runs, its standard deviation (n - 1; None for one run), and the number of runs."""

    mean: float
    sd: float | None
    n: int
    half_width: float | None = None  # of the mean's 95% interval
    is_count: bool = False
    limits: tuple[float, float] = (-math.inf, math.inf)  # between which the mean lies, whatever happens

    def __str__(self) -> str:
        return mean_spread(self.mean, self.sd, self.n, is_count=self.is_count)

    def is_apart_from(self, other: Spread) -> bool:
        """Whether both means differ by more than one standard deviation of the difference between single runs."""
        return abs(self.mean - other.mean) > math.hypot(self.sd or 0.0, other.sd or 0.0)

    @property
    def interval(self) -> str | None:
        """The mean's 95% interval as far as it is possible; None for one run, and for equal values, which have none."""
        if not self.half_width:
            return None
        low, high = self.limits
        ends = (max(self.mean - self.half_width, low), min(self.mean + self.half_width, high))
        places = 1 if self.is_count else decimals(self.mean, spread=self.half_width)
        return " to ".join(signed(f"{end:.{places}f}") for end in ends)


def spread_of(trial: TrialResult, metric: str) -> Spread | None:
    """Over the trial's finished runs; None where none has the metric."""
    if not trial.has(metric):
        return None
    values, limits = trial.values(metric), possible_range(metric, trial)
    mean = statistics.fmean(values)
    return Spread(mean, trial.spread(metric), len(values), mean_interval(values), is_count(metric), limits)
