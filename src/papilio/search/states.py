"""How far a study's runs and trials have come, and the jobs that take them further."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import Literal

from papilio.runs.folder import RunFacts
from papilio.runs.plan import RunPlan
from papilio.studies.planning import TrialPlan

JobKind = Literal["train", "test"]


@dataclass(frozen=True)
class Job:
    """What a worker is to do with a run: train it (to the end, or up to an epoch), or measure it on test images."""

    plan: RunPlan
    kind: JobKind = "train"
    until: int | None = None


@dataclass
class RunState:
    """A run as far as it has come; `scores` are the best so far after each epoch, turned so that more is better."""

    plan: RunPlan
    facts: RunFacts | None = None
    scores: list[float] = field(default_factory=list)
    status: Literal["waiting", "queued", "running", "ended"] = "waiting"

    def score_at(self, epoch: int) -> float | None:
        """None before the epoch; of a run that has ended, its last; -inf of one that failed."""
        if len(self.scores) >= epoch:
            return self.scores[epoch - 1]
        if self.status != "ended":
            return None
        is_good = self.facts is not None and self.facts.status == "done" and self.scores
        return self.scores[-1] if is_good else -math.inf


@dataclass
class TrialState:
    """A trial as far as its runs have come."""

    plan: TrialPlan
    runs: list[RunState]
    cut: str | None = None  # why it ended early

    @property
    def number(self) -> int:
        """Its place in its stage."""
        return self.plan.number

    @property
    def has_begun(self) -> bool:
        """Whether any of its runs has had an epoch."""
        return any(run.scores for run in self.runs)

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is going to run any more."""
        return all(run.status == "ended" for run in self.runs)

    @property
    def is_done(self) -> bool:
        """Whether all of its runs came to a good end."""
        return all(run.facts is not None and run.facts.status == "done" for run in self.runs)

    def score_at(self, epoch: int) -> float | None:
        """The mean over its runs after so many epochs; None where one has not come so far."""
        scores = [run.score_at(epoch) for run in self.runs]
        known = [score for score in scores if score is not None]
        return statistics.fmean(known) if len(known) == len(scores) else None

    def score_so_far(self, epoch: int) -> float | None:
        """The mean over the runs that have come so far; None where none has."""
        known = [score for run in self.runs if (score := run.score_at(epoch)) is not None]
        return statistics.fmean(known) if known else None

    def mean(self, metric: str) -> float | None:
        """The metric's mean over the runs; None unless every run is done and has it."""
        values = [run.facts.metrics.get(metric) for run in self.runs if run.facts and run.facts.status == "done"]
        known = [value for value in values if value is not None]
        return statistics.fmean(known) if len(known) == len(self.runs) else None


@dataclass(frozen=True)
class Tally:
    """How a study stands: its runs, its trials, and the best one of the stage that is at work."""

    num_runs: int
    num_runs_over: int
    num_trials: int
    num_done: int
    num_pruned: int
    num_failed: int
    best: tuple[str, str, float] | None  # its name, the metric that chooses, and its mean
