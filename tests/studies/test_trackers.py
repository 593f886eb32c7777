"""`train.log`: what TensorBoard and MLflow are given is what the run's folder has, each epoch once."""

from __future__ import annotations

import json
import signal
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny

import papilio as product
from papilio.errors import StudyError
from papilio.execution import trackers
from papilio.execution.tensorboard_events import TensorBoardEvents
from papilio.execution.trackers import Trackers, Written
from papilio.results.results import RunResult
from papilio.runs.folder import RunFolder
from papilio.runs.plan import RunPlan
from papilio.search.expected import plan_runs
from papilio.studies.study import load_study

pytestmark = pytest.mark.usefixtures("no_reports")

ONE = tiny(stage=[{"name": "only"}], train__epochs=3)
LOGGED = tiny(stage=[{"name": "only"}], train__epochs=3, train__log=["tensorboard"])


def steps_of(run: RunResult) -> dict[str, list[int]]:
    """Of a run's event files, by tag: the steps."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.folder.parents[1] / "tensorboard" / run.name))
    events.Reload()
    return {tag: [one.step for one in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_logging_makes_no_other_runs_and_is_no_part_of_what_is_kept_of_them(tmp_path: Path) -> None:
    assert [plan.name for plan in plan_runs(load_study(ONE))] == [plan.name for plan in plan_runs(load_study(LOGGED))]
    (run,) = product.run_study(LOGGED, out=tmp_path / "out", is_silent=True).runs
    facts = json.loads((run.folder / "run.json").read_text())
    assert "log" not in facts["settings"]["train"] and "train.log" not in facts["defaults"]
    before = (run.folder / "weights.safetensors").read_bytes()
    (again,) = product.run_study(ONE, out=tmp_path / "out", is_silent=True).runs
    assert again.name == run.name and (again.folder / "weights.safetensors").read_bytes() == before


def test_tensorboard_has_every_epoch_once_and_the_test_metrics_at_the_best(tmp_path: Path) -> None:
    (run,) = product.run_study(LOGGED, out=tmp_path / "out", is_silent=True).runs
    steps = steps_of(run)
    assert steps["loss/train"] == steps["accuracy/val"] == [1, 2, 3]
    assert steps["accuracy/test"] == [run.best_epoch]
    product.run_study(LOGGED, out=tmp_path / "out", is_silent=True)
    assert steps_of(run) == steps


def test_runs_that_were_finished_before_are_written_too(tmp_path: Path) -> None:
    (run,) = product.run_study(ONE, out=tmp_path / "out", is_silent=True).runs
    assert not (tmp_path / "out" / "tensorboard").exists()
    product.run_study(LOGGED, out=tmp_path / "out", is_silent=True)
    assert steps_of(run)["loss/val"] == [1, 2, 3]


def test_the_events_of_a_run_that_has_ended_are_not_written_again_at_the_end_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    begin = TensorBoardEvents._begin

    def counting(self: TensorBoardEvents, name: str, *rest: Any) -> None:
        begun.append(name)
        begin(self, name, *rest)

    monkeypatch.setattr(TensorBoardEvents, "_begin", counting)
    found = product.run_study(LOGGED | {"stage": [{"name": "only", "seeds": 2}]}, out=tmp_path / "out", is_silent=True)
    assert sorted(begun) == sorted(run.name for run in found.runs)
    assert all("accuracy/test" in steps_of(run) for run in found.runs)


def test_a_resumed_run_writes_no_step_twice(tmp_path: Path) -> None:
    """As after a kill: two epochs were written, and the checkpoint knows of the first only."""
    plan = plan_runs(load_study(LOGGED))[0]
    folder = RunFolder(tmp_path / "runs" / plan.name)
    folder.path.mkdir(parents=True)
    for epoch in (1, 2):
        folder.append_record({"epoch": epoch, "val_loss": 1.0 / epoch})
    killed = Trackers(tmp_path, "Tiny")
    killed.hear(plan)
    killed.close()
    folder.keep_records(1)
    resumed = Trackers(tmp_path, "Tiny")
    for epoch in (2, 3):
        folder.append_record({"epoch": epoch, "val_loss": 1.0 / epoch})
        resumed.hear(plan)
    resumed.close()
    run = RunResult(plan.name, "only", "a", 0, None, {}, folder.path)
    assert steps_of(run) == {"loss/val": [1, 2, 3]}
    assert killed.take_notes() == resumed.take_notes() == []


def test_fresh_takes_the_events_along_and_leaves_what_is_not_ours(tmp_path: Path) -> None:
    out = tmp_path / "out"
    product.run_study(LOGGED, out=out, is_silent=True)
    (out / "tensorboard" / "mine.txt").write_text("mine")
    product.run_study(ONE, out=out, is_fresh=True, is_silent=True)
    assert [one.name for one in (out / "tensorboard").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_a_missing_package_is_refused_at_planning_with_the_extra(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda module: None)
    with pytest.raises(StudyError, match=rf"train.log: {name} is not installed: pip install 'papilio\[{name}\]'"):
        product.run_study(ONE | {"train": {"log": [name]}}, out=tmp_path / "out", is_silent=True)
    assert not (tmp_path / "out").exists()


def test_another_name_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"train.log.*tensorboard.*mlflow"):
        product.run_study(ONE | {"train": {"log": ["tensorbord"]}}, out=tmp_path / "out", is_silent=True)


def test_a_tracker_that_fails_is_told_of_once_and_costs_the_study_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Unreachable:
        def __init__(self, folder: Path, title: str) -> None: ...

        def write(self, run: Written) -> None:
            raise ConnectionError("nobody answers\nat all")

    monkeypatch.setitem(trackers.PLACES, "tensorboard", Unreachable)  # a reference may be the thing itself
    (run,) = product.run_study(LOGGED, out=tmp_path / "out").runs
    assert run.status == "done"
    lines = [line for line in capsys.readouterr().out.splitlines() if "train.log" in line]
    assert len(lines) == 1 and "ConnectionError: nobody answers" in lines[0] and "continues without it" in lines[0]


@dataclass
class Server:
    """What an MLflow server keeps, as far as runs ask for it."""

    experiments: dict[str, str] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)  # experiments

    def client(self, tracking_uri: str) -> Server:
        return self

    def get_experiment_by_name(self, name: str) -> Any:
        number = self.experiments.get(name)
        stage = "deleted" if name in self.deleted else "active"
        return None if number is None else types.SimpleNamespace(experiment_id=number, lifecycle_stage=stage)

    def restore_experiment(self, experiment_id: str) -> None:
        self.deleted = {name for name in self.deleted if self.experiments[name] != experiment_id}

    def create_experiment(self, name: str) -> str:
        return self.experiments.setdefault(name, str(len(self.experiments)))

    def create_run(self, experiment_id: str, run_name: str) -> Any:
        if experiment_id in (self.experiments[name] for name in self.deleted):
            raise LookupError(f"The experiment {experiment_id} must be in the 'active' state")
        run_id = f"id{len(self.runs)}"
        self.runs[run_id] = {"name": run_name, "metrics": [], "params": {}, "status": "RUNNING"}
        return self.get_run(run_id)

    def get_run(self, run_id: str) -> Any:
        if run_id not in self.runs:
            raise LookupError(run_id)
        metrics = {name: value for name, value, _, _ in self.runs[run_id]["metrics"]}
        info = types.SimpleNamespace(run_id=run_id, lifecycle_stage="active")
        return types.SimpleNamespace(info=info, data=types.SimpleNamespace(metrics=metrics))

    def get_metric_history(self, run_id: str, key: str) -> list[Any]:
        found = (one for one in self.runs[run_id]["metrics"] if one[0] == key)
        return [types.SimpleNamespace(step=step) for _, _, _, step in found]

    def log_batch(self, run_id: str, metrics: Any = (), params: Any = (), tags: Any = ()) -> None:
        self.runs[run_id]["metrics"] += metrics
        self.runs[run_id]["params"] |= dict(params)

    def update_run(self, run_id: str, status: str) -> None:
        self.runs[run_id]["status"] = status

    def set_terminated(self, run_id: str, status: str) -> None:
        self.runs[run_id]["status"] = status


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """In the place of the package mlflow, which is large: a server in memory."""
    there = Server()
    package = types.ModuleType("mlflow")
    package.__spec__ = types.SimpleNamespace()  # pyright: ignore[reportAttributeAccessIssue]
    package.MlflowClient = there.client  # pyright: ignore[reportAttributeAccessIssue]
    entities, exceptions = types.ModuleType("mlflow.entities"), types.ModuleType("mlflow.exceptions")
    vars(entities).update(Metric=lambda *one: one, Param=lambda *one: one, RunTag=lambda *one: one)
    vars(exceptions).update(MlflowException=LookupError)
    for module in (package, entities, exceptions):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, "papilio.execution.mlflow_runs", raising=False)
    return there


def steps(server: Server, run_id: str, metric: str) -> list[int]:
    return [step for name, _, _, step in server.runs[run_id]["metrics"] if name == metric]


def test_mlflow_has_settings_epochs_and_test_metrics_once(tmp_path: Path, server: Server) -> None:
    study = ONE | {"train": {**ONE["train"], "log": ["mlflow"]}}
    for _ in range(2):
        (run,) = product.run_study(study, out=tmp_path / "out", is_silent=True).runs
    (run_id,) = server.runs
    assert list(server.experiments) == ["Tiny"] and server.runs[run_id]["status"] == "FINISHED"
    assert server.runs[run_id]["params"]["train.epochs"] == "3" and server.runs[run_id]["params"]["seed"] == "0"
    assert steps(server, run_id, "val_loss") == [1, 2, 3] and steps(server, run_id, "test_loss") == [run.best_epoch]


def test_mlflow_goes_on_with_a_run_that_is_there_and_begins_anew_where_it_is_gone(
    tmp_path: Path, server: Server
) -> None:
    plan = plan_runs(load_study(ONE | {"train": {**ONE["train"], "log": ["mlflow"]}}))[0]
    folder = RunFolder(tmp_path / "runs" / plan.name)
    folder.path.mkdir(parents=True)
    for epoch in (1, 2, 3):
        folder.append_record({"epoch": epoch, "val_loss": 1.0})
        one = Trackers(tmp_path, "Tiny")
        one.hear(plan)
        one.close()
        assert one.take_notes() == []
    assert list(server.runs) == ["id0"] and steps(server, "id0", "val_loss") == [1, 2, 3]
    server.runs["other"] = server.runs.pop("id0")
    write_again(tmp_path, plan)
    assert steps(server, "id1", "val_loss") == [1, 2, 3]


def test_a_deleted_experiment_is_restored(tmp_path: Path, server: Server) -> None:
    """Every study of that title went on without MLflow."""
    study = ONE | {"train": {**ONE["train"], "log": ["mlflow"]}}
    server.create_experiment("Tiny")
    server.deleted = {"Tiny"}
    product.run_study(study, out=tmp_path / "out", is_silent=True)
    assert [run["status"] for run in server.runs.values()] == ["FINISHED"] and not server.deleted


def test_a_stopped_run_is_no_running_one(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    study = ONE | {"train": {**ONE["train"], "epochs": 30, "log": ["mlflow"]}}
    hear = Trackers.hear

    def stopping(self: Trackers, plan: RunPlan, facts: Any = None) -> None:
        hear(self, plan, facts)
        if facts is None and not server.runs.get("stopped"):
            server.runs["stopped"] = {"status": ""}
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Trackers, "hear", stopping)
    assert not product.run_study(study, out=tmp_path / "out", is_silent=True).is_whole
    (run,) = [run for name, run in server.runs.items() if name != "stopped"]
    assert run["status"] == "KILLED"
    states: list[str] = []
    monkeypatch.setattr(Server, "update_run", lambda self, run_id, status: states.append(status))
    assert product.run_study(study, out=tmp_path / "out", is_silent=True).is_whole
    assert states == ["RUNNING"] and run["status"] == "FINISHED"


def write_again(folder: Path, plan: RunPlan) -> None:
    again = Trackers(folder, "Tiny")
    again.hear(plan)
    again.close()
