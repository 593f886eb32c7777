"""An epoch as sessions of every engine pass it: steps, looks at the loss, means of metrics, a record."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from papilio.data.splits import SplitName
from papilio.engine import PREFIXES, STEPS_BETWEEN_LOOKS, Diverged, NotANumber, OnStep, Record
from papilio.kinds.choosing import QUANTILES

Metrics = Mapping[str, Any]
OverSet = Callable[[Mapping[str, Any]], Mapping[str, float]]


class Means(ABC):
    """Weighted means of metrics over batches; how they are summed is the engine's.

    A metric may be a number for the batch, or one per image, or rows. With `is_whole`, as of a split that is measured, of
    the second kind median and 90th percentile are told, too, and the third kind is kept for `over_set`.
    """

    def __init__(self, *, is_whole: bool = False) -> None:
        self.sums: dict[str, Any] = {}
        self.weight = 0
        self.is_whole = is_whole
        self.parts: dict[str, list[Any]] = {}
        self.rows: dict[str, list[Any]] = {}

    @abstractmethod
    def plus(self, total: Any, value: Any, weight: int) -> Any:
        """`total`, which is None at first and may be changed, and `weight` times a number."""

    @abstractmethod
    def joined(self, arrays: list[Any]) -> Any:
        """Arrays of the engine's, one after another."""

    @abstractmethod
    def plain(self, array: Any) -> np.ndarray:
        """An array of the engine's as one of NumPy."""

    def add(self, metrics: Metrics, *, weight: int) -> None:
        """Count one batch's metrics, of `weight` images."""
        for name, value in metrics.items():
            if np.ndim(value) > 1:
                if self.is_whole:
                    self.rows.setdefault(name, []).append(value)
                continue
            if np.ndim(value):
                if self.is_whole:
                    self.parts.setdefault(name, []).append(value)
                value = value.mean()
            self.sums[name] = self.plus(self.sums.get(name), value, weight)
        self.weight += weight

    def result(self, *, epoch: int, prefix: str, over_set: OverSet | None = None) -> dict[str, float]:
        """The metrics as `prefix_name`; raises NotANumber where one is not finite."""
        self.refuse_nan(epoch=epoch, prefix=prefix)
        found = {f"{prefix}_{name}": float(value) / self.weight for name, value in self.sums.items()}
        for name, parts in self.parts.items():
            values = self.plain(self.joined(parts))
            found |= {f"{prefix}_{word}_{name}": float(np.quantile(values, q)) for word, q in QUANTILES.items()}
        if over_set is not None and self.rows:
            whole = over_set({name: self.joined(rows) for name, rows in self.rows.items()})
            for name, number in whole.items():
                if not math.isfinite(number):
                    raise NotANumber(f"{prefix}_{name} became {number} in epoch {epoch}")
                found[f"{prefix}_{name}"] = float(number)
        return found

    def refuse_nan(self, *, epoch: int, prefix: str) -> None:
        """Raises NotANumber, saying which metric and when."""
        for name, value in self.sums.items():
            if not math.isfinite(number := float(value)):
                raise NotANumber(f"{prefix}_{name} became {number} in epoch {epoch}")


class PlainMeans(Means):
    """Means of numbers and NumPy's arrays, summed in float64."""

    def plus(self, total: float | None, value: float, weight: int) -> float:
        return (total or 0.0) + float(value) * weight

    def joined(self, arrays: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(arrays)

    def plain(self, array: np.ndarray) -> np.ndarray:
        return array


class Trains(Protocol):
    """What a session of one lane has, for an epoch to be passed; `epoch` and `step` say how far it is."""

    epoch: int
    step: int

    def train_step(self, batch: Any) -> Metrics:
        """One step on a batch; what it measured."""
        ...

    def learning_rates(self) -> dict[str, float]:
        """Those of the last step, as a record has them."""
        ...


def train_epoch(
    session: Trains, batches: Iterable[Any], means: Means, *, num_steps: int, on_step: OnStep | None
) -> dict[int, Record | Diverged]:
    """A pass over the training batches, `num_steps` of them: what `Session.train_epoch` gives, of the only lane."""
    epoch = session.epoch + 1
    try:
        for index, batch in enumerate(batches, start=1):
            means.add(session.train_step(batch), weight=len(batch))
            session.step += 1
            if index % STEPS_BETWEEN_LOOKS == 0:
                means.refuse_nan(epoch=epoch, prefix="train")
            if on_step is not None:
                on_step(step=index, num_steps=num_steps)
        record = {"epoch": epoch, "step": session.step, **session.learning_rates()}
        record |= means.result(epoch=epoch, prefix="train")
    except NotANumber as reason:
        return {0: Diverged(str(reason))}
    session.epoch = epoch
    return {0: record}


def evaluate(
    split: SplitName,
    batches: Iterable[Any],
    measure: Callable[[Any], Metrics],
    means: Means,
    *,
    epoch: int,
    over_set: OverSet | None,
) -> dict[int, Record | Diverged]:
    """A pass over the batches of a split: what `Session.evaluate` gives, of the only lane."""
    for batch in batches:
        means.add(measure(batch), weight=len(batch))
    try:
        return {0: means.result(epoch=epoch, prefix=PREFIXES[split], over_set=over_set)}
    except NotANumber as reason:
        return {0: Diverged(str(reason))}
