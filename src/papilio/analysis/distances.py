"""How far two sets of features lie apart: Fréchet and kernel distance, precision and recall.

Features are float (num, dimension), one row per image.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

ROWS = 1000  # of a matrix of distances at once
SUBSETS = 20  # for the spread of the kernel distance
PARTS = 4  # the whole is so many times as large as a subset


def frechet_distance(real: np.ndarray, made: np.ndarray) -> float:
    """|m1 - m2|² + tr(S1 + S2 - 2 (S1 S2)^(1/2)), of the means and covariances of two sets of features.

    The squared 2-Wasserstein distance of the two normal distributions, Dowson & Landau 1982; of features Heusel et al. 2017,
    "GANs trained by a two time-scale update rule". Fewer images than features make it too large.
    """
    real, made = real.astype(np.float64), made.astype(np.float64)
    away = real.mean(axis=0) - made.mean(axis=0)
    of_real, of_made = (np.atleast_2d(np.cov(one, rowvar=False)) for one in (real, made))
    values, vectors = np.linalg.eigh(of_real)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    # S1 S2 has the eigenvalues of S1^(1/2) S2 S1^(1/2), which is symmetric
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ of_made @ root), 0)).sum()
    return max(0.0, float(away @ away + np.trace(of_real) + np.trace(of_made) - 2 * shared))


def kernel_distance(real: np.ndarray, made: np.ndarray) -> float:
    """The squared maximum mean discrepancy under the kernel (x·y / dimension + 1)³, estimated without bias.

    Its expectation is 0 where both sets come from the same distribution, so that it may be below 0. Bińkowski et al. 2018,
    "Demystifying MMD GANs", section 3.1; they average over subsets, here it is of all images at once;
    `kernel_spread` is of subsets.
    """
    real, made = real.astype(np.float64), made.astype(np.float64)
    between = _kernel_sum(real, made) / (len(real) * len(made))
    return _mean_among(real) + _mean_among(made) - 2 * between


def kernel_spread(real: np.ndarray, made: np.ndarray, *, seed: int = 0) -> float:
    """The standard deviation of the kernel distance over 20 random quarters of both sets; the same seed gives the same.

    Quarters scatter more than the whole does, so that this is a cautious measure of the uncertainty of `kernel_distance`.
    Raises ValueError for sets of fewer than 8, whose quarters have no pairs.
    """
    size = min(len(real), len(made)) // PARTS
    if size < 2:
        raise ValueError(f"{len(real)} and {len(made)} rows are too few for a spread; it takes {2 * PARTS} of each")
    rng = np.random.default_rng(seed)
    found = [
        kernel_distance(*(one[rng.choice(len(one), size, replace=False)] for one in (real, made)))
        for _ in range(SUBSETS)
    ]
    return float(np.std(found, ddof=1))


def precision_recall(real: np.ndarray, made: np.ndarray, *, neighbors: int = 3) -> tuple[float, float]:
    """The share of made images that lie among real ones, and the share of real images that lie among made ones.

    An image lies among others where it is no further from one of them than that one's `neighbors`-th nearest neighbor is
    in its own set. Kynkäänniemi et al. 2019, "Improved precision and recall metric for assessing generative models".
    """
    real, made = real.astype(np.float64), made.astype(np.float64)
    return _share_among(made, real, neighbors), _share_among(real, made, neighbors)


def _kernel_sum(one: np.ndarray, other: np.ndarray) -> float:
    return float(sum(((part @ other.T / one.shape[1] + 1) ** 3).sum() for part in _parts(one)))


def _mean_among(features: np.ndarray) -> float:
    """Of the kernel over all pairs of different images."""
    num = len(features)
    own = ((np.square(features).sum(axis=1) / features.shape[1] + 1) ** 3).sum()
    return float((_kernel_sum(features, features) - own) / (num * (num - 1)))


def _share_among(features: np.ndarray, others: np.ndarray, neighbors: int) -> float:
    radii = np.concatenate(
        # the nearest of all is the image itself
        [np.partition(_squares(part, others), neighbors, axis=1)[:, neighbors] for part in _parts(others)]
    )
    found = [(_squares(part, others) <= radii).any(axis=1) for part in _parts(features)]
    return float(np.concatenate(found).mean())


def _squares(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Squared distances (num of one, num of other); equal rows have exactly 0 between them, up to rounding."""
    found = np.square(one).sum(axis=1)[:, None] + np.square(other).sum(axis=1) - 2 * one @ other.T
    return np.where(found < 1e-9 * (1 + np.square(other).sum(axis=1)), 0, found)


def _parts(features: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(features), ROWS):
        yield features[start : start + ROWS]
