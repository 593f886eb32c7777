"""The optimisers by name, as torch has them, with their usual learning rates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from papilio.errors import SettingError, did_you_mean


@dataclass(frozen=True)
class OptimiserKind:
    """A torch optimiser, the learning rate that is used when none is given, and its fixed arguments."""

    optimiser: Callable[..., torch.optim.Optimizer]
    learning_rate: float
    arguments: dict[str, Any]
    takes_momentum: bool = False


OPTIMISERS: dict[str, OptimiserKind] = {
    "sgd": OptimiserKind(torch.optim.SGD, 0.01, {"fused": True}, takes_momentum=True),
    "momentum": OptimiserKind(torch.optim.SGD, 0.01, {"fused": True, "momentum": 0.9}, takes_momentum=True),
    # alpha and eps as in Keras, whose numbers the reports give
    "rmsprop": OptimiserKind(torch.optim.RMSprop, 0.001, {"alpha": 0.9, "eps": 1e-7}, takes_momentum=True),
    "adam": OptimiserKind(torch.optim.Adam, 0.001, {"fused": True}),
    "adamw": OptimiserKind(torch.optim.AdamW, 0.001, {"fused": True}),
    "adadelta": OptimiserKind(torch.optim.Adadelta, 1.0, {"rho": 0.95, "eps": 1e-7}),
}


def make_optimiser(
    name: str,
    parameters: Iterable[nn.Parameter],
    *,
    learning_rate: float | None = None,
    momentum: float | None = None,
    weight_decay: float = 0.0,
) -> torch.optim.Optimizer:
    """An optimiser over the parameters; `weight_decay` acts on weights, not on biases or normalisation layers.

    Raises SettingError for an unknown name, or a momentum where there is no such thing.
    """
    kind, arguments = _kind_and_arguments(name, momentum)
    parameters = list(parameters)
    groups = _decayed_and_not(parameters, weight_decay) if weight_decay else [{"params": parameters}]
    rate = kind.learning_rate if learning_rate is None else learning_rate
    return kind.optimiser(groups, lr=rate, **({"weight_decay": 0.0} | arguments))


def _decayed_and_not(parameters: list[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    groups = [
        {"params": [one for one in parameters if one.dim() > 1], "weight_decay": weight_decay},
        {"params": [one for one in parameters if one.dim() <= 1], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def refuse_impossible_optimiser(name: str, *, momentum: float | None) -> None:
    """Raises SettingError for what `make_optimiser` would refuse; making one imports torch's compiler: a second."""
    _kind_and_arguments(name, momentum)


def _kind_and_arguments(name: str, momentum: float | None) -> tuple[OptimiserKind, dict[str, Any]]:
    if name not in OPTIMISERS:
        raise SettingError(f"train.optimizer: {name!r} is not one; {did_you_mean(name, OPTIMISERS)}")
    kind = OPTIMISERS[name]
    if momentum is None:
        return kind, dict(kind.arguments)
    if not kind.takes_momentum:
        raise SettingError(f"train.momentum: {name} has none; it goes with sgd, momentum and rmsprop")
    return kind, kind.arguments | {"momentum": momentum}
