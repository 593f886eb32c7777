"""An engine whose sessions have up to three lanes: each lane is a session of the torch engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import nn

from papilio.data.facts import ImageFacts
from papilio.data.splits import SplitName
from papilio.engine import Arrays, Diverged, Lane, OnStep, Record
from papilio.models.description import Description
from papilio.settings.references import OwnFunctions
from papilio.settings.run_settings import RunSettings
from papilio.training.session import TorchSession
from papilio.training.torch_engine import TorchEngine

MOST_LANES = 3


class LanesEngine:
    """The torch engine, but for sessions of several lanes."""

    def __init__(self, own: OwnFunctions) -> None:
        self.torch = TorchEngine(own)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.torch, name)

    def describe(self, settings: RunSettings, facts: ImageFacts) -> Description:
        return self.torch.describe(settings, facts)

    def max_lanes(self, settings: RunSettings) -> int:
        return MOST_LANES

    def prepare(self, lanes: Sequence[Lane], *, threads: int) -> LanesSession:
        return LanesSession([self.torch.prepare([lane], threads=threads) for lane in lanes])


class LanesSession:
    """Sessions of one lane each, one after another; the global generator is each lane's own while it is its turn."""

    def __init__(self, sessions: Sequence[TorchSession]) -> None:
        self.sessions = list(sessions)
        self.retired: set[int] = set()
        self.states: list[torch.Tensor] = []
        self.precision = sessions[0].precision
        self.stack = ExitStack()

    def __enter__(self) -> LanesSession:
        for session in self.sessions:
            self.stack.enter_context(session)
            self.states.append(torch.get_rng_state())
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.close()

    def train_epoch(self, on_step: OnStep | None = None) -> dict[int, Record | Diverged]:
        return {lane: self._turn(lane, lambda session: session.train_epoch(on_step)[0]) for lane in self._at_work()}

    def evaluate(self, split: SplitName, lane: int | None = None) -> dict[int, Record | Diverged]:
        lanes = self._at_work() if lane is None else iter([lane])
        return {one: self._turn(one, lambda session: session.evaluate(split)[0]) for one in lanes}

    def describe(self, lane: int) -> Description:
        return self.sessions[lane].describe(0)

    def epoch_seconds(self) -> float:
        return sum(session.epoch_seconds() for session in self.sessions)

    def state(self, lane: int) -> Arrays:
        return self._turn(lane, lambda session: session.state(0))

    def weights(self, lane: int) -> Arrays:
        return self.sessions[lane].weights(0)

    def load(self, lane: int, state: Arrays, *, epoch: int, step: int) -> None:
        self._turn(lane, lambda session: session.load(0, state, epoch=epoch, step=step))

    def load_weights(self, lane: int, weights: Arrays) -> None:
        self.sessions[lane].load_weights(0, weights)

    def nets(self, lane: int) -> Any:
        return self.sessions[lane].nets(0)

    def retire(self, lane: int) -> None:
        self.retired.add(lane)

    def _at_work(self) -> Iterator[int]:
        return (lane for lane in range(len(self.sessions)) if lane not in self.retired)

    def _turn(self, lane: int, do: Callable[[TorchSession], Any]) -> Any:
        torch.set_rng_state(self.states[lane])
        try:
            return do(self.sessions[lane])
        finally:
            self.states[lane] = torch.get_rng_state()


class FailsTogether(LanesEngine):
    """An engine that cannot train several runs after all: what it raises is nobody's in particular."""

    def prepare(self, lanes: Sequence[Lane], *, threads: int) -> LanesSession:
        if len(lanes) > 1:
            raise MemoryError("too many lanes")
        return super().prepare(lanes, threads=threads)


class DiesTogether(LanesEngine):
    """An engine whose process dies where it has several lanes, once it has trained them for an epoch."""

    def prepare(self, lanes: Sequence[Lane], *, threads: int) -> LanesSession:
        session = super().prepare(lanes, threads=threads)
        if len(lanes) > 1:
            train_epoch = session.train_epoch

            def die_later(on_step: OnStep | None = None) -> dict[int, Record | Diverged]:
                if session.sessions[0].epoch == 2:
                    import os
                    import signal

                    os.kill(os.getpid(), signal.SIGKILL)
                return train_epoch(on_step)

            session.train_epoch = die_later
        return session


class Fragile(nn.Module):
    """A network that raises while it learns, from its second epoch on, where `fails_at` is above a half."""

    def __init__(self, image_shape: tuple[int, int, int], num_classes: int, *, fails_at: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(image_shape), num_classes))
        self.fails_at = fails_at
        self.num_calls = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.num_calls += self.training
        if self.fails_at > 0.5 and self.num_calls > 20:
            raise ArithmeticError("as it was meant to")
        return self.layers(images)
