"""What the nets minimize, by hand: each objective is a forward pass, a loss, and the way back through all of it.

The formulas are those of papilio.training: `learn` leaves dL/dw in the net's gradients and returns the batch's metrics;
`evaluate` only measures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from papilio.scratch.families import refuse_unknown
from papilio.scratch.layers import Array, Rng
from papilio.scratch.losses import Posterior, bernoulli_nats, cross_entropy, gaussian_nats, squared_error
from papilio.scratch.network import Network
from papilio.settings.train_settings import TrainSettings

ACTIVE_ABOVE = 0.01  # the variance of a latent's posterior mean over images: Burda et al. 2016
Metrics = dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """Images in [0, 1], (channel, height, width, batch), and labels (batch)."""

    images: Array
    labels: Array

    def __len__(self) -> int:
        return self.images.shape[-1]


@dataclass(frozen=True)
class Objective:
    """How a net learns from a batch, at a step counted from 0, and how it is measured; `over_set` makes metrics of rows."""

    learn: Callable[[Network, Batch, Rng, int], Metrics]
    evaluate: Callable[[Network, Batch, Rng], Metrics]
    over_set: Callable[[Mapping[str, Array]], Mapping[str, float]] = lambda rows: {}


def classify(train: TrainSettings) -> Objective:
    """Which class an image shows: the mean cross entropy. Metrics: `loss` (nats), `accuracy`."""

    def measured(network: Network, batch: Batch, rng: Rng | None) -> tuple[Metrics, Array]:
        logits = network.stacks[""].forward(batch.images, rng)
        losses, gradient = cross_entropy(logits, batch.labels)
        return {"loss": losses.mean(), "accuracy": np.mean(logits.argmax(axis=0) == batch.labels)}, gradient

    def learn(network: Network, batch: Batch, rng: Rng, step: int) -> Metrics:
        metrics, gradient = measured(network, batch, rng)
        network.stacks[""].backward(gradient, wants_dx=False)
        return metrics

    return Objective(learn, lambda network, batch, rng: measured(network, batch, None)[0])


def reconstruct(train: TrainSettings, error: str = "squared", noise: str = "none", level: Any = None) -> Objective:
    """The mean over pixels of the squared difference between an image and what an autoencoder gives back of it."""
    refuse_unknown("train.objective_settings.error", error, ["squared"])
    refuse_unknown("train.objective_settings.noise", noise, ["none"])

    def again(network: Network, images: Array, rng: Rng | None) -> Array:
        return network.stacks["decoder"].forward(network.stacks["encoder"].forward(images, rng), rng)

    def learn(network: Network, batch: Batch, rng: Rng, step: int) -> Metrics:
        loss, gradient = squared_error(again(network, batch.images, rng), batch.images)
        gradient = network.stacks["decoder"].backward(gradient)
        network.stacks["encoder"].backward(gradient, wants_dx=False)
        return {"loss": loss}

    def evaluate(network: Network, batch: Batch, rng: Rng) -> Metrics:
        loss, _ = squared_error(again(network, batch.images, None), batch.images)
        return {"loss": loss, "error": loss}

    return Objective(learn, evaluate)


def vary(
    train: TrainSettings,
    likelihood: str = "bernoulli",
    sigma: float = 0.1,
    beta: float = 1.0,
    warm_up: int = 0,
    free_bits: float = 0.0,
) -> Objective:
    """-E[log p(x|z)] + beta KL(q(z|x) || N(0, I)), with one draw of z per image; Kingma and Welling 2014.

    Summed over pixels and latents, averaged over images. Higgins et al. 2017 call the factor beta: below 1 reconstructions
    gain, above 1 the latents keep closer to the prior, from which new images are drawn.
    """

    likelihood_nats = bernoulli_nats if likelihood == "bernoulli" else partial(gaussian_nats, sigma=sigma)

    def coded(network: Network, batch: Batch, rng: Rng, is_learning: bool) -> tuple[Any, ...]:
        noise = rng if is_learning else None
        posterior = Posterior(network.stacks["encoder"].forward(batch.images, noise))
        epsilon = rng.standard_normal(posterior.mean.shape).astype(batch.images.dtype)
        logits = network.stacks["decoder"].without_last().forward(posterior.draw(epsilon), noise)
        return posterior, epsilon, *likelihood_nats(logits, batch.images)

    def told(nats: Array, kl: Array) -> Metrics:
        spent, divergence = nats.mean(), kl.sum(axis=0).mean()
        elbo = -(spent + divergence)
        return {"loss": spent + beta * divergence, "elbo": elbo, "reconstruction": spent, "kl": divergence}

    def learn(network: Network, batch: Batch, rng: Rng, step: int) -> Metrics:
        posterior, epsilon, nats, gradient = coded(network, batch, rng, True)
        kl = posterior.kl_nats()
        weight = beta * (1.0 if warm_up == 0 else min(1.0, step / warm_up))
        # with free bits a latent's KL, its mean over the batch, costs nothing below so many nats (Kingma et al. 2016)
        is_paid = (kl.mean(axis=1, keepdims=True) >= free_bits) | (free_bits == 0)
        costs = is_paid * weight / len(batch)
        dz = network.stacks["decoder"].without_last().backward(gradient / len(batch))
        dcoded = posterior.backward(dz, epsilon, costs.astype(dz.dtype))
        network.stacks["encoder"].backward(dcoded, wants_dx=False)
        return told(nats, kl)

    def evaluate(network: Network, batch: Batch, rng: Rng) -> Metrics:
        posterior, _, nats, _ = coded(network, batch, rng, False)
        metrics = told(nats, posterior.kl_nats())
        error, _ = squared_error(network.stacks["decoder"].forward(posterior.mean), batch.images)
        return metrics | {"error": error, "means": posterior.mean.T}

    return Objective(learn, evaluate, active_units)


def active_units(rows: Mapping[str, Array]) -> dict[str, float]:
    """How many latents vary with the image: Burda, Grosse and Salakhutdinov 2016, section 5.2."""
    means = rows["means"]
    return {"active_units": float((means.var(axis=0, ddof=1) > ACTIVE_ABOVE).sum()) if len(means) > 1 else 0.0}
