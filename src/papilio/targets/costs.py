"""What a target design charges for a mistake: its loss by how far a sure reading is off."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from papilio.targets.periodic import PeriodicTarget

NUM_OFFSETS = 241


def costs_of_mistakes(design: PeriodicTarget) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "2 k"]]:
    """Offsets in the period's unit, and the design's loss of sure readings off by so much, as shares of the largest loss.

    First where 0 is right, where the circle closes, then where half the period is.
    """
    offsets = torch.linspace(-design.period / 2, design.period / 2, NUM_OFFSETS, dtype=torch.float64)
    costs = []
    for value in (0.0, design.period / 2):
        right = torch.tensor([value], dtype=torch.float32)
        read = torch.remainder(value + offsets, design.period).float().clamp(max=design.period * (1 - 1e-6))
        costs.append([float(design.loss(design.encode(one[None]), right)) for one in read])
    found = np.array(costs)
    found -= found.min()
    return offsets.numpy(), found / max(float(found.max()), 1e-9)
