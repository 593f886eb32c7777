"""New images, and whether they are copies: each next to its nearest training image."""

from __future__ import annotations

import numpy as np

from papilio.analysis.latent_scale import has_prior, stratified, training_latents
from papilio.data.imageset import ImageSet
from papilio.engine import Arrays
from papilio.kinds.options import SamplesOptions
from papilio.runs.run import Run

MOST_TEST = 500  # test images that say what distance is usual
MOST_PRODUCTS = 1e11  # multiplications for them; of many large images fewer are looked at
NEAREST = 50
ROWS = 2048  # training images at a time
MOST_ROWS = 20  # classes that have a row each
MOST_FITTED = 10_000  # training images, to whose latents a normal distribution is fitted
CLOSE = 0.01  # of test images are as near to a training image as a sample that is marked


def draw_samples(run: Run, images: ImageSet, options: SamplesOptions) -> Arrays:
    """Draw samples, and find the training image that is nearest to each.

    Arrays over n samples: `samples` uint8 (n, channel, height, width); `distances` float64 (n,) from each to its nearest
    training image, Euclidean over pixels from 0 to 1; `ratios` float64 (n,), of that distance to the mean of the next 50;
    `shown` int (m,), the samples that are nearest to one, nearest first, and `nearest` uint8 (m, ...), the training images.
    `usual` float64 (t,) has the distances of t test images to their nearest training image, `limit` and `ratio_limit` are the
    1st percentiles of these and of their ratios: a sample that is below both `looks_copied` (n,). Blurred pictures are near to
    all others, so that the distance alone would not do. `num_train` counts training images; `is_fitted` is true where the run
    has no prior of its own. `real` uint8 (n, ...), where the options ask for it, has as many training images, evenly from
    all of them. Of a conditional run with up to 20 classes samples come class by class, the same number of each, about as many
    as the options ask for: `rows` text (k,) names the classes, of which `real` has as many, too, where the images have them.
    Empty where the run does not decode.

    Distances relative to the next 50: Carlini et al., Extracting training data from diffusion models (2023), arXiv 2301.13188.
    """
    if "decode" not in run.kind.offers:
        return {}
    rows = run.class_names if 0 < run.conditional_classes <= MOST_ROWS else []
    if rows:
        labels = np.repeat(np.arange(len(rows)), max(1, round(options.num / len(rows))))
        samples = run.sample(len(labels), seed=options.seed, labels=labels)
    else:
        samples = sample_images(run, images, num=options.num, seed=options.seed)
    where, distances, ratios = nearest(samples, images.images, images.train)
    per_image = max(len(images.train) * samples[0].size, 1)
    num_test = min(MOST_TEST, max(100, int(MOST_PRODUCTS / per_image)))
    held_out = stratified(images, images.indices("test"), most=num_test)
    _, usual, usual_ratios = nearest(images.images[held_out], images.images, images.train)
    limit, ratio_limit = np.quantile(usual, CLOSE), np.quantile(usual_ratios, CLOSE)
    shown = np.argsort(distances, kind="stable")[: options.nearest]
    per_row = len(samples) // len(rows) if rows and list(images.class_names) == rows else 0
    chosen = _of_each_class(images, per_row) if per_row else _evenly(images.train, len(samples))
    return {
        "samples": samples,
        **({"rows": np.array(rows)} if rows else {}),
        **({"real": images.images[chosen]} if options.real else {}),
        "distances": distances,
        "ratios": ratios,
        "looks_copied": (distances < limit) & (ratios < ratio_limit),
        "shown": shown,
        "nearest": images.images[where[shown]],
        "usual": usual,
        "limit": np.array(limit),
        "ratio_limit": np.array(ratio_limit),
        "num_train": np.array(len(images.train)),
        "is_fitted": np.array(not has_prior(run)),
    }


def _evenly(indices: np.ndarray, num: int) -> np.ndarray:
    """So many of the indices from all of them, some several times where there are too few."""
    return indices[np.linspace(0, len(indices) - 1, num).round().astype(np.int64)]


def _of_each_class(images: ImageSet, num: int) -> np.ndarray:
    """Training images, so many of each class, class by class: their indices."""
    of_train = images.labels[images.train]
    found = [images.train[of_train == number] for number in range(len(images.class_names))]
    return np.concatenate([_evenly(one if len(one) else images.train, num) for one in found])


def sample_images(run: Run, images: ImageSet, *, num: int, seed: int) -> np.ndarray:
    """New images, uint8 (num, channel, height, width), the same ones for the same seed.

    Of a run with a prior its samples; of one without, images of latents that `sample_latents` draws.
    """
    if has_prior(run):
        return run.sample(num, seed=seed)
    return run.decode(sample_latents(run, images, num=num, seed=seed))


def sample_latents(run: Run, images: ImageSet, *, num: int, seed: int) -> np.ndarray:
    """Draws from the normal distribution that has mean and covariance of training images' latents: float32 (num, latents).

    The distribution is the same for all seeds; it is fitted to up to 10,000 training images.
    """
    return _fitted_draws(training_latents(run, images, most=MOST_FITTED), num=num, seed=seed)


def _fitted_draws(known: np.ndarray, *, num: int, seed: int) -> np.ndarray:
    """Draws from the normal distribution that has mean and covariance of latents (n, latents): float32 (num, latents)."""
    known = known.astype(np.float64)
    rng = np.random.default_rng(seed)
    if len(known) < 2:
        return np.repeat(known, num, axis=0).astype(np.float32)
    covariance = np.atleast_2d(np.cov(known, rowvar=False))
    drawn = rng.multivariate_normal(known.mean(axis=0), covariance, size=num, method="eigh", check_valid="ignore")
    return drawn.astype(np.float32)


def nearest(queries: np.ndarray, images: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of uint8 images (num, ...) the nearest of `images[indices]`: its index into `images`, its distance, how that compares.

    The distance is Euclidean over pixels on a scale from 0 to 1, float64 (num,); the last array, float64 (num,), is its ratio
    to the mean distance of the next 50. Neighbors are found by matrix products in float32; the distance to the nearest is
    then recomputed in float64: a copy is at exactly 0.
    """
    flat = _flat(queries)
    lengths = np.einsum("ij,ij->i", flat, flat)[:, None]
    num = min(NEAREST + 1, len(indices))
    squares, found = np.zeros((len(flat), 0), np.float32), np.zeros((len(flat), 0), np.int64)
    for start in range(0, len(indices), ROWS):
        rows = indices[start : start + ROWS]
        others = _flat(images[rows])
        here = lengths + np.einsum("ij,ij->i", others, others)[None, :] - 2 * (flat @ others.T)
        squares = np.concatenate([squares, here], axis=1)
        found = np.concatenate([found, np.broadcast_to(rows, here.shape)], axis=1)
        if squares.shape[1] > num:
            best = np.argpartition(squares, num - 1, axis=1)[:, :num]
            squares, found = np.take_along_axis(squares, best, axis=1), np.take_along_axis(found, best, axis=1)
    order = np.lexsort((found, squares), axis=1)  # of copies of each other the first
    squares, found = np.take_along_axis(squares, order, axis=1), np.take_along_axis(found, order, axis=1)
    distances = np.array(
        [
            np.sqrt(np.square((query.astype(np.float64) - images[index]) / 255).sum())
            for query, index in zip(queries, found[:, 0], strict=True)
        ]
    )
    around = np.sqrt(np.maximum(squares[:, 1:], 0)).mean(axis=1, dtype=np.float64) if num > 1 else distances
    ratios = np.divide(distances, around, out=np.ones_like(distances), where=around > 0)
    return found[:, 0], distances, ratios


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
