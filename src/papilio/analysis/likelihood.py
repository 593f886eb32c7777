"""How likely test images are under a variational autoencoder: its bound, a tighter estimate, what each latent carries."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from papilio.analysis.coordinates import posterior_kl
from papilio.data.imageset import ImageSet
from papilio.data.progress import Progress
from papilio.data.splits import draw_number
from papilio.engine import Arrays
from papilio.kinds.options import ACTIVE_ABOVE, LikelihoodOptions, VariationalSettings
from papilio.runs.run import Run

CERTAIN = 1e-7  # float32 sigmoids saturate to 0 and 1, whose logarithms are no numbers
MOST_NUMBERS = 4_000_000  # pixels that are decoded at once: 16 MB


@dataclass(frozen=True)
class Estimate:
    """What is known of each image, in nats: float64 (num,) each, `kl` (num, latents)."""

    likelihood: np.ndarray  # log p(x), estimated from below
    reconstruction: np.ndarray  # -log p(x|z), the mean over draws
    kl: np.ndarray


def likelihood(
    run: Run, images: ImageSet, options: LikelihoodOptions, progress: Progress = lambda done, total, what: None
) -> Arrays:
    """Estimate -log p(x) of test images by importance weighting, and take the bound apart.

    Scalars in nats per image, means over `num` images with `samples` draws each: `nll`, the estimate, and `nll_error`, the
    standard error of that mean; `elbo`, `reconstruction` (-log p(x|z)), `kl`. By latent: `kl_of_latents` float64 (latents,);
    `is_active` bool (latents,), those whose posterior mean has a variance above 0.01. Facts: `num`, `num_test`, `samples`,
    `pixels`, the numbers in an image; `is_gaussian`, whether pixels have densities, `is_binary`, whether they are all black or
    white. Empty for runs without a posterior or a decoder, and without test images.
    """
    if not {"posterior", "decode"} <= run.kind.offers.keys() or len(images.test) == 0:
        return {}
    num = min(options.num, len(images.test))
    pictures = images.images[draw_number(images.strata, images.test, num=num, seed=0)]
    settings = likelihood_settings(run)
    mean, log_variance = run.posterior(pictures)
    estimate = estimate_likelihood(
        pictures,
        mean,
        log_variance,
        decode=lambda latents: run.nets.forward("network.decoder", latents),
        settings=settings,
        samples=options.samples,
        on_image=lambda done: progress(done, num, f"likelihood of {run.facts.trial}: images"),
    )
    reconstruction, kl = estimate.reconstruction.mean(), estimate.kl.sum(axis=1).mean()
    spread = estimate.likelihood.std(ddof=1) if num > 1 else math.nan
    return {
        "nll": np.array(-estimate.likelihood.mean()),
        "nll_error": np.array(spread / math.sqrt(num)),
        "elbo": np.array(-(reconstruction + kl)),
        "reconstruction": np.array(reconstruction),
        "kl": np.array(kl),
        "kl_of_latents": estimate.kl.mean(axis=0),
        "is_active": active_units(mean),
        "num": np.array(num),
        "num_test": np.array(len(images.test)),
        "samples": np.array(options.samples),
        "pixels": np.array(math.prod(images.image_shape)),
        "is_gaussian": np.array(settings.likelihood == "gaussian"),
        "is_binary": np.array(bool(np.isin(pictures, (0, 255)).all())),
    }


def likelihood_settings(run: Run) -> VariationalSettings:
    """What the run took pixels for, given the latents; what its settings do not say is as in a `vae`."""
    given = run.facts.run_settings.train.objective_settings
    return VariationalSettings(**{key: given[key] for key in ("likelihood", "sigma") if key in given})


def estimate_likelihood(
    images: np.ndarray,
    mean: np.ndarray,
    log_variance: np.ndarray,
    *,
    decode: Callable[[np.ndarray], np.ndarray],
    settings: VariationalSettings,
    samples: int,
    seed: int = 0,
    on_image: Callable[[int], None] = lambda done: None,
) -> Estimate:
    """log p(x) from below as log (1/k) sum_i p(x|z_i) p(z_i) / q(z_i|x), with k draws z_i from q(z|x).

    `images` uint8 (num, channel, height, width); `mean` and `log_variance` (num, latents) of their posteriors q; `decode`
    gives of float32 latents (m, latents) the means of pixels, from 0 to 1. The prior is N(0, I). The same seed gives the same
    estimate. `on_image` is told how many images are done. Source: Burda, Grosse & Salakhutdinov 2016, "Importance weighted
    autoencoders", equation 8; its expectation grows with k to log p(x).
    """
    rng = np.random.default_rng(seed)
    mean, log_variance = mean.astype(np.float64), log_variance.astype(np.float64)
    found, reconstruction = np.empty(len(images)), np.empty(len(images))
    for number, image in enumerate(images):
        epsilon = rng.standard_normal((samples, mean.shape[1]))
        latents = mean[number] + epsilon * np.exp(0.5 * log_variance[number])
        pixels = image.reshape(-1).astype(np.float32) / 255
        parts = [_log_likelihood(pixels, decode(part), settings) for part in _parts(latents, len(pixels))]
        of_pixels = np.concatenate(parts)
        # the normal distributions' constants are the same in prior and posterior
        of_latents = 0.5 * (epsilon**2 - latents**2 + log_variance[number]).sum(axis=1)
        found[number] = np.logaddexp.reduce(of_pixels + of_latents) - math.log(samples)
        reconstruction[number] = -of_pixels.mean()
        on_image(number + 1)
    return Estimate(found, reconstruction, posterior_kl(mean, log_variance))


def active_units(means: np.ndarray) -> np.ndarray:
    """Which latents vary with the image, bool (latents,), of posterior means (num, latents)."""
    if len(means) < 2:
        return np.zeros(means.shape[1], dtype=bool)
    return means.astype(np.float64).var(axis=0, ddof=1) > ACTIVE_ABOVE


def _parts(latents: np.ndarray, num_pixels: int) -> Iterator[np.ndarray]:
    size = max(1, MOST_NUMBERS // num_pixels)
    for start in range(0, len(latents), size):
        yield latents[start : start + size].astype(np.float32)


def _log_likelihood(pixels: np.ndarray, decoded: np.ndarray, settings: VariationalSettings) -> np.ndarray:
    """log p(x|z) of one image's pixels for each of several decoded ones: float64 (m,)."""
    decoded = decoded.reshape(len(decoded), -1)
    if settings.likelihood == "gaussian":
        squares = ((decoded - pixels) ** 2).sum(axis=1, dtype=np.float64)
        return -squares / (2 * settings.sigma**2) - len(pixels) * math.log(settings.sigma * math.sqrt(2 * math.pi))
    chance = np.clip(decoded, CERTAIN, 1 - CERTAIN)
    black = np.log1p(-chance)
    return (black + pixels * (np.log(chance) - black)).sum(axis=1, dtype=np.float64)
