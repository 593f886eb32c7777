"""How many pictures of clocks are drawn per second, from the start of the process to the file, on all cores."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.processes import environment
from benchmarks.tables import Row, Target

NUM_PICTURES = 18_000
WAYS = {"plain clocks, 150×150": "plain", "varied clocks, 150×150": "varied"}


def drawing(bench: Bench) -> list[Row]:
    """Pictures a second of `papilio data render clocks`; the target is for plain ones on two cores."""
    num = bench.size(NUM_PICTURES, quick=200)
    rates: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(bench.rounds):
        for name, variety in WAYS.items():
            out = bench.folder / f"drawing-{variety}"
            command = [str(Path(sys.executable).with_name("papilio")), "data", "render", "clocks", "--out", str(out)]
            start = time.perf_counter()
            subprocess.run(
                [*command, "--num", str(num), "--variety", variety],
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment(),
            )
            rates[name].append(num / (time.perf_counter() - start))
            bench.say(f"drawing  {name}  {rates[name][-1]:,.0f} pictures/s")
    return [
        Row(
            f"drawing: {num:,} pictures to a file",
            name,
            "pictures/s",
            taken,
            target=Target(median_above=2000) if WAYS[name] == "plain" else None,
        )
        for name, taken in rates.items()
    ]
