"""The plainest pair of adversarial nets: dense layers from latents to an image, and from an image to one number."""

from __future__ import annotations

import math

from torch import Tensor, nn

from papilio.models.layers import initialize
from papilio.models.parts import Initializer
from papilio.models.sizes import positive_integer, positive_integers


class Generator(nn.Module):
    """Makes images in [0, 1] of `latents` numbers each."""

    def __init__(self, layers: nn.Module, latents: int) -> None:
        super().__init__()
        self.layers = layers
        self.latents = latents

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents)


def gan(
    image_shape: tuple[int, int, int],
    *,
    latents: int = 16,
    units: list[int] = [128],  # noqa: B006 (never changed, as in mlp)
    initializer: Initializer = "glorot_uniform",
) -> dict[str, nn.Module]:
    """A `generator` of dense layers of `units`, and a `discriminator` of the same ones backwards, whose output is a logit.

    Raises SettingError for arguments out of range.
    """
    positive_integer(latents, what="latents")
    units, num_pixels = positive_integers(units, what="units"), math.prod(image_shape)
    up: list[nn.Module] = []
    for before, after in zip([latents, *units], [*units, num_pixels], strict=True):
        up += [nn.Linear(before, after), nn.ReLU()]
    down: list[nn.Module] = [nn.Flatten()]
    for before, after in zip([num_pixels, *units[::-1]], [*units[::-1], 1], strict=True):
        down += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
    nets: dict[str, nn.Module] = {
        "generator": Generator(nn.Sequential(*up[:-1], nn.Sigmoid(), nn.Unflatten(1, image_shape)), latents),
        "discriminator": nn.Sequential(*down[:-1]),
    }
    for net in nets.values():
        initialize(net, initializer)
    return nets
