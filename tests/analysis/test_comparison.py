"""Intervals and paired tests, held against SciPy and against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from papilio.analysis.comparison import mean_interval, paired_comparison

FIRST, SECOND = [0.92, 0.95, 0.91, 0.93, 0.97], [0.90, 0.94, 0.92, 0.90, 0.93]


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_interval_is_students(confidence: float):
    low, high = stats.t.interval(confidence, 4, loc=np.mean(FIRST), scale=stats.sem(FIRST))
    half_width = mean_interval(FIRST, confidence=confidence)
    assert half_width == pytest.approx((high - low) / 2, rel=1e-12)
    assert half_width == pytest.approx(high - np.mean(FIRST), rel=1e-12)


def test_the_interval_of_two_values_by_hand():
    assert mean_interval([1.0, 3.0]) == pytest.approx(12.706204736432095)  # t(0.975, 1) times sqrt(2) / sqrt(2)


def test_an_interval_needs_two_values():
    assert mean_interval([]) is None
    assert mean_interval([0.9]) is None
    assert mean_interval([0.9, 0.9]) == 0


def test_pairs_are_tested_as_scipy_does():
    expected = stats.ttest_rel(FIRST, SECOND)
    found = paired_comparison(FIRST, SECOND, test_share=None)
    assert found.num_pairs == 5
    assert found.difference == pytest.approx(0.018)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-10)
    assert found.half_width == pytest.approx(expected.confidence_interval(0.95).high - 0.018, rel=1e-10)


def test_folds_widen_the_interval_as_nadeau_and_bengio_say():
    plain = paired_comparison(FIRST, SECOND, test_share=None)
    folds = paired_comparison(FIRST, SECOND, test_share=1 / 4)
    assert plain.half_width is not None
    assert folds.half_width is not None
    assert folds.half_width / plain.half_width == pytest.approx(math.sqrt((1 / 5 + 1 / 4) / (1 / 5)))
    statistic = 0.018 / (np.std(np.subtract(FIRST, SECOND), ddof=1) * math.sqrt(1 / 5 + 1 / 4))
    assert folds.p_value == pytest.approx(2 * stats.t.sf(statistic, 4), rel=1e-10)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=12), st.sampled_from([None, 0.25]))
def test_the_other_way_round_only_the_sign_changes(pairs: list[tuple[float, float]], test_share: float | None):
    first, second = map(list, zip(*pairs, strict=True))
    one, other = (paired_comparison(*both, test_share=test_share) for both in ((first, second), (second, first)))
    assert one.difference == pytest.approx(-other.difference)
    assert (one.p_value is None) == (other.p_value is None)
    assert one.p_value is None or (0 <= one.p_value <= 1 and one.p_value == pytest.approx(other.p_value))


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [([0.9], [0.8], 0.1), ([0.91, 0.81], [0.9, 0.8], 0.01), ([0.9] * 3, [0.9] * 3, 0.0)],
)
def test_what_has_no_spread_cannot_be_tested(first: list[float], second: list[float], difference: float):
    found = paired_comparison(first, second, test_share=None)
    assert found.difference == pytest.approx(difference)
    assert (found.half_width, found.p_value) == (None, None)


def test_pairs_must_be_pairs():
    with pytest.raises(ValueError, match="no pairs"):
        paired_comparison([], [], test_share=None)
    with pytest.raises(ValueError, match="zip"):
        paired_comparison([0.9, 0.8], [0.9], test_share=None)
