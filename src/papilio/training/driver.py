"""The single-run driver: it trains whatever an objective describes, and can be killed at any moment.

All that a run depends on is in its state: nets, optimisers, generators, counters. The state is written after each epoch, in
one atomic step; a run that goes on from it does exactly the arithmetic that an uninterrupted one does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from papilio.errors import SettingError
from papilio.settings.train_settings import TrainSettings
from papilio.training.batches import Batch, Batches
from papilio.training.checkpoints import (
    copy_of_nets,
    copy_of_optimiser,
    load_nets,
    load_optimiser,
    load_tensors,
    save_tensors,
    under_prefix,
    with_prefix,
)
from papilio.training.noise import Noise, Seeds, give_noise
from papilio.training.objectives import QUANTILES, Objective, Phase
from papilio.training.optimisers import make_optimiser
from papilio.training.precision import Precision, best_precision, computing_in
from papilio.training.schedules import SCHEDULES

Record = dict[str, Any]
STEPS_BETWEEN_LOOKS = 50  # at whether the loss is still a number


@runtime_checkable
class Watcher(Protocol):
    """Who is told of a run's progress, and may ask it to stop."""

    def on_step(self, *, epoch: int, step: int, num_steps: int) -> None: ...

    def on_epoch(self, record: Record) -> None: ...

    def wants_stop(self) -> bool: ...


@dataclass(frozen=True)
class Outcome:
    """How training ended; the nets hold the weights of the best epoch (`best_epoch` None: there was no good epoch)."""

    status: Literal["done", "stopped", "diverged"]
    reason: str | None
    epochs: int
    best_epoch: int | None
    seconds: float


@dataclass
class Tracker:
    """The best value of one metric so far, and the epoch that had it (None before the first)."""

    value: float | None = None
    epoch: int | None = None


@dataclass
class Progress:
    """The counters of a run; `epoch` counts finished epochs, `step` finished batches."""

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    best: Tracker = field(default_factory=Tracker)
    patience: Tracker = field(default_factory=Tracker)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Progress:
        trackers = {name: Tracker(**facts[name]) for name in ("best", "patience")}
        return cls(facts["epoch"], facts["step"], facts["seconds"], **trackers)


class Diverged(Exception):
    """The loss or a metric is not a number any more; the message says which and when."""


class Training:
    """One run: nets, an objective, batches, and all the state between them."""

    def __init__(
        self,
        nets: Mapping[str, nn.Module],
        objective: Objective,
        *,
        settings: TrainSettings,
        train_batches: Batches,
        validation_batches: Batches | None,
        seed: int,
    ) -> None:
        device = torch.device(settings.device)
        self.nets = {name: as_fast_layout(net.to(device)) for name, net in nets.items()}
        self.objective = objective
        self.settings = settings
        self.train_batches = train_batches
        self.validation_batches = validation_batches
        self.seeds = Seeds.of(seed)
        self.shuffling = torch.Generator(device).manual_seed(self.seeds.shuffling)
        self.noise = Noise(torch.Generator(device).manual_seed(self.seeds.noise))
        self.precision: Precision = best_precision(settings.precision, device)
        self.moved = [_moved_parameters(self.nets, phase) for phase in objective.phases]
        self.optimisers = [
            make_optimiser(
                settings.optimizer,
                parameters,
                learning_rate=settings.learning_rate,
                momentum=settings.momentum,
                weight_decay=settings.weight_decay,
            )
            for parameters in self.moved
        ]
        self.peak_rates = [optimiser.param_groups[0]["lr"] for optimiser in self.optimisers]
        self.best_metric, self.patience_metric = choosing_metrics(
            objective, settings, has_validation=validation_batches is not None
        )
        self.progress = Progress()
        self.best_weights: dict[str, Tensor] = {}

    def run(self, *, checkpoint: Path | None = None, watcher: Watcher | None = None) -> Outcome:
        """Train to the end, going on from `checkpoint` where there is one, and leave the best weights in the nets.

        Raises RunError where the checkpoint is torn or another network's, StorageError when the disk is full.
        """
        device = self.noise.generator.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(self.seeds.noise)  # for nets of the user's own that draw from the global generator
            give_noise(self.nets.values(), self.noise)
            if checkpoint is not None and checkpoint.exists():
                self.restore(checkpoint)
            try:
                outcome = self._run_epochs(checkpoint, watcher)
            finally:
                give_noise(self.nets.values(), None)
        if self.best_weights:
            load_nets(self.nets, self.best_weights, where="the best epoch")
        for net in self.nets.values():
            net.eval()
        return outcome

    def _run_epochs(self, checkpoint: Path | None, watcher: Watcher | None) -> Outcome:
        while self.progress.epoch < self.settings.epochs and not self._is_out_of_patience():
            start = time.perf_counter()
            try:
                record = self.train_epoch(watcher) | self.evaluate()
            except Diverged as reason:
                return self._outcome("diverged", str(reason))
            self.progress.seconds += time.perf_counter() - start
            record["seconds"] = round(self.progress.seconds, 3)
            self._note_best(record)
            # told before it is saved: a kill in between repeats the epoch, the other way round its record would be lost
            if watcher is not None:
                watcher.on_epoch(record)
            if checkpoint is not None and not self._is_finished():  # a kill after the last epoch repeats it
                self.save(checkpoint)
            if watcher is not None and watcher.wants_stop() and not self._is_finished():
                return self._outcome("stopped", "asked to stop")
        return self._outcome("done", None)

    def train_epoch(self, watcher: Watcher | None = None) -> Record:
        """One pass over the training images; returns the epoch's record without validation. Raises Diverged."""
        for net in self.nets.values():
            net.train()
        with computing_in(self.precision, self.nets, self.noise.generator.device):
            return self._train_epoch(watcher)

    def _train_epoch(self, watcher: Watcher | None) -> Record:
        epoch = self.progress.epoch + 1
        means = Means()
        num_steps = len(self.train_batches)
        for index, batch in enumerate(self.train_batches.shuffled(self.shuffling), start=1):
            self._set_learning_rates()
            means.add(self.train_step(batch), weight=len(batch))
            self.progress.step += 1
            if index % STEPS_BETWEEN_LOOKS == 0:
                means.refuse_nan(epoch=epoch, prefix="train")
            if watcher is not None:
                watcher.on_step(epoch=epoch, step=index, num_steps=num_steps)
        rate = self.optimisers[0].param_groups[0]["lr"]
        record = {"epoch": epoch, "step": self.progress.step, "learning_rate": rate}
        record |= means.result(epoch=epoch, prefix="train")
        self.progress.epoch = epoch
        return record

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        """Every phase of the objective once (or as often as it repeats) on one batch; returns their metrics."""
        step = self.progress.step
        if self.objective.share is not None:
            shared = self.objective.share(self.nets, batch, self.noise, step)
            batch = Batch(batch.images, batch.targets, shared)
        metrics: dict[str, Tensor] = {}
        for phase, optimiser, parameters in zip(self.objective.phases, self.optimisers, self.moved, strict=True):
            for _ in range(phase.repeats):
                loss, measured = phase.loss(self.nets, batch, self.noise, step)
                for parameter in parameters:  # as zero_grad, which takes longer than a small net's layer
                    parameter.grad = None
                torch.autograd.backward(loss, inputs=parameters)
                optimiser.step()
                metrics |= measured
        if self.objective.after_step is not None:
            self.objective.after_step(self.nets, step)
        return metrics

    @torch.no_grad()
    def evaluate(self, batches: Batches | None = None, *, prefix: str = "val") -> Record:
        """The objective's metrics over the validation images, or over other batches; same noise each time."""
        batches = batches or self.validation_batches
        if batches is None:
            return {}
        device = self.noise.generator.device
        noise = Noise(torch.Generator(device).manual_seed(self.seeds.evaluation))
        for net in self.nets.values():
            net.eval()
        means = Means(has_quantiles=True)
        for batch in batches.in_order():
            means.add(self.objective.evaluate(self.nets, batch, noise), weight=len(batch))
        return means.result(epoch=self.progress.epoch, prefix=prefix)

    def save(self, path: Path) -> None:
        """Write all of the state, atomically."""
        tensors = with_prefix("nets", copy_of_nets(self.nets)) | with_prefix("best", self.best_weights)
        for index, optimiser in enumerate(self.optimisers):
            tensors |= with_prefix(f"optimiser-{index}", copy_of_optimiser(optimiser))
        for name, generator in self._generators():
            tensors[f"generator/{name}"] = generator.get_state()
        tensors["generator/global"] = torch.get_rng_state()
        if self.noise.generator.device.type == "cuda":
            tensors["generator/cuda"] = torch.cuda.get_rng_state(self.noise.generator.device)
        save_tensors(path, tensors, asdict(self.progress))

    def restore(self, path: Path) -> None:
        """Take up the state that `save` wrote."""
        tensors, facts = load_tensors(path)
        load_nets(self.nets, under_prefix("nets", tensors), where=path)
        device = self.noise.generator.device
        self.best_weights = {name: one.to(device) for name, one in under_prefix("best", tensors).items()}
        for index, optimiser in enumerate(self.optimisers):
            load_optimiser(optimiser, under_prefix(f"optimiser-{index}", tensors), where=path)
        for name, generator in self._generators():
            generator.set_state(tensors[f"generator/{name}"])
        torch.set_rng_state(tensors["generator/global"])
        if device.type == "cuda":
            torch.cuda.set_rng_state(tensors["generator/cuda"], device)
        self.progress = Progress.from_facts(facts)

    def _generators(self) -> Iterator[tuple[str, torch.Generator]]:
        yield "shuffling", self.shuffling
        yield "noise", self.noise.generator

    def _set_learning_rates(self) -> None:
        done = self.progress.step / (self.settings.epochs * len(self.train_batches))
        factor = SCHEDULES[self.settings.schedule](done)
        for optimiser, peak in zip(self.optimisers, self.peak_rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = peak * factor

    def _note_best(self, record: Record) -> None:
        if self.best_metric is None:
            self.progress.best = Tracker(None, record["epoch"])
            self.best_weights = copy_of_nets(self.nets)
        elif self._improves(self.best_metric, record, self.progress.best, min_delta=0.0):
            self.best_weights = copy_of_nets(self.nets)
        if self.patience_metric is not None and self.settings.early_stopping is not None:
            min_delta = self.settings.early_stopping.min_delta
            self._improves(self.patience_metric, record, self.progress.patience, min_delta=min_delta)

    def _improves(self, metric: str, record: Record, tracker: Tracker, *, min_delta: float) -> bool:
        if metric not in record:
            raise SettingError(f"{metric} chooses the best epoch, but the objective's records have {', '.join(record)}")
        value = record[metric]
        if tracker.value is not None:
            slack = -min_delta if self.objective.direction(metric) == "min" else min_delta
            if not self.objective.is_better(metric, value, tracker.value + slack):
                return False
        tracker.value, tracker.epoch = value, record["epoch"]
        return True

    def _is_out_of_patience(self) -> bool:
        stopping, last = self.settings.early_stopping, self.progress.patience.epoch
        return stopping is not None and last is not None and self.progress.epoch - last >= stopping.patience

    def _is_finished(self) -> bool:
        return self.progress.epoch >= self.settings.epochs or self._is_out_of_patience()

    def _outcome(self, status: Literal["done", "stopped", "diverged"], reason: str | None) -> Outcome:
        progress = self.progress
        return Outcome(status, reason, progress.epoch, progress.best.epoch, progress.seconds)


class Means:
    """Weighted means of metrics over batches, summed on the device.

    A metric may be a number for the batch, or one an image. With `has_quantiles`, of the latter median and 90th percentile
    are told, too.
    """

    def __init__(self, *, has_quantiles: bool = False) -> None:
        self.sums: dict[str, Tensor] = {}
        self.weight = 0
        self.has_quantiles = has_quantiles
        self.parts: dict[str, list[Tensor]] = {}

    def add(self, metrics: Mapping[str, Tensor], *, weight: int) -> None:
        """Count one batch's metrics, of `weight` images."""
        for name, value in metrics.items():
            value = value.detach()
            if value.dim():
                if self.has_quantiles:
                    self.parts.setdefault(name, []).append(value)
                value = value.mean()
            if name in self.sums:
                self.sums[name].add_(value, alpha=weight)
            else:
                self.sums[name] = value * weight
        self.weight += weight

    def result(self, *, epoch: int, prefix: str) -> dict[str, float]:
        """The means as `prefix_name`; raises Diverged where one is not finite."""
        self.refuse_nan(epoch=epoch, prefix=prefix)
        found = {f"{prefix}_{name}": value.item() / self.weight for name, value in self.sums.items()}
        for name, parts in self.parts.items():
            values = torch.cat(parts).cpu().numpy()
            found |= {f"{prefix}_{word}_{name}": float(np.quantile(values, q)) for word, q in QUANTILES.items()}
        return found

    def refuse_nan(self, *, epoch: int, prefix: str) -> None:
        """Raises Diverged, saying which metric and when."""
        for name, value in self.sums.items():
            if not math.isfinite(number := value.item()):
                raise Diverged(f"{prefix}_{name} became {number} in epoch {epoch}")


def choosing_metrics(
    objective: Objective, settings: TrainSettings, *, has_validation: bool
) -> tuple[str | None, str | None]:
    """The metric that chooses the best epoch, and the one that patience watches (None: no such thing).

    Raises SettingError where the records will not have them.
    """
    stopping = settings.early_stopping
    best = settings.best or (stopping.metric if stopping else None) or objective.best
    patience = (stopping.metric or best) if stopping else None
    for metric in filter(None, (best, patience)):
        objective.direction(metric)
        if metric.startswith("val_") and not has_validation:
            raise SettingError(f"{metric}: there are no validation images; set data.validation above 0, or train.best")
    return best, patience


def as_fast_layout(net: nn.Module) -> nn.Module:
    """The net with its convolutions' weights channels-last: twice the speed of a small CNN on a CPU."""
    for parameter in net.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return net


def _moved_parameters(nets: Mapping[str, nn.Module], phase: Phase) -> list[nn.Parameter]:
    if phase.net not in nets:
        raise SettingError(f"a phase moves the net {phase.net!r}, but there are only {', '.join(nets)}")
    parameters = [one for name, one in nets[phase.net].named_parameters() if one.requires_grad and phase.touches(name)]
    if not parameters:
        raise SettingError(f"a phase of {phase.net!r} touches none of its parameters: there is nothing to train")
    return parameters
