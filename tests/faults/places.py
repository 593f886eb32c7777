"""Something else in the place of a file or a folder that Papilio writes, and commands whose output nobody can take."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
from pathlib import Path

from tests.faults.harness import Fault
from tests.faults.own_files import OUT, STUDY, TRAINING_SECONDS, copied_study, finished_study, go_on
from tests.faults.pictures import good_picture, good_set, write_files
from tests.faults.wrong import OTHER_THINGS

PLACES = (
    "runs",
    "figures",
    "analyses",
    ".images",
    ".lock",
    "workers.log",
    "report.html",
    "results.csv",
    "search.journal",
    "search.journal.lock",
    "image-samples.npz",
    "runs/*",
    "runs/*/.lock",
    "runs/*/checkpoint",
    "runs/*/checkpoint/older.safetensors",
    "runs/*/previews",
    "runs/*/batches.jsonl",
    "runs/*/error.txt",
    "runs/*/start.safetensors",
    "runs/*/records.jsonl",
)


def odd_place(rng: random.Random) -> Fault:
    """A pipe, a socket, a link or anything else where Papilio has a file or a folder; half of the time a run is trained."""
    place, other = rng.choice(PLACES), rng.choice((*OTHER_THINGS, _socket))
    run = rng.choice(sorted(path.name for path in (finished_study() / "runs").iterdir()))
    is_trained, number = rng.random() < 0.5, rng.randrange(2**32)
    path = Path(OUT) / place.replace("*", run)

    def write(folder: Path) -> None:
        copied_study(folder)
        if is_trained:
            (folder / OUT / "runs" / run / "run.json").unlink()
        if (folder / path).is_dir():
            shutil.rmtree(folder / path)
        (folder / path).unlink(missing_ok=True)
        (folder / path).parent.mkdir(exist_ok=True)
        other(folder / path, random.Random(number))
        (folder / "good.png").write_bytes(good_picture(0))

    run_folder = f"{OUT}/runs/{run}"
    commands = (
        ("results", OUT),
        ("report", OUT),
        ("compare", OUT, run_folder),
        ("predict", run_folder, "good.png"),
    )
    attempt = go_on if rng.random() < 0.6 else rng.choice(commands)
    limit = {"most_seconds": TRAINING_SECONDS} if attempt is go_on else {}
    return Fault(f"{place}: {other.__name__}", write, attempt, file=run if "*" in place else "", **limit)


def full_output(rng: random.Random) -> Fault:
    """A command that prints to a full disk."""
    runs = sorted(path.name for path in (finished_study() / "runs").iterdir())
    vae = next(name for name in runs if "-vae-" in name)
    classifier = f"{OUT}/runs/{next(name for name in runs if '-vae-' not in name)}"
    command = rng.choice(
        (
            *(("results", OUT, "--format", form) for form in ("table", "csv", "json")),
            ("report", OUT),
            ("compare", OUT, classifier),
            *(("predict", classifier, "good.png", "--format", form) for form in ("table", "csv", "json", "jsonl")),
            ("sample", f"{OUT}/runs/{vae}", "--num", "2", "--out", "new.png"),
            ("explore", f"{OUT}/runs/{vae}", "--export", "page.html"),
            ("studies",),
            ("show", "first-look"),
            ("show", "--schema"),
            ("new", "mine"),
            ("new", "mine", "--data", "set"),
            ("data", "list"),
            ("data", "info", "set"),
            ("data", "info", "set", "--json"),
            ("data", "check", "set"),
            ("data", "render", "gauges", "--num", "2", "--size", "64", "--out", "gauges"),
        )
    )

    def write(folder: Path) -> None:
        copied_study(folder)
        write_files(good_set() | {"good.png": good_picture(0)}, folder)
        (folder / "study.json").write_text(json.dumps(STUDY))

    return Fault(f"full: {' '.join(command[:2])}", write, command, file="", statuses=(1,), is_output_full=True)


def _socket(path: Path, rng: random.Random) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(before)
