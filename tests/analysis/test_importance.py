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


def test_a_grids_shares_are_exact_and_need_no_forest(monkeypatch: pytest.MonkeyPatch):
    """Importing its libraries took longer than to draw the whole report of a small sweep."""
    monkeypatch.setattr(importance, "_explained", None)
    monkeypatch.setattr(importance, "_shares", None)
    values = [
        10 * (point[KEYS[0]] == 1e-3) + 3 * (point[KEYS[1]] == 0.5) + (point[KEYS[2]] == [32, 64]) for point in GRID
    ]
    variances = {KEYS[0]: 100 * 2 / 9, KEYS[1]: 9 * 2 / 9, KEYS[2]: 1 / 4, KEYS[3]: 0.0}
    for repeated in (1, 3):
        found = setting_importance(GRID * repeated, list(map(float, values)) * repeated)
        assert found.shares == pytest.approx({key: one / sum(variances.values()) for key, one in variances.items()})


def test_a_grid_with_a_hole_goes_to_the_forest(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importance, "_shares", lambda keys, columns, values: {"asked": 1.0})
    effects = [float(point[KEYS[1]]) for point in GRID]
    assert "asked" not in setting_importance(GRID, effects).shares
    assert "asked" in setting_importance(GRID[1:], effects[1:]).shares
    assert "asked" in setting_importance([*GRID, GRID[0]], [*effects, effects[0]]).shares


def test_settings_that_only_matter_together_have_no_share_of_their_own():
    points = [{"a": one, "b": two} for one, two in itertools.product(range(4), range(4))]
    found = setting_importance(points, [float((point["a"] < 2) == (point["b"] < 2)) for point in points])
    assert found.shares == {} and "the settings do not predict" in str(found.reason)


def test_what_is_left_out_of_a_grid_is_predicted_from_the_others_alone():
    """The closed form beside least squares without the point."""
    random = np.random.default_rng(3)
    points = [{"a": one, "b": two} for one, two in itertools.product(range(3), range(4))]
    columns = np.array([[1.0, *(p["a"] == k for k in (1, 2)), *(p["b"] == k for k in (1, 2, 3))] for p in points])
    for strength in (0.0, 0.3, 1.0, 3.0):
        values = strength * np.array([point["a"] for point in points]) + random.normal(size=12)
        errors, of_means = [], []
        for index in range(12):
            rest = np.arange(12) != index
            fitted = np.linalg.lstsq(columns[rest], values[rest], rcond=None)[0]
            errors.append(values[index] - columns[index] @ fitted)
            of_means.append(values[index] - values[rest].mean())
        predicts = np.square(errors).sum() < np.square(of_means).sum()
        assert bool(setting_importance(points, values.tolist()).shares) == predicts


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
    assert "the settings do not predict" in found.reason


@pytest.mark.parametrize(
    ("points", "values", "reason"),
    [
        (GRID[:7], range(7), "it needs at least 8 finished trials (there are 7)"),
        (GRID, [0.5] * len(GRID), "the metric is the same in all trials"),
        ([{"a": 1}] * 20, range(20), "no setting varies"),
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
    setting_importance(GRID[1:], [point[KEYS[1]] for point in GRID[1:]])
    assert optuna.logging.get_verbosity() == optuna.logging.INFO
    assert capfd.readouterr() == ("", "")


def test_the_same_trials_give_the_same_shares():
    points = GRID[1:]
    values = [point[KEYS[1]] ** 2 for point in points]
    assert setting_importance(points, values) == setting_importance(points, values)
