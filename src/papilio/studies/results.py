"""What a study's folder holds, as plain data: the files are read, nothing is computed that is not in them."""

from __future__ import annotations

import csv
import io
import json
import math
import statistics
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from papilio.errors import RunError


@dataclass(frozen=True)
class RunResult:
    """One run: a trial with one seed and one fold, as its folder tells it."""

    name: str
    stage: str
    trial: str
    seed: int
    fold: int | None
    varied: dict[str, Any]
    status: str  # waiting, running, stopped, done, diverged, failed
    reason: str | None
    epochs: int
    best_epoch: int | None
    metrics: dict[str, float]
    parameters: int | None
    seconds: float
    folder: Path
    settings: dict[str, Any] = field(repr=False)

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """One dictionary an epoch, oldest first; empty where no epoch was finished."""
        path = self.folder / "records.jsonl"
        if not path.exists():
            return []
        lines = path.read_text().splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]


@dataclass(frozen=True)
class TrialResult:
    """One point of the search space with all its runs (seeds and folds)."""

    stage: str
    name: str
    varied: dict[str, Any]
    runs: tuple[RunResult, ...]

    @property
    def finished(self) -> tuple[RunResult, ...]:
        return tuple(run for run in self.runs if run.status == "done")

    def values(self, metric: str) -> list[float]:
        """The metric of every finished run that has it."""
        return [run.metrics[metric] for run in self.finished if metric in run.metrics]

    def mean(self, metric: str) -> float | None:
        values = self.values(metric)
        return statistics.fmean(values) if values else None

    def spread(self, metric: str) -> float | None:
        """The standard deviation over runs (n - 1), None for fewer than two."""
        values = self.values(metric)
        return statistics.stdev(values) if len(values) > 1 else None


@dataclass(frozen=True)
class Published:
    """A number that somebody published, to stand beside ours."""

    stage: str
    where: dict[str, Any]
    metrics: dict[str, float]
    source: str
