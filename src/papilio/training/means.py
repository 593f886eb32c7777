"""Metrics over the batches of an epoch or a split."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from papilio.engine import NotANumber
from papilio.kinds.choosing import QUANTILES

OverSet = Callable[[Mapping[str, Tensor]], Mapping[str, float]]


class Means:
    """Weighted means of metrics over batches, summed on the device.

    A metric may be a number for the batch, or one per image, or rows. With `is_whole`, as of a split that is measured, of
    the second kind median and 90th percentile are told, too, and the third kind is kept for `over_set`.
    """

    def __init__(self, *, is_whole: bool = False) -> None:
        self.sums: dict[str, Tensor] = {}
        self.weight = 0
        self.is_whole = is_whole
        self.parts: dict[str, list[Tensor]] = {}
        self.rows: dict[str, list[Tensor]] = {}

    def add(self, metrics: Mapping[str, Tensor], *, weight: int) -> None:
        """Count one batch's metrics, of `weight` images."""
        for name, value in metrics.items():
            value = value.detach()
            if value.dim() > 1:
                if self.is_whole:
                    self.rows.setdefault(name, []).append(value)
                continue
            if value.dim():
                if self.is_whole:
                    self.parts.setdefault(name, []).append(value)
                value = value.mean()
            if name in self.sums:
                self.sums[name].add_(value, alpha=weight)
            else:
                self.sums[name] = value * weight
        self.weight += weight

    def result(self, *, epoch: int, prefix: str, over_set: OverSet | None = None) -> dict[str, float]:
        """The metrics as `prefix_name`; raises NotANumber where one is not finite."""
        self.refuse_nan(epoch=epoch, prefix=prefix)
        found = {f"{prefix}_{name}": value.item() / self.weight for name, value in self.sums.items()}
        for name, parts in self.parts.items():
            values = torch.cat(parts).cpu().numpy()
            found |= {f"{prefix}_{word}_{name}": float(np.quantile(values, q)) for word, q in QUANTILES.items()}
        if over_set is not None and self.rows:
            whole = over_set({name: torch.cat(rows) for name, rows in self.rows.items()})
            for name, number in whole.items():
                if not math.isfinite(number):
                    raise NotANumber(f"{prefix}_{name} became {number} in epoch {epoch}")
                found[f"{prefix}_{name}"] = float(number)
        return found

    def refuse_nan(self, *, epoch: int, prefix: str) -> None:
        """Raises NotANumber, saying which metric and when."""
        for name, value in self.sums.items():
            if not math.isfinite(number := value.item()):
                raise NotANumber(f"{prefix}_{name} became {number} in epoch {epoch}")
