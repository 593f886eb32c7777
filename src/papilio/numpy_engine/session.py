"""A run in training, by hand: batches and steps, one epoch at a time.

All that a run's next epoch depends on is in its state: weights, what the optimizer remembers, generators. A run that resumes
from it does exactly the arithmetic that an uninterrupted one does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from papilio.data.splits import SplitName
from papilio.engine import (
    EVALUATION_BATCH,
    Arrays,
    Diverged,
    Lane,
    OnStep,
    Record,
    Seeds,
    seconds_a_batch,
    under_prefix,
    with_prefix,
)
from papilio.epochs import PlainMeans, evaluate, train_epoch
from papilio.errors import RunError
from papilio.models.description import Description
from papilio.numpy_engine.nets import NumpyNets, describe, load_weights, weights_of
from papilio.numpy_engine.objectives import Objective
from papilio.scratch.layers import Array, Rng
from papilio.scratch.network import Network
from papilio.scratch.objectives import Batch, Metrics
from papilio.scratch.optimizers import Adam, Momentum, Optimizer, RmsProp, Rule
from papilio.settings.optimizer_numbers import numbers_of
from papilio.settings.schedules import SCHEDULES
from papilio.settings.train_settings import TrainSettings, num_batches

RULES: dict[str, Callable[..., Rule]] = {"sgd": Momentum, "momentum": Momentum, "rmsprop": RmsProp, "adam": Adam}
OF_OPTIMIZER = "optimiser/"  # as checkpoints of every version spell it


class NumpySession:
    """One run: a net, an objective, batches, and all the state between them. See `papilio.engine.Session`."""

    def __init__(self, network: Network, objective: Objective, lane: Lane, *, threads: int = 1) -> None:
        self.network, self.objective = network, objective
        self.settings, self.images, self.seeds = lane.settings.train, lane.images, Seeds.of(lane.seed)
        self.precision = str(network.values.dtype)
        self.num_steps = num_batches(len(self.images.train), self.settings.batch_size)
        rule, self.rate = rule_of(self.settings)
        decayed = [place for name, place in network.places.items() if name.endswith(".weight")]
        self.optimizer = Optimizer(rule, network.values, weight_decay=self.settings.weight_decay, decayed=decayed)
        self.generators = {"shuffling": generator(self.seeds.shuffling), "noise": generator(self.seeds.noise)}
        self.epoch, self.step = 0, 0
        self.threads, self.limits = threads, ExitStack()

    def __enter__(self) -> NumpySession:
        # matrix products on another number of threads have other last bits
        self.limits.enter_context(threadpool_limits(self.threads, user_api="blas"))
        return self

    def __exit__(self, *error: object) -> None:
        self.limits.close()

    def describe(self, lane: int) -> Description:
        return describe(self.network, self.images.image_shape)

    def epoch_seconds(self) -> float:
        measure = partial(self.measure, rng=self.generators["noise"])
        seconds = self.num_steps * seconds_a_batch(self._shuffled(), self.train_step)
        num_measured = num_batches(len(self.images.validation), EVALUATION_BATCH)
        return seconds + num_measured * seconds_a_batch(self._in_order("validation"), measure)

    def train_epoch(self, on_step: OnStep | None = None) -> dict[int, Record | Diverged]:
        return train_epoch(self, self._shuffled(), PlainMeans(), num_steps=self.num_steps, on_step=on_step)

    def train_step(self, batch: Batch) -> Metrics:
        """Forward, backward, and a step downhill on one batch; returns its metrics."""
        metrics = self.measure(batch, self.generators["noise"], self.step)
        with np.errstate(over="ignore", invalid="ignore"):
            self.optimizer.step(self.network.gradients, rate=self._rate(self.step))
        return metrics

    def learning_rates(self) -> dict[str, float]:
        return {"learning_rate": self._rate(self.step - 1)}

    def evaluate(self, split: SplitName, lane: int | None = None) -> dict[int, Record | Diverged]:
        measure = partial(self.measure, rng=generator(self.seeds.evaluation))
        batches, over_set, means = self._in_order(split), self.objective.over_set, PlainMeans(is_whole=True)
        return evaluate(split, batches, measure, means, epoch=self.epoch, over_set=over_set)

    def measure(self, batch: Batch, rng: Rng, step: int | None = None) -> Metrics:
        """The metrics of one batch, and at a step its gradients, too."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is not a number any more is told with the means
            return self.objective.measure(self.network, batch, rng, step)

    def state(self, lane: int) -> Arrays:
        arrays = with_prefix("nets", weights_of(self.network))
        arrays |= {f"{OF_OPTIMIZER}{name}": array.copy() for name, array in self.optimizer.remembered.items()}
        arrays[f"{OF_OPTIMIZER}t"] = np.array(self.optimizer.t)
        for name, one in self.generators.items():
            arrays[f"generator/{name}"] = state_of(one)
        return arrays

    def weights(self, lane: int) -> Arrays:
        return weights_of(self.network)

    def load(self, lane: int, state: Arrays, *, epoch: int, step: int) -> None:
        expected = {f"{OF_OPTIMIZER}{name}" for name in self.optimizer.remembered}
        if missing := sorted(expected - state.keys()):
            raise RunError(f"made by another engine or another optimizer; {missing[0]} is missing")
        load_weights(self.network, under_prefix("nets", state))
        for name, array in self.optimizer.remembered.items():
            array[...] = state[f"{OF_OPTIMIZER}{name}"]
        self.optimizer.t = int(state[f"{OF_OPTIMIZER}t"])
        for name, one in self.generators.items():
            set_state(one, state[f"generator/{name}"])
        self.epoch, self.step = epoch, step

    def load_weights(self, lane: int, weights: Arrays) -> None:
        load_weights(self.network, weights)

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
    """The optimizer's rule and its learning rate, with its usual numbers where none are given."""
    numbers = numbers_of(train.optimizer, learning_rate=train.learning_rate, momentum=train.momentum, betas=train.betas)
    rate = numbers.pop("learning_rate")
    return RULES[train.optimizer](**numbers), rate


def generator(seed: int) -> Rng:
    """Random numbers that are a function of the seed, from a generator whose state is four numbers."""
    return np.random.Generator(np.random.SFC64(seed))


def state_of(rng: Rng) -> Array:
    """All that the next numbers of a generator depend on."""
    state = rng.bit_generator.state
    return np.array([*state["state"]["state"], state["has_uint32"], state["uinteger"]], dtype=np.uint64)


def set_state(rng: Rng, state: Array) -> None:
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
