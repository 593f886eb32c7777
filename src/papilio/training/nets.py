"""Trained torch nets behind the engine's border: arrays in, arrays out."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from papilio.engine import EVALUATION_BATCH
from papilio.errors import RunError, did_you_mean
from papilio.training.batches import as_floats, as_tensor
from papilio.training.calls import bare


class _Reached(Exception):
    """The layer that was asked for has given its output: what follows need not be computed."""


class TorchNets:
    """Nets by name, in evaluation mode; those that average over views do so when they are called."""

    def __init__(self, modules: Mapping[str, nn.Module], device: torch.device | str = "cpu") -> None:
        self.modules = dict(modules)
        self.device = torch.device(device)

    @property
    def names(self) -> Sequence[str]:
        return list(self.modules)

    @torch.no_grad()
    def forward(self, net: str, inputs: np.ndarray, *, until: str | None = None, is_quick: bool = False) -> np.ndarray:
        """See `papilio.engine.Nets`. A dotted `net` is a part of one: "network.decoder"."""
        module = self._find(net)
        is_plain = is_quick or until is not None or len(inputs) == 0  # a layer's output is of the image itself
        module = bare(module) if is_plain else module
        parts = as_tensor(np.ascontiguousarray(inputs)).split(EVALUATION_BATCH)
        return torch.cat([output_of(module, self._prepared(part), until=until).cpu() for part in parts]).numpy()

    def _find(self, net: str) -> nn.Module:
        name, _, part = net.partition(".")
        if name not in self.modules:
            raise RunError(f"{net!r} is not a net of this run; {did_you_mean(net, self.modules)}")
        module = self.modules[name]
        return _part(bare(module), part) if part else module

    def _prepared(self, inputs: Tensor) -> Tensor:
        inputs = inputs.to(self.device)
        return as_floats(inputs) if inputs.dtype == torch.uint8 else inputs.to(torch.float32)


def _part(module: nn.Module, name: str) -> nn.Module:
    layers = dict(module.named_modules())
    if name not in layers:
        raise RunError(f"{name!r} is not a layer; {did_you_mean(name, [one for one in layers if one])}")
    return layers[name]


def output_of(module: nn.Module, inputs: Tensor, *, until: str | None) -> Tensor:
    """What a module gives, or its layer of that name; raises RunError where the inputs do not pass through it."""
    if until is None:
        return module(inputs)
    kept: list[Tensor] = []
    thread = threading.get_ident()

    def keep(layer: nn.Module, given: Any, output: Tensor) -> None:
        if threading.get_ident() == thread:  # another one may be using the module, too
            kept.append(output)
            raise _Reached

    hook = _part(module, until).register_forward_hook(keep)
    try:
        module(inputs)
    except _Reached:
        return kept[0]
    finally:
        hook.remove()
    raise RunError(f"the images do not pass through the layer {until!r}")
