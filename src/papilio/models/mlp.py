"""The multilayer perceptron."""

from __future__ import annotations

import math

from torch import nn

from papilio.models.layers import (
    Activation,
    Dropout,
    Initializer,
    initialize,
    make_activation,
)
from papilio.models.sizes import per_layer, positive_integers


def mlp(
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    units: list[int] = [512, 512],  # noqa: B006 (never changed; a list, because that is what a study file holds)
    activation: Activation = "relu",
    dropout: float | list[float] = 0.0,
    batch_norm: bool = False,
    initializer: Initializer = "glorot_uniform",
) -> nn.Sequential:
    """Dense layers of `units`, each followed by the activation and dropout, then one output per class (logits).

    `image_shape` is (channel, height, width); `dropout` is one rate, or one a hidden layer. R1 counts the output layer,
    so its "2 layers" are one entry in `units`. Raises SettingError for arguments out of range.
    """
    rates = per_layer(dropout, num_layers=len(units), what="dropout")
    layers: list[nn.Module] = [nn.Flatten()]
    width = math.prod(image_shape)
    for num_units, rate in zip(positive_integers(units, what="units"), rates, strict=True):
        layers.append(nn.Linear(width, num_units))
        layers += [nn.BatchNorm1d(num_units)] if batch_norm else []
        layers.append(make_activation(activation))
        layers += [Dropout(rate)] if rate else []
        width = num_units
    layers.append(nn.Linear(width, num_classes))
    return initialize_sequential(layers, initializer)


def initialize_sequential(layers: list[nn.Module], initializer: Initializer) -> nn.Sequential:
    """The layers as one network, its weights drawn."""
    network = nn.Sequential(*layers)
    initialize(network, initializer)
    return network
