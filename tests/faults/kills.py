"""`python -m tests.faults.kills --num 100 --seed 0`: studies killed at random moments, then compared with undisturbed ones.

A kill is a SIGKILL of the study's command and of all that it has started. Studies are killed as often as it takes, and gone on
with after each kill, until they have come to their end; then another begins. What is left must be what an undisturbed study
leaves: weights byte for byte, and all else but times.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import tomli_w

from papilio.runs.arrays import load_arrays

STUDY: dict[str, Any] = {
    "title": "Killed",
    "data": {"name": "digits", "fraction": 0.3},
    "model": {"family": "mlp", "units": [16]},
    "train": {"epochs": 24, "batch_size": 32, "learning_rate": 0.01},
    "analysis": [],
}
RATES = {"train.learning_rate": {"low": 1e-4, "high": 0.1, "log": True}}
RANDOM = {"name": "random", "seed": 3}
STAGES: dict[str, list[dict[str, Any]]] = {
    "grid": [
        {"name": "grid", "seeds": 2, "vary": {"model.dropout": [0.0, 0.2]}},
        {"name": "best", "from": "grid", "model": {"units": [8]}},
    ],
    "halving with folds": [
        {"name": "halving", "sampler": RANDOM, "trials": 4, "folds": 2, "vary": RATES,
         "pruner": {"name": "halving", "factor": 2, "min_epochs": 4}},
    ],
    "hyperband": [
        {"name": "hyperband", "sampler": RANDOM, "trials": 8, "vary": RATES,
         "pruner": {"name": "hyperband", "factor": 3, "min_epochs": 2}},
    ],
}  # fmt: skip
NUM_WORKERS = 2
SHARE_FROM_START = 0.2  # of the kills, which may come before the study's folder is written to
MOST_KILLS = 5  # of one study, before it may come to its end
SECONDS_BETWEEN = 10.0  # lines about how far it is
LIMIT_SECONDS = 600.0  # of a command
TIMES = ("seconds",)


@dataclass
class Study:
    """A study's file, the folder that it left undisturbed, and how long that took from its first file on."""

    name: str
    file: Path
    whole: Path
    seconds: float = 0.0


@dataclass(frozen=True)
class Tried:
    """What came of a kill: whether it came in time, and, where the study came to its end, how it differs."""

    study: str
    is_killed: bool
    is_over: bool
    differences: tuple[str, ...] = ()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("--num", type=int, default=100, help="kills, shared by all studies")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = told = time.monotonic()
    found: list[Tried] = []
    num_kills = 0
    with tempfile.TemporaryDirectory(prefix="faults-kills-") as name:
        for tried in run_kills(Path(name), num=options.num, seed=options.seed):
            found.append(tried)
            num_kills += tried.is_killed
            for difference in tried.differences:
                print(f"{tried.study}: {difference}", file=sys.stderr, flush=True)
            if time.monotonic() - told > SECONDS_BETWEEN:
                told = time.monotonic()
                print(f"{num_kills} of {options.num} kills, {told - start:.0f} s", file=sys.stderr, flush=True)
    _print_table(found)
    num_different = sum(len(tried.differences) for tried in found)
    print(f"{num_kills} kills, {num_different} differences, seed {options.seed}, {time.monotonic() - start:.0f} s")
    return int(num_different > 0)


def run_kills(place: Path, *, num: int, seed: int) -> Iterator[Tried]:
    """Kill studies `num` times in all, each again and again until it has come to its end, and compare it then."""
    rng = random.Random(seed)
    studies = [_undisturbed(place, name) for name in STAGES]
    left, number = num, 0
    while left > 0:
        study = studies[number % len(studies)]
        out = place / f"out-{number}"
        number += 1
        is_over, num_kills = False, 0
        while not is_over:
            moment = None if left == 0 or num_kills == MOST_KILLS else _moment(rng, study)
            tried = _try(study, out, moment)
            left -= tried.is_killed
            num_kills += tried.is_killed
            is_over = tried.is_over
            yield tried
        shutil.rmtree(out, ignore_errors=True)


def differences(one: Path, other: Path) -> list[str]:
    """In what two folders of a study differ, besides times; a line each."""
    found = []
    names = [{str(path.relative_to(folder)) for path in _compared(folder)} for folder in (one, other)]
    found += [f"{name}: is in one of them only" for name in sorted(names[0] ^ names[1])]
    found += [
        f"{name}: differs" for name in sorted(names[0] & names[1]) if _content(one / name) != _content(other / name)
    ]
    return found


def _compared(folder: Path) -> list[Path]:
    """Every file of every run, and the table."""
    return [
        folder / "results.csv",
        *(path for path in folder.glob("runs/*/**/*") if path.is_file() and path.name != ".lock"),
    ]


def _content(path: Path) -> object:
    """A file's bytes; of those that hold times, the rest."""
    if path.name == "run.json":
        return _without_times(json.loads(path.read_text()))
    if path.name == "records.jsonl":
        return [_without_times(json.loads(line)) for line in path.read_text().splitlines()]
    if path.name == "results.csv":
        return [_without_times(row) for row in csv.DictReader(io.StringIO(path.read_text()))]
    if path.parent.name == "checkpoint":
        arrays, facts = load_arrays(path)
        plain = {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()}
        return plain, _without_times(facts)
    return path.read_bytes()


def _without_times(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in TIMES}


def _undisturbed(place: Path, name: str) -> Study:
    stem = name.replace(" ", "-")
    study = Study(name, place / f"{stem}.toml", place / stem)
    study.file.write_text(tomli_w.dumps(STUDY | {"stage": STAGES[name]}))
    process = _start(study, study.whole)
    _wait_for_folder(process, study.whole, since=0.0)
    start = time.monotonic()
    _, said = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0, said
    study.seconds = time.monotonic() - start
    return study


def _moment(rng: random.Random, study: Study) -> tuple[bool, float]:
    """When to kill: whether counted from the command's start, not from the first file that it writes, and the seconds."""
    return rng.random() < SHARE_FROM_START, rng.uniform(0, study.seconds)


def _try(study: Study, out: Path, moment: tuple[bool, float] | None) -> Tried:
    """Start a study, or go on with it, and kill it at a moment, if it is not over by then."""
    began = time.time()
    process = _start(study, out)
    if moment is not None:
        is_from_start, seconds = moment
        if not is_from_start:
            _wait_for_folder(process, out, since=began)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            _kill(process)
            return Tried(study.name, is_killed=True, is_over=False)
    _, said = process.communicate(timeout=LIMIT_SECONDS)
    if process.returncode != 0:
        last = (said.strip().splitlines() or [""])[-1]
        return Tried(study.name, False, True, (f"status {process.returncode}: {last[:300]}",))
    return Tried(study.name, False, True, tuple(differences(study.whole, out)))


def _start(study: Study, out: Path) -> subprocess.Popen[str]:
    cores = sorted(os.sched_getaffinity(0))[:NUM_WORKERS]  # so that each worker has one thread on any machine
    return subprocess.Popen(
        [sys.executable, "-m", "papilio", "run", str(study.file), "--out", str(out), "--workers", str(NUM_WORKERS)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )


def _wait_for_folder(process: subprocess.Popen[str], out: Path, *, since: float) -> None:
    """Until the command writes into its folder, which is after it has imported libraries and read images."""
    file = out / "environment.json"
    while process.poll() is None and not (file.exists() and file.stat().st_mtime >= since):
        time.sleep(0.005)


def _kill(process: subprocess.Popen[str]) -> None:
    """The command, and all that it has started, which is in sessions of its own."""
    mine = psutil.Process(process.pid)
    every = [mine, *mine.children(recursive=True)]
    for one in every:
        one.kill()
    psutil.wait_procs(every[1:], timeout=10)
    process.communicate()


def _print_table(found: list[Tried]) -> None:
    print("| study | kills | came to its end | differences |")
    print("|---|---:|---:|---:|")
    kills = Counter(tried.study for tried in found if tried.is_killed)
    ends = Counter(tried.study for tried in found if tried.is_over)
    for name in STAGES:
        num = sum(len(tried.differences) for tried in found if tried.study == name)
        print(f"| {name} | {kills[name]} | {ends[name]} | {num} |")


if __name__ == "__main__":
    sys.exit(main())
