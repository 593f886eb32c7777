"""A run in training, by hand: batches, steps and records, one epoch at a time.

All that a run's next epoch depends on is in its state: weights, what the optimiser remembers, generators. A run that goes on
from it does exactly the arithmetic that an uninterrupted one does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import numpy as np
from threadpoolctl import threadpool_limits

from papilio.data.splits import SplitName
from papilio.engine import (
    EVALUATION_BATCH,
    PREFIXES,
    STEPS_BETWEEN_LOOKS,
    Arrays,
    Diverged,
    Lane,
    NotANumber,
    OnStep,
    Record,
    Seeds,
    seconds_a_batch,
)
from papilio.errors import RunError
from papilio.models.description import Description
from papilio.scratch.layers import Array
from papilio.scratch.nets import NumpyNets
from papilio.scratch.network import Network
from papilio.scratch.objectives import Batch, Metrics, Objective
from papilio.scratch.optimisers import Adam, Momentum, Optimiser, RmsProp, Rule
from papilio.settings.optimizer_numbers import USUAL_NUMBERS
from papilio.settings.schedules import SCHEDULES
from papilio.settings.train_settings import TrainSettings, num_batches

RULES: dict[str, Callable[..., Rule]] = {"sgd": Momentum, "momentum": Momentum, "rmsprop": RmsProp, "adam": Adam}


class NumpySession:
    """One run: a net, an objective, batches, and all the state between them."""

    def __init__(self, network: Network, objective: Objective, lane: Lane, *, threads: int = 1) -> None:
        self.network, self.objective, self.threads = network, objective, threads
        self.settings, self.images, self.seeds = lane.settings.train, lane.images, Seeds.of(lane.seed)
        self.precision = str(network.values.dtype)
        self.num_steps = num_batches(len(self.images.train), self.settings.batch_size)
        rule, self.rate = rule_of(self.settings)
        decayed = [part for name, part in network.parts().items() if name.endswith(".weight")]
        self.optimiser = Optimiser(rule, network.values, weight_decay=self.settings.weight_decay, decayed=decayed)
        self.generators = {"shuffling": generator(self.seeds.shuffling), "noise": generator(self.seeds.noise)}
        self.epoch, self.step = 0, 0
        self.stack = ExitStack()

    def __enter__(self) -> NumpySession:
        # matrix products on another number of threads have other last bits
        self.stack.enter_context(threadpool_limits(self.threads, user_api="blas"))
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.close()

    def describe(self, lane: int) -> Description:
        return self.network.describe()

    def epoch_seconds(self) -> float:
        def measure(batch: Batch) -> Metrics:
            return self.objective.evaluate(self.network, batch, self.generators["noise"])

        seconds = self.num_steps * seconds_a_batch(self._shuffled(), self.train_step)
        num_measured = num_batches(len(self.images.validation), EVALUATION_BATCH)
        return seconds + num_measured * seconds_a_batch(self._in_order("validation"), measure)

    def train_epoch(self, on_step: OnStep | None = None) -> dict[int, Record | Diverged]:
        try:
            return {0: self._train_epoch(on_step)}
        except NotANumber as reason:
            return {0: Diverged(str(reason))}

    def _train_epoch(self, on_step: OnStep | None) -> Record:
        epoch, means = self.epoch + 1, Means()
        for index, batch in enumerate(self._shuffled(), start=1):
            means.add(self.train_step(batch), weight=len(batch))
            self.step += 1
            if index % STEPS_BETWEEN_LOOKS == 0:
                means.refuse_nan(epoch=epoch, prefix="train")
            if on_step is not None:
                on_step(step=index, num_steps=self.num_steps)
        record = {"epoch": epoch, "step": self.step, "learning_rate": self._rate(self.step - 1)}
        record |= means.result(epoch=epoch, prefix="train")
        self.epoch = epoch
        return record

    def train_step(self, batch: Batch) -> Metrics:
        """Forward, backward, and a step downhill on one batch; returns its metrics."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is not a number any more is told with the means
            metrics = self.objective.learn(self.network, batch, self.generators["noise"], self.step)
            self.optimiser.step(self.network.gradients, rate=self._rate(self.step))
        return metrics

    def evaluate(self, split: SplitName, lane: int | None = None) -> dict[int, Record | Diverged]:
        means, noise = Means(), generator(self.seeds.evaluation)
        with np.errstate(over="ignore", invalid="ignore"):
            for batch in self._in_order(split):
                means.add(self.objective.evaluate(self.network, batch, noise), weight=len(batch))
        try:
            return {0: means.result(epoch=self.epoch, prefix=PREFIXES[split], over_set=self.objective.over_set)}
        except NotANumber as reason:
            return {0: Diverged(str(reason))}

    def state(self, lane: int) -> Arrays:
        arrays = {f"nets/{name}": array for name, array in self.weights(0).items()}
        arrays |= {f"optimiser/{name}": array.copy() for name, array in self.optimiser.remembered.items()}
        arrays["optimiser/t"] = np.array(self.optimiser.t)
        for name, one in self.generators.items():
            arrays[f"generator/{name}"] = state_of(one)
        return arrays

    def weights(self, lane: int) -> Arrays:
        return {f"network/{name}": array for name, array in self.network.weights().items()}

    def load(self, lane: int, state: Arrays, *, epoch: int, step: int) -> None:
        expected = {f"optimiser/{name}" for name in self.optimiser.remembered}
        if missing := sorted(expected - state.keys()):
            raise RunError(f"made by another engine or another optimiser; {missing[0]} is missing")
        self.load_weights(0, {name[5:]: array for name, array in state.items() if name.startswith("nets/")})
        for name, array in self.optimiser.remembered.items():
            array[...] = state[f"optimiser/{name}"]
        self.optimiser.t = int(state["optimiser/t"])
        for name, one in self.generators.items():
            set_state(one, state[f"generator/{name}"])
        self.epoch, self.step = epoch, step

    def load_weights(self, lane: int, weights: Arrays) -> None:
        self.network.load({name.removeprefix("network/"): array for name, array in weights.items()})

    def nets(self, lane: int) -> NumpyNets:
        return NumpyNets(self.network)

    def retire(self, lane: int) -> None:
        """There is only this one."""

    def batch(self, indices: Array) -> Batch:
        """The images of these numbers, and their labels."""
        return Batch(as_columns(self.images.images[indices], self.network.values.dtype), self.images.labels[indices])

    def _shuffled(self) -> Iterator[Batch]:
        order = self.generators["shuffling"].permutation(self.images.train)
        return map(self.batch, _pieces(order, self.settings.batch_size))

    def _in_order(self, split: SplitName) -> Iterator[Batch]:
        return map(self.batch, _pieces(self.images.indices(split), EVALUATION_BATCH))

    def _rate(self, step: int) -> float:
        done = step / (self.settings.epochs * self.num_steps)
        return self.rate * SCHEDULES[self.settings.schedule](done)


def rule_of(train: TrainSettings) -> tuple[Rule, float]:
    """The optimiser's rule and its learning rate, with its usual numbers where none are given."""
    given = {name: getattr(train, name) for name in ("learning_rate", "momentum", "betas")}
    numbers = USUAL_NUMBERS[train.optimizer].plain() | {name: one for name, one in given.items() if one is not None}
    rate = numbers.pop("learning_rate")
    return RULES[train.optimizer](**numbers), rate


class Means:
    """Weighted means of metrics over batches; rows of a whole split are kept for `over_set`."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.rows: dict[str, list[Array]] = {}
        self.weight = 0

    def add(self, metrics: Metrics, *, weight: int) -> None:
        """Count one batch's metrics, of `weight` images."""
        for name, value in metrics.items():
            if np.ndim(value):
                self.rows.setdefault(name, []).append(value)
            else:
                self.sums[name] = self.sums.get(name, 0.0) + float(value) * weight
        self.weight += weight

    def result(
        self, *, epoch: int, prefix: str, over_set: Callable[[Mapping[str, Array]], Mapping[str, float]] | None = None
    ) -> dict[str, float]:
        """The metrics as `prefix_name`; raises NotANumber where one is not finite."""
        self.refuse_nan(epoch=epoch, prefix=prefix)
        found = {f"{prefix}_{name}": value / self.weight for name, value in self.sums.items()}
        if over_set is not None and self.rows:
            whole = over_set({name: np.concatenate(rows) for name, rows in self.rows.items()})
            found |= {f"{prefix}_{name}": number for name, number in whole.items()}
        return found

    def refuse_nan(self, *, epoch: int, prefix: str) -> None:
        """Raises NotANumber, saying which metric and when."""
        for name, value in self.sums.items():
            if not math.isfinite(value):
                raise NotANumber(f"{prefix}_{name} became {value} in epoch {epoch}")


def generator(seed: int) -> np.random.Generator:
    """Random numbers that are a function of the seed, from a generator whose state is four numbers."""
    return np.random.Generator(np.random.SFC64(seed))


def state_of(rng: np.random.Generator) -> Array:
    """All that the next numbers of a generator depend on."""
    state = rng.bit_generator.state
    return np.array([*state["state"]["state"], state["has_uint32"], state["uinteger"]], dtype=np.uint64)


def set_state(rng: np.random.Generator, state: Array) -> None:
    """Go on from what `state_of` gave."""
    known = rng.bit_generator.state
    kept = {"has_uint32": int(state[4]), "uinteger": int(state[5])}
    rng.bit_generator.state = {**known, **kept, "state": {"state": state[:4].astype(np.uint64)}}


def as_columns(images: Array, dtype: np.dtype | type) -> Array:
    """uint8 (batch, channel, height, width) as numbers in [0, 1], (channel, height, width, batch)."""
    return np.divide(np.ascontiguousarray(images.reshape(len(images), -1).T), 255, dtype=dtype).reshape(
        *images.shape[1:], -1
    )


def _pieces(indices: Array, size: int) -> list[Array]:
    """The indices a batch each; a single image that is left over joins the last batch, as in the torch engine."""
    num = num_batches(len(indices), size)
    return np.split(indices, range(size, num * size, size)) if num else []
