"""How far points keep their neighbors when they are projected, and what neighbors tell of classes and values."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int


def nearest(points: Float[np.ndarray, "n d"], num: int) -> Int[np.ndarray, "n num"]:
    """The indices of each point's nearest other points (Euclidean), nearest first; `num` has to be below n."""
    from sklearn.neighbors import NearestNeighbors  # takes seconds to import

    return NearestNeighbors(n_neighbors=num, algorithm="brute").fit(points).kneighbors(return_distance=False)


def vote_accuracy(
    neighbors: Int[np.ndarray, "n k"], labels: Int[np.ndarray, " m"], *, of: Int[np.ndarray, " n"] | None = None
) -> float:
    """The share of points whose class most of their neighbors have: leave-one-out accuracy of k nearest neighbors.

    `labels` are of all m points; `of` are those whose neighbors are given, by default all. Among classes with equally many
    neighbors, that of the nearest counts.
    """
    votes = np.zeros((len(neighbors), int(labels.max()) + 1))
    for place, column in enumerate(neighbors.T):
        # what ranks add stays below one vote in all, and a nearer one outweighs all that are farther
        votes[np.arange(len(neighbors)), labels[column]] += 1 + 0.5 ** (place + 1)
    return float(np.mean(votes.argmax(axis=1) == (labels if of is None else labels[of])))


def value_error(
    neighbors: Int[np.ndarray, "n k"],
    values: Float[np.ndarray, " m"],
    *,
    period: float,
    of: Int[np.ndarray, " n"] | None = None,
) -> float:
    """How far each value is from the circular mean of its neighbors' values, on average, in units of the values.

    `values` are of all m points; `of` are those whose neighbors are given, by default all.
    """
    angles = values * (math.tau / period)
    turns = np.exp(1j * angles)
    own = turns if of is None else turns[of]
    apart = np.angle(turns[neighbors].mean(axis=1) * own.conj())
    return float(np.mean(np.abs(apart)) * period / math.tau)


def share_kept(before: Int[np.ndarray, "n k"], after: Int[np.ndarray, "n k"]) -> float:
    """The share of each point's neighbors that are among its neighbors afterwards, too, on average."""
    return float(
        np.mean([len(np.intersect1d(one, other)) for one, other in zip(before, after, strict=True)]) / before.shape[1]
    )
