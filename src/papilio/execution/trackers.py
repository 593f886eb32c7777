"""What a run's folder has, written where people already look: TensorBoard's events, an MLflow server.

All of it is derived from records.jsonl and run.json, and nothing is ever read back from it: it can be removed at any time.
"""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from papilio.errors import StudyError, one_line, reason_of, shortened
from papilio.runs.folder import RunFacts, RunFolder
from papilio.runs.plan import RunPlan
from papilio.settings.references import resolve_reference
from papilio.settings.since import by_dotted_key

NO_METRICS = ("epoch", "step")  # of a record
SECONDS_BETWEEN = 1.0  # two rounds of writing
SECONDS_TO_END = 60.0  # that the last round may take
MOST_OF_A_REASON = 200  # letters
PLACES = {
    "tensorboard": "papilio.execution.tensorboard_events:TensorBoardEvents",
    "mlflow": "papilio.execution.mlflow_runs:MlflowRuns",
}


@dataclass(frozen=True)
class Written:
    """A run as far as its folder has it."""

    plan: RunPlan
    folder: RunFolder
    records: list[dict[str, Any]]
    facts: RunFacts | None  # None while it trains


class Tracker(Protocol):
    """Who writes runs elsewhere."""

    def write(self, run: Written) -> None:
        """Write what is new of a run, each epoch once however often it is called; may raise anything."""
        ...


def refuse_missing_trackers(where: str, plans: Iterable[RunPlan]) -> None:
    """Raises StudyError where what `train.log` names is not installed."""
    for name in sorted({name for plan in plans for name in plan.settings.train.log}):
        if importlib.util.find_spec(name) is None:
            raise StudyError(
                f"{where}: train.log: {name} is not installed: pip install 'papilio[{name}]', or leave it out of train.log"
            )


class Trackers:
    """Writes runs in a thread of its own: a server that is slow to answer keeps no worker waiting.

    What goes wrong is told once, by `take_notes`; that tracker is not asked again.
    """

    def __init__(self, folder: Path, title: str) -> None:
        self.folder = folder
        self.title = title
        self.pending: dict[str, tuple[RunPlan, RunFacts | None]] = {}
        self.notes: list[str] = []
        self.made: dict[str, Tracker | None] = {}  # None: it failed
        self.news = threading.Condition()
        self.is_closing = False
        self.thread: threading.Thread | None = None

    def hear(self, plan: RunPlan, facts: RunFacts | None = None) -> None:
        """A run has had another epoch, or has ended with these facts."""
        if not plan.settings.train.log:
            return
        with self.news:
            self.pending[plan.name] = (plan, facts or self.pending.get(plan.name, (plan, None))[1])
            if self.thread is None:
                self.thread = threading.Thread(target=self._work, name="papilio trackers", daemon=True)
                self.thread.start()
            self.news.notify()

    def take_notes(self) -> list[str]:
        """What there is to tell people since the last time."""
        with self.news:
            notes, self.notes = self.notes, []
        return notes

    def close(self) -> None:
        """Write what is left."""
        if self.thread is None:
            return
        with self.news:
            self.is_closing = True
            self.news.notify()
        self.thread.join(SECONDS_TO_END)
        if self.thread.is_alive():
            self.notes.append(
                "train.log: the last epochs were not written within a minute; the same command writes them again"
            )
        self.thread = None

    def _work(self) -> None:
        while True:
            with self.news:
                self.news.wait_for(lambda: self.pending or self.is_closing)
                pending, self.pending = self.pending, {}
                if not pending:
                    return
            for plan, facts in pending.values():
                self._write(plan, facts)
            if not self.is_closing:
                time.sleep(SECONDS_BETWEEN)

    def _write(self, plan: RunPlan, facts: RunFacts | None) -> None:
        folder = RunFolder(self.folder / "runs" / plan.name)
        for name in plan.settings.train.log:
            if self.made.get(name, self) is None:
                continue
            try:
                if name not in self.made:
                    self.made[name] = resolve_reference(PLACES[name])(self.folder, self.title)
                self.made[name].write(Written(plan, folder, folder.read_records(), facts))  # pyright: ignore
            except Exception as error:  # of a library, a disk, a server: the study does not depend on any
                self.made[name] = None
                reason = shortened(one_line(f"{type(error).__name__}: {reason_of(error)}"), MOST_OF_A_REASON)
                with self.news:
                    self.notes.append(f"train.log: {name}: {reason}; the study continues without it")


def flat_settings(plan: RunPlan) -> dict[str, Any]:
    """A run's settings by dotted key, with its seed and fold."""
    own = {"seed": plan.seed} | ({} if plan.fold is None else {"fold": plan.fold})
    return own | by_dotted_key(plan.settings.identity())


def measured_at_the_end(run: Written) -> dict[str, float]:
    """Of a run that has ended, the metrics that no record has: those on test images."""
    if run.facts is None:
        return {}
    recorded = {name for record in run.records for name in record}
    return {name: value for name, value in run.facts.metrics.items() if name not in recorded}
