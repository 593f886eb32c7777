"""The objective of nets that learn from labels: one net, one phase, a target design."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from papilio.data.facts import ImageFacts
from papilio.errors import SettingError
from papilio.settings.references import OwnFunctions, find_own
from papilio.settings.train_settings import TrainSettings
from papilio.targets.classes import Classes
from papilio.targets.quantity import QuantityTarget, make_design
from papilio.targets.target import Target
from papilio.training.batches import Batch
from papilio.training.noise import Noise
from papilio.training.objectives import Nets, Objective, Phase


def classify(train: TrainSettings, facts: ImageFacts, own: OwnFunctions) -> Objective:
    """Which class an image shows. Raises SettingError where a loss of the user's own is missing."""
    if train.loss and train.label_smoothing:
        raise SettingError("train.label_smoothing: needs cross entropy, not a train.loss of your own")
    scoring = find_own(train.loss, what="train.loss", own=own) if train.loss else None
    target = Classes(facts.num_classes, label_smoothing=train.label_smoothing, scoring=scoring)
    return supervised(target, l1=train.regularizer.l1, l2=train.regularizer.l2)


def read(train: TrainSettings, facts: ImageFacts) -> Objective:
    """Which number on a circle an image shows, in the design that `train.target` names."""
    assert facts.quantity is not None
    target = QuantityTarget(facts.quantity, make_design(train.target, facts.quantity.period))
    return supervised(target, l1=train.regularizer.l1, l2=train.regularizer.l2)


def supervised(target: Target, *, l1: float = 0.0, l2: float = 0.0) -> Objective:
    """The target design's loss, and penalties l1 * sum|w| + l2 * sum w² over weights, not biases.

    The penalties are Keras' kernel regularizers, which R1 varies; measured losses leave them out.
    """

    def loss(nets: Nets, batch: Batch, noise: Noise, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        outputs = nets["network"](batch.images)
        value = target.loss(outputs, batch.targets)
        metrics = target.metrics(outputs.detach(), batch.targets, loss=value.detach())
        return value + penalty(nets["network"], l1=l1, l2=l2) if l1 or l2 else value, metrics

    def evaluate(nets: Nets, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        return target.metrics(nets["network"](batch.images), batch.targets)

    return Objective(phases=(Phase("network", loss),), evaluate=evaluate, sees_images=False)


def penalty(network: nn.Module, *, l1: float, l2: float) -> Tensor | float:
    """l1 * sum|w| + l2 * sum w² over a net's weights, not its biases."""
    weights = [parameter for parameter in network.parameters() if parameter.dim() > 1]
    absolute = torch.stack([weight.abs().sum() for weight in weights]).sum() if l1 else 0.0
    squared = torch.stack([weight.square().sum() for weight in weights]).sum() if l2 else 0.0
    return l1 * absolute + l2 * squared
