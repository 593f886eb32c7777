"""What every contender is asked and what it answers; NumPy and the standard library only: it runs in two environments."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np

BATCH_SIZE = 128
LEARNING_RATE = 0.001
CHECKED_IMAGES = 1000  # on which the loss after training is measured, outside the timed part


class TrainJob(TypedDict):
    """Train a net, "mlp" or "cnn": one pass to warm up, then `passes` that are timed."""

    net: str
    images: str  # a folder with images.npy, uint8 (num, channel, height, width), and labels.npy, int64 (num,)
    passes: int
    cores: int
    precision: NotRequired[str]  # "bfloat16" by the contender's own switch, or float32


class SearchJob(TypedDict):
    """Try every setting of a grid of MLPs, two hidden layers of `widths` units each, validated after each epoch."""

    images: str  # as in TrainJob
    splits: dict[str, str]  # train and validation: .npy files of indices into the images
    shares: dict[str, float]  # validation and test: how a study draws the same splits itself
    out: str  # a folder that is not there yet, for what the search keeps
    epochs: int
    learning_rates: list[float]
    dropouts: list[float]
    widths: list[int]


class TrialsJob(TypedDict):
    """Try so many settings that cost next to nothing, each drawn at random."""

    images: str
    shares: dict[str, float]
    out: str
    trials: int


Task = Callable[[Any], dict[str, Any]]


def serve(tasks: Mapping[str, Task], *, libraries: tuple[str, ...]) -> None:
    """Do the task that the command line names, `TASK JOB` with JOB in JSON, and answer."""
    answer = tasks[sys.argv[1]](json.loads(sys.argv[2]))
    versions = {name: metadata.version(name) for name in libraries}
    # libraries may have left half a line on the terminal
    print("\n" + json.dumps(answer | {"peak_bytes": peak_bytes(), "versions": versions}), flush=True)


def is_bfloat16(job: Mapping[str, Any]) -> bool:
    """Whether a net is to be trained in mixed precision."""
    return job.get("precision") == "bfloat16"


def load(folder: str, *, memory_map: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of a job."""
    mode = "r" if memory_map else None
    return np.load(Path(folder) / "images.npy", mmap_mode=mode), np.load(Path(folder) / "labels.npy")


def load_floats(folder: str) -> tuple[np.ndarray, np.ndarray]:
    """Images as float32 in [0, 1], as every tutorial prepares them, and labels; not timed."""
    images, labels = load(folder)
    return images.astype(np.float32) / 255, labels


def load_split(job: SearchJob, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The images of a search's split, as `load_floats` prepares them, and their labels."""
    images, labels = load(job["images"], memory_map=True)
    chosen = np.load(job["splits"][split])
    return images[chosen].astype(np.float32) / 255, labels[chosen]


def describe_setting(width: int, dropout: float, learning_rate: float) -> str:
    """One point of a grid, said by every contender in the same words."""
    return f"{width} units, dropout {dropout:g}, learning rate {learning_rate:g}"


def peak_bytes() -> int:
    """The most memory that this process ever held.

    Linux hands ru_maxrss down from the process that started this one, so it is read from /proc where that is there.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Stopwatch:
    """Notes when each pass ends; what counts is from the end of the first, the warm-up, to the end of the last."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.cpu_ends: list[float] = []  # of all threads

    def pass_ended(self) -> None:
        self.ends.append(time.perf_counter())
        self.cpu_ends.append(time.process_time())

    def images_per_second(self, num_images: int) -> float:
        return num_images * (len(self.ends) - 1) / (self.ends[-1] - self.ends[0])

    def images_per_cpu_second(self, num_images: int) -> float:
        """What other work on the same cores hardly changes."""
        return num_images * (len(self.ends) - 1) / (self.cpu_ends[-1] - self.cpu_ends[0])

    def rates(self, num_images: int) -> dict[str, float]:
        """Both, as a contender answers them."""
        return {
            "images_per_second": self.images_per_second(num_images),
            "images_per_cpu_second": self.images_per_cpu_second(num_images),
        }
