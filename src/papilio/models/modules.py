"""Layers that are plain data as torch modules, and builders of nets made of them."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor, nn

from papilio.models import parts, thin
from papilio.models.layers import BatchNorm1d, BatchNorm2d, Dropout, initialize, make_activation
from papilio.models.parts import NetPlan, Part, Parts

Given = ParamSpec("Given")
Net = TypeVar("Net", bound=nn.Module)
POOLINGS = {"average": nn.AvgPool2d, "max": nn.MaxPool2d}


def builder(make: Callable[[NetPlan], Net], plan: Callable[Given, NetPlan], *, module: str) -> Callable[Given, Net]:
    """A family's builder in `module`: it takes what `plan` takes; what `make` makes of that has its weights drawn."""

    @functools.wraps(plan)
    def build(*args: Given.args, **kwargs: Given.kwargs) -> Net:
        planned = plan(*args, **kwargs)
        network = make(planned)
        initialize(network, planned.initializer)
        return network

    build.__module__ = module
    return build


def classifier(plan: NetPlan) -> nn.Sequential:
    """The only stack of a plan."""
    return sequential(plan.stacks[""])


def sequential(layers: Parts) -> nn.Sequential:
    """Layers by their names, made in their order, which is that of the random numbers of their weights."""
    return nn.Sequential(OrderedDict((name, made(part)) for name, part in layers.items()))


def made(part: Part) -> nn.Module:
    """The torch module that a part is."""
    match part:
        case parts.Dense(inputs, outputs):
            return nn.Linear(inputs, outputs)
        case parts.Convolution(inputs, outputs, kernel, stride, padding, has_bias):
            return nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=has_bias)
        case parts.TransposedConvolution(inputs, outputs, kernel, stride, padding, missing):
            return thin.ConvTranspose2d(inputs, outputs, kernel, stride=stride, padding=padding, output_padding=missing)
        case parts.Pooling(sort, size):
            return POOLINGS[sort](size)
        case parts.Means():
            return nn.AdaptiveAvgPool2d(1)
        case parts.Activation(name):
            return make_activation(name)
        case parts.Dropout(rate):
            return Dropout(rate)
        case parts.Normalization(channels, of_images):
            return BatchNorm2d(channels) if of_images else BatchNorm1d(channels)
        case parts.Flatten():
            return nn.Flatten()
        case parts.Unflatten(shape):
            return nn.Unflatten(1, shape)
        case parts.Enlargement(size):
            return nn.Upsample(size=size, mode="nearest")
        case parts.Residual(channels, activation, batch_norm):
            return Residual(channels, activation=activation, batch_norm=batch_norm)
        case parts.Split(heads):
            return SplitHeads(sequential(head) for head in heads)


class Residual(nn.Module):
    """Features plus what two convolutions make of them; He et al. 2016, "Identity mappings in deep residual networks"."""

    def __init__(self, channels: int, *, activation: str, batch_norm: bool) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for number in (1, 2):
            if batch_norm:
                layers[f"norm{number}"] = BatchNorm2d(channels)
            layers[f"activation{number}"] = make_activation(activation)
            layers[f"conv{number}"] = nn.Conv2d(channels, channels, 3, padding=1)
        self.change = nn.Sequential(layers)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.change(features)


class SplitHeads(nn.ModuleList):
    """Networks that see the same features; their outputs, one after another."""

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([head(features) for head in self], dim=1)
