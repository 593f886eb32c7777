"""This checkout beside another one of Papilio, mostly an earlier commit: has a change made anything slower?"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.images import save_splits
from benchmarks.machine import ROOT, commit, num_cores
from benchmarks.processes import Answer, Contender, environment, run_contender
from benchmarks.sweep import DROPOUTS, LEARNING_RATES, SHARES
from benchmarks.tables import Row, paired_ratios
from benchmarks.training import MIB, PAPILIO

NUM_STARTS = 10


def compare_with(checkout: Path) -> Callable[[Bench], list[Row]]:
    """The benchmark of this checkout beside that one, each with its own contenders, in turns."""

    def before(bench: Bench) -> list[Row]:
        contenders = [
            Contender(PAPILIO, "papilio_runs"),
            Contender(f"Papilio at {commit(checkout)}", "papilio_runs", root=checkout),
        ]
        return [
            *_train(bench, contenders, "mlp", num_images=bench.size(60_000, quick=2560)),
            *_train(bench, contenders, "cnn", num_images=bench.size(6000, quick=256)),
            *_sweep(bench, contenders),
            *_start(bench, contenders),
        ]

    return before


def _train(bench: Bench, contenders: list[Contender], net: str, *, num_images: int) -> list[Row]:
    folder = bench.images.save(bench.folder / f"before-{net}", num_images)
    job = {"net": net, "images": str(folder), "passes": bench.size(3, quick=1), "cores": num_cores()}
    answers = _in_turns(bench, net, contenders, lambda contender, _: run_contender(contender, "train", job))
    title = f"before, {net}: {num_images:,} images, batches of 128, float32, passes timed: {job['passes']}"
    rates = {name: [answer.facts["images_per_second"] for answer in given] for name, given in answers.items()}
    peaks = {name: [answer.facts["peak_bytes"] / MIB for answer in given] for name, given in answers.items()}
    return _rows(title, "images/s", rates, is_more_better=True) + _rows(title, "peak memory, MiB", peaks)


def _sweep(bench: Bench, contenders: list[Contender]) -> list[Row]:
    num_images, epochs = bench.size(12_500, quick=1000), bench.size(3, quick=1)
    folder = bench.images.save(bench.folder / "before-sweep", num_images)
    splits = save_splits(folder, SHARES)
    grid = {"images": str(folder), "epochs": epochs, "dropouts": DROPOUTS, "learning_rates": LEARNING_RATES}

    def run(contender: Contender, number: int) -> Answer:
        out = bench.folder / f"before-{number}-{contenders.index(contender)}"
        return run_contender(contender, "sweep", grid | SHARES | {"out": str(out)}, is_watched=True)

    answers = _in_turns(bench, "sweep", contenders, run)
    seconds = {name: [answer.seconds for answer in given] for name, given in answers.items()}
    peaks = {name: [answer.tree_peak_bytes / MIB for answer in given] for name, given in answers.items()}
    title = f"before, sweep: 8 CNNs (16, 32, dense 64), {splits}, {epochs} epochs, tested and reported"
    return _rows(title, "seconds", seconds) + _rows(title, "peak memory, MiB", peaks)


def _start(bench: Bench, contenders: list[Contender]) -> list[Row]:
    """Seconds of `papilio --help` in a fresh process, in turns."""
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(1 + bench.size(NUM_STARTS, quick=2)):
        for contender in contenders:
            start = time.perf_counter()
            command = [sys.executable, "-m", "papilio", "--help"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment(contender.root))
            if number:  # the first start compiles what is not yet compiled
                seconds[contender.name].append(time.perf_counter() - start)
    return _rows("before, start-up: papilio --help", "seconds", seconds)


def _in_turns(
    bench: Bench, what: str, contenders: list[Contender], run: Callable[[Contender, int], Answer]
) -> dict[str, list[Answer]]:
    """Every other round the other one begins: whoever is second may find the machine warmer."""
    answers: dict[str, list[Answer]] = {contender.name: [] for contender in contenders}
    for number in range(bench.rounds):
        for contender in contenders[:: -1 if number % 2 else 1]:
            answer = run(contender, number)
            answers[contender.name].append(answer)
            bench.note_versions(contender.name, answer.facts["versions"])
            bench.say(f"before, {what}, round {number + 1} of {bench.rounds}: {contender.name} {answer.seconds:.1f} s")
    return answers


def _rows(title: str, quantity: str, values: dict[str, list[float]], *, is_more_better: bool = False) -> list[Row]:
    own = values[PAPILIO]
    rows = []
    for name, given in values.items():
        ratios = paired_ratios(own, given) if is_more_better else paired_ratios(given, own)
        rows.append(Row(title, name, quantity, given, ratios if name != PAPILIO else ()))
    return rows


def find_checkout(path: Path) -> Path:
    """The folder of another checkout; raises ValueError where it has no Papilio with benchmarks."""
    folder = path.resolve()
    if not (folder / "src" / "papilio").is_dir() or not (folder / "benchmarks" / "contenders").is_dir():
        raise ValueError(
            f"{path} is no checkout of Papilio: it has no src/papilio with benchmarks/contenders beside it"
        )
    if folder == ROOT:
        raise ValueError(f"{path} is this checkout itself; name another one (git worktree add ../before COMMIT)")
    return folder
