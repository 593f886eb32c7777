"""`python -m tests.faults --num 4000 --seed 0`: inputs tried, and what was wrong with what came of them, as a table."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

from tests.faults.campaign import Job, run_campaign
from tests.faults.generators import GENERATORS
from tests.faults.harness import Outcome, Verdict

COLUMNS = [Verdict.GENERATOR, Verdict.TRACEBACK, Verdict.WRONG_EXIT, Verdict.HANG, Verdict.MEMORY, Verdict.MESSAGE]
NUM_SHOWN = 3  # of each kind of failure
APART_EVERY = 50  # of which one is tried in a process of its own
BETWEEN = 20  # so many inputs are two lines about how far it is


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--num", type=int, default=4000, help="inputs, shared by all formats")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", metavar="FORMAT", nargs="*", help=f"of {', '.join(GENERATORS)}")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--again", metavar="FORMAT/SEED/NUMBER", help="try this one input, and print what came of it")
    options = parser.parse_args()
    if options.again:
        return _again(options.again)
    names = options.only or list(GENERATORS)
    jobs = [
        Job(names[index % len(names)], options.seed, index // len(names), is_apart=index % APART_EVERY == 0)
        for index in range(options.num)
    ]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    start, found = time.monotonic(), []
    with contextlib.suppress(KeyboardInterrupt):  # what has been tried by then is told
        for tried in run_campaign(jobs, num_workers=options.workers):
            found.append(tried)
            _tell(found, len(jobs), start)
    _print_table(names, found)
    print(
        f"{len(found):,} inputs, seed {options.seed}, {time.monotonic() - start:.0f} s on {options.workers} processes"
    )
    failures = [(job, outcome) for job, outcome in found if outcome.verdict is not Verdict.OK]
    _print_kinds(failures)
    return int(bool(failures))


def _tell(found: Sequence[tuple[Job, Outcome]], total: int, start: float) -> None:
    """A line for an input that something is wrong with, and now and then one about how far it is."""
    job, outcome = found[-1]
    if outcome.verdict is not Verdict.OK:
        print(f"{job.name}: {outcome.verdict}: {outcome.last_line[:200]}", file=sys.stderr, flush=True)
    if len(found) % BETWEEN == 0 or len(found) == total:
        print(_how_far(found, total, time.monotonic() - start), file=sys.stderr, flush=True)


def _how_far(found: Sequence[tuple[Job, Outcome]], total: int, seconds: float) -> str:
    left = seconds / len(found) * (total - len(found))
    num_wrong = sum(outcome.verdict is not Verdict.OK for _, outcome in found)
    return f"{len(found):,} of {total:,} inputs, {num_wrong} wrong, {seconds:.0f} s, about {left:.0f} s left"


def _again(name: str) -> int:
    generator, seed, number = name.split("/")
    ((_, outcome),) = run_campaign([Job(generator, int(seed), int(number))], num_workers=1)
    print(outcome.stdout, end="")
    print(outcome.stderr, end="")
    print(
        f"{outcome.name}: status {outcome.status}, {outcome.seconds:.1f} s, {_mib(outcome.peak_bytes)}: {outcome.verdict}"
    )
    return int(outcome.verdict is not Verdict.OK)


def _print_table(names: Sequence[str], found: Sequence[tuple[Job, Outcome]]) -> None:
    print("| format | inputs | read | refused | " + " | ".join(COLUMNS) + " | longest | peak |")
    print("|---|" + "---:|" * (len(COLUMNS) + 5))
    for name in [*names, "all"]:
        outcomes = [outcome for job, outcome in found if name in (job.generator, "all")]
        counts = Counter(outcome.verdict for outcome in outcomes)
        num_read = sum(outcome.status == 0 for outcome in outcomes)
        cells = [name, len(outcomes), num_read, len(outcomes) - num_read, *(counts[column] for column in COLUMNS)]
        longest = max((outcome.seconds for outcome in outcomes), default=0.0)
        peak = max((outcome.peak_bytes for outcome in outcomes), default=0)
        print("| " + " | ".join(map(str, [*cells, f"{longest:.1f} s", _mib(peak)])) + " |")


def _print_kinds(failures: Sequence[tuple[Job, Outcome]]) -> None:
    """The failures by what they say, without its numbers and names."""
    kinds: defaultdict[tuple[str, str], list[tuple[Job, Outcome]]] = defaultdict(list)
    for job, outcome in failures:
        line = re.sub(r"'[^']*'|[\w./-]*\d[\w./-]*", "*", outcome.last_line)[:60]
        kinds[outcome.verdict, line].append((job, outcome))
    for (verdict, _), cases in sorted(kinds.items(), key=lambda item: -len(item[1])):
        print(f"\n{verdict}: {len(cases)}")
        for job, outcome in cases[:NUM_SHOWN]:
            lines = len(outcome.stderr.splitlines())
            print(f"  {job.name} ({outcome.name}), status {outcome.status}, {outcome.seconds:.1f} s, {lines} lines")
            print(f"    {outcome.last_line[:300]!r}")


def _mib(num_bytes: int) -> str:
    return f"{num_bytes / 2**20:,.0f} MiB"


if __name__ == "__main__":
    sys.exit(main())
