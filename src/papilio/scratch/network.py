"""A net is a stack of layers: forward through all of them, backward through all of them, and weights in one long array."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from papilio.errors import RunError, did_you_mean
from papilio.models import parts
from papilio.models.description import Description, LayerRow
from papilio.scratch import convolutions, layers, pooling
from papilio.scratch.initializers import draw
from papilio.scratch.layers import Array, Layer, Rng, Shape

ACTIVATIONS: dict[str, Callable[[], Layer]] = {
    "relu": layers.Relu,
    "leaky_relu": layers.LeakyRelu,
    "sigmoid": layers.Sigmoid,
    "tanh": layers.Tanh,
}
POOLINGS: dict[str, Callable[[int], Layer]] = {"average": pooling.AveragePooling, "max": pooling.MaxPooling}
LAYERS: dict[type[parts.Part], Callable[..., Layer]] = {  # the layer that each part of a plan is
    parts.Dense: layers.Dense,
    parts.Convolution: lambda has_bias, **settings: convolutions.Convolution(**settings),
    parts.TransposedConvolution: convolutions.TransposedConvolution,
    parts.Pooling: lambda sort, size: POOLINGS[sort](size),
    parts.Activation: lambda name: ACTIVATIONS[name](),
    parts.Dropout: layers.Dropout,
    parts.Flatten: layers.Flatten,
    parts.Unflatten: layers.Unflatten,
}


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


class Network:
    """Stacks by name, one feeding the next, with all of their weights in `values` and all gradients in `gradients`.

    A classifier is one stack, named ""; an autoencoder has an "encoder" and a "decoder". A weight is known by the names of its
    stack and its layer, and its own, as PyTorch has them: "network/encoder.conv1.weight".
    """

    def __init__(self, plan: parts.NetPlan, image_shape: Shape) -> None:
        self.plan, self.image_shape, self.latents = plan, image_shape, plan.latents
        self.stacks = {
            stack_name: Stack({name: LAYERS[type(part)](**vars(part)) for name, part in own.items()})
            for stack_name, own in plan.stacks.items()
        }
        self.layers = {
            _whole(stack_name, name): layer
            for stack_name, stack in self.stacks.items()
            for name, layer in stack.layers.items()
        }
        self.shapes = {
            f"network/{name}.{own}": shape for name, layer in self.layers.items() for own, shape in layer.shapes.items()
        }
        ends = np.cumsum([0, *map(math.prod, self.shapes.values())])
        # where every weight stands in `values`, and its gradient in `gradients`
        self.places = dict(zip(self.shapes, map(slice, ends, ends[1:]), strict=False))
        self.values = self.gradients = np.empty(0)

    def allocate(self, dtype: np.dtype | type | str = np.float32) -> Network:
        """Give every layer its places in `values` and `gradients`, views of them."""
        self.values, self.gradients = np.zeros((2, sum(map(math.prod, self.shapes.values()))), dtype)
        for name, layer in self.layers.items():
            for own, shape in layer.shapes.items():
                place = self.places[f"network/{name}.{own}"]
                layer.weights[own] = self.values[place].reshape(shape)
                layer.gradients[own] = self.gradients[place].reshape(shape)
        return self

    def initialize(self, rng: Rng) -> None:
        """Draw all weights, as the plan says."""
        for layer in self.layers.values():
            for own, value in (draw(self.plan.initializer, rng, layer.shapes) if layer.shapes else {}).items():
                layer.weights[own][...] = value

    def weights(self) -> dict[str, Array]:
        """Copies of all weights by their names."""
        return {name: self.values[self.places[name]].reshape(shape).copy() for name, shape in self.shapes.items()}

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take over weights by their names; raises RunError where names or shapes differ."""
        if different := sorted(self.shapes.keys() ^ weights.keys()):
            raise RunError(f"made for another network; these differ: {', '.join(different[:4])}")
        for name, array in weights.items():
            if array.shape != self.shapes[name]:
                raise RunError(f"made for another network; {name} is {array.shape}, expected is {self.shapes[name]}")
            self.values[self.places[name]] = array.ravel()

    def forward(self, x: Array, *, part: str = "", until: str | None = None) -> Array:
        """What the whole net gives, or a part of it ("encoder"), or the layer `until` of that; in use, not while it learns.

        A variational autoencoder's decoder continues with the means. Raises RunError for a layer that does not exist.
        """
        stacks = {"": self.stacks[part]} if part else self.stacks
        known = [_whole(stack_name, name) for stack_name, stack in stacks.items() for name in stack.layers]
        if until not in (None, *known):
            raise RunError(f"{until!r} is not a layer; {did_you_mean(until, known)}")
        for stack_name, stack in stacks.items():
            x = x[: self.latents] if stack_name == "decoder" else x
            for name, layer in stack.layers.items():
                x = layer.forward(x)
                if until == _whole(stack_name, name):
                    return x
        return x

    def describe(self) -> Description:
        """Every layer with what it gives for one image."""
        x, rows = np.zeros((*self.image_shape, 1), self.values.dtype), []
        kinds = [parts.kind_of(part) for own in self.plan.stacks.values() for part in own.values()]
        for (name, layer), kind in zip(self.layers.items(), kinds, strict=True):
            shape = self.forward(x, until=name).shape[:-1]
            rows.append(LayerRow(name, kind, tuple(shape), sum(map(math.prod, layer.shapes.values()))))
        return Description(tuple(rows), sum(row.num_parameters for row in rows))


def _whole(stack_name: str, name: str) -> str:
    return f"{stack_name}.{name}" if stack_name else name
