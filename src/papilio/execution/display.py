"""A study's progress for people: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from papilio.data.progress import Pace, tell
from papilio.errors import one_line
from papilio.execution.spans import Span, spoken_span
from papilio.results.results import StudyResults
from papilio.results.words import counted, duration
from papilio.runs.folder import OVER, RunFacts
from papilio.runs.plan import RunPlan
from papilio.search.states import Tally

if TYPE_CHECKING:
    from rich.console import RenderableType

NOTHING = Tally(0, 0, 0, 0, 0, 0, None)
METRICS_PER_LINE = 3  # of each split


def spoken_bytes(num_bytes: float) -> str:
    """A size as people say it.

    >>> spoken_bytes(1_234_567_890)
    '1.2 GB'
    >>> spoken_bytes(999_600_000)
    '1.0 GB'
    """
    for unit in ("bytes", "kB", "MB"):
        if num_bytes < 999.5:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} GB"


def estimate_line(*, span: Span | None, peak_bytes: int, num_runs: int, num_workers: int) -> str:
    """What a study will take, in one line; `span` is of the whole command."""
    runs = f"{num_runs} run{'s' if num_runs != 1 else ''}"
    workers = f"{num_workers} worker{'s' if num_workers != 1 else ''}"
    if span is None:
        return f"{runs} on {workers}" + (": how long training takes is not known" if num_runs else "")
    memory = f"; {spoken_bytes(peak_bytes)} of memory" if peak_bytes else ""
    return f"{runs} on {workers}: {spoken_span(span)} in all, from start to report{memory}"


def end_line(plan: RunPlan, facts: RunFacts) -> str:
    """How a run ended, in one line."""
    numbers = " ".join(filter(None, (metrics_words(facts.metrics, split) for split in ("val", "test"))))
    at = f" (best epoch {facts.best_epoch} of {facts.epochs})" if facts.best_epoch else ""
    reason = f": {facts.reason}" if facts.reason else ""
    return f"{run_words(plan)}: {facts.status}{at}{reason} {numbers} {duration(facts.seconds)}"


def warning_line(plan: RunPlan, text: str, *, epoch: int) -> str:
    """What is wrong with a run that trains, in one line."""
    return f"warning: {run_words(plan)}, after epoch {epoch}: {text}"


def run_words(plan: RunPlan) -> str:
    """A run for people: its trial, its seed, its fold."""
    return f"{plan.trial}, seed {plan.seed}" + (f", fold {plan.fold}" if plan.fold is not None else "")


def tally_words(tally: Tally) -> str:
    """How a study stands, in a line: what is done, what was cut, what is best.

    >>> tally_words(Tally(9, 4, 9, 3, 1, 0, ("dropout 0.1", "val_accuracy", 0.91234)))
    '3 of 9 trials done, 1 pruned; best: dropout 0.1, val_accuracy 0.9123'
    """
    words = f"{tally.num_done} of {tally.num_trials} trials done"
    words += f", {tally.num_pruned} pruned" if tally.num_pruned else ""
    words += f", {tally.num_failed} failed" if tally.num_failed else ""
    if tally.best is not None:
        name, metric, mean = tally.best
        words += f"; best: {name}, {metric} {mean:.4f}"
    return words


def end_words(results: StudyResults) -> str:
    """What a command leaves behind, in a line: how many runs are finished, and what became of the others."""
    counts = Counter(run.status for run in results.runs)
    num_over = sum(counts.pop(status, 0) for status in OVER)
    others = "".join(f", {number:,} {status}" for status, number in sorted(counts.items()))
    return f"{num_over:,} of {counted(len(results.runs), 'run')} finished{others}"


class SilentProgress:
    """Shows nothing."""

    def on_estimate(self, *, span: Span | None, peak_bytes: int, num_runs: int, num_workers: int) -> None: ...

    def on_step(self, plan: RunPlan, *, epoch: int, step: int, num_steps: int) -> None: ...

    def on_epoch(self, plan: RunPlan, record: Mapping[str, Any], *, left: Span | None) -> None: ...

    def on_end(self, plan: RunPlan, facts: RunFacts, *, left: Span | None) -> None: ...

    def on_pause(self, plan: RunPlan) -> None: ...

    def on_tally(self, tally: Tally) -> None: ...

    def on_note(self, text: str) -> None: ...

    def on_warning(self, plan: RunPlan, text: str, *, epoch: int) -> None: ...

    def display(self) -> AbstractContextManager[object]:
        return nullcontext()


class LineProgress:
    """A line when a run ends, and now and then one of what is running."""

    def __init__(self) -> None:
        self.tally = NOTHING
        self.pace = Pace()

    def on_estimate(self, *, span: Span | None, peak_bytes: int, num_runs: int, num_workers: int) -> None:
        self._print(estimate_line(span=span, peak_bytes=peak_bytes, num_runs=num_runs, num_workers=num_workers))

    def on_step(self, plan: RunPlan, *, epoch: int, step: int, num_steps: int) -> None:
        if self.pace.is_due():
            self._print(f"{self._so_far()}; {run_words(plan)}: epoch {epoch}, step {step} of {num_steps}")

    def on_epoch(self, plan: RunPlan, record: Mapping[str, Any], *, left: Span | None) -> None:
        if self.pace.is_due():
            epochs = plan.settings.train.epochs
            self._print(
                f"{self._so_far()}; {run_words(plan)}: epoch {record['epoch']}/{epochs}"
                f" {metrics_words(record, 'val')}{left_words(left)}"
            )

    def on_end(self, plan: RunPlan, facts: RunFacts, *, left: Span | None) -> None:
        is_last = self.tally.num_runs_over >= self.tally.num_runs
        count = f"[{self.tally.num_runs_over}/{self.tally.num_runs}]"
        self._print(f"{count} {end_line(plan, facts)}{'' if is_last else left_words(left)}")

    def on_pause(self, plan: RunPlan) -> None: ...

    def on_tally(self, tally: Tally) -> None:
        self.tally = tally
        if self.pace.is_due() and tally.num_trials > 1:
            self._print(tally_words(tally))

    def on_note(self, text: str) -> None:
        self._print(text)

    def on_warning(self, plan: RunPlan, text: str, *, epoch: int) -> None:
        self._print(warning_line(plan, text, epoch=epoch))

    def display(self) -> AbstractContextManager[object]:
        return nullcontext()

    def _so_far(self) -> str:
        return f"{self.tally.num_runs_over} of {counted(self.tally.num_runs, 'run')} finished"

    def _print(self, line: str) -> None:
        self.pace.told()
        tell(one_line(line), file=sys.stdout)


class LiveProgress:
    """One display that stays in place: every running run with its epoch and validation, runs done, time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self.console = Console()
        self.tally = NOTHING
        self.left: Span | None = None
        self.running: dict[str, tuple[RunPlan, str, str]] = {}
        self.live = Live(get_renderable=self._render, console=self.console, refresh_per_second=4, transient=True)

    def on_estimate(self, *, span: Span | None, peak_bytes: int, num_runs: int, num_workers: int) -> None:
        self.left = span
        self.console.print(estimate_line(span=span, peak_bytes=peak_bytes, num_runs=num_runs, num_workers=num_workers))

    def on_step(self, plan: RunPlan, *, epoch: int, step: int, num_steps: int) -> None:
        epochs = plan.settings.train.epochs
        validation = self.running[plan.name][2] if plan.name in self.running else ""
        self.running[plan.name] = (plan, f"{epoch}/{epochs}  {100 * step // num_steps:3d}%", validation)

    def on_epoch(self, plan: RunPlan, record: Mapping[str, Any], *, left: Span | None) -> None:
        epochs = plan.settings.train.epochs
        self.running[plan.name] = (plan, f"{record['epoch']}/{epochs}  100%", metrics_words(record, "val"))
        self.left = left

    def on_end(self, plan: RunPlan, facts: RunFacts, *, left: Span | None) -> None:
        self.running.pop(plan.name, None)
        self.left = left
        self.console.print(one_line(end_line(plan, facts)), highlight=False, markup=False)

    def on_pause(self, plan: RunPlan) -> None:
        self.running.pop(plan.name, None)

    def on_tally(self, tally: Tally) -> None:
        self.tally = tally

    def on_note(self, text: str) -> None:
        self.console.print(one_line(text), style="yellow", markup=False)

    def on_warning(self, plan: RunPlan, text: str, *, epoch: int) -> None:
        self.on_note(warning_line(plan, text, epoch=epoch))

    def display(self) -> AbstractContextManager[object]:
        return self.live

    def _render(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        if self.tally is NOTHING:
            return Text("checking how long it will take", style="dim")
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("running", "seed", "fold", "epoch", "validation"):
            table.add_column(column, no_wrap=True)
        for plan, epoch, validation in list(self.running.values()):  # another thread draws
            fold = "" if plan.fold is None else str(plan.fold)
            table.add_row(Text(one_line(plan.trial)), str(plan.seed), fold, epoch, validation)
        bar = Table.grid(padding=(0, 2))
        bar.add_row(
            ProgressBar(total=self.tally.num_runs, completed=self.tally.num_runs_over, width=30),
            f"{self.tally.num_runs_over} of {self.tally.num_runs} runs",
            left_words(self.left).lstrip(", "),
        )
        return Group(table, Text(tally_words(self.tally), style="dim", no_wrap=True, overflow="ellipsis"), bar)


def metrics_words(values: Mapping[str, Any], split: str) -> str:
    """The first few metrics of a split: all that a line has room for; records and report have the others."""
    names = [name for name in values if name.startswith(f"{split}_")]
    return " ".join(f"{name} {values[name]:.4f}" for name in names[:METRICS_PER_LINE])


def left_words(span: Span | None) -> str:
    return f", {spoken_span(span)} left" if span else ""
