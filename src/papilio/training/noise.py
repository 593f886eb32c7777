"""Where a run's randomness comes from: generators that belong to the run, and nothing global."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from papilio.models.layers import Dropout

MASK_LEVELS = 2**16


class Noise:
    """Random tensors on the generator's device; objectives and dropout layers take all their randomness from one."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def normal(self, *shape: int) -> Float[Tensor, ...]:
        """Independent draws from N(0, 1)."""
        return torch.randn(shape, generator=self.generator, device=self.generator.device)

    def uniform(self, *shape: int) -> Float[Tensor, ...]:
        """Independent draws from [0, 1)."""
        return torch.rand(shape, generator=self.generator, device=self.generator.device)

    def keep_mask(self, shape: torch.Size, rate: float, device: torch.device) -> Bool[Tensor, ...]:
        """True with probability 1 - `rate`, rounded to a multiple of 2 ** -16.

        Four decisions are cut from each 64-bit draw: a Bernoulli draw an element took a tenth of a small CNN's step.
        """
        num = math.prod(shape)
        words = torch.empty((num + 3) // 4, dtype=torch.int64, device=device)
        words.random_(-(2**63), None, generator=self.generator)
        threshold = round(rate * MASK_LEVELS) - MASK_LEVELS // 2
        return (words.view(torch.int16)[:num] >= threshold).view(shape)


def give_noise(nets: Iterable[nn.Module], noise: Noise | None) -> None:
    """Let every dropout layer in the nets draw its masks from `noise` (None: from torch's global generator)."""
    for net in nets:
        for layer in net.modules():
            if isinstance(layer, Dropout):
                layer.source = noise
