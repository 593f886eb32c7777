"""Encoders from images to numbers, and decoders that mirror them: images of any side come back in exactly their size."""

from __future__ import annotations

import math
from collections import OrderedDict

from torch import Tensor, nn

from papilio.models.encoder_plan import EncoderPlan
from papilio.models.layers import (
    BatchNorm1d,
    BatchNorm2d,
    Dropout,
    make_activation,
)

Layers = OrderedDict[str, nn.Module]


class Residual(nn.Module):
    """Features plus what two convolutions make of them; He et al. 2016, "Identity mappings in deep residual networks"."""

    def __init__(self, channels: int, *, activation: str, batch_norm: bool) -> None:
        super().__init__()
        layers: Layers = OrderedDict()
        for number in (1, 2):
            if batch_norm:
                layers[f"norm{number}"] = BatchNorm2d(channels)
            layers[f"activation{number}"] = make_activation(activation)
            layers[f"conv{number}"] = nn.Conv2d(channels, channels, 3, padding=1)
        self.change = nn.Sequential(layers)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.change(features)


def encoder_layers(plan: EncoderPlan) -> Layers:
    """From an image to what the last dense layer makes of it, by name: "conv1", ..., "flatten", "dense1", ..."""
    layers: Layers = OrderedDict()
    for number, (before, after) in enumerate(zip(plan.channels, plan.filters, strict=False), start=1):
        convolution = nn.Conv2d(before, after, plan.kernel_size, stride=2, padding=plan.kernel_size // 2)
        _add(layers, f"conv{number}", convolution, plan, norm=BatchNorm2d(after))
        _add_blocks(layers, f"conv{number}", after, plan)
    layers["flatten"] = nn.Flatten()
    width = plan.num_features
    for number, units in enumerate(plan.dense, start=1):
        _add_dense(layers, f"dense{number}", width, units, plan)
        width = units
    return layers


def encoder(plan: EncoderPlan, *, outputs: int) -> nn.Sequential:
    """From an image to `outputs` numbers, by a last dense layer called "latents"."""
    layers = encoder_layers(plan)
    layers["latents"] = nn.Linear(plan.dense[-1] if plan.dense else plan.num_features, outputs)
    return nn.Sequential(layers)


def decoder(plan: EncoderPlan) -> nn.Sequential:
    """From latents to an image in [0, 1]: the last layer, "image", is a sigmoid."""
    layers: Layers = OrderedDict()
    width = plan.latents
    for number, units in enumerate(reversed(plan.dense), start=1):
        _add_dense(layers, f"dense{number}", width, units, plan)
        width = units
    if plan.decoder == "single":
        _add_single(layers, width, plan)
    elif plan.filters:
        _add_features(layers, width, plan.channels[-1], plan.sides[-1], plan)
        _add_mirrored(layers, plan)
    else:
        layers["pixels"] = nn.Linear(width, math.prod(plan.image_shape))
        layers["unflatten"] = nn.Unflatten(1, plan.image_shape)
    layers["image"] = nn.Sigmoid()
    return nn.Sequential(layers)


def _add_mirrored(layers: Layers, plan: EncoderPlan) -> None:
    """A step for each convolution of the encoder, in reverse, to just the size that it had before."""
    for number in range(len(plan.filters), 0, -1):
        name, channels, wanted = f"conv{number}", plan.channels[number - 1], plan.sides[number - 1]
        _add_blocks(layers, name, plan.channels[number], plan)
        if plan.decoder == "resize":
            # Odena et al. 2016, "Deconvolution and checkerboard artifacts"
            layers[f"{name}_resize"] = nn.Upsample(size=wanted, mode="nearest")
            step: nn.Module = nn.Conv2d(
                plan.channels[number], channels, plan.kernel_size, padding=plan.kernel_size // 2
            )
        else:
            step = _transposed(plan.channels[number], number, plan)
        if number > 1:
            _add(layers, name, step, plan, norm=BatchNorm2d(channels))
        else:
            layers[name] = step


def _add_single(layers: Layers, width: int, plan: EncoderPlan) -> None:
    """All of the way by a dense layer but for the last doubling, which one transposed convolution makes."""
    channels = plan.filters[0]
    _add_features(layers, width, channels, plan.sides[1], plan)
    layers["conv1"] = _transposed(channels, 1, plan)


def _add_features(layers: Layers, width: int, channels: int, side: tuple[int, int], plan: EncoderPlan) -> None:
    layers["features"] = nn.Linear(width, channels * side[0] * side[1])
    layers["features_activation"] = make_activation(plan.activation)
    layers["unflatten"] = nn.Unflatten(1, (channels, *side))


def _transposed(channels: int, number: int, plan: EncoderPlan) -> nn.ConvTranspose2d:
    """The way back of the convolution of that number, from so many channels."""
    return nn.ConvTranspose2d(
        channels,
        plan.channels[number - 1],
        plan.kernel_size,
        stride=2,
        padding=plan.kernel_size // 2,
        output_padding=plan.missing(number),
    )


def _add_blocks(layers: Layers, name: str, channels: int, plan: EncoderPlan) -> None:
    for number in range(1, plan.blocks + 1):
        layers[f"{name}_block{number}"] = Residual(channels, activation=plan.activation, batch_norm=plan.batch_norm)


def _add_dense(layers: Layers, name: str, before: int, after: int, plan: EncoderPlan) -> None:
    _add(layers, name, nn.Linear(before, after), plan, norm=BatchNorm1d(after))
    if plan.dropout:
        layers[f"{name}_dropout"] = Dropout(plan.dropout)


def _add(layers: Layers, name: str, layer: nn.Module, plan: EncoderPlan, *, norm: nn.Module) -> None:
    layers[name] = layer
    if plan.batch_norm:
        layers[f"{name}_norm"] = norm
    layers[f"{name}_activation"] = make_activation(plan.activation)
