"""A network's layers as a table: what `papilio show` and the report print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from papilio.models.description import Description, LayerRow


def describe_layers(network: nn.Module, input_shape: tuple[int, ...]) -> list[LayerRow]:
    """Every layer without children, in the order in which an image of (channel, height, width), or latents, pass through."""
    rows: list[LayerRow] = []

    def note(name: str, layer: nn.Module, output: object) -> None:
        if isinstance(output, Tensor):
            rows.append(LayerRow(name, _kind(layer), tuple(output.shape[1:]), count_parameters(layer)))

    leaves = [(name, layer) for name, layer in network.named_modules() if not list(layer.children())]
    hooks = [
        layer.register_forward_hook(lambda layer, _, output, name=name: note(name, layer, output))
        for name, layer in leaves
    ]
    was_training = network.training
    network.eval()
    device = next((parameter.device for parameter in network.parameters()), None)
    try:
        with torch.no_grad():
            network(torch.zeros(1, *input_shape, device=device))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return rows


def describe_nets(nets: Mapping[str, nn.Module], image_shape: tuple[int, int, int]) -> Description:
    """The layers of a network, or of several nets one after another, `generator.layers.0`.

    What does not take images, or the latents that its `latents` and `classes` count, is one row: a net of the user's own.
    """
    num_parameters = sum(count_parameters(net) for net in nets.values())
    rows: list[LayerRow] = []
    for name, net in nets.items():
        prefix = "" if list(nets) == ["network"] else f"{name}."
        try:
            layers = describe_layers(net, _input_shape(name, net, image_shape))
        except Exception:  # whatever a net of the user's own raises
            rows.append(LayerRow(name, type(net).__name__, (), count_parameters(net)))
            continue
        rows += [replace(row, name=prefix + row.name) for row in layers]
    return Description(tuple(rows), num_parameters)


def _input_shape(name: str, net: nn.Module, image_shape: tuple[int, int, int]) -> tuple[int, ...]:
    latents = getattr(net, "latents", None)
    if name == "network" or latents is None:
        return image_shape
    return (int(latents) + int(getattr(net, "classes", 0)),)


def count_parameters(network: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def _kind(layer: nn.Module) -> str:
    detail = layer.extra_repr()
    return f"{type(layer).__name__}({detail})" if detail else type(layer).__name__
