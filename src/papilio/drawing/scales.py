"""Where a setting's values lie on an axis: numbers by their size, or its logarithm; all else as named places."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.ticker import MaxNLocator

from papilio.results import words
from papilio.settings.values import canonical

MOST_NAMED = 6  # different numbers that get a tick each
DECADES = 2.0  # a wider span is drawn on a logarithmic scale
ABSENT = "not set"


@dataclass(frozen=True)
class Scale:
    """One axis: where each trial lies on it, and its ticks; for a logarithmic one in powers of ten."""

    label: str
    places: Float[np.ndarray, " n"]
    ticks: tuple[tuple[float, str], ...]
    ends: tuple[float, float]
    has_named_places: bool = False  # few enough values that trials share places
    num_clipped: int = 0  # trials beyond an end, which lie there

    def shares(self) -> Float[np.ndarray, " n"]:
        """The places as shares of the axis."""
        return np.asarray([self.share(place) for place in self.places.tolist()])

    def share(self, place: float) -> float:
        """A place as a share of the axis, kept within it."""
        low, high = self.ends
        return min(max((place - low) / (high - low), 0.0), 1.0)


def setting_scale(label: str, values: Sequence[Any], *, space: Any = None) -> Scale:
    """The axis of a varied key; None stands for a key that a trial does not have.

    `space` is what the study says of the key, a list of values or a table of a range; None where it says nothing.
    """
    known = [value for value in values if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        return _number_scale(label, values, is_log=_is_log(known, space))
    return _named_scale(label, values, order=_listed(space))


def metric_scale(label: str, values: Sequence[float], *, higher_is_better: bool) -> Scale:
    """The axis of what is measured; where few bad trials would take most of it, it ends before them: they lie at its end."""
    places = np.asarray(values, dtype=float)
    best, worst = (places.max(), places.min()) if higher_is_better else (places.min(), places.max())
    usual = float(np.quantile(places, 0.1 if higher_is_better else 0.9))
    if abs(best - worst) > 3 * abs(best - usual) > 0:
        worst = best + 1.3 * (usual - best)
    ends = _apart(float(min(best, worst)), float(max(best, worst)))
    num_clipped = int(((places < ends[0]) | (places > ends[1])).sum())
    return Scale(label, np.clip(places, *ends), _round_ticks(ends), ends, num_clipped=num_clipped)


def _number_scale(label: str, values: Sequence[Any], *, is_log: bool) -> Scale:
    known = sorted({float(value) for value in values if value is not None})
    place = math.log10 if is_log else float
    low, high = _apart(place(known[0]), place(known[-1]))
    names = {float(value): words.value_words(value) for value in values if value is not None}
    ticks = _number_ticks(known, names, is_log=is_log)
    if any(value is None for value in values):
        below = low - 0.18 * (high - low)
        ticks, low = ((below, ABSENT), *ticks), below
    places = [low if value is None else place(value) for value in values]
    return Scale(label, np.array(places), ticks, (low, high), has_named_places=len(known) <= MOST_NAMED)


def _number_ticks(known: Sequence[float], names: Mapping[float, str], *, is_log: bool) -> tuple[tuple[float, str], ...]:
    """Each of few values; else round numbers, or powers of ten; of a short logarithmic axis its two ends."""
    places = np.log10(known) if is_log else np.array(known)
    is_spread = len(known) == 1 or np.diff(places).min() > 0.12 * (places[-1] - places[0])
    if len(known) <= MOST_NAMED and is_spread:
        return tuple((float(place), names[value]) for place, value in zip(places, known, strict=True))
    if not is_log:
        return _round_ticks((float(known[0]), float(known[-1])))
    powers = list(range(math.ceil(places[0] - 1e-9), math.floor(places[-1] + 1e-9) + 1))
    powers = powers[:: max(1, -(-len(powers) // 5))]
    if len(powers) < 2:
        return tuple((float(place), f"{10**place:.2g}") for place in (places[0], places[-1]))
    return tuple((float(power), f"{10.0**power:g}".replace("e-0", "e-")) for power in powers)


def _round_ticks(ends: tuple[float, float]) -> tuple[tuple[float, str], ...]:
    ticks = [float(tick) for tick in MaxNLocator(4).tick_values(*ends) if ends[0] <= tick <= ends[1]]
    texts = [f"{tick:.6g}" for tick in ticks]
    if not any("e" in text for text in texts):  # all with the same decimals
        places = max((len(text.partition(".")[2]) for text in texts), default=0)
        texts = [f"{tick:.{places}f}" for tick in ticks]
    return tuple(zip(ticks, map(words.signed, texts), strict=True))


def _named_scale(label: str, values: Sequence[Any], *, order: Sequence[Any]) -> Scale:
    """One place per value, in the study's order, first those that are not set."""
    present = {canonical(value): value for value in values if value is not None}
    listed = {canonical(value): value for value in order if canonical(value) in present}
    names = listed | {text: present[text] for text in sorted(present)}
    if any(value is None for value in values):
        names = {canonical(None): None} | names
    places = {text: float(place) for place, text in enumerate(names)}
    ticks = tuple((places[text], ABSENT if one is None else words.value_words(one)) for text, one in names.items())
    ends = (-0.35, len(names) - 0.65) if len(names) > 1 else (-1.0, 1.0)
    return Scale(label, np.array([places[canonical(value)] for value in values]), ticks, ends, has_named_places=True)


def _is_log(known: Sequence[float], space: Any) -> bool:
    """As the study says; else where the range that it gives, or the values if it gives none, spans enough decades."""
    has_range = isinstance(space, Mapping) and "low" in space
    if has_range and space.get("log", False):
        return True
    low, high = (space["low"], space["high"]) if has_range else (min(known), max(known))
    return low > 0 and high / low >= 10**DECADES


def _listed(space: Any) -> Sequence[Any]:
    values = space.get("values", []) if isinstance(space, Mapping) else space
    return values if isinstance(values, list) else []


def _apart(low: float, high: float) -> tuple[float, float]:
    """Two ends of an axis that are not the same place."""
    return (low, high) if high > low else (low - 0.5, high + 0.5)
