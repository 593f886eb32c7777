"""A net: layers one after another, forward through all of them, backward through all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from papilio.models import parts
from papilio.scratch import convolutions, layers, pooling
from papilio.scratch.initializers import draw
from papilio.scratch.layers import Array, Layer, Rng, Shape


class Stack:
    """Layers by name, one after another; a stack is used as a layer is."""

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        self.layers = dict(layers)

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
        """What the last layer gives; with `rng` while it learns."""
        for layer in self.layers.values():
            x = layer.forward(x, rng)
        return x

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        """The chain rule, from the last layer to the first: each one's dx is the dy of the one before it.

        Where nobody wants dx, the way back ends at the first layer that has weights.
        """
        layers = list(self.layers.values())
        with_weights = [place for place, layer in enumerate(layers) if layer.shapes]
        first = with_weights[0] if with_weights and not wants_dx else 0
        for place in range(len(layers) - 1, first - 1, -1):
            dy = layers[place].backward(dy, wants_dx=wants_dx or place > first)
        return dy

    def without_last(self) -> Stack:
        """The same layers but for the last one."""
        return Stack(dict(list(self.layers.items())[:-1]))


ACTIVATIONS: dict[str, Callable[[], Layer]] = {
    "relu": layers.Relu,
    "leaky_relu": layers.LeakyRelu,
    "sigmoid": layers.Sigmoid,
    "tanh": layers.Tanh,
}
POOLINGS: dict[str, Callable[[int], Layer]] = {"average": pooling.AveragePooling, "max": pooling.MaxPooling}
LAYERS: dict[type[parts.Part], Callable[..., Layer]] = {  # the layer that each part of a plan is
    parts.Dense: layers.Dense,
    parts.Convolution: lambda has_bias, **settings: convolutions.Convolution(**settings),  # it always has one here
    parts.TransposedConvolution: convolutions.TransposedConvolution,
    parts.Pooling: lambda sort, size: POOLINGS[sort](size),
    parts.Activation: lambda name: ACTIVATIONS[name](),
    parts.Dropout: layers.Dropout,
    parts.Flatten: layers.Flatten,
    parts.Unflatten: layers.Unflatten,
}


class Network:
    """The stacks of a plan; all of their weights are one long array, `values`, and all gradients another, `gradients`.

    A classifier is one stack, named ""; an autoencoder has an "encoder" and a "decoder". `places` says where each weight is
    in both arrays, by the names of its stack and its layer, and its own, as PyTorch has them: "encoder.conv1.weight".
    """

    def __init__(self, plan: parts.NetPlan) -> None:
        self.plan, self.latents = plan, plan.latents
        self.stacks: dict[str, Stack] = {}
        self.layers: dict[str, Layer] = {}
        self.shapes: dict[str, Shape] = {}
        self.places: dict[str, slice] = {}
        self.size = 0  # how many numbers all weights are
        for stack_name, own in plan.stacks.items():
            stack = Stack({name: LAYERS[type(part)](**vars(part)) for name, part in own.items()})
            self.stacks[stack_name] = stack
            self.layers |= {whole_name(stack_name, name): layer for name, layer in stack.layers.items()}
        for name, layer in self.layers.items():
            for own_name, shape in layer.shapes.items():
                begin, self.size = self.size, self.size + math.prod(shape)
                self.shapes[f"{name}.{own_name}"], self.places[f"{name}.{own_name}"] = shape, slice(begin, self.size)
        self.values = self.gradients = np.empty(0)

    def allocate(self, dtype: np.dtype | type | str = np.float32) -> Network:
        """Make both arrays, zero; the weights and gradients of each layer are views of them."""
        self.values, self.gradients = np.zeros((2, self.size), dtype)
        for name, layer in self.layers.items():
            for own_name, shape in layer.shapes.items():
                place = self.places[f"{name}.{own_name}"]
                layer.weights[own_name] = self.values[place].reshape(shape)
                layer.gradients[own_name] = self.gradients[place].reshape(shape)
        return self

    def initialize(self, rng: Rng) -> None:
        """Draw all weights, as the plan says."""
        for layer in self.layers.values():
            if layer.shapes:
                first = draw(self.plan.initializer, rng, layer.shapes)
                for own_name, value in first.items():
                    layer.weights[own_name][...] = value


def whole_name(stack_name: str, name: str) -> str:
    """A layer's name in the whole net: "encoder.conv1", or "conv1" where the net is a single stack."""
    return f"{stack_name}.{name}" if stack_name else name
