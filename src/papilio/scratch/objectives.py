"""What nets minimize: each objective is a forward pass, a loss, and the way back through the whole net.

It is given a net, a batch, random numbers, and at which step of training it is, counted from 0; it returns the batch's metrics.
At a step the net learns: dropout is on, and the net's gradients are dL/dw afterwards. Without one (None) it is only measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from papilio.scratch.layers import Array, Rng
from papilio.scratch.losses import Posterior, bernoulli_nats, cross_entropy, gaussian_nats, squared_error
from papilio.scratch.network import Network

Metrics = dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """Images in [0, 1], (channel, height, width, batch), and labels (batch)."""

    images: Array
    labels: Array

    def __len__(self) -> int:
        return self.images.shape[-1]


def classify(network: Network, batch: Batch, rng: Rng, step: int | None) -> Metrics:
    """Which class an image shows: the mean cross entropy. Metrics: `loss` (nats), `accuracy`."""
    net, dropping = network.stacks[""], None if step is None else rng
    logits = net.forward(batch.images, dropping)
    losses, gradient = cross_entropy(logits, batch.labels)
    if step is not None:
        net.backward(gradient, wants_dx=False)
    return {"loss": losses.mean(), "accuracy": np.mean(logits.argmax(axis=0) == batch.labels)}


def reconstruct(network: Network, batch: Batch, rng: Rng, step: int | None) -> Metrics:
    """The mean over pixels of the squared difference between an image and what an autoencoder gives back of it."""
    encoder, decoder = network.stacks["encoder"], network.stacks["decoder"]
    dropping = None if step is None else rng
    outputs = decoder.forward(encoder.forward(batch.images, dropping), dropping)
    loss, gradient = squared_error(outputs, batch.images)
    if step is None:
        return {"loss": loss, "error": loss}
    encoder.backward(decoder.backward(gradient), wants_dx=False)
    return {"loss": loss}


def vary(
    network: Network,
    batch: Batch,
    rng: Rng,
    step: int | None,
    *,
    likelihood: str = "bernoulli",
    sigma: float = 0.1,
    beta: float = 1.0,
    warm_up: int = 0,
    free_bits: float = 0.0,
) -> Metrics:
    """-E[log p(x|z)] + beta KL(q(z|x) || N(0, I)), with one draw of z per image; Kingma and Welling 2014.

    Summed over pixels and latents, averaged over images. Higgins et al. 2017 call the factor beta: below 1 reconstructions
    gain, above 1 the latents keep closer to the prior, from which new images are drawn. It grows from 0 in the first `warm_up`
    steps. A latent's KL, its mean over the batch, costs nothing below `free_bits` nats (Kingma et al. 2016).
    """
    encoder, decoder = network.stacks["encoder"], network.stacks["decoder"]
    before_sigmoid, dropping = decoder.without_last(), None if step is None else rng
    posterior = Posterior(encoder.forward(batch.images, dropping))
    epsilon = rng.standard_normal(posterior.mean.shape).astype(batch.images.dtype)
    logits = before_sigmoid.forward(posterior.draw(epsilon), dropping)
    if likelihood == "bernoulli":
        nats, gradient = bernoulli_nats(logits, batch.images)
    else:
        nats, gradient = gaussian_nats(logits, batch.images, sigma)
    kl = posterior.kl_nats()
    reconstruction, divergence = nats.mean(), kl.sum(axis=0).mean()
    metrics = {
        "loss": reconstruction + beta * divergence,
        "elbo": -(reconstruction + divergence),
        "reconstruction": reconstruction,
        "kl": divergence,
    }
    if step is None:
        error, _ = squared_error(decoder.forward(posterior.mean), batch.images)
        return metrics | {"error": error, "means": posterior.mean.T}

    weight = beta * (1.0 if warm_up == 0 else min(1.0, step / warm_up))
    is_paid = (kl.mean(axis=1, keepdims=True) >= free_bits) | (free_bits == 0)
    dkl = is_paid * weight / len(batch)
    dz = before_sigmoid.backward(gradient / len(batch))
    encoder.backward(posterior.backward(dz, epsilon, dkl.astype(dz.dtype)), wants_dx=False)
    return metrics
