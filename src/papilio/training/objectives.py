"""What the nets minimise: an objective is a list of phases, and the driver knows nothing else of it.

A classifier has one phase. A game of two nets has two, each moving its own net. What a phase may use is handed to it: the
nets by name, the batch, the run's noise, the number of the step; so a weight can grow with the step, a phase can move a part
of a net only, repeat, or share a batch of fakes with the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from papilio.errors import SettingError
from papilio.targets.target import Target
from papilio.training.batches import Batch
from papilio.training.noise import Noise

Nets = Mapping[str, nn.Module]
Loss = Callable[[Nets, Batch, Noise, int], tuple[Tensor, dict[str, Tensor]]]


QUANTILES = {"median": 0.5, "p90": 0.9}  # of metrics with a number an image


@dataclass(frozen=True)
class Phase:
    """One kind of step: a loss, and the net that it moves.

    `loss` gets the nets, the batch, the noise and the number of the step (from 0), and returns a scalar to minimise with
    the metrics (batch means) that the records keep as `train_...`. `touches` picks from the net's parameters, by name,
    those that may move; `repeats` is how often the phase runs on each batch, with fresh noise.
    """

    net: str
    loss: Loss
    touches: Callable[[str], bool] = lambda name: True
    repeats: int = 1


@dataclass(frozen=True)
class Objective:
    """Phases, how the nets are measured, and which epoch is the best one.

    `evaluate` returns batch means, kept as `val_...`, or a number an image, kept as `val_...`, `val_median_...` and
    `val_p90_...`; `directions` says for each metric whether less or more is better.
    `best` names the recorded metric whose best epoch's weights are kept, None where only the last epoch counts. `share`
    makes tensors once a batch for all phases (`batch.shared`); `after_step` may change nets (an averaged generator).
    """

    phases: tuple[Phase, ...]
    evaluate: Callable[[Nets, Batch, Noise], dict[str, Tensor]]
    directions: Mapping[str, Literal["min", "max"]]
    best: str | None
    share: Callable[[Nets, Batch, Noise, int], dict[str, Tensor]] | None = None
    after_step: Callable[[Nets, int], None] | None = None

    def is_better(self, metric: str, value: float, than: float) -> bool:
        """Whether `value` of a recorded metric (`val_loss`, `train_accuracy`) beats another."""
        return value < than if self.direction(metric) == "min" else value > than

    def direction(self, metric: str) -> Literal["min", "max"]:
        """Raises SettingError for a metric that the records will not have."""
        allowed = [
            f"{split}_{known}"
            for known in self.directions
            for split in ("val", "train")
            if split == "val" or known.partition("_")[0] not in QUANTILES
        ]
        if metric not in allowed:
            raise SettingError(f"{metric!r} is not a metric of this objective; allowed are {', '.join(allowed)}")
        return self.directions[metric.partition("_")[2]]


def supervised(target: Target, *, l1: float = 0.0, l2: float = 0.0) -> Objective:
    """One net, one phase: the target design's loss, and penalties l1 * sum|w| + l2 * sum w² over weights, not biases.

    The penalties are Keras' kernel regularisers, which R1 varies; measured losses leave them out.
    """

    def loss(nets: Nets, batch: Batch, noise: Noise, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        outputs = nets["network"](batch.images)
        value = target.loss(outputs, batch.targets)
        metrics = target.metrics(outputs.detach(), batch.targets, loss=value.detach())
        return value + _penalty(nets["network"], l1=l1, l2=l2) if l1 or l2 else value, metrics

    def evaluate(nets: Nets, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        return target.metrics(nets["network"](batch.images), batch.targets)

    return Objective(
        phases=(Phase("network", loss),),
        evaluate=evaluate,
        directions=target.directions,
        best=f"val_{target.best}",
    )


def _penalty(network: nn.Module, *, l1: float, l2: float) -> Tensor | float:
    weights = [parameter for parameter in network.parameters() if parameter.dim() > 1]
    absolute = torch.stack([weight.abs().sum() for weight in weights]).sum() if l1 else 0.0
    squared = torch.stack([weight.square().sum() for weight in weights]).sum() if l2 else 0.0
    return l1 * absolute + l2 * squared
