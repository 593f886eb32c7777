"""What the parent and its workers send each other, besides plain strings, records and a run's facts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from papilio.runs.plan import RunPlan
from papilio.workers.sharing import SharedImages

ENDINGS = ("ended", "cost", "unmeasured", "error")  # the messages after which a worker is done with a run
GONE = (EOFError, OSError)  # what the line raises when the other end has died, before or within a message


@dataclass(frozen=True)
class TaskRun:
    """A run in a task: where it goes, its images, and the epoch that it is to be trained to (None: to its end)."""

    plan: RunPlan
    folder: Path
    images: SharedImages
    until: int | None = None
    precision: str | None = None  # that was decided where its settings leave it open

    @property
    def name(self) -> str:
        return self.plan.name


@dataclass(frozen=True)
class Task:
    """What a worker is to do with runs: train them side by side, measure one on test images, or time a few steps of one
    and keep nothing. Several have one structure, and are lanes of one session."""

    runs: tuple[TaskRun, ...]
    threads: int
    kind: Literal["train", "test", "probe"] = "train"

    def run(self, name: str) -> TaskRun:
        """The run of that name."""
        return next(run for run in self.runs if run.name == name)


@dataclass(frozen=True)
class Stop:
    """What a worker is told while it is at a task: these of its runs stop after the epoch that they are at."""

    runs: frozenset[str]


@dataclass(frozen=True)
class Cost:
    """What a few timed steps say of a run: seconds per epoch, the worker's peak memory, and the precision that is fastest."""

    epoch_seconds: float
    peak_bytes: int
    precision: str | None = None  # None where it was not asked for


class Workers(Protocol):
    """Those that do a study's tasks: processes of this machine (`pool`), or of a cluster's (`ray_pool`).

    One that dies is replaced, and each run of its task that had not ended comes back as ("died", how).
    """

    def idle(self) -> Sequence[Any]:
        """Workers that wait for a task."""
        ...

    def is_busy(self) -> bool:
        """Whether any task is under way."""
        ...

    def give(self, worker: Any, task: Task) -> None:
        """Hand a task to one of the idle workers."""
        ...

    def stop(self, runs: Collection[str] | None = None) -> None:
        """Ask for these runs (by default all) to be stopped after the epoch that they are at."""
        ...

    def messages(self, timeout_seconds: float) -> Iterator[tuple[Task, RunPlan, str, Any]]:
        """What came within the time: (task, the run that it is of, kind, content).

        Kinds are step, memory (bytes, after a run's first epoch), epoch, ended, cost, unmeasured, error, died; after one of
        ENDINGS, or died, no more comes of that run. What a message tells of is in the run's folder by then. Raises RunFailed
        where workers do not even start.
        """
        ...

    def close(self) -> None:
        """End every worker; one that is at work loses at most its present epoch."""
        ...


def died(task: Task, left: Collection[str], how: str) -> list[tuple[Task, RunPlan, str, Any]]:
    """The messages of a worker that died: one for each of its task's runs that had not ended.

    The last comes first: given back one by one, each before what is queued, they are in their order again.
    """
    return [(task, run.plan, "died", how) for run in reversed(task.runs) if run.name in left]


@dataclass(frozen=True)
class Crew:
    """How many workers a study has, on how many threads each, what starts them, and of a cluster its nodes in words."""

    num_workers: int
    threads: int
    start: Callable[[], Workers]
    cluster: str | None = None
