"""What the parent and its workers send each other, besides plain strings, records and a run's facts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from papilio.runs.plan import RunPlan
from papilio.workers.sharing import SharedImages

ENDINGS = ("ended", "cost", "unmeasured", "error")  # the messages after which a worker is free again
GONE = (EOFError, OSError)  # what the line raises when the other end has died, before or within a message


@dataclass(frozen=True)
class Task:
    """One run for a worker: to train it (until an epoch, or to its end), to measure it on test images, or to time a few
    of its steps and keep nothing."""

    plan: RunPlan
    folder: Path
    images: SharedImages
    threads: int
    kind: Literal["train", "test", "probe"] = "train"
    until: int | None = None


@dataclass(frozen=True)
class Cost:
    """What a few timed steps say of a run: seconds an epoch, and the worker's peak memory."""

    epoch_seconds: float
    peak_bytes: int


class Workers(Protocol):
    """Those that do a study's tasks: processes of this machine (`pool`), or of a cluster's (`ray_pool`).

    One that dies is replaced, and its task comes back as ("died", how).
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
        """Ask the workers that are at these runs (by default at any) to stop after the epoch that they are at."""
        ...

    def messages(self, timeout_seconds: float) -> Iterator[tuple[Task, str, Any]]:
        """What came within the time: (task, kind, content). Kinds are step, epoch, ended, cost, unmeasured, error, died.

        What a message tells of is in the run's folder by then. Raises RunFailed where workers do not even start.
        """
        ...

    def close(self) -> None:
        """End every worker; one that is at work loses at most its present epoch."""
        ...


@dataclass(frozen=True)
class Crew:
    """How many workers a study has, on how many threads each, what starts them, and of a cluster its nodes in words."""

    num_workers: int
    threads: int
    start: Callable[[], Workers]
    cluster: str | None = None
