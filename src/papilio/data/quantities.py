"""What images may show in place of a class: a number that goes round."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

MOST_STRATA = 60  # into which splits are stratified, each with
FEWEST_IN_STRATUM = 200  # images


@dataclass(frozen=True)
class Quantity:
    """A number on a circle: a value and the same value a period later are the same thing.

    Values lie in [0, period). `unit` is written behind them; where `is_time`, values are minutes on a dial of twelve hours,
    written as 05:33.
    """

    period: float
    unit: str = ""
    is_time: bool = False

    @property
    def small_errors(self) -> dict[str, float]:
        """The errors that are counted as small, in units, by the metric that says how many are."""
        if self.is_time:
            return {"within_1_min": 1.0, "within_5_min": 5.0, "within_15_min": 15.0}
        return {"within_1_percent": 0.01 * self.period, "within_5_percent": 0.05 * self.period}

    @property
    def share_metrics(self) -> tuple[str, ...]:
        """The metrics of readings that are shares of images: of small errors, of times those of the right hour."""
        return (*self.small_errors, *(("hour_accuracy",) if self.is_time else ()))

    def words(self, value: float) -> str:
        """A value for people.

        >>> CLOCK.words(333), CLOCK.words(719.6), Quantity(360, "°").words(12.345), Quantity(1).words(0.5)
        ('05:33', '12:00', '12.3°', '0.500')
        >>> Quantity(360, "°").words(359.96), Quantity(0.001, " mm").words(0.000448)
        ('0.0°', '0.000448 mm')
        """
        if self.is_time:
            minute = round(value) % 720
            return f"{minute // 60 or 12:02d}:{minute % 60:02d}"
        rounded = round(value, self._decimals)
        rounded = 0.0 if rounded == round(self.period, self._decimals) else rounded  # the same thing, once around
        return f"{rounded:.{self._decimals}f}{self.unit}"

    @property
    def range_words(self) -> str:
        """What it is, for people.

        >>> CLOCK.range_words, Quantity(400 / 3).range_words
        ('a time on a dial of twelve hours', 'a number on a circle, from 0 to below 133.333')
        """
        if self.is_time:
            return "a time on a dial of twelve hours"
        return f"a number on a circle, from 0 to below {self.period:g}{self.unit}"

    def distance_words(self, distance: float) -> str:
        """A difference of two values for people.

        >>> CLOCK.distance_words(1.26), CLOCK.distance_words(119.7), Quantity(360, "°").distance_words(2.5)
        ('1.3 min', '2 h 0 min', '2.5°')
        """
        if not self.is_time:
            return f"{distance:.{self._decimals}f}{self.unit}"
        if round(distance, 1) < 60:
            return f"{distance:.1f} min"
        minutes = round(distance)
        return f"{minutes // 60} h {minutes % 60} min"

    def interval_words(self, distance: float) -> str:
        """Half an interval for people, rounded up.

        >>> CLOCK.interval_words(0.3), CLOCK.interval_words(75), Quantity(360, "°").interval_words(2.31)
        ('0:01', '1:15', '2.4°')
        """
        if self.is_time:
            minutes = max(1, math.ceil(distance))
            return f"{minutes // 60}:{minutes % 60:02d}"
        step = 10.0**-self._decimals
        return f"{max(1, math.ceil(distance / step)) * step:.{self._decimals}f}{self.unit}"

    def strata(self, values: Float[np.ndarray, " num"]) -> Int[np.ndarray, " num"]:
        """Equal stretches of the circle, as many as have images enough: what splits are stratified by."""
        num = self._num_strata(values)
        return np.minimum(values * (num / self.period), num - 1).astype(np.int64)

    def stratum_words(self, stratum: int, values: Float[np.ndarray, " num"]) -> str:
        """One of those stretches for people."""
        width = self.period / self._num_strata(values)
        if self.is_time:
            return f"{self.words(stratum * width)} to {self.words((stratum + 1) * width)}"
        return " to ".join(f"{one * width:.{self._decimals}f}{self.unit}" for one in (stratum, stratum + 1))

    @staticmethod
    def _num_strata(values: Float[np.ndarray, " num"]) -> int:
        return int(np.clip(len(values) // FEWEST_IN_STRATUM, 1, MOST_STRATA))

    @property
    def _decimals(self) -> int:
        """A thousandth of the period or less is told; of periods from 1 to 100 a thousandth of a unit."""
        return (
            0 if self.period >= 2000 else 1 if self.period >= 100 else 3 - min(0, math.floor(math.log10(self.period)))
        )


CLOCK = Quantity(720.0, "min", is_time=True)


def as_plain(quantity: Quantity | None) -> dict[str, Any] | None:
    """A quantity for JSON; None for none."""
    return None if quantity is None else asdict(quantity)


def from_plain(plain: Mapping[str, Any] | None) -> Quantity | None:
    """The quantity that `as_plain` gave."""
    return None if plain is None else Quantity(**plain)


def circular_difference(values: np.ndarray, others: np.ndarray | float, period: float) -> np.ndarray:
    """values - others the short way around, float64, in [-period / 2, period / 2)."""
    return np.remainder(values.astype(np.float64) - others + period / 2, period) - period / 2
