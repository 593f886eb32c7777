"""A net is a stack of layers: forward through all of them, backward through all of them, and weights in one long array."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from papilio.errors import RunError, did_you_mean
from papilio.models.description import Description, LayerRow
from papilio.scratch.initialisers import draw
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


class Network:
    """Stacks by name, one feeding the next, with all of their weights in `values` and all gradients in `gradients`.

    A classifier is one stack, named ""; an autoencoder has an "encoder" and a "decoder". A weight is known by the names of its
    stack and its layer, and its own, as PyTorch has them: "encoder.conv1.weight".
    """

    def __init__(self, stacks: Mapping[str, Stack], image_shape: Shape, latents: int = 0) -> None:
        self.stacks, self.image_shape = dict(stacks), image_shape
        self.latents = latents  # of an autoencoder: how many numbers its decoder takes
        self.values = self.gradients = np.empty(0)

    def layers(self) -> Iterator[tuple[str, Layer]]:
        """Every layer by its whole name."""
        for stack_name, stack in self.stacks.items():
            for name, layer in stack.layers.items():
                yield _whole(stack_name, name), layer

    def parts(self) -> dict[str, slice]:
        """Where every weight stands in `values`, and its gradient in `gradients`, by its whole name."""
        shapes = {f"{name}.{own}": shape for name, layer in self.layers() for own, shape in layer.shapes.items()}
        ends = np.cumsum([0, *map(math.prod, shapes.values())])
        return {name: slice(*ends[index : index + 2]) for index, name in enumerate(shapes)}

    def allocate(self, dtype: np.dtype | type | str = np.float32) -> Network:
        """Give every layer its places in `values` and `gradients`, views of them."""
        parts = self.parts()
        self.values, self.gradients = np.zeros((2, max(part.stop for part in parts.values())), dtype)
        for name, layer in self.layers():
            for own, shape in layer.shapes.items():
                part = parts[f"{name}.{own}"]
                layer.weights[own] = self.values[part].reshape(shape)
                layer.gradients[own] = self.gradients[part].reshape(shape)
        return self

    def initialise(self, name: str, rng: Rng) -> None:
        """Draw all weights anew."""
        for _, layer in self.layers():
            for own, value in (draw(name, rng, layer.shapes) if layer.shapes else {}).items():
                layer.weights[own][...] = value

    def weights(self) -> dict[str, Array]:
        """Copies of all weights by their names."""
        return {
            f"{name}.{own}": weight.copy() for name, layer in self.layers() for own, weight in layer.weights.items()
        }

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take over weights by their names; raises RunError where names or shapes differ."""
        own, parts = self.weights(), self.parts()
        if different := sorted(own.keys() ^ weights.keys()):
            raise RunError(f"made for another network; these differ: {', '.join(different[:4])}")
        for name, array in weights.items():
            if array.shape != own[name].shape:
                raise RunError(f"made for another network; {name} is {array.shape}, expected is {own[name].shape}")
            self.values[parts[name]] = array.ravel()

    def forward(self, x: Array, *, part: str = "", until: str | None = None) -> Array:
        """What the whole net gives, or a part of it ("encoder"), or the layer `until` of that; in use, not while it learns.

        A variational autoencoder's decoder goes on with the means. Raises RunError for a layer that is not there.
        """
        stacks = {"": self.stacks[part]} if part else self.stacks
        known = [_whole(stack_name, name) for stack_name, stack in stacks.items() for name in stack.layers]
        if until is not None and until not in known:
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
        image, rows = np.zeros((*self.image_shape, 1), self.values.dtype), []
        for name, layer in self.layers():
            shape = self.forward(image, until=name).shape[:-1]
            rows.append(LayerRow(name, layer.kind, tuple(shape), sum(map(math.prod, layer.shapes.values()))))
        return Description(tuple(rows), sum(row.num_parameters for row in rows))


def _whole(stack_name: str, name: str) -> str:
    return f"{stack_name}.{name}" if stack_name else name
