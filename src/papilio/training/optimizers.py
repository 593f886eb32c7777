"""The optimizers by name, as torch has them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from papilio.settings.optimizer_numbers import numbers_of, refuse_impossible_optimizer


@dataclass(frozen=True)
class OptimizerKind:
    """A torch optimizer with its fixed arguments."""

    optimizer: type[torch.optim.Optimizer]
    arguments: dict[str, Any]


OPTIMIZERS: dict[str, OptimizerKind] = {
    "sgd": OptimizerKind(torch.optim.SGD, {"fused": True}),
    "momentum": OptimizerKind(torch.optim.SGD, {"fused": True}),
    # alpha and eps as in Keras, whose numbers the reports give
    "rmsprop": OptimizerKind(torch.optim.RMSprop, {"alpha": 0.9, "eps": 1e-7}),
    "adam": OptimizerKind(torch.optim.Adam, {"fused": True}),
    "adamw": OptimizerKind(torch.optim.AdamW, {"fused": True}),
    "adadelta": OptimizerKind(torch.optim.Adadelta, {"rho": 0.95, "eps": 1e-7}),
}


def make_optimizer(
    name: str,
    parameters: Iterable[nn.Parameter],
    *,
    learning_rate: float | None = None,
    momentum: float | None = None,
    betas: tuple[float, float] | None = None,
    weight_decay: float = 0.0,
) -> torch.optim.Optimizer:
    """An optimizer over the parameters, with its usual numbers where none are given.

    `weight_decay` acts on weights, not on biases or normalization layers. Raises SettingError for an unknown name, or for
    a momentum or betas where there is no such thing.
    """
    refuse_impossible_optimizer(name, momentum=momentum, betas=betas)
    parameters, kind = list(parameters), OPTIMIZERS[name]
    groups = _decayed_and_not(parameters, weight_decay) if weight_decay else [{"params": parameters}]
    numbers = numbers_of(name, learning_rate=learning_rate, momentum=momentum, betas=betas)
    rate = numbers.pop("learning_rate")
    return _without_compiler(kind.optimizer)(groups, lr=rate, **({"weight_decay": 0.0} | kind.arguments | numbers))


@functools.cache
def _without_compiler(optimizer: type[torch.optim.Optimizer]) -> Callable[..., torch.optim.Optimizer]:
    """The optimizer as it is, but for torch's compiler, which takes a second to import.

    To switch the compiler off in them, torch wraps two methods in functions that import it. Here
    stands what they wrap; `step` still computes without gradients.
    """
    step = torch.no_grad()(inspect.unwrap(optimizer.step))
    methods = {"add_param_group": inspect.unwrap(torch.optim.Optimizer.add_param_group), "step": step}
    return type(optimizer.__name__, (optimizer,), methods)


def _decayed_and_not(parameters: list[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    groups = [
        {"params": [one for one in parameters if one.dim() > 1], "weight_decay": weight_decay},
        {"params": [one for one in parameters if one.dim() <= 1], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
