"""Convolutional adversarial nets after Radford et al., Unsupervised representation learning with deep convolutional generative
adversarial networks (2016), arXiv 1511.06434."""

from __future__ import annotations

import itertools
import math

from torch import nn

from papilio.errors import SettingError
from papilio.models.gan import Generator
from papilio.models.layers import BatchNorm2d, positive_integers

DEVIATION = 0.02  # of weights at the start, and of batch normalisation's scales about 1 (section 3)


def dcgan(
    image_shape: tuple[int, int, int],
    *,
    latents: int = 100,
    filters: list[int] = [64, 128],  # noqa: B006 (never changed, as in mlp)
    batch_norm: bool = True,
) -> dict[str, nn.Module]:
    """A `discriminator` of convolutions that halve height and width, and a `generator` that doubles them again.

    `filters` are the discriminator's; the generator has them backwards. `batch_norm` normalises all layers but the
    discriminator's first and last and the generator's last (the paper's guidelines). The generator ends in a sigmoid, as images
    are from 0 to 1; the paper's, from -1 to 1, in tanh. Raises SettingError for arguments out of range, and for images whose
    sides cannot be halved so often.
    """
    positive_integers([latents], what="latents")
    filters = positive_integers(filters, what="filters", at_least=1)
    channels, height, width = image_shape
    step = 2 ** len(filters)
    if height % step or width % step:
        raise SettingError(
            f"filters: {len(filters)} convolutions halve images of {height}x{width} so often that sides have to be multiples"
            f" of {step}; take fewer filters, or set data.size"
        )
    nets: dict[str, nn.Module] = {
        "generator": Generator(
            _up(latents, filters[::-1], channels, (height // step, width // step), batch_norm=batch_norm), latents
        ),
        "discriminator": _down(channels, filters, (height // step, width // step), batch_norm=batch_norm),
    }
    for net in nets.values():
        _initialise(net)
    return nets


def _up(
    latents: int, filters: list[int], channels: int, smallest: tuple[int, int], *, batch_norm: bool
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Linear(latents, filters[0] * math.prod(smallest), bias=not batch_norm),
        nn.Unflatten(1, (filters[0], *smallest)),
        *([BatchNorm2d(filters[0])] if batch_norm else []),
        nn.ReLU(),
    ]
    for before, after in itertools.pairwise(filters):
        layers.append(nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=not batch_norm))
        layers += [*([BatchNorm2d(after)] if batch_norm else []), nn.ReLU()]
    return nn.Sequential(*layers, nn.ConvTranspose2d(filters[-1], channels, 4, stride=2, padding=1), nn.Sigmoid())


def _down(channels: int, filters: list[int], smallest: tuple[int, int], *, batch_norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(channels, filters[0], 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
    for before, after in itertools.pairwise(filters):
        layers.append(nn.Conv2d(before, after, 4, stride=2, padding=1, bias=not batch_norm))
        layers += [*([BatchNorm2d(after)] if batch_norm else []), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(filters[-1] * math.prod(smallest), 1))


def _initialise(net: nn.Module) -> None:
    """Weights from a normal distribution, from torch's global generator; biases 0."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, std=DEVIATION)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, mean=1.0, std=DEVIATION)
