"""How soon the command answers, in a fresh process with compiled files in place."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.processes import environment
from benchmarks.tables import Row, Target

NUM_STARTS = 10
COMMANDS = {
    "papilio --help": [str(Path(sys.executable).with_name("papilio")), "--help"],
    "import papilio": [sys.executable, "-c", "import papilio"],
    "an empty Python": [sys.executable, "-c", ""],
}


def start_up(bench: Bench) -> list[Row]:
    """Seconds for --help, and for the import; an empty Python beside them."""
    num = bench.size(NUM_STARTS, quick=2)
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(1 + num):
        for name, command in COMMANDS.items():
            taken = _seconds(command)
            if number:  # the first start compiles what is not yet compiled
                seconds[name].append(taken)
    targets = {"papilio --help": Target(median_below=0.3)}
    return [
        Row("start-up: fresh processes", name, "seconds", taken, target=targets.get(name))
        for name, taken in seconds.items()
    ]


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment())
    return time.perf_counter() - start
