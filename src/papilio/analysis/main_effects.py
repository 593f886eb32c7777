"""What each setting of a grid does by itself: the mean over all that the other settings are, and how sure that is."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from papilio.analysis.comparison import paired_comparison
from papilio.settings.values import canonical


@dataclass(frozen=True)
class Observation:
    """One run of a grid: its settings that vary, what it is paired by besides (a seed, a fold), and its metric."""

    settings: Mapping[str, Any]
    pairing: tuple[Any, ...]
    value: float


@dataclass(frozen=True)
class MainEffect:
    """A value of a setting against the setting's other values.

    `mean` is the metric's mean over the combinations of all other settings, `difference` how far it is above the mean of the
    other values in the same combinations; `half_width` (of the 95% interval of that difference) is None where every
    combination gives the same, up to rounding. Runs of one combination are no independent combinations: each counts with the
    mean over its pairings, and only if there is a single combination are its pairings what is counted.
    """

    key: str
    value: Any
    mean: float
    difference: float
    half_width: float | None
    num: int  # combinations, or the pairings of the only one

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.half_width is not None and abs(self.difference) > self.half_width


def main_effects(
    observations: Sequence[Observation], keys: Sequence[str], *, test_share: float | None = None
) -> list[MainEffect]:
    """The effects of each key that has several values, in the order of values.

    Only combinations that were run with all of a key's values count, so that nothing but the key differs; a key with fewer
    than two of those is left out. `test_share` is that of `papilio.analysis.comparison.paired_comparison`, for runs that are
    paired by folds: it counts where there is a single combination.
    """
    return [effect for key in keys for effect in _of_key(observations, key, test_share)]


def _of_key(observations: Sequence[Observation], key: str, test_share: float | None) -> list[MainEffect]:
    values = {canonical(one.settings.get(key)): one.settings.get(key) for one in observations}
    cells: dict[str, dict[tuple[Any, ...], dict[str, float]]] = {}
    for one in observations:
        rest = canonical({name: value for name, value in one.settings.items() if name != key})
        cells.setdefault(rest, {}).setdefault(one.pairing, {})[canonical(one.settings.get(key))] = one.value
    combinations = [[cell for cell in pairings.values() if len(cell) == len(values)] for pairings in cells.values()]
    whole = [pairings for pairings in combinations if pairings]
    units = whole[0] if len(whole) == 1 else [_mean_cell(pairings) for pairings in whole]
    if len(values) < 2 or len(units) < 2:
        return []
    share = test_share if len(whole) == 1 else None
    return [_effect(key, name, value, units, share) for name, value in values.items()]


def _mean_cell(pairings: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.fmean(cell[name] for cell in pairings) for name in pairings[0]}


def _effect(
    key: str, name: str, value: Any, cells: Sequence[Mapping[str, float]], test_share: float | None
) -> MainEffect:
    own = [cell[name] for cell in cells]
    others = [statistics.fmean(one for other, one in cell.items() if other != name) for cell in cells]
    found = paired_comparison(own, others, test_share=test_share)
    return MainEffect(key, value, statistics.fmean(own), found.difference, found.half_width, len(cells))
