"""Runs as those of MLflow: at the address in MLFLOW_TRACKING_URI, or in DIR/mlflow.db, one experiment per study."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

from mlflow import MlflowClient  # pyright: ignore[reportMissingImports] (an extra)
from mlflow.entities import Metric, Param, RunTag  # pyright: ignore[reportMissingImports]
from mlflow.exceptions import MlflowException  # pyright: ignore[reportMissingImports]

from papilio.execution.display import run_words
from papilio.execution.trackers import NO_METRICS, Written, flat_settings, measured_at_the_end
from papilio.files import read_own, write_json
from papilio.study_folder import MLFLOW_DATABASE, MLFLOW_RUN

ADDRESS = "MLFLOW_TRACKING_URI"
RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
STATUSES = {"done": "FINISHED", "diverged": "FAILED", "failed": "FAILED", "pruned": "KILLED", "stopped": "KILLED"}
MOST_LETTERS = 500  # of a setting
MOST_AT_ONCE = 1000  # metrics, and a tenth as many settings: what a server takes


class MlflowRuns:
    """Runs of an MLflow experiment that has the study's title; each run's folder has the id of its own there."""

    def __init__(self, folder: Path, title: str) -> None:
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        os.environ.setdefault(RETRIES, "2")  # by default it asks a server that does not answer for four minutes
        self.address = os.environ.get(ADDRESS) or f"sqlite:///{(folder / MLFLOW_DATABASE).resolve()}"
        self.client = MlflowClient(tracking_uri=self.address)
        self.folder = folder
        self.title = title
        self.ids: dict[str, str] = {}
        self.written: dict[str, int] = {}  # the last epoch, by run

    def write(self, run: Written) -> None:
        """Log the epochs that the run there does not have yet; of a run that has ended also the rest, and its status."""
        name = run.plan.name
        if name not in self.ids:
            known = self._known_id(run)
            if known is not None and run.facts is None:  # taken up again after it was stopped
                self.client.update_run(known, status="RUNNING")
            self.ids[name] = known or self._begin(run)
            self.written[name] = self._last_step(self.ids[name], run)
        new = [record for record in run.records if record["epoch"] > self.written[name]]
        metrics = [one for record in new for one in _metrics(record, step=record["epoch"])]
        self._log(self.ids[name], metrics)
        if new:
            self.written[name] = new[-1]["epoch"]
        if run.facts is not None:
            self._end(self.ids[name], run)

    def _known_id(self, run: Written) -> str | None:
        """Of a run that was logged at the same address by an earlier command, and is still there."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError, MlflowException):
            known = json.loads(read_own(run.folder.path / MLFLOW_RUN))
            if known["address"] == self.address:
                found = self.client.get_run(known["run_id"])
                return found.info.run_id if found.info.lifecycle_stage == "active" else None
        return None

    def _begin(self, run: Written) -> str:
        plan = run.plan
        experiment = self.client.get_experiment_by_name(self.title)
        number = experiment.experiment_id if experiment else self.client.create_experiment(self.title)
        if experiment and experiment.lifecycle_stage == "deleted":
            self.client.restore_experiment(number)
        run_id = self.client.create_run(number, run_name=run_words(plan)).info.run_id
        write_json(run.folder.path / MLFLOW_RUN, {"address": self.address, "run_id": run_id})
        settings = [Param(key, str(value)[:MOST_LETTERS]) for key, value in flat_settings(plan).items()]
        facts = {"run": plan.name, "stage": plan.stage, "trial": plan.trial, "folder": str(run.folder.path.resolve())}
        tags = [RunTag(f"papilio.{key}", value) for key, value in facts.items()]
        for start in range(0, len(settings), MOST_AT_ONCE // 10):
            self.client.log_batch(run_id, params=settings[start : start + MOST_AT_ONCE // 10])
        self.client.log_batch(run_id, tags=tags)
        return run_id

    def _last_step(self, run_id: str, run: Written) -> int:
        names = [name for name in (run.records[0] if run.records else {}) if name not in NO_METRICS]
        steps = [one.step for one in self.client.get_metric_history(run_id, names[0])] if names else []
        return max(steps, default=0)

    def _end(self, run_id: str, run: Written) -> None:
        assert run.facts is not None  # it has ended
        there = self.client.get_run(run_id).data.metrics
        left = {name: value for name, value in measured_at_the_end(run).items() if name not in there}
        self._log(run_id, _metrics(left, step=run.facts.best_epoch or run.facts.epochs))
        self.client.set_terminated(run_id, status=STATUSES.get(run.facts.status, "FINISHED"))

    def _log(self, run_id: str, metrics: list[Any]) -> None:
        for start in range(0, len(metrics), MOST_AT_ONCE):
            self.client.log_batch(run_id, metrics=metrics[start : start + MOST_AT_ONCE])


def _metrics(numbers: dict[str, Any], *, step: int) -> list[Any]:
    now = round(1000 * time.time())
    return [Metric(name, float(value), now, step) for name, value in numbers.items() if name not in NO_METRICS]
