"""The table of accuracies in both precisions, of results that are made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.accuracy import rows

from papilio.results.results import RunResult, StudyResults


def results(precision: str, accuracies: list[float], seconds: float) -> StudyResults:
    runs = [
        RunResult(f"{seed}", "a", "MLP", seed, None, {}, Path(), status="done", seconds=seconds, precision=precision)
        for seed in range(len(accuracies))
    ]
    told = [replace(run, metrics={"test_accuracy": one}) for run, one in zip(runs, accuracies, strict=True)]
    return StudyResults(Path(), {"stage": [{"name": "a"}]}, {}, tuple(told))


def test_runs_of_the_same_seed_are_compared() -> None:
    wide, narrow = results("float32", [0.9, 0.8], 30.0), results("bfloat16", [0.91, 0.81], 20.0)
    assert rows("mnist", wide, narrow) == [
        "| mnist | MLP | 2 | 0.8500 ± 0.0707 | 0.8600 ± 0.0707 | +0.0100 ± 0.0000 | 30 | 20 | 1.50 |"
    ]


def test_a_machine_without_bfloat16_gives_no_table() -> None:
    wide = results("float32", [0.9], 30.0)
    with pytest.raises(ValueError, match="no instructions"):
        rows("mnist", wide, wide)
