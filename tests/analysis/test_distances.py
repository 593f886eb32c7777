"""Distances between sets of features: against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from papilio.analysis import distances
from papilio.analysis.distances import frechet_distance, kernel_distance, kernel_spread, precision_recall


def normal(mean: float | list[float], scale: float | list[float], *, num: int, size: int = 4, seed: int) -> np.ndarray:
    return mean + scale * np.random.default_rng(seed).standard_normal((num, size))


def with_moments(mean: np.ndarray, covariance: np.ndarray, *, seed: int) -> np.ndarray:
    """Points whose mean and covariance are exactly those."""
    drawn = np.random.default_rng(seed).standard_normal((200, len(mean)))
    drawn -= drawn.mean(axis=0)
    white = drawn @ np.linalg.inv(np.linalg.cholesky(np.cov(drawn, rowvar=False))).T
    return white @ np.linalg.cholesky(covariance).T + mean


def random_covariance(seed: int) -> np.ndarray:
    root = np.random.default_rng(seed).standard_normal((3, 3))
    return root @ root.T + 0.1 * np.eye(3)


def test_frechet_distance_of_independent_features_is_that_of_their_means_and_deviations() -> None:
    means, deviations = np.array([[0, 1, 2], [3, 1, 0.0]]), np.array([[1, 2, 0.5], [0.2, 1, 3.0]])
    one, other = (with_moments(means[i], np.diag(deviations[i] ** 2), seed=i) for i in range(2))
    expected = np.square(means[0] - means[1]).sum() + np.square(deviations[0] - deviations[1]).sum()
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_is_that_of_the_formula_with_a_matrix_root() -> None:
    from scipy.linalg import sqrtm

    of_one, of_other = random_covariance(1), random_covariance(2)
    one, other = with_moments(np.zeros(3), of_one, seed=3), with_moments(np.array([1.0, 2.0, 0.0]), of_other, seed=4)
    expected = 5 + np.trace(of_one + of_other - 2 * np.real(sqrtm(of_one @ of_other)))
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(one, other) == pytest.approx(frechet_distance(other, one), rel=1e-9)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_to_a_single_point_is_its_distance_and_the_spread() -> None:
    one = with_moments(np.zeros(3), np.eye(3), seed=0)
    point = np.repeat([[2.0, 0, 0]], 50, axis=0)
    assert frechet_distance(one, point) == pytest.approx(4 + 3, rel=1e-9)


def test_kernel_distance_of_one_distribution_is_near_0_on_either_side() -> None:
    found = [kernel_distance(normal(0, 1, num=300, seed=i), normal(0, 1, num=300, seed=100 + i)) for i in range(20)]
    error = np.std(found) / np.sqrt(20)
    assert abs(np.mean(found)) < 4 * error and min(found) < 0 < max(found)
    assert kernel_distance(normal(0, 1, num=300, seed=0), normal(1, 1, num=300, seed=1)) > 20 * np.std(found)


def test_kernel_distance_is_the_unbiased_sum_over_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = normal(0, 1, num=6, seed=0), normal(1, 2, num=5, seed=1)

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / 4 + 1) ** 3)

    def among(points: np.ndarray) -> float:
        return float(np.mean([kernel(points[i], points[j]) for i, j in np.ndindex(len(points), len(points)) if i != j]))

    between = np.mean([kernel(x, y) for x in one for y in other])
    expected = among(one) + among(other) - 2 * between
    assert kernel_distance(one, other) == pytest.approx(expected, rel=1e-9)
    monkeypatch.setattr(distances, "ROWS", 2)
    assert kernel_distance(one, other) == pytest.approx(expected, rel=1e-9)


def test_the_spread_is_that_of_quarters_of_that_size() -> None:
    one, other = normal(0, 1, num=400, seed=0), normal(0, 1, num=400, seed=1)
    found = [kernel_distance(normal(0, 1, num=100, seed=i), normal(0, 1, num=100, seed=200 + i)) for i in range(60)]
    assert 0.6 < kernel_spread(one, other) / np.std(found) < 1.6
    assert kernel_spread(one, other) == kernel_spread(one, other)
    with pytest.raises(ValueError, match="7 and 400 rows are too few for a spread; it takes 8 of each"):
        kernel_spread(one[:7], other)


def test_precision_and_recall_of_constructed_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = normal(0, 0.1, num=100, seed=0), normal(10, 0.1, num=100, seed=1)
    real = np.concatenate([left, right])
    # half of the clusters, all of them well within it: nothing wrong, half is missing
    inner = normal(0, 0.02, num=100, seed=2)
    precision, recall = precision_recall(real, normal(0, 0.1, num=100, seed=3))
    assert precision > 0.7 and recall < 0.5
    assert precision_recall(real, inner)[0] == 1.0
    # a third cluster beside both
    precision, recall = precision_recall(real, np.concatenate([real, normal(5, 0.1, num=200, seed=4)]))
    assert precision == pytest.approx(0.5, abs=0.01) and recall == 1.0
    assert precision_recall(left, right) == (0.0, 0.0)
    monkeypatch.setattr(distances, "ROWS", 7)
    assert precision_recall(real, inner)[0] == 1.0


def test_the_same_image_again_and_again_covers_nothing() -> None:
    real = normal(0, 1, num=200, seed=0)
    assert precision_recall(real, np.zeros((200, 4)))[1] == 0.0
    assert precision_recall(real, np.repeat(real[:1], 200, axis=0)) == (1.0, 1 / 200)


def test_a_neighbor_counts_up_to_its_distance() -> None:
    real = np.array([[0.0], [1.0], [2.0], [3.0]])  # the third neighbor of 0 is 3 away, of 1 it is 2 away
    assert precision_recall(real, np.array([[-3.0], [5.9], [6.1], [20.0]]))[0] == 0.5


def test_the_spread_is_the_deviation_of_a_sample_of_quarters(monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter(range(distances.SUBSETS))
    monkeypatch.setattr(distances, "kernel_distance", lambda *sets: float(next(found)))
    points = np.zeros((8, 2))
    assert distances.kernel_spread(points, points) == pytest.approx(np.std(np.arange(distances.SUBSETS), ddof=1))
