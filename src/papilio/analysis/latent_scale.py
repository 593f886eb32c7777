"""How far latents spread: the unit in which walks step through a latent space."""

from __future__ import annotations

import numpy as np

from papilio.data.imageset import ImageSet
from papilio.data.splits import draw_share
from papilio.runs.run import Run

MOST_MEASURED = 2000


def has_prior(run: Run) -> bool:
    """Whether the run's latents have a prior, which is then N(0, 1) in each coordinate: it draws new images itself."""
    return "sample" in run.kind.offers


def latent_scale(run: Run, images: ImageSet, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each latent coordinate: two float32 arrays (latents,).

    They are 0 and 1 where the run has a standard normal prior; otherwise they are those of the latents of up to 2,000
    training images, stratified by class where there are classes.
    """
    if has_prior(run):
        return np.zeros(run.latents, np.float32), np.ones(run.latents, np.float32)
    latents = training_latents(run, images, seed=seed)
    mean, deviation = latents.mean(axis=0, dtype=np.float64), latents.std(axis=0, dtype=np.float64)
    return mean.astype(np.float32), deviation.astype(np.float32)


def training_latents(run: Run, images: ImageSet, *, most: int = MOST_MEASURED, seed: int = 0) -> np.ndarray:
    """The latents of a stratified sample of training images: float32 (num, latents)."""
    chosen = stratified(images, images.train, most=most, seed=seed)
    return run.encode(images.images[chosen])


def stratified(images: ImageSet, indices: np.ndarray, *, most: int, seed: int = 0) -> np.ndarray:
    """About `most` of the indices, in ascending order, the same for the same seed; all where there are no more.

    Each class has its share, rounded, and one image at least. `papilio.data.splits.draw_number` takes exactly so many.
    """
    if len(indices) <= most:
        return indices
    return draw_share(images.strata, indices, share=most / len(indices), rng=np.random.default_rng(seed))
