"""What is said of readings: the numbers that training records, and the images that stand for them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from papilio.analysis.reading import error_summary, extremes, mean_by_value
from papilio.data.quantities import CLOCK, Quantity, circular_difference
from papilio.targets.quantity import scores


@pytest.mark.parametrize("quantity", [CLOCK, Quantity(360.0, "°"), Quantity(1.0)], ids=str)
@pytest.mark.parametrize("num", [1, 9, 5000])
def test_a_summary_has_the_numbers_of_training(quantity: Quantity, num: int) -> None:
    random = np.random.default_rng(num)
    values = random.uniform(0, quantity.period, num)
    predicted = np.remainder(values + random.normal(0, quantity.period / 40, num), quantity.period)
    predicted[::3] = np.round(values[::3]) % quantity.period  # at the limits of what is near
    found = scores(torch.from_numpy(predicted), torch.from_numpy(values), quantity)
    sizes = found.pop("error").numpy()
    summary = error_summary(predicted, values, quantity)
    assert summary == {
        "mean": sizes.mean(),
        "median": np.median(sizes),
        "p90": np.quantile(sizes, 0.9),
        **{name: share.item() for name, share in found.items()},
    }


def test_errors_go_the_short_way_round() -> None:
    differences = circular_difference(np.array([10.0, 710.0, 360.0]), np.array([710.0, 10.0, 0.0]), 720.0)
    assert differences.tolist() == [20.0, -20.0, -360.0]


def test_the_best_the_median_and_the_worst() -> None:
    errors = np.array([5.0, 1.0, 4.0, 2.0, 3.0])
    assert extremes(errors, 2).tolist() == [[1, 3], [3, 4], [0, 2]]
    assert extremes(errors, 5).shape == (3, 5)


def test_the_mean_error_of_each_stretch() -> None:
    found = mean_by_value(np.array([1.0, 3.0, 5.0]), np.array([0.0, 1.0, 99.9]), 100.0, num_bins=4)
    np.testing.assert_array_equal(found, [2.0, np.nan, np.nan, 5.0])
