"""The objective of autoencoders: a net gives back the image that it is shown."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from papilio.settings.train_settings import TrainSettings
from papilio.training.batches import Batch
from papilio.training.noise import Noise
from papilio.training.objectives import Nets, Objective, Phase
from papilio.training.supervised import penalty


def objective(train: TrainSettings, error: Literal["squared", "absolute"] = "squared") -> Objective:
    """The mean over pixels of (image - reconstruction)², or of its absolute value, and the penalties of `train.regulariser`."""
    l1, l2 = train.regulariser.l1, train.regulariser.l2

    def measure(nets: Nets, batch: Batch) -> Tensor:
        difference = nets["network"](batch.images) - batch.images
        return difference.square().mean() if error == "squared" else difference.abs().mean()

    def loss(nets: Nets, batch: Batch, noise: Noise, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        value = measure(nets, batch)
        total = value + penalty(nets["network"], l1=l1, l2=l2) if l1 or l2 else value
        return total, {"loss": value.detach()}

    def evaluate(nets: Nets, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        return {"loss": measure(nets, batch)}

    return Objective(phases=(Phase("network", loss),), evaluate=evaluate)
