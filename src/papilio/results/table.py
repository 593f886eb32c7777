"""results.csv, a row per run: written while a study runs, and as text."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from papilio.files import write_text
from papilio.results.reading import with_facts
from papilio.results.results import RunResult, columns_of, row_of
from papilio.runs.folder import RunFacts
from papilio.runs.plan import RunPlan

SECONDS_BETWEEN_TABLES = 5.0
SHARE_OF_TABLES = 50  # a table that takes a second is written every 50 seconds


class ResultsTable:
    """results.csv, written again while runs end, but never so often that it takes more than a small share of the time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written = -math.inf
        self.seconds_to_wait = 0.0

    def write(self, runs: Callable[[], Sequence[tuple[RunPlan, RunFacts | None]]], *, is_due: bool) -> None:
        """One row per run, atomically; not `is_due`: only if it was not written a short while ago."""
        start = time.monotonic()
        if not is_due and start - self.written < self.seconds_to_wait:
            return
        rows = [row_of(_of_plan(self.folder / "runs" / plan.name, plan, facts)) for plan, facts in runs()]
        write_text(self.folder / "results.csv", to_csv(rows))
        self.written = time.monotonic()
        self.seconds_to_wait = max(SECONDS_BETWEEN_TABLES, SHARE_OF_TABLES * (self.written - start))


def to_csv(rows: list[dict[str, Any]]) -> str:
    """Rows as CSV; a column that a row does not have is empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns_of(rows), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _of_plan(path: Path, plan: RunPlan, facts: RunFacts | None) -> RunResult:
    settings = plan.settings.plain()
    waiting = RunResult(plan.name, plan.stage, plan.trial, plan.seed, plan.fold, plan.varied, path, settings)
    return with_facts(waiting, facts)
