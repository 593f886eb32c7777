"""What a study takes outside training, this checkout beside another: to its first step, and from its last one to the end.

In processor seconds of the command and its workers together, because a machine that others use tells little by the clock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.contenders.contract import BATCH_SIZE
from benchmarks.machine import ROOT, commit
from benchmarks.processes import Contender, ContenderFailed, environment
from benchmarks.sweep import DROPOUTS, LEARNING_RATES, SHARES
from benchmarks.tables import Row, paired_ratios
from benchmarks.training import PAPILIO

HOOKS = ROOT / "benchmarks" / "hooks"
NUM_WORKERS = "2"
Moment = Mapping[str, float]  # processor seconds of a worker ("own") and of its study ("parent"), and the clock


@dataclass(frozen=True)
class Outside:
    """Processor seconds and seconds by the clock, to the first step and after the last; processor seconds in between."""

    start_cpu: float
    end_cpu: float
    training_cpu: float
    start: float
    end: float


def outside_of(notes: Sequence[Mapping[str, Any]], *, total_cpu: float, began: float, ended: float) -> Outside:
    """From what `hooks/sitecustomize.py` noted of each run, and what the command with its workers took in all."""
    first: dict[int, Moment] = {}
    last: dict[int, Moment] = {}
    for note in notes:  # a worker's are in their order
        first.setdefault(note["worker"], note["begin"])
        last[note["worker"]] = note["end"]
    begin = min(first.values(), key=lambda one: one["clock"])
    end = max(last.values(), key=lambda one: one["clock"])
    start_cpu = begin["parent"] + sum(one["own"] for one in first.values())
    trained = sum(last[worker]["own"] - first[worker]["own"] for worker in first)
    end_cpu = total_cpu - start_cpu - trained - (end["parent"] - begin["parent"])
    return Outside(start_cpu, end_cpu, trained, begin["clock"] - began, ended - end["clock"])


def run_watched(root: Path, arguments: Sequence[str], folder: Path) -> Outside:
    """Run `papilio ARGUMENTS` of a checkout, watched; `folder` is for what it writes. Raises ContenderFailed."""
    folder.mkdir(parents=True)
    notes, errors = folder / "notes.jsonl", folder / "errors.txt"
    told = environment(root) | {"PAPILIO_NOTES": str(notes)}
    told["PYTHONPATH"] = os.pathsep.join([str(HOOKS), told["PYTHONPATH"]])
    began = time.time()
    with errors.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "papilio", *arguments], env=told, stdout=subprocess.DEVNULL, stderr=file
        )
        _, status, usage = os.wait4(process.pid, 0)
    ended = time.time()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ContenderFailed(f"papilio {' '.join(arguments)}: {errors.read_text()[-3000:]}")
    lines = [json.loads(line) for line in notes.read_text().splitlines()]
    return outside_of(lines, total_cpu=usage.ru_utime + usage.ru_stime, began=began, ended=ended)


def compare_outside(checkout: Path) -> Callable[[Bench], list[Row]]:
    """The benchmark of this checkout beside that one, in turns."""

    def outside(bench: Bench) -> list[Row]:
        sides = [Contender(PAPILIO, ""), Contender(f"Papilio at {commit(checkout)}", "", root=checkout)]
        images = bench.images.save(bench.folder / "outside", bench.size(2000, quick=300))
        study = bench.folder / "eight.toml"
        study.write_text(eight_cnns(images, epochs=bench.size(3, quick=1)))
        look = ["first-look", "--max-epochs", "2", *(["--fraction", "0.1"] if bench.is_quick else [])]
        return [
            *_rows(bench, sides, f"8 CNNs (16, 32, dense 64), {bench.size(2000, quick=300):,} images", [str(study)]),
            *_rows(bench, sides, "first-look, 2 epochs", look),
        ]

    return outside


def eight_cnns(images: Path, *, epochs: int) -> str:
    """The study of the sweep as a file."""
    shares = ", ".join(f"{name} = {share}" for name, share in SHARES.items())
    return f"""title = "Eight small CNNs"
data = {{ path = "{images}/images.npy", labels = "{images}/labels.npy", {shares} }}
model = {{ family = "cnn", filters = [16, 32], dense = [64] }}
train = {{ epochs = {epochs}, batch_size = {BATCH_SIZE}, optimizer = "adam" }}

[[stage]]
name = "sweep"
vary = {{ "model.dropout" = {DROPOUTS}, "train.learning_rate" = {LEARNING_RATES} }}
"""


def _rows(bench: Bench, sides: Sequence[Contender], what: str, study: Sequence[str]) -> list[Row]:
    measured: dict[str, list[Outside]] = {side.name: [] for side in sides}
    for number in range(bench.rounds):
        for side in sides[:: -1 if number % 2 else 1]:
            folder = bench.folder / f"outside-{len(study)}-{number}-{sides.index(side)}"
            arguments = ["run", *study, "--out", str(folder / "out"), "--quiet", "--yes", "--workers", NUM_WORKERS]
            one = run_watched(side.root, arguments, folder)
            measured[side.name].append(one)
            bench.say(f"outside, {what}, round {number + 1} of {bench.rounds}: {side.name} {one}")
    return rows_of(f"outside training: {what}", measured)


def rows_of(title: str, measured: Mapping[str, Sequence[Outside]]) -> list[Row]:
    """By side, what each round measured; ratios are of the same round."""
    quantities: dict[str, Callable[[Outside], float]] = {
        "CPU seconds outside training": lambda one: one.start_cpu + one.end_cpu,
        "CPU seconds to the first step": lambda one: one.start_cpu,
        "CPU seconds after the last step": lambda one: one.end_cpu,
        "CPU seconds in all": lambda one: one.start_cpu + one.training_cpu + one.end_cpu,
        "seconds to the first step": lambda one: one.start,
        "seconds after the last step": lambda one: one.end,
    }
    rows = []
    for quantity, read in quantities.items():
        values = {name: [read(one) for one in given] for name, given in measured.items()}
        for name, given in values.items():
            rows.append(
                Row(title, name, quantity, given, paired_ratios(given, values[PAPILIO]) if name != PAPILIO else ())
            )
    return rows
