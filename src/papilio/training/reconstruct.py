"""The objective of autoencoders: a net gives back the image that it is shown, also where noise was added to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy

from papilio.kinds.options import NoiseKind
from papilio.settings.train_settings import TrainSettings
from papilio.training.batches import Batch
from papilio.training.noise import Noise
from papilio.training.objectives import Nets, Objective, Phase
from papilio.training.supervised import penalty


def objective(
    train: TrainSettings,
    error: Literal["squared", "absolute", "bernoulli"] = "squared",
    noise: NoiseKind = "none",
    level: float | Sequence[float] = 0.3,
) -> Objective:
    """The mean over pixels of the error between the clean image and what the net makes of the noisy one.

    `error` is (image - reconstruction)², its absolute value, or the cross entropy of a Bernoulli distribution with the
    image's values as probabilities, in nats. `noise` is added to what the net is shown (Vincent et al. 2008), at one of the
    `level`s, drawn for each image. `train.regularizer` adds its penalties. Metrics: `loss`, the error without penalties;
    `error`, the mean squared error of what the net makes of clean images, whatever the loss is.
    """
    l1, l2 = train.regularizer.l1, train.regularizer.l2
    measure = ERRORS[error]
    levels = [float(one) for one in (level if isinstance(level, Sequence) else [level])]

    def shown(batch: Batch, random: Noise) -> Tensor:
        return batch.images if noise == "none" else noisy(batch.images, noise, levels, random)

    def loss(nets: Nets, batch: Batch, random: Noise, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        value = measure(nets["network"](shown(batch, random)), batch.images)
        total = value + penalty(nets["network"], l1=l1, l2=l2) if l1 or l2 else value
        return total, {"loss": value.detach()}

    def evaluate(nets: Nets, batch: Batch, random: Noise) -> dict[str, Tensor]:
        again = nets["network"](batch.images)
        of_noisy = again if noise == "none" else nets["network"](shown(batch, random))
        return {"loss": measure(of_noisy, batch.images), "error": squared(again, batch.images)}

    return Objective(phases=(Phase("network", loss),), evaluate=evaluate)


def squared(again: Tensor, images: Tensor) -> Tensor:
    """The mean over pixels of the squared difference."""
    return (again - images).square().mean()


def absolute(again: Tensor, images: Tensor) -> Tensor:
    """The mean over pixels of the absolute difference."""
    return (again - images).abs().mean()


ERRORS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared": squared,
    "absolute": absolute,
    "bernoulli": binary_cross_entropy,  # of probabilities, (again, images), the mean over pixels
}


def noisy(images: Tensor, kind: NoiseKind, levels: Sequence[float], random: Noise) -> Tensor:
    """Images in [0, 1] with noise, each at a level drawn from `levels`; what leaves [0, 1] is cut off, as a picture does.

    "gaussian" adds a normal number of that standard deviation to each value; "salt_and_pepper" makes that share of the pixels
    black or white, in all channels; "masking" makes that share of them black.
    """
    num, _, height, width = images.shape
    if len(levels) == 1:
        level = images.new_full((num, 1, 1, 1), levels[0])
    else:
        drawn = (random.uniform(num) * len(levels)).long()
        level = images.new_tensor(list(levels))[drawn].view(num, 1, 1, 1)
    if kind == "gaussian":
        return (images + level * random.normal(*images.shape)).clamp(0, 1)
    chance = random.uniform(num, 1, height, width)
    if kind == "masking":
        return torch.where(chance < level, 0.0, images)
    return torch.where(chance < level, (chance < level / 2).to(images.dtype), images)
