"""A network's layers as a table: what `papilio show` and the report print."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from papilio.models.description import Description, LayerRow


def describe_layers(network: nn.Module, image_shape: tuple[int, int, int]) -> list[LayerRow]:
    """Every layer without children, in the order in which an image of (channel, height, width) passes through."""
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
            network(torch.zeros(1, *image_shape, device=device))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return rows


def describe_nets(nets: Mapping[str, nn.Module], image_shape: tuple[int, int, int]) -> Description:
    """The layers of a single network; of several nets, that do not all take images, a row each."""
    num_parameters = sum(count_parameters(net) for net in nets.values())
    if list(nets) == ["network"]:
        try:
            return Description(tuple(describe_layers(nets["network"], image_shape)), num_parameters)
        except Exception:  # a net of the user's own need not take bare images: it is then one row
            pass
    rows = [LayerRow(name, type(net).__name__, (), count_parameters(net)) for name, net in nets.items()]
    return Description(tuple(rows), num_parameters)


def count_parameters(network: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def _kind(layer: nn.Module) -> str:
    detail = layer.extra_repr()
    return f"{type(layer).__name__}({detail})" if detail else type(layer).__name__
