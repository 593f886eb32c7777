"""Mutual information of numbers, from histograms, and how far each factor has a coordinate to itself (MIG)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

BINS = 20


def binned(values: np.ndarray, *, num_bins: int = BINS) -> Int[np.ndarray, " num"]:
    """Numbers as counts from 0: those of a few different ones as they are, others in bins of equal width from the lowest to the
    highest, as in Locatello et al. 2019 (disentanglement_lib, `_histogram_discretize`)."""
    different, codes = np.unique(values, return_inverse=True)
    if len(different) <= num_bins:
        return codes.reshape(-1)
    edges = np.histogram_bin_edges(values, num_bins)[1:-1]
    return np.digitize(values, edges)


def entropy(codes: Int[np.ndarray, " num"]) -> float:
    """Of the values' frequencies, in nats."""
    shares = np.bincount(codes) / len(codes)
    shares = shares[shares > 0]
    return float(-np.sum(shares * np.log(shares)))


def mutual_information(one: Int[np.ndarray, " num"], other: Int[np.ndarray, " num"]) -> float:
    """Of two counts, in nats: the plug-in estimate from their joint frequencies.

    It is too high by about (a - 1)(b - 1) / (2 num) for a and b different values that are independent (Miller 1955).
    """
    joint = entropy(one * (int(other.max()) + 1) + other)
    return max(0.0, entropy(one) + entropy(other) - joint)


def information_matrix(
    latents: Float[np.ndarray, "num latents"], factors: Int[np.ndarray, "num factors"]
) -> Float[np.ndarray, "latents factors"]:
    """The mutual information of each coordinate, binned, with each factor, in nats."""
    codes = [binned(column) for column in latents.T]
    return np.array([[mutual_information(code, factor) for factor in factors.T] for code in codes])


def gaps(
    information: Float[np.ndarray, "latents factors"], entropies: Float[np.ndarray, " factors"]
) -> Float[np.ndarray, " factors"]:
    """(I1 - I2) / H of each factor: the coordinate that tells most of it against the second, as a share of its entropy.

    Their mean is the mutual information gap, MIG (Chen et al. 2018, equation 6). 0 for a factor that never changes.
    """
    padded = np.vstack(
        [information, np.zeros((1, information.shape[1]))]
    )  # of a single coordinate the second is nothing
    highest = np.sort(padded, axis=0)[::-1]
    gap = highest[0] - highest[1]
    return np.divide(gap, entropies, out=np.zeros_like(gap), where=entropies > 0)


def rotated_gap(
    latents: Float[np.ndarray, "num latents"], factors: Int[np.ndarray, "num factors"], *, draws: int = 5, seed: int = 0
) -> float:
    """The mean MIG of the same latents after random rotations, which keep what they know, but not where."""
    rng = np.random.default_rng(seed)
    entropies = np.array([entropy(factor) for factor in factors.T])
    found = []
    for _ in range(draws):
        rotation, triangle = np.linalg.qr(rng.standard_normal((latents.shape[1],) * 2))
        rotation *= np.sign(np.diag(triangle))  # else rotations are not drawn evenly: Mezzadri 2007
        found.append(gaps(information_matrix(latents @ rotation, factors), entropies).mean())
    return float(np.mean(found))
