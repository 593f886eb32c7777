"""Convolutional classifiers: a plain stack, and LeNet-5."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from papilio.models.layers import (
    NON_DECREASING,
    Activation,
    Dropout,
    Initializer,
    make_activation,
    num_features,
)
from papilio.models.mlp import initialize_sequential
from papilio.models.sizes import per_layer, pooled_after, positive_integers, refuse_even_kernel, refuse_large_kernel


def cnn(
    image_shape: tuple[int, int, int],
    num_classes: int,
    heads: tuple[int, ...] = (),
    *,
    filters: list[int] = [32, 64],  # noqa: B006 (never changed, as in mlp)
    kernel_size: int = 3,
    pool_after: list[int] | None = None,
    dense: list[int] = [128],  # noqa: B006 (never changed)
    activation: Activation = "relu",
    dropout: float | list[float] = 0.0,
    conv_dropout: float = 0.0,
    batch_norm: bool = False,
    dense_norm: bool = False,
    flatten_dropout: float = 0.0,
    head: Literal["flatten", "average"] = "flatten",
    split_heads: bool = False,
    initializer: Initializer = "glorot_uniform",
) -> nn.Sequential:
    """Convolutions of `filters` with same padding, 2x2 max pooling in between, dense layers, one output per class (logits).

    `pool_after` counts convolutions from 1; without it each group of equal filters is pooled once, so that
    [32, 64, 64, 128, 128] is pooled after its first, third and fifth. `dropout` follows each dense layer (one rate or
    one each), or what the head gives where there is none; `conv_dropout` follows each pooling. `head = "average"`
    takes each feature map's mean in place of flattening; `flatten_dropout` follows it. `batch_norm` normalizes after
    convolutions, `dense_norm` after the first dense layer. `split_heads` gives each of several `heads` dense layers of its own
    (a target design that asks for an hour and a minute has two). Raises SettingError for arguments out of range.
    """
    positive_integers(filters, what="filters", at_least=1)
    refuse_even_kernel(kernel_size, "changes the image size")
    refuse_large_kernel(kernel_size, image_shape)
    pooled = pooled_after(filters, pool_after)
    layers: list[nn.Module] = []
    channels = image_shape[0]
    for index, num_filters in enumerate(filters, start=1):
        layers.append(nn.Conv2d(channels, num_filters, kernel_size, padding=kernel_size // 2, bias=not batch_norm))
        layers += [nn.BatchNorm2d(num_filters)] if batch_norm else []
        layers += _activate_and_pool(activation, nn.MaxPool2d(2) if index in pooled else None)
        layers += [Dropout(conv_dropout)] if conv_dropout and index in pooled else []
        channels = num_filters
    layers += [nn.AdaptiveAvgPool2d(1)] if head == "average" else []
    layers.append(nn.Flatten())
    width = num_features(layers, image_shape)
    layers += [Dropout(flatten_dropout)] if flatten_dropout else []

    def stack(num_outputs: int) -> list[nn.Module]:
        return _dense(width, num_outputs, units=dense, activation=activation, dropout=dropout, norm=dense_norm)

    if split_heads and len(heads) > 1:
        layers.append(SplitHeads(nn.Sequential(*stack(num_outputs)) for num_outputs in heads))
    else:
        layers += stack(num_classes)
    return initialize_sequential(layers, initializer)


class SplitHeads(nn.ModuleList):
    """Networks that see the same features; their outputs, one after another."""

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([head(features) for head in self], dim=1)


def lenet5(
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    activation: Activation = "tanh",
    pooling: Literal["average", "max"] = "average",
    dropout: float = 0.0,
    initializer: Initializer = "glorot_uniform",
) -> nn.Sequential:
    """LeNet-5 as it is usually drawn today: 6 and 16 filters of 5x5, pooled 2x2, dense 120 and 84 (61,706 on MNIST).

    Images are padded by two pixels, as the original pads 28x28 to 32x32. Source: LeCun, Bottou, Bengio and Haffner,
    Gradient-based learning applied to document recognition, 1998, section II.B; the plain full connections between the
    convolutions and the linear output layer are the simplification that everybody uses.
    """
    pools = {"average": nn.AvgPool2d, "max": nn.MaxPool2d}
    layers: list[nn.Module] = [nn.Conv2d(image_shape[0], 6, 5, padding=2)]
    layers += _activate_and_pool(activation, pools[pooling](2))
    layers.append(nn.Conv2d(6, 16, 5))
    layers += _activate_and_pool(activation, pools[pooling](2))
    layers.append(nn.Flatten())
    width = num_features(layers, image_shape)
    layers += _dense(width, num_classes, units=[120, 84], activation=activation, dropout=dropout)
    return initialize_sequential(layers, initializer)


def _activate_and_pool(activation: Activation, pool: nn.Module | None) -> list[nn.Module]:
    if pool is None:
        return [make_activation(activation)]
    if isinstance(pool, nn.MaxPool2d) and activation in NON_DECREASING:
        return [pool, make_activation(activation)]
    return [make_activation(activation), pool]


def _dense(
    width: int,
    num_classes: int,
    *,
    units: list[int],
    activation: Activation,
    dropout: float | list[float],
    norm: bool = False,
) -> list[nn.Module]:
    if not units:
        (rate,) = per_layer(dropout, num_layers=1, what="dropout")
        return [*([Dropout(rate)] if rate else []), nn.Linear(width, num_classes)]
    layers: list[nn.Module] = []
    rates = per_layer(dropout, num_layers=len(units), what="dropout")
    for index, (num_units, rate) in enumerate(zip(positive_integers(units, what="dense"), rates, strict=True)):
        layers.append(nn.Linear(width, num_units))
        layers += [nn.BatchNorm1d(num_units)] if norm and index == 0 else []
        layers.append(make_activation(activation))
        layers += [Dropout(rate)] if rate else []
        width = num_units
    return [*layers, nn.Linear(width, num_classes)]
