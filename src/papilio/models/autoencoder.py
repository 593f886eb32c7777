"""Autoencoders, plain and variational: an encoder down to a few numbers, and a decoder that mirrors it."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from papilio.models.encoder_plan import DecoderKind, EncoderPlan
from papilio.models.encoders import decoder, encoder
from papilio.models.layers import Activation, Initializer, initialize


class Autoencoder(nn.Module):
    """An `encoder` from images to `latents` numbers, and a `decoder` from latents to images in [0, 1]."""

    def __init__(self, plan: EncoderPlan) -> None:
        super().__init__()
        self.latents = plan.latents
        self.encoder = encoder(plan, outputs=plan.latents)
        self.decoder = decoder(plan)

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

    def __init__(self, plan: EncoderPlan) -> None:
        super().__init__()
        self.latents = plan.latents
        self.encoder = encoder(plan, outputs=2 * plan.latents)
        self.decoder = decoder(plan)

    def forward(self, images: Tensor, epsilon: Tensor | None = None) -> Tensor | Coded:
        """Images from the posteriors' means; with `epsilon`, draws from N(0, 1) (batch, latents), what a loss needs."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        if epsilon is None:
            return self.decoder(mean)
        logits = self.decoder[:-1](mean + epsilon * (0.5 * log_variance).exp())
        return Coded(logits, mean, log_variance)


def autoencoder(
    image_shape: tuple[int, int, int],
    *,
    latents: int = 10,
    filters: list[int] = [16, 32, 32],  # noqa: B006 (never changed; a list, because that is what a study file holds)
    kernel_size: int = 3,
    blocks: int = 0,
    dense: list[int] = [32],  # noqa: B006 (never changed)
    activation: Activation = "relu",
    dropout: float = 0.0,
    batch_norm: bool = False,
    decoder: DecoderKind = "mirror",
    initializer: Initializer = "glorot_uniform",
) -> Autoencoder:
    """Convolutions of stride 2 and dense layers down to `latents` numbers, and the same ones backwards, ending in a sigmoid.

    `image_shape` is (channel, height, width), of any size. Each of `filters` is a convolution, followed by `blocks` residual
    blocks of two convolutions each; with `filters = []` all layers are dense. `dropout` follows each dense layer but the last.
    `decoder` "mirror" has transposed convolutions, "resize" enlarges to the nearest pixel and convolves, "single" has one
    transposed convolution behind a dense layer (R1). The defaults are R4's. Raises SettingError for arguments out of range.
    """
    plan = EncoderPlan(
        image_shape, filters, kernel_size, blocks, dense, latents, activation, dropout, batch_norm, decoder
    )
    network = Autoencoder(plan)
    initialize(network, initializer)
    return network


def vae(
    image_shape: tuple[int, int, int],
    *,
    latents: int = 10,
    filters: list[int] = [16, 32, 32],  # noqa: B006 (never changed)
    kernel_size: int = 3,
    blocks: int = 0,
    dense: list[int] = [32],  # noqa: B006 (never changed)
    activation: Activation = "relu",
    dropout: float = 0.0,
    batch_norm: bool = False,
    decoder: DecoderKind = "mirror",
    initializer: Initializer = "glorot_uniform",
) -> VariationalAutoencoder:
    """An `autoencoder` whose encoder gives a mean and a log variance for each latent; the arguments are the same."""
    plan = EncoderPlan(
        image_shape, filters, kernel_size, blocks, dense, latents, activation, dropout, batch_norm, decoder
    )
    network = VariationalAutoencoder(plan)
    initialize(network, initializer)
    return network
