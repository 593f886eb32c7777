"""The objective of variational autoencoders (Kingma & Welling 2014): reconstruct, and keep to a prior.

Losses are summed over pixels and latents and averaged over images, in nats per image, so that a factor on the KL term means the
same for every image size and number of latents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from papilio.kinds.options import ACTIVE_ABOVE
from papilio.models.autoencoder import Coded
from papilio.settings.train_settings import TrainSettings
from papilio.training.batches import Batch
from papilio.training.noise import Noise
from papilio.training.objectives import Nets, Objective, Phase
from papilio.training.supervised import penalty


def objective(
    train: TrainSettings,
    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli",
    sigma: float = 0.1,
    beta: float = 1.0,
    warm_up: int = 0,
    free_bits: float = 0.0,
) -> Objective:
    """-E[log p(x|z)] + beta KL(q(z|x) || N(0, I)), with one draw of z per image.

    `likelihood` of pixels: "bernoulli" with the image's values as probabilities, or "gaussian" with standard deviation
    `sigma`. `beta` (Higgins et al. 2017) grows from 0 to its value over the first `warm_up` steps. With `free_bits` a latent's
    KL, averaged over the batch, costs nothing below so many nats (Kingma et al. 2016, lambda in their section 5.1).

    Metrics, in nats per image: `loss`, the sum above with the whole beta and without free bits; `elbo`, `reconstruction`
    (-log p(x|z)), `kl`; when measured also `error`, the mean squared error per pixel of what the posterior's mean
    is decoded to, and over a whole set `active_units`, the latents whose posterior means have a variance above 0.01.
    """
    l1, l2 = train.regularizer.l1, train.regularizer.l2

    def coded(nets: Nets, batch: Batch, noise: Noise) -> tuple[Coded, Tensor, Tensor]:
        """With -log p(x|z) of each image, and the KL of each latent."""
        network = nets["network"]
        found = network(batch.images, noise.normal(len(batch), int(network.latents)))  # pyright: ignore[reportArgumentType]
        return found, reconstruction_nats(found.logits, batch.images, likelihood, sigma), kl_nats(*found[1:])

    def loss(nets: Nets, batch: Batch, noise: Noise, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        _, reconstruction, kl = coded(nets, batch, noise)
        cost = kl.mean(0).clamp(min=free_bits).sum() if free_bits else kl.sum(1).mean()
        total = reconstruction.mean() + beta * warmth(step, warm_up) * cost
        if l1 or l2:
            total = total + penalty(nets["network"], l1=l1, l2=l2)
        return total, told(reconstruction.detach(), kl.detach())

    def told(reconstruction: Tensor, kl: Tensor) -> dict[str, Tensor]:
        nats, divergence = reconstruction.mean(), kl.sum(1).mean()
        return {
            "loss": nats + beta * divergence,
            "elbo": -(nats + divergence),
            "reconstruction": nats,
            "kl": divergence,
        }

    def evaluate(nets: Nets, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        found, reconstruction, kl = coded(nets, batch, noise)
        again = nets["network"](batch.images)
        error = (again - batch.images).square().mean()
        return told(reconstruction, kl) | {"error": error, "means": found.mean}

    return Objective(phases=(Phase("network", loss),), evaluate=evaluate, over_set=active_units)


def reconstruction_nats(logits: Tensor, images: Tensor, likelihood: str, sigma: float) -> Tensor:
    """-log p(x|z) of each image, summed over its pixels: (batch,).

    A Gaussian has the constant that makes it a density: log(sigma sqrt(2 pi)) per pixel.
    """
    if likelihood == "bernoulli":
        nats = binary_cross_entropy_with_logits(logits, images, reduction="none")
    else:
        nats = (torch.sigmoid(logits) - images).square() / (2 * sigma**2) + math.log(sigma * math.sqrt(2 * math.pi))
    return nats.flatten(1).sum(1)


def kl_nats(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of each latent: (batch, latents). Kingma & Welling 2014, appendix B."""
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1)


def warmth(step: int, warm_up: int) -> float:
    """The share of beta at a step, counted from 0: it reaches 1 at step `warm_up`."""
    return 1.0 if warm_up == 0 else min(1.0, step / warm_up)


def active_units(rows: Mapping[str, Tensor]) -> dict[str, float]:
    """How many latents vary with the image: Burda, Grosse & Salakhutdinov 2016, section 5.2."""
    means = rows["means"]
    if len(means) < 2:
        return {"active_units": 0.0}
    return {"active_units": float((means.var(dim=0) > ACTIVE_ABOVE).sum())}
