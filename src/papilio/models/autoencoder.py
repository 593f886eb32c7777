"""Autoencoders, plain and variational: an encoder down to a few numbers, and a decoder that mirrors it."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from papilio.models import plans
from papilio.models.modules import builder, sequential
from papilio.models.parts import NetPlan


class Autoencoder(nn.Module):
    """An `encoder` from images to `latents` numbers, and a `decoder` from latents to images in [0, 1]."""

    def __init__(self, plan: NetPlan) -> None:
        super().__init__()
        self.latents = plan.latents
        self.encoder = sequential(plan.stacks["encoder"])
        self.decoder = sequential(plan.stacks["decoder"])

    def forward(self, images: Tensor) -> Tensor:
        return self.decoder(self.encoder(images))


class Coded(NamedTuple):
    """What a variational autoencoder makes of images: an image's logits from one draw, and where it was drawn from."""

    logits: Tensor
    mean: Tensor
    log_variance: Tensor


class VariationalAutoencoder(nn.Module):
    """An `encoder` from images to means and log variances of `latents` numbers, and a `decoder` from latents to images.

    The encoder gives (batch, 2 * latents), the means first. Kingma & Welling 2014.
    """

    def __init__(self, plan: NetPlan) -> None:
        super().__init__()
        self.latents = plan.latents
        self.encoder = sequential(plan.stacks["encoder"])
        self.decoder = sequential(plan.stacks["decoder"])

    def forward(self, images: Tensor, epsilon: Tensor | None = None) -> Tensor | Coded:
        """Images from the posteriors' means; with `epsilon`, draws from N(0, 1) (batch, latents), what a loss needs."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        if epsilon is None:
            return self.decoder(mean)
        logits = self.decoder[:-1](mean + epsilon * (0.5 * log_variance).exp())
        return Coded(logits, mean, log_variance)


autoencoder = builder(Autoencoder, plans.autoencoder, module=__name__)
vae = builder(VariationalAutoencoder, plans.vae, module=__name__)
