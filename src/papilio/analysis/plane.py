"""The whole plane of two latents: what each of its places decodes to, and where test images lie in it."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from papilio.analysis.latent_scale import has_prior, latent_scale, num_latents, stratified
from papilio.data.imageset import ImageSet
from papilio.engine import Arrays
from papilio.kinds.options import PlaneOptions
from papilio.runs.run import Run

SIDE = 20
MOST_PIXELS = 640  # of the plane's side: large images make fewer steps
FEWEST = 6


def decode_plane(run: Run, images: ImageSet, options: PlaneOptions) -> Arrays:
    """Decode a grid of the quantiles of two latents, and encode test images.

    Arrays: `plane` uint8 (side, side, channel, height, width), rows from the top: the largest second latent first; `values`
    float64 (2, side), the first and the second latent of columns and rows, ascending; `mean` and `deviation` float32 (2,),
    as of `latent_scale`; `points` float32 (n, 2) and `labels` (n,) of test images, without a row where the run does not
    encode; `is_fitted` is true where the run has no prior of its own. Empty where the run has not two latents or does not
    decode. Kingma & Welling, Auto-encoding variational Bayes (2014), figure 4: coordinates spaced linearly on the
    unit square, sent through the inverse of the normal distribution's cumulative function.
    """
    if "decode" not in run.kind.offers or num_latents(run) != 2:
        return {}
    mean, deviation = latent_scale(run, images)
    side = options.side or int(np.clip(MOST_PIXELS // max(run.image_shape[1:]), FEWEST, SIDE))
    values = mean[:, None] + deviation[:, None] * quantiles(side)[None, :]
    across, up = np.meshgrid(values[0], values[1][::-1])
    plane = run.decode(np.stack([across, up], axis=-1).reshape(-1, 2).astype(np.float32))
    points, labels = np.zeros((0, 2), np.float32), images.labels[:0]
    if "encode" in run.kind.offers and options.points:
        chosen = stratified(images, images.indices("test"), most=options.points, seed=options.seed)
        points, labels = run.encode(images.images[chosen]), images.labels[chosen]
    return {
        "plane": plane.reshape(side, side, *plane.shape[1:]),
        "values": values.astype(np.float64),
        "mean": mean,
        "deviation": deviation,
        "points": points,
        "labels": labels,
        "is_fitted": np.array(not has_prior(run)),
    }


def quantiles(num: int) -> np.ndarray:
    """The middles of `num` equally probable parts of the standard normal distribution, ascending: float64 (num,)."""
    return ndtri((np.arange(num) + 0.5) / num)
