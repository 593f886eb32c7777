"""`python -m benchmarks.accuracy --out FOLDER`: test accuracy and time of bundled classifiers in float32 and in bfloat16.

Each study is run in both precisions, with the seeds that it has, one after the other; an interrupted command resumes. The
table is printed and written to FOLDER/precision-accuracy.md. --fraction and --max-epochs reduce the studies, and say so.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.machine import describe_machine
from papilio import run_study
from papilio.results.results import StudyResults, TrialResult

STUDIES = ("mnist-classifiers", "fashion-classifiers")
PRECISIONS = ("float32", "bfloat16")
HEAD = "| study | network | n | float32 | bfloat16 | difference | seconds, float32 | seconds, bfloat16 | times faster |"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description="What bfloat16 costs and saves.")
    parser.add_argument("--out", type=Path, required=True, help="folder for the studies and the table")
    parser.add_argument("--fraction", type=float, help="share of the images")
    parser.add_argument("--max-epochs", type=int, help="epochs of a run at most")
    parser.add_argument("--workers", type=int, help="worker processes; for times to compare, one on a quiet machine")
    options = parser.parse_args(arguments)
    lines = []
    for study in STUDIES:
        narrow_and_wide = [
            run_study(
                study,
                out=options.out / f"{study}-{precision}",
                precision=precision,
                fraction=options.fraction,
                max_epochs=options.max_epochs,
                workers=options.workers,
            )
            for precision in PRECISIONS
        ]
        lines += rows(study, *narrow_and_wide)
    machine = describe_machine()
    told = f"{machine['processor']}, commit {machine['commit']}, {machine['date']}"
    reduced = [f"reduced: fraction {options.fraction}, at most {options.max_epochs} epochs"] * bool(
        options.fraction or options.max_epochs
    )
    rule = "| --- " * HEAD.count(" | ") + "| --- |"
    table = "\n".join([HEAD, rule, *lines, "", "; ".join([told, *reduced])]) + "\n"
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "precision-accuracy.md").write_text(table, encoding="utf-8")
    print(f"\n{table}")


def rows(study: str, wide: StudyResults, narrow: StudyResults) -> list[str]:
    """A line per trial: mean and standard deviation over seeds, and the difference of runs of the same seed.

    Raises ValueError where the narrow runs computed in float32: the machine has no instructions for bfloat16.
    """
    if any(run.precision != "bfloat16" for run in narrow.runs):
        raise ValueError(f"{study}: this machine has no instructions for bfloat16")
    return [
        _row(study, one, other)
        for stage in wide.stages
        for one, other in zip(wide.trials(stage), narrow.trials(stage), strict=True)
    ]


def _row(study: str, wide: TrialResult, narrow: TrialResult) -> str:
    accuracies = [trial.values("test_accuracy") for trial in (wide, narrow)]
    differences = [other - one for one, other in zip(*accuracies, strict=True)]
    seconds = [statistics.fmean(run.seconds for run in trial.finished) for trial in (wide, narrow)]
    parts = [
        study,
        wide.name,
        str(len(differences)),
        *map(_with_spread, accuracies),
        _with_spread(differences, sign="+"),
        *(f"{one:.0f}" for one in seconds),
        f"{seconds[0] / seconds[1]:.2f}",
    ]
    return f"| {' | '.join(parts)} |"


def _with_spread(values: Sequence[float], *, sign: str = "") -> str:
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):{sign}.4f}{spread}"


if __name__ == "__main__":
    main()
