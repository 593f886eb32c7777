"""Which settings matter: points of a search space and their values in, each key's share of the variance out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from papilio.settings.values import canonical

FEWEST_TRIALS = 8
MOST_TRIALS = (
    500  # of more, so many are taken evenly over the order by value: the trees' time grows faster than their number
)
NUM_TREES = 64
DEEPEST = 8  # levels of a tree: deeper ones cost several times as long and change shares by about a hundredth


@dataclass(frozen=True)
class Importance:
    """Each varied key's share, largest first; together 1. Empty where there is nothing to tell, `reason` says why."""

    shares: dict[str, float]
    num_trials: int  # that were used
    reason: str | None = None


def setting_importance(points: Sequence[Mapping[str, Any]], values: Sequence[float]) -> Importance:
    """How much of the variance of `values` over the points each key explains by itself, as a share of what all explain.

    Functional analysis of variance on a random forest (Hutter, Hoos and Leyton-Brown, 2014, An efficient approach for
    assessing hyperparameter importance), as Optuna has it. Each key goes in as one column of ranks: numbers in their order,
    anything else in the order of its text, a key that a point lacks as one more category below all values. So shares do not
    depend on a scale being logarithmic, and a key weighs its values as often as they were tried. (Optuna's own columns, one a
    category, take a time that doubles with every category.)

    Of a complete grid, in which every combination was tried equally often, these variances are those of means, and there is no
    forest: it would estimate the same, and its libraries take seconds to import.

    Gives no shares for fewer than 8 points, for values that are all equal, and where the forest predicts points that it has
    not seen (out of bag) no better than their mean does: its shares would be noise. Of a grid, the sum of what each setting
    does predicts each point from the others.
    """
    finite = [index for index, value in enumerate(values) if np.isfinite(value)]
    chosen = _evenly_by_value([values[index] for index in finite])
    points, values = [points[finite[index]] for index in chosen], [values[finite[index]] for index in chosen]
    keys = [key for key in dict.fromkeys(key for point in points for key in point) if _differs(points, key)]
    if len(points) < FEWEST_TRIALS:
        return Importance(
            {}, len(points), f"it needs at least {FEWEST_TRIALS} finished trials (there are {len(points)})"
        )
    if not keys or len(set(values)) < 2:
        return Importance({}, len(points), "the metric is the same in all trials" if keys else "no setting varies")
    if is_complete_grid(points, keys):
        shares = _shares_of_grid(points, keys, np.array(values))
        return Importance(shares, len(points), None if shares else "the settings do not predict the metric")
    columns = np.stack([_ranks([point.get(key) for point in points]) for key in keys], axis=1)
    if len(keys) > 1 and _explained(columns, np.array(values)) <= 0:
        return Importance({}, len(points), "the settings do not predict the metric")
    return Importance(_shares(keys, columns, values), len(points))


def _evenly_by_value(values: Sequence[float]) -> list[int]:
    """At most MOST_TRIALS indices, evenly over the order by value, in their own order."""
    order = np.argsort(values, kind="stable")
    places = np.linspace(0, len(order) - 1, min(len(order), MOST_TRIALS)).round().astype(int)
    return sorted(int(index) for index in order[places])


def _differs(points: Sequence[Mapping[str, Any]], key: str) -> bool:
    return len({canonical(point.get(key)) for point in points}) > 1


def is_complete_grid(points: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> bool:
    """Whether every combination of the keys' values is there, and each equally often."""
    counts = Counter(tuple(canonical(point.get(key)) for key in keys) for point in points)
    num_combinations = math.prod(len({canonical(point.get(key)) for point in points}) for key in keys)
    return len(counts) == num_combinations and len(set(counts.values())) == 1


def _shares_of_grid(
    points: Sequence[Mapping[str, Any]], keys: Sequence[str], values: Float[np.ndarray, " n"]
) -> dict[str, float]:
    """The variance of each key's means, as a share of all of them; empty where they do not predict a point from the others."""
    mean = values.mean()
    effects, num_parameters = {}, 1
    for key in keys:
        _, places = np.unique([canonical(point.get(key)) for point in points], return_inverse=True)
        counts = np.bincount(places)
        effects[key] = (np.bincount(places, weights=values) / counts - mean)[places]
        num_parameters += len(counts) - 1
    if len(keys) > 1:  # each point has the same weight in its own prediction, because the grid is complete
        left_out = (values - mean - sum(effects.values())) / (1 - num_parameters / len(values))
        if (left_out**2).sum() >= (((values - mean) / (1 - 1 / len(values))) ** 2).sum():
            return {}
    variances = {key: float((effect**2).mean()) for key, effect in effects.items()}
    total = sum(variances.values())
    return {key: one / total for key, one in sorted(variances.items(), key=lambda pair: -pair[1])} if total else {}


def _ranks(values: Sequence[Any]) -> Float[np.ndarray, " n"]:
    """Each value's mean rank, from 0.5 up: equal values share one, so that its room is as wide as it is frequent."""
    known = [value for value in values if value is not None]
    are_numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)
    order = sorted(
        {canonical(value): value for value in known}.items(), key=lambda pair: pair[1] if are_numbers else pair[0]
    )
    places = {canonical(None): -1} | {text: place for place, (text, _) in enumerate(order)}
    codes = np.array([places[canonical(value)] for value in values])
    _, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - counts / 2)[inverse]


def _explained(columns: Float[np.ndarray, "n k"], values: Float[np.ndarray, " n"]) -> float:
    """R² of a forest's predictions for points that its trees have not seen; below 0 it does worse than the mean."""
    from sklearn.ensemble import ExtraTreesRegressor

    forest = ExtraTreesRegressor(NUM_TREES * 2, bootstrap=True, oob_score=True, random_state=0, max_depth=DEEPEST)
    return float(forest.fit(columns, values).oob_score_)


def _shares(keys: Sequence[str], columns: Float[np.ndarray, "n k"], values: Sequence[float]) -> dict[str, float]:
    """Optuna's evaluator over a study in memory; the keys stand for the columns, whose names may be anything."""
    import optuna  # takes a second to import

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study()
        ranges: dict[str, optuna.distributions.BaseDistribution] = {
            key: optuna.distributions.FloatDistribution(0.0, float(len(columns))) for key in keys
        }
        for row, value in zip(columns.tolist(), values, strict=True):
            point = dict(zip(keys, row, strict=True))
            study.add_trial(optuna.trial.create_trial(params=point, distributions=ranges, value=float(value)))
        evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=NUM_TREES, max_depth=DEEPEST, seed=0)
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    finally:
        optuna.logging.set_verbosity(verbosity)
    total = sum(float(share) for share in found.values())
    return {key: float(share) / total for key, share in sorted(found.items(), key=lambda pair: -pair[1])}
