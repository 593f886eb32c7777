"""Metrics over the batches of an epoch or a split, summed on the device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from papilio.epochs import Means


class TorchMeans(Means):
    """Means of torch's numbers; nothing waits for the device before a result is asked for."""

    def plus(self, total: Tensor | None, value: Tensor, weight: int) -> Tensor:
        return value * weight if total is None else total.add_(value, alpha=weight)

    def joined(self, arrays: list[Tensor]) -> Tensor:
        return torch.cat(arrays)

    def plain(self, array: Tensor) -> np.ndarray:
        return array.cpu().numpy()
