"""Shares of importance where the truth is known."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import optuna
import pytest

from papilio.analysis import importance
from papilio.analysis.importance import setting_importance

KEYS = ("train.learning_rate", "model.dropout", "model.filters", "train.optimizer")
GRID = [
    dict(zip(KEYS, values, strict=True))
    for values in itertools.product([1e-4, 1e-3, 1e-2], [0.1, 0.3, 0.5], [[16, 32], [32, 64]], [{"name": "adam"}, {}])
]


def test_a_grids_shares_are_those_of_its_variances():
    effects = [2.0 * (point[KEYS[0]] == 1e-3) - 1.0 * (point[KEYS[2]] == [32, 64]) for point in GRID]
    found = setting_importance(GRID, effects)
    variances = {KEYS[0]: 4 * (1 / 3) * (2 / 3), KEYS[2]: 1 / 4}  # of one that is there in a third, a half of the grid
    assert list(found.shares)[:2] == [KEYS[0], KEYS[2]]
    assert found.shares[KEYS[0]] == pytest.approx(variances[KEYS[0]] / sum(variances.values()), abs=0.02)
    assert found.shares[KEYS[1]] == pytest.approx(0, abs=0.01)
    assert sum(found.shares.values()) == pytest.approx(1)
    assert found.num_trials == len(GRID)
    assert found.reason is None


@pytest.mark.parametrize("key", KEYS)
def test_every_kind_of_value_can_matter(key: str):
    first = GRID[0][key]
    found = setting_importance(GRID, [float(point[key] == first) for point in GRID])
    assert found.shares[key] > 0.97


def test_a_scale_does_not_matter():
    random = np.random.default_rng(0)
    exponents = random.uniform(-5, -1, size=120)
    values = [-((one + 3) ** 2) + float(random.normal(0, 0.05)) for one in exponents]
    other = random.uniform(size=120).tolist()
    plain = setting_importance([{"a": one, "b": two} for one, two in zip(exponents, other, strict=True)], values)
    powers = setting_importance([{"a": 10.0**one, "b": two} for one, two in zip(exponents, other, strict=True)], values)
    assert plain.shares == pytest.approx(powers.shares)
    assert plain.shares["a"] > 0.95


def test_a_key_that_is_missing_is_a_category():
    points: list[dict[str, Any]] = [
        {"a": index % 5} | ({"b": 0.5 + index % 3} if index % 2 else {}) for index in range(60)
    ]
    found = setting_importance(points, [float("b" in point) for point in points])
    assert found.shares["b"] > 0.97


def test_noise_has_no_importance():
    noise = np.random.default_rng(1).normal(size=len(GRID)).tolist()
    found = setting_importance(GRID, noise)
    assert found.shares == {}
    assert found.reason is not None
    assert "no setting predicts" in found.reason


@pytest.mark.parametrize(
    ("points", "values", "reason"),
    [
        (GRID[:7], range(7), "it takes 8 finished trials, and there are 7"),
        (GRID, [0.5] * len(GRID), "the metric never differs"),
        ([{"a": 1}] * 20, range(20), "no setting differs"),
        ([*GRID[:7], {"a": 1}], [*range(7), float("nan")], "there are 7"),
    ],
)
def test_too_little_is_said(points: list[dict[str, Any]], values: list[float], reason: str):
    found = setting_importance(points, list(values))
    assert found.shares == {}
    assert reason in str(found.reason)


def test_many_trials_are_thinned_evenly(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importance, "MOST_TRIALS", 40)
    points = [{"a": index, "b": index % 7} for index in range(400)]
    found = setting_importance(points, [float(point["a"]) for point in points])
    assert found.num_trials == 40
    assert found.shares["a"] > 0.95


def test_many_categories_stay_quick():
    """Optuna's own columns, one a category, would take two to the power of thirty steps here."""
    points = [{"kind": f"k{index % 30}", "b": index % 4} for index in range(240)]
    found = setting_importance(points, [float(index % 30 < 10) for index in range(240)])
    assert found.shares["kind"] > 0.9


def test_optuna_stays_as_it_was(capfd: pytest.CaptureFixture[str]):
    optuna.logging.set_verbosity(optuna.logging.INFO)
    setting_importance(GRID, [point[KEYS[1]] for point in GRID])
    assert optuna.logging.get_verbosity() == optuna.logging.INFO
    assert capfd.readouterr() == ("", "")


def test_the_same_trials_give_the_same_shares():
    values = [point[KEYS[1]] ** 2 for point in GRID]
    assert setting_importance(GRID, values) == setting_importance(GRID, values)
