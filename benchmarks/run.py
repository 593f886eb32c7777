"""`python -m benchmarks.run [NAME...]`: measure and print; with --out also write benchmarks-NAME.json and .md, each when it is
measured, so that a run that ends early keeps what it has.

All contenders of one benchmark run on one machine in one session, each in a process of its own, in turns (A B C, A B C, ...),
with their own defaults and all cores.
With --before CHECKOUT, Papilio alone is measured: this checkout beside another one; `outside --before CHECKOUT` measures what
a study takes before its first step and after its last.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.before import compare_with, find_checkout
from benchmarks.bench import Bench
from benchmarks.by_hand import train_by_hand
from benchmarks.drawing import drawing
from benchmarks.games import train_dcgan
from benchmarks.halving import halving
from benchmarks.latents import train_autoencoder, train_vae
from benchmarks.machine import describe_machine
from benchmarks.outside import compare_outside
from benchmarks.precision import precision
from benchmarks.processes import ContenderFailed
from benchmarks.search import search
from benchmarks.startup import start_up
from benchmarks.sweep import sweep
from benchmarks.tables import Row, markdown_table, text_table
from benchmarks.training import train_cnn, train_mlp
from benchmarks.trials import trials

BENCHMARKS: dict[str, Callable[[Bench], list[Row]]] = {
    "mlp": train_mlp,
    "cnn": train_cnn,
    "autoencoder": train_autoencoder,
    "vae": train_vae,
    "dcgan": train_dcgan,
    "by-hand": train_by_hand,
    "sweep": sweep,
    "search": search,
    "halving": halving,
    "trials": trials,
    "drawing": drawing,
    "precision": precision,
    "start-up": start_up,
}
ROUNDS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 1 where a contender failed."""
    parser = _parser()
    options = parser.parse_args(arguments)
    names = options.names or list(BENCHMARKS)
    benchmarks = BENCHMARKS
    if options.before is not None:
        try:
            checkout = find_checkout(options.before)
            benchmarks = {"before": compare_with(checkout), "outside": compare_outside(checkout)}
            names = options.names or ["before"]
        except ValueError as error:
            parser.error(f"--before: {error}")
    if unknown := [name for name in names if name not in benchmarks]:
        parser.error(f"{unknown[0]!r} is not a benchmark here; allowed are {', '.join(benchmarks)}")
    if options.rounds < 1:
        parser.error("--rounds: allowed is 1 or more")
    machine = describe_machine()
    failed = 0
    for name in names:
        try:
            facts, rows = measure(name, benchmarks[name], options)
        except ContenderFailed as error:
            print(f"benchmarks: {name}: {error}", file=sys.stderr)
            failed = 1
            continue
        facts = {"command": command_of(name, options)} | machine | facts
        print("\n" + as_text(facts, rows))
        if options.out is not None:
            write(options.out, facts, rows, name=f"benchmarks-{name}")
    return failed


def measure(
    name: str, benchmark: Callable[[Bench], list[Row]], options: argparse.Namespace
) -> tuple[dict[str, Any], list[Row]]:
    """What one benchmark found, and on which images, with which versions, in how many minutes."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="papilio-bench-") as folder:
        bench = Bench(Path(folder), rounds=1 if options.quick else options.rounds, is_quick=options.quick)
        rows = benchmark(bench)
        facts: dict[str, Any] = {"images": bench.images.description} if "images" in vars(bench) else {}
    facts |= {"minutes": round((time.perf_counter() - start) / 60, 1), "versions": bench.versions}
    return facts | {"is_quick": options.quick}, rows


def write(folder: Path, facts: dict[str, Any], rows: Sequence[Row], *, name: str) -> None:
    """NAME.json for programs, NAME.md for people."""
    folder.mkdir(parents=True, exist_ok=True)
    results = facts | {"rows": [row.as_json() for row in rows]}
    (folder / f"{name}.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(as_markdown(facts, rows), encoding="utf-8")
    print(f"\nwritten: {folder}/{name}.json, {folder}/{name}.md")


def as_text(facts: dict[str, Any], rows: Sequence[Row]) -> str:
    """Facts, then a table a benchmark."""
    tables = [f"{name}\n{text_table(group)}" for name, group in _by_benchmark(rows)]
    return "\n\n".join(["\n".join(_facts_lines(facts)), *tables])


def as_markdown(facts: dict[str, Any], rows: Sequence[Row]) -> str:
    """The page in docs."""
    intro = (
        "Each contender ran in a process of its own, in turns over the rounds, with its defaults and all the cores named below."
        "\nA ratio pairs values of the same round and is above 1 where Papilio is better; medians over n rounds, with the"
        " range."
    )
    lines = "\n".join(f"- {line}" for line in _facts_lines(facts))
    tables = [f"## {name}\n\n{markdown_table(group)}" for name, group in _by_benchmark(rows)]
    return "\n\n".join(["# Benchmarks", intro, lines, *tables]) + "\n"


def _by_benchmark(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    return [(name, list(group)) for name, group in groupby(rows, key=lambda row: row.benchmark)]


def _facts_lines(facts: dict[str, Any]) -> list[str]:
    memory_gib = facts["memory_bytes"] / 2**30
    lines = [
        f"command: {facts['command']} ({facts['minutes']} minutes)",
        f"machine: {facts['processor']}, {_cores(facts['cores'])}, {memory_gib:.0f} GiB, {facts['system']};"
        f" load average before: {facts['load_before']}",
        f"Papilio at commit {facts['commit']}, Python {facts['python']}, {facts['date']}",
    ]
    lines += [f"images: {facts['images']}"] if "images" in facts else []
    for name, versions in facts["versions"].items():
        lines.append(f"{name}: " + ", ".join(f"{library} {version}" for library, version in versions.items()))
    lines += ["QUICK: tiny sizes, one round; these numbers measure nothing"] if facts["is_quick"] else []
    return lines


def _cores(num: int) -> str:
    return f"{num} core{'s' if num > 1 else ''}"


def command_of(name: str, options: argparse.Namespace) -> str:
    """What measures one benchmark again; where it was written to is no part of it."""
    given = ["--quick"] if options.quick else ["--rounds", str(options.rounds)]
    given += ["--before", str(options.before)] if options.before is not None else []
    return shlex.join(["python", "-m", "benchmarks.run", name, *given])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description="How fast Papilio is, beside others.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"by default all of {', '.join(BENCHMARKS)}")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"rounds (default {ROUNDS}; what takes minutes at most 3)"
    )
    parser.add_argument(
        "--before", type=Path, metavar="CHECKOUT", help="compare with Papilio in another checkout instead, in turns"
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round: only shows that everything runs")
    parser.add_argument("--out", type=Path, help="folder for a page of each (otherwise only printed)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
