"""The epochs of runs that train together: the best epoch, patience, checkpoints, stops. The same for every engine.

The state of a run is written after each epoch, in one atomic step; a run that resumes from it does exactly the arithmetic that
an uninterrupted one does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

from pydantic import Field, TypeAdapter, ValidationError

from papilio.engine import Arrays, Diverged, Record, Session, under_prefix, with_prefix
from papilio.errors import RunError, SettingError
from papilio.kinds.ranking import Ranking
from papilio.runs.arrays import keep_older, load_arrays, save_arrays
from papilio.settings.train_settings import TrainSettings
from papilio.settings.validation import one_reason


@runtime_checkable
class Watcher(Protocol):
    """Who is told of a run's progress, and may ask it to stop."""

    def on_step(self, *, epoch: int, step: int, num_steps: int) -> None: ...

    def on_epoch(self, record: Record) -> None: ...

    def wants_stop(self) -> bool: ...


@dataclass(frozen=True)
class Outcome:
    """How training ended, with the weights of the best epoch (`best_epoch` None: there was no good one)."""

    status: Literal["done", "stopped", "diverged"]
    reason: str | None
    epochs: int
    best_epoch: int | None
    seconds: float
    weights: Arrays


@dataclass
class BestSoFar:
    """The best value of one metric so far, and the epoch that had it (None before the first)."""

    value: float | None = None
    epoch: int | None = None

    def improves(self, ranking: Ranking, record: Record, *, min_delta: float = 0.0) -> bool:
        """Note a record; whether it is better, by more than `min_delta`, than all before."""
        if ranking.metric not in record:
            raise SettingError(
                f"{ranking.metric} chooses the best epoch, but the recorded metrics are {', '.join(record)}"
            )
        value = record[ranking.metric]
        if self.value is not None:
            slack = min_delta if ranking.is_maximized else -min_delta
            if not ranking.is_better(value, self.value + slack):
                return False
        self.value, self.epoch = value, record["epoch"]
        return True


@dataclass
class Counters:
    """The counters of a run; `epoch` counts finished epochs, `step` finished batches."""

    epoch: Annotated[int, Field(ge=0)] = 0
    step: Annotated[int, Field(ge=0)] = 0
    seconds: float = 0.0
    best: BestSoFar = field(default_factory=BestSoFar)
    patience: BestSoFar = field(default_factory=BestSoFar)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Counters:
        """As a checkpoint keeps it; raises RunError where they are other facts, or damaged ones."""
        try:
            return _COUNTERS.validate_python({name: facts[name] for name in _NAMES})
        except (ValidationError, KeyError) as error:
            raise RunError(f"its counters are damaged: {one_reason(error)}") from error


_COUNTERS, _NAMES = TypeAdapter(Counters), [field.name for field in fields(Counters)]


@dataclass
class TrainingRun:
    """One run on its way: its settings, what ranks its epochs and what its patience watches, and how far it has come."""

    settings: TrainSettings
    ranking: Ranking | None
    patience: Ranking | None = None
    checkpoint: Path | None = None
    watcher: Watcher | None = None
    progress: Counters = field(default_factory=Counters)
    best_weights: Arrays = field(default_factory=dict)
    outcome: Outcome | None = None

    def restore(self, session: Session, lane: int) -> None:
        """Go on from the checkpoint where there is one; raises RunError where it is torn or another network's."""
        if self.checkpoint is None or not self.checkpoint.exists():
            return
        arrays, facts = load_arrays(self.checkpoint)
        self.progress = Counters.from_facts(facts)
        try:
            session.load(lane, arrays, epoch=self.progress.epoch, step=self.progress.step)
        except RunError as error:
            raise RunError(f"{self.checkpoint}: {error}; delete it to start the run over") from error
        self.best_weights = best_weights_in(arrays)

    def save(self, session: Session, lane: int) -> None:
        """Write all of the state, atomically; the one before stays next to it."""
        if self.checkpoint is not None:
            keep_older(self.checkpoint)
            best = with_prefix("best", self.best_weights) if self.ranking is not None else {}
            save_arrays(self.checkpoint, dict(session.state(lane)) | best, asdict(self.progress))

    def hear(self, session: Session, lane: int, record: Record | Diverged, *, seconds: float) -> None:
        """Note what an epoch brought; the run may end with it."""
        if isinstance(record, Diverged):
            self.end("diverged", record.reason)
            return
        self.progress.epoch, self.progress.step = record["epoch"], record["step"]
        self.progress.seconds += seconds
        record["seconds"] = round(self.progress.seconds, 3)
        self._note_best(session, lane, record)
        # told before it is saved: a kill in between repeats the epoch, the other way around its record would be lost
        if self.watcher is not None:
            self.watcher.on_epoch(record)
        if self.is_finished:
            self.end("done", None)  # without a checkpoint: a kill after the last epoch repeats it
            return
        self.save(session, lane)
        if self.watcher is not None and self.watcher.wants_stop():
            self.end("stopped", "asked to stop")

    def end(self, status: Literal["done", "stopped", "diverged"], reason: str | None) -> None:
        """The run has come to an end."""
        progress = self.progress
        self.outcome = Outcome(status, reason, progress.epoch, progress.best.epoch, progress.seconds, self.best_weights)

    @property
    def is_finished(self) -> bool:
        """Whether it has had all of its epochs, or is out of patience."""
        stopping, last = self.settings.early_stopping, self.progress.patience.epoch
        is_out = stopping is not None and last is not None and self.progress.epoch - last >= stopping.patience
        return is_out or self.progress.epoch >= self.settings.epochs

    def _note_best(self, session: Session, lane: int, record: Record) -> None:
        if self.ranking is None:
            self.progress.best = BestSoFar(None, record["epoch"])
            self.best_weights = session.weights(lane)
        elif self.progress.best.improves(self.ranking, record):
            self.best_weights = session.weights(lane)
        if self.patience is not None and self.settings.early_stopping is not None:
            self.progress.patience.improves(self.patience, record, min_delta=self.settings.early_stopping.min_delta)


def best_weights_in(checkpoint: Arrays) -> Arrays:
    """Of a checkpoint's arrays the best epoch's weights: of a run that nothing ranks the last is the best, written once."""
    return under_prefix("best", checkpoint) or under_prefix("nets", checkpoint)


def train_runs(
    session: Session,
    runs: Sequence[TrainingRun],
    *,
    on_end: Callable[[int, Outcome], None] = lambda lane, outcome: None,
) -> list[Outcome]:
    """Train the runs of a session, one a lane, each to its end or until its watcher wants a stop.

    Each resumes from its checkpoint where there is one. `on_end` is handed a lane and its outcome as soon as it has ended,
    while others continue. The lanes' nets have the weights of the last epoch then; the best ones are in the outcomes. A run's
    seconds are its share: an epoch's, divided by the number of lanes that had it. Raises StorageError when the disk is full.
    """

    def retire(lane: int, outcome: Outcome) -> None:
        session.retire(lane)
        on_end(lane, outcome)

    for lane, run in enumerate(runs):
        run.restore(session, lane)
        if run.is_finished:
            run.end("done", None)
            assert run.outcome is not None  # it has just ended
            retire(lane, run.outcome)
    while at_work := {lane: run for lane, run in enumerate(runs) if run.outcome is None}:
        start = time.perf_counter()
        records = session.train_epoch(_OnStep(at_work))
        validated = session.evaluate("validation")
        seconds = (time.perf_counter() - start) / len(at_work)
        for lane, run in at_work.items():
            run.hear(session, lane, _joined(records[lane], validated.get(lane, {})), seconds=seconds)
            if run.outcome is not None:
                retire(lane, run.outcome)
    return [run.outcome for run in runs if run.outcome is not None]


@dataclass
class _OnStep:
    """Passes a session's steps on to the watchers of its runs."""

    runs: Mapping[int, TrainingRun]

    def __call__(self, *, step: int, num_steps: int) -> None:
        for run in self.runs.values():
            if run.watcher is not None:
                run.watcher.on_step(epoch=run.progress.epoch + 1, step=step, num_steps=num_steps)


def _joined(record: Record | Diverged, validated: Record | Diverged) -> Record | Diverged:
    """An epoch's record of both passes, or the first of them that diverged."""
    if isinstance(record, Diverged):
        return record
    return validated if isinstance(validated, Diverged) else record | validated
