"""The whole plane of two latents: what each of its places decodes to, and where test images lie in it."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from papilio.analysis.latent_scale import has_prior, stratified, training_latents
from papilio.data.imageset import ImageSet
from papilio.engine import Arrays
from papilio.kinds.kind import Planned
from papilio.kinds.options import PlaneOptions
from papilio.runs.run import Run

SIDE = 20
MOST_PIXELS = 640  # of the plane's side: large images make fewer steps
FEWEST = 6
PRIOR_TICKS = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
FITTED_TICKS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])  # shares


def check_plane(options: PlaneOptions, planned: Planned) -> str | None:
    """What a run without two latents has not got."""
    return None if planned.latents in (None, 2) else f"it needs 2 latents, and there are {planned.latents}"


def decode_plane(run: Run, images: ImageSet, options: PlaneOptions) -> Arrays:
    """Decode a grid of the quantiles of two latents, and encode test images.

    Arrays: `plane` uint8 (side, side, channel, height, width), the rows from the largest second latent down; `places` float32
    (n, 2), where test images lie in it, from 0 to 1 to the right and up, and their `labels` (n,), both without a row where the
    run does not encode; `ticks` float64 (2, 5), values of the first and the second latent, and where they lie, `tick_places`
    (2, 5). Quantiles are those of the standard normal prior, or, where a run has none (`is_fitted`), of the latents of training
    images. Empty where the run has not two latents or does not decode.

    Kingma and Welling, Auto-encoding variational Bayes (2014), figure 4: coordinates that are spaced linearly on the unit
    square, sent through the inverse of the normal distribution's cumulative function.
    """
    if "decode" not in run.kind.offers or run.latents != 2:
        return {}
    known = None if has_prior(run) else np.sort(training_latents(run, images).astype(np.float64), axis=0)
    side = options.side or int(np.clip(MOST_PIXELS // max(run.image_shape[1:]), FEWEST, SIDE))
    values = latents_at(shares(side), known)
    across, up = np.meshgrid(values[0], values[1][::-1])
    plane = run.decode(np.stack([across, up], axis=-1).reshape(-1, 2).astype(np.float32))
    latents, labels = np.zeros((0, 2), np.float32), images.labels[:0]
    if "encode" in run.kind.offers and options.points:
        chosen = stratified(images, images.indices("test"), most=options.points, seed=options.seed)
        latents, labels = run.encode(images.images[chosen]), images.labels[chosen]
    ticks = np.tile(PRIOR_TICKS, (2, 1)) if known is None else latents_at(FITTED_TICKS, known)
    return {
        "plane": plane.reshape(side, side, *plane.shape[1:]),
        "places": shares_of(latents, known).astype(np.float32),
        "labels": labels,
        "ticks": ticks,
        "tick_places": shares_of(ticks.T, known).T,
        "is_fitted": np.array(known is not None),
    }


def shares(num: int) -> np.ndarray:
    """The middles of `num` equal parts of the line from 0 to 1: float64 (num,)."""
    return (np.arange(num) + 0.5) / num


def latents_at(shares: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    """Each latent's quantiles: float64 (2, shares); of sorted latents `known` (num, 2), or of the standard normal prior."""
    return np.tile(ndtri(shares), (2, 1)) if known is None else np.quantile(known, shares, axis=0).T


def shares_of(latents: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    """The share of the distribution that lies below each latent, `latents_at` the other way around: float64 (num, 2)."""
    if known is None:
        return ndtr(latents.astype(np.float64))
    line = np.linspace(0, 1, len(known))
    return np.stack([np.interp(latents[:, axis], known[:, axis], line) for axis in (0, 1)], axis=1)
