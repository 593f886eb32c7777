"""New images, and whether they are copies: each beside its nearest training image."""

from __future__ import annotations

import numpy as np

from papilio.analysis.latent_scale import has_prior, stratified, training_latents
from papilio.data.imageset import ImageSet
from papilio.engine import Arrays
from papilio.kinds.options import SamplesOptions
from papilio.runs.run import Run

MOST_TEST = 500  # test images that say what distance is usual
MOST_PRODUCTS = 1e11  # multiplications for them; of many large images fewer are looked at
ROWS = 2048  # training images at a time
CLOSE = 0.01  # of test images are as near to a training image as a sample that is marked


def draw_samples(run: Run, images: ImageSet, options: SamplesOptions) -> Arrays:
    """Draw samples, and find the training image that is nearest to each.

    Arrays over n samples: `samples` uint8 (n, channel, height, width); `distances` float64 (n,) from each to its nearest
    training image, Euclidean over pixels from 0 to 1; `shown` int (m,), the samples that are nearest to one, nearest
    first, and `nearest` uint8 (m, ...), the training images. `usual` float64 (t,) has the distances of t test images to
    their nearest training image, `limit` below which a sample is marked: the 1st percentile of these. `num_train` counts
    training images; `is_fitted` is true where the run has no prior of its own. Empty where the run does not decode.
    """
    if "decode" not in run.kind.offers:
        return {}
    samples = sample_images(run, images, num=options.num, seed=options.seed)
    where, distances = nearest(samples, images.images, images.train)
    per_image = max(len(images.train) * samples[0].size, 1)
    num_test = min(MOST_TEST, max(100, int(MOST_PRODUCTS / per_image)))
    held_out = stratified(images, images.indices("test"), most=num_test)
    _, usual = nearest(images.images[held_out], images.images, images.train)
    shown = np.argsort(distances, kind="stable")[: options.nearest]
    return {
        "samples": samples,
        "distances": distances,
        "shown": shown,
        "nearest": images.images[where[shown]],
        "usual": usual,
        "limit": np.array(np.quantile(usual, CLOSE)),
        "num_train": np.array(len(images.train)),
        "is_fitted": np.array(not has_prior(run)),
    }


def sample_images(run: Run, images: ImageSet, *, num: int, seed: int) -> np.ndarray:
    """What `run.sample` gives; of a run without a prior, images of latents that `sample_latents` draws."""
    if has_prior(run):
        return run.sample(num, seed=seed)
    return run.decode(sample_latents(run, images, num=num, seed=seed))


def sample_latents(run: Run, images: ImageSet, *, num: int, seed: int) -> np.ndarray:
    """Draws from the normal distribution that has mean and covariance of training images' latents: float32 (num, latents)."""
    known = training_latents(run, images).astype(np.float64)
    rng = np.random.default_rng(seed)
    if len(known) < 2:
        return np.repeat(known, num, axis=0).astype(np.float32)
    covariance = np.atleast_2d(np.cov(known, rowvar=False))
    drawn = rng.multivariate_normal(known.mean(axis=0), covariance, size=num, method="eigh", check_valid="ignore")
    return drawn.astype(np.float32)


def nearest(queries: np.ndarray, images: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of uint8 images (num, ...) the nearest of `images[indices]`: its index into `images`, int64 (num,), and its distance.

    The distance is Euclidean over pixels on a scale from 0 to 1, float64 (num,). It is found by matrix products in float32,
    and then computed anew in float64: a copy is at exactly 0.
    """
    flat = _flat(queries)
    smallest = np.full(len(flat), np.inf, dtype=np.float32)
    found = np.zeros(len(flat), dtype=np.int64)
    for start in range(0, len(indices), ROWS):
        rows = indices[start : start + ROWS]
        others = _flat(images[rows])
        # |a - b|² without |a|², which is the same for all b
        squares = np.einsum("ij,ij->i", others, others)[None, :] - 2 * (flat @ others.T)
        best = squares.argmin(axis=1)
        values = squares[np.arange(len(flat)), best]
        is_nearer = values < smallest
        found[is_nearer], smallest[is_nearer] = rows[best[is_nearer]], values[is_nearer]
    distances = [
        np.sqrt(np.square((query.astype(np.float64) - images[index]) / 255).sum())
        for query, index in zip(queries, found, strict=True)
    ]
    return found, np.array(distances, dtype=np.float64)


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
