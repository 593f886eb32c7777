"""Main effects of a grid, against hand calculation and closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from papilio.analysis.comparison import paired_comparison
from papilio.analysis.main_effects import Observation, main_effects


def grid(metric, *, seeds: int = 2, depths=(1, 2, 3), dropouts=(0.0, 0.3)) -> list[Observation]:
    return [
        Observation({"depth": depth, "dropout": dropout}, (seed,), metric(depth, dropout, seed))
        for depth, dropout, seed in itertools.product(depths, dropouts, range(seeds))
    ]


def test_additive_effects_are_found_whatever_the_rest_does() -> None:
    found = main_effects(grid(lambda depth, dropout, seed: depth + dropout + 10 * seed), ["depth", "dropout"])
    by_value = {(one.key, one.value): one for one in found}
    assert by_value["dropout", 0.3].difference == pytest.approx(0.3)
    assert by_value["dropout", 0.0].difference == pytest.approx(-0.3)
    assert by_value["depth", 3].difference == pytest.approx(1.5)  # against 1 and 2
    assert by_value["depth", 3].mean == pytest.approx(3 + 0.15 + 5)
    assert by_value["dropout", 0.0].num == 3 and by_value["depth", 1].num == 2


@pytest.mark.parametrize("depths", [(1, 2, 3), (1,)])
def test_the_interval_is_students_over_the_combinations_or_the_seeds_of_a_single_one(depths: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    noise = {(depth, dropout, seed): rng.normal() for depth in depths for dropout in (0.0, 0.3) for seed in range(3)}
    found = main_effects(grid(lambda *where: noise[where], seeds=3, depths=depths), ["dropout"])
    leads = np.array([[noise[depth, 0.3, seed] - noise[depth, 0.0, seed] for seed in range(3)] for depth in depths])
    units = leads.mean(axis=1) if len(depths) > 1 else leads[0]
    low, high = stats.t.interval(0.95, 2, loc=np.mean(units), scale=stats.sem(units))
    assert found[1].num == 3
    assert found[1].difference - found[1].half_width == pytest.approx(low)
    assert found[1].difference + found[1].half_width == pytest.approx(high)
    assert found[1].is_clear == (low > 0 or high < 0)


def test_combinations_that_lack_a_value_do_not_count() -> None:
    whole = grid(lambda depth, dropout, seed: depth + dropout)
    part = [one for one in whole if not (one.settings["depth"] == 1 and one.settings["dropout"] == 0.3)]
    assert {one.num for one in main_effects(part, ["dropout"])} == {2}
    assert main_effects(part[:3], ["dropout"]) == []
    assert main_effects(whole, ["unknown"]) == []


def test_equal_differences_have_no_interval() -> None:
    found = main_effects(grid(lambda depth, dropout, seed: 0.0), ["dropout"])
    assert [one.half_width for one in found] == [None, None] and not found[0].is_clear
    rounded = grid(lambda depth, dropout, seed: (131 - 3 * seed - (dropout > 0)) / 145, seeds=3, depths=(1,))
    assert [one.half_width for one in main_effects(rounded, ["dropout"])] == [None, None]  # up to rounding


def test_folds_of_a_single_combination_are_paired_as_the_comparison_of_trials_pairs_them() -> None:
    rng = np.random.default_rng(0)
    noise = {(dropout, fold): rng.normal() for dropout in (0.0, 0.3) for fold in range(5)}
    found = main_effects(grid(lambda _, *where: noise[where], seeds=5, depths=(1,)), ["dropout"], test_share=1 / 4)
    series = ([noise[dropout, fold] for fold in range(5)] for dropout in (0.3, 0.0))
    assert found[1].half_width == pytest.approx(paired_comparison(*series, test_share=1 / 4).half_width)


def test_folds_of_several_combinations_do_not_widen_their_interval() -> None:
    """Combinations are what is counted there: their runs' means do not overlap as those of folds do."""
    noise = np.random.default_rng(0).normal(size=(3, 2, 5))
    runs = [
        Observation({"depth": depth, "dropout": dropout}, (fold,), noise[depth, dropout, fold])
        for depth, dropout, fold in np.ndindex(noise.shape)
    ]
    assert main_effects(runs, ["dropout"], test_share=1 / 4) == main_effects(runs, ["dropout"])
