"""What the parent and its workers send each other, besides plain strings, records and a run's facts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from papilio.runs.folder import RunPlan
from papilio.studies.sharing import SharedImages

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
