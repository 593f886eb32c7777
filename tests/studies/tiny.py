"""Studies of seconds on scikit-learn's 8x8 digits, and networks and losses of a user's own."""

from __future__ import annotations

import copy
import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import tomli_w
import torch
from torch import Tensor, nn

TINY: dict[str, Any] = {
    "title": "Tiny",
    "data": {"name": "digits", "fraction": 0.3},
    "model": {"family": "mlp", "units": [16]},
    "train": {"epochs": 3, "batch_size": 32, "learning_rate": 0.01},
    "stage": [{"name": "first", "seeds": 2, "vary": {"model.dropout": [0.0, 0.2]}}],
    "analysis": [],  # and their sections take longer than the runs; [{}] asks for all that there is
}


def tiny(**changes: Any) -> dict[str, Any]:
    """The tiny study with dotted keys changed (`train__epochs=5`)."""
    study = copy.deepcopy(TINY)
    for key, value in changes.items():
        *parents, last = key.split("__")
        place = study
        for parent in parents:
            place = place[parent]
        place[last] = value
    return study


def write_study(path: Path, study: dict[str, Any]) -> Path:
    """The study as a file."""
    path.write_text(tomli_w.dumps(study))
    return path


def papilio_process(
    *arguments: str | Path, timeout: float = 240, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """The real command line in a process of its own, in `folder` or here."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=timeout, env=environment(), cwd=folder
    )


def start(study: Path, out: Path, *, workers: int = 2) -> subprocess.Popen[str]:
    """The study's command in a process of its own; workers have one thread each, as those of the tests' process have."""
    cores = sorted(os.sched_getaffinity(0))[:workers]
    return subprocess.Popen(
        command("run", study, "--out", out, "--workers", str(workers)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )


def command(*arguments: str | Path) -> list[str]:
    """How the command line is started."""
    return [sys.executable, "-m", "papilio", *map(str, arguments)]


def environment() -> dict[str, str]:
    """Of a child that finds this folder's modules, as a user's PYTHONPATH would have it."""
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def all_weights(folder: Path) -> dict[str, bytes]:
    """The weights file of every run, by run."""
    return {file.parent.name: file.read_bytes() for file in sorted(folder.glob("runs/*/weights.safetensors"))}


def without_times(file: Path) -> list[str]:
    """The lines of a results.csv without the column of seconds."""
    lines = list(csv.reader(file.read_text().splitlines()))
    column = lines[0].index("seconds")
    return [",".join(cells[:column] + cells[column + 1 :]) for cells in lines]


class OwnNet(nn.Module):
    """A user's own network, with a dropout that draws from torch's global generator."""

    def __init__(self, num_classes: int, width: int = 12) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Dropout(0.2), nn.Linear(width, num_classes)
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


def own_loss(outputs: Tensor, labels: Tensor) -> Tensor:
    """A user's own loss: the mean squared distance of the probabilities from one-hot labels."""
    return (outputs.softmax(1) - torch.nn.functional.one_hot(labels, outputs.shape[1])).square().sum(1).mean()
