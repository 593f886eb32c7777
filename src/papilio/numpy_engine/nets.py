"""Nets by hand as the rest of Papilio has them: built of a study's settings, their weights by name, their layers in tables.

Names are those of the torch engine: "network/encoder.conv1.weight" is a weight of the net "network", in its part "encoder".
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from papilio.engine import EVALUATION_BATCH, Arrays
from papilio.errors import RunError, did_you_mean
from papilio.models.description import Description, LayerRow
from papilio.models.parts import kind_of
from papilio.models.plans import PLANS, PURPOSES
from papilio.numpy_engine.refusals import refuse_unknown
from papilio.scratch.layers import Array, Shape
from papilio.scratch.network import ACTIVATIONS, Network, whole_name

BEFORE = "network/"  # what the names of all weights begin with
KNOWN: dict[str, Collection[object]] = {  # of settings of which plans take more
    "activation": ACTIVATIONS,
    "batch_norm": [False],
    "dense_norm": [False],
    "split_heads": [False],
    "head": ["flatten"],
    "blocks": [0],
    "decoder": ["mirror"],
}


def build(family: str, arguments: Mapping[str, Any], *, image_shape: tuple[int, int, int], num_classes: int) -> Network:
    """A family's net, without memory for weights; raises SettingError for what it does not take or cannot be built."""
    refuse_unknown("model.family", family, PLANS)
    for name in KNOWN:
        if name in arguments:
            refuse_unknown(f"model.{name}", arguments[name], KNOWN[name])
    given = {} if family in PURPOSES else {"num_classes": num_classes}
    return Network(PLANS[family](image_shape, **given, **arguments))


def weights_of(network: Network) -> dict[str, Array]:
    """Copies of all weights by their names."""
    return {
        BEFORE + name: network.values[place].reshape(network.shapes[name]).copy()
        for name, place in network.places.items()
    }


def load_weights(network: Network, weights: Arrays) -> None:
    """Take over weights by their names; raises RunError where names or shapes differ."""
    shapes = {BEFORE + name: shape for name, shape in network.shapes.items()}
    if different := sorted(shapes.keys() ^ weights.keys()):
        raise RunError(f"made for another network; these differ: {', '.join(different[:4])}")
    for name, array in weights.items():
        if array.shape != shapes[name]:
            raise RunError(f"made for another network; {name} is {array.shape}, expected is {shapes[name]}")
        network.values[network.places[name.removeprefix(BEFORE)]] = array.ravel()


def forward(network: Network, x: Array, *, part: str = "", until: str | None = None) -> Array:
    """What the whole net gives, or a part of it ("encoder"), or the layer `until` of that; in use, not while it learns.

    A variational autoencoder's decoder continues with the means. Raises RunError for a layer that does not exist.
    """
    stacks = {"": network.stacks[part]} if part else network.stacks
    known = [whole_name(stack_name, name) for stack_name, stack in stacks.items() for name in stack.layers]
    if until not in (None, *known):
        raise RunError(f"{until!r} is not a layer; {did_you_mean(until, known)}")
    for stack_name, stack in stacks.items():
        x = x[: network.latents] if stack_name == "decoder" else x
        for name, layer in stack.layers.items():
            x = layer.forward(x)
            if until == whole_name(stack_name, name):
                return x
    return x


def describe(network: Network, image_shape: Shape) -> Description:
    """Every layer with what it gives for one image."""
    x, rows = np.zeros((*image_shape, 1), network.values.dtype), []
    kinds = [kind_of(part) for own in network.plan.stacks.values() for part in own.values()]
    for (name, layer), kind in zip(network.layers.items(), kinds, strict=True):
        shape = forward(network, x, until=name).shape[:-1]
        rows.append(LayerRow(name, kind, tuple(shape), sum(map(math.prod, layer.shapes.values()))))
    return Description(tuple(rows), sum(row.num_parameters for row in rows))


class NumpyNets:
    """See `papilio.engine.Nets`; a dotted net is a part of it: "network.decoder"."""

    def __init__(self, network: Network) -> None:
        self.network, self.names = network, ["network"]
        self.modules: dict[str, Any] = {"network": network}

    def forward(self, net: str, inputs: np.ndarray, *, until: str | None = None, is_quick: bool = False) -> np.ndarray:
        name, _, part = net.partition(".")
        if name != "network" or (part and part not in self.network.stacks):
            known = ["network", *(f"network.{one}" for one in self.network.stacks if one)]
            raise RunError(f"{net!r} is not a net of this run; {did_you_mean(net, known)}")
        pieces = [inputs[begin : begin + EVALUATION_BATCH] for begin in range(0, max(1, len(inputs)), EVALUATION_BATCH)]
        try:
            return np.concatenate([self._given(part, piece, until) for piece in pieces])
        except ValueError as error:  # shapes that do not go together
            raise RuntimeError(str(error)) from error

    def _given(self, part: str, inputs: np.ndarray, until: str | None) -> np.ndarray:
        x = np.moveaxis(inputs, 0, -1).astype(self.network.values.dtype)
        outputs = forward(self.network, x / 255 if inputs.dtype == np.uint8 else x, part=part, until=until)
        return np.ascontiguousarray(np.moveaxis(outputs, -1, 0), dtype=np.float32)
