"""The plainest autoencoder: dense layers down to a few numbers, and up again."""

from __future__ import annotations

import math

from torch import Tensor, nn

from papilio.models.layers import Activation, Initialiser, initialise, make_activation, positive_integers


class Autoencoder(nn.Module):
    """An `encoder` from images to latents, and a `decoder` from latents to images in [0, 1]."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, images: Tensor) -> Tensor:
        return self.decoder(self.encoder(images))


def autoencoder(
    image_shape: tuple[int, int, int],
    *,
    latents: int = 10,
    units: list[int] = [128],  # noqa: B006 (never changed, as in mlp)
    activation: Activation = "relu",
    initialiser: Initialiser = "glorot_uniform",
) -> Autoencoder:
    """Dense layers of `units` down to `latents` numbers, and the same ones backwards, ending in a sigmoid.

    Raises SettingError for arguments out of range.
    """
    positive_integers([latents], what="latents")
    widths = [math.prod(image_shape), *positive_integers(units, what="units"), latents]
    encoder = nn.Sequential(nn.Flatten(), *_dense(widths, activation))
    decoder = nn.Sequential(*_dense(widths[::-1], activation), nn.Sigmoid(), nn.Unflatten(1, image_shape))
    network = Autoencoder(encoder, decoder)
    initialise(network, initialiser)
    return network


def _dense(widths: list[int], activation: Activation) -> list[nn.Module]:
    """Linear layers from each width to the next, the activation between them."""
    layers: list[nn.Module] = []
    for index in range(len(widths) - 1):
        layers += [make_activation(activation)] if index else []
        layers.append(nn.Linear(widths[index], widths[index + 1]))
    return layers
