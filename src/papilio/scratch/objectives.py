"""What the nets minimize, by hand: each objective is a forward pass, a loss, and the way back through all of it.

The formulas are those of papilio.training. An objective's function gives a batch's metrics; where it learns, which is at a step
counted from 0, it leaves dL/dw in the net's gradients, too.
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
    """The metrics of a batch, which the net learns from where there is a step; `over_set` makes metrics of a split's rows."""

    measure: Callable[[Network, Batch, Rng, int | None], Metrics]
    over_set: Callable[[Mapping[str, Array]], Mapping[str, float]] = lambda rows: {}


def classify(train: TrainSettings) -> Objective:
    """Which class an image shows: the mean cross entropy. Metrics: `loss` (nats), `accuracy`."""

    def measure(network: Network, batch: Batch, rng: Rng, step: int | None) -> Metrics:
        net, dropping = network.stacks[""], None if step is None else rng
        logits = net.forward(batch.images, dropping)
        losses, gradient = cross_entropy(logits, batch.labels)
        if step is not None:
            net.backward(gradient, wants_dx=False)
        return {"loss": losses.mean(), "accuracy": np.mean(logits.argmax(axis=0) == batch.labels)}

    return Objective(measure)


def reconstruct(train: TrainSettings, error: str = "squared", noise: str = "none", level: Any = None) -> Objective:
    """The mean over pixels of the squared difference between an image and what an autoencoder gives back of it."""
    refuse_unknown("train.objective_settings.error", error, ["squared"])
    refuse_unknown("train.objective_settings.noise", noise, ["none"])

    def measure(network: Network, batch: Batch, rng: Rng, step: int | None) -> Metrics:
        encoder, decoder = network.stacks["encoder"], network.stacks["decoder"]
        dropping = None if step is None else rng
        outputs = decoder.forward(encoder.forward(batch.images, dropping), dropping)
        loss, gradient = squared_error(outputs, batch.images)
        if step is None:
            return {"loss": loss, "error": loss}
        encoder.backward(decoder.backward(gradient), wants_dx=False)
        return {"loss": loss}

    return Objective(measure)


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
    nats_of = bernoulli_nats if likelihood == "bernoulli" else partial(gaussian_nats, sigma=sigma)

    def measure(network: Network, batch: Batch, rng: Rng, step: int | None) -> Metrics:
        encoder, decoder = network.stacks["encoder"], network.stacks["decoder"]
        before_sigmoid, dropping = decoder.without_last(), None if step is None else rng
        posterior = Posterior(encoder.forward(batch.images, dropping))
        epsilon = rng.standard_normal(posterior.mean.shape).astype(batch.images.dtype)
        logits = before_sigmoid.forward(posterior.draw(epsilon), dropping)
        nats, gradient = nats_of(logits, batch.images)
        kl = posterior.kl_nats()
        spent, divergence = nats.mean(), kl.sum(axis=0).mean()
        elbo = -(spent + divergence)
        metrics = {"loss": spent + beta * divergence, "elbo": elbo, "reconstruction": spent, "kl": divergence}
        if step is None:
            error, _ = squared_error(decoder.forward(posterior.mean), batch.images)
            return metrics | {"error": error, "means": posterior.mean.T}

        weight = beta * (1.0 if warm_up == 0 else min(1.0, step / warm_up))
        # with free bits a latent's KL, its mean over the batch, costs nothing below so many nats (Kingma et al. 2016)
        is_paid = (kl.mean(axis=1, keepdims=True) >= free_bits) | (free_bits == 0)
        costs = is_paid * weight / len(batch)
        dz = before_sigmoid.backward(gradient / len(batch))
        encoder.backward(posterior.backward(dz, epsilon, costs.astype(dz.dtype)), wants_dx=False)
        return metrics

    return Objective(measure, active_units)


def active_units(rows: Mapping[str, Array]) -> dict[str, float]:
    """How many latents vary with the image: Burda, Grosse and Salakhutdinov 2016, section 5.2."""
    means = rows["means"]
    return {"active_units": float((means.var(axis=0, ddof=1) > ACTIVE_ABOVE).sum()) if len(means) > 1 else 0.0}
