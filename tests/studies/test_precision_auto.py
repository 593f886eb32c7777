"""`train.precision = "auto"`: decided once for all runs of a structure, and kept where a run that resumes finds it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny

from papilio.errors import StudyError
from papilio.runs.folder import RunFacts, RunFolder
from papilio.runs.train import RunJob, execute_runs
from papilio.search.expected import plan_runs
from papilio.sections.setting_rows import shared_settings
from papilio.settings.train_settings import TrainSettings
from papilio.studies.images import StudyImages
from papilio.studies.study import load_study
from papilio.training import precision
from papilio.workbench import plan_study, run_study
from papilio.workers import worker

pytestmark = pytest.mark.usefixtures("no_reports")

STAGE = {"name": "a", "seeds": 2, "vary": {"model.units": [[8], [9]]}}


class Timed:
    """In the place of `fastest`: notes what is compared, and prefers what it is told to."""

    def __init__(self, *preferred: str) -> None:
        self.preferred = list(preferred)
        self.compared: list[list[str | None]] = []

    def __call__(self, timed: Mapping[str | None, Callable[[], float]]) -> tuple[str | None, float]:
        self.compared.append(list(timed))
        usual = next(iter(timed))
        return (self.preferred.pop(0) if len(timed) > 1 else usual), 0.01


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has instructions for bfloat16."""
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: True)


def timed(monkeypatch: pytest.MonkeyPatch, *preferred: str) -> Timed:
    found = Timed(*preferred)
    monkeypatch.setattr(worker, "fastest", found)
    return found


def used(folder: Path) -> dict[str, set[str]]:
    """In what the runs of each trial computed."""
    found: dict[str, set[str]] = {}
    for file in folder.glob("runs/*/run.json"):
        facts = json.loads(file.read_text())
        found.setdefault(facts["trial"], set()).add(facts["precision"])
    return found


@pytest.mark.usefixtures("both")
def test_every_structure_is_timed_once_and_its_runs_compute_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = timed(monkeypatch, "bfloat16", "float32")
    run_study(tiny(stage=[STAGE]), out=tmp_path, precision="auto", is_silent=True)
    assert compared.compared == [["float32", "bfloat16"]] * 2
    assert sorted(map(sorted, used(tmp_path).values())) == [["bfloat16"], ["float32"]]
    settings = json.loads(next(tmp_path.glob("runs/*/run.json")).read_text())["settings"]
    assert settings["train"]["precision"] == "auto"


@pytest.mark.usefixtures("both")
def test_structures_that_a_search_proposes_later_are_timed_before_they_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vary = {"model.units": [[8], [9], [10], [11]]}
    monkeypatch.setattr("papilio.execution.forecast.MAX_PROBES", 1)
    compared = timed(monkeypatch, *["bfloat16"] * 4)
    run_study(tiny(stage=[STAGE | {"vary": vary}]), out=tmp_path, precision="auto", is_silent=True)
    assert compared.compared == [["float32", "bfloat16"]] * 4
    assert list(used(tmp_path).values()) == [{"bfloat16"}] * 4


@pytest.mark.usefixtures("both")
def test_what_begins_later_computes_as_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = tiny(stage=[STAGE], train__precision="auto")
    timed(monkeypatch, "bfloat16", "bfloat16")
    run_study(study, out=tmp_path, is_silent=True)
    for folder in tmp_path.glob("runs/*seed1*"):
        shutil.rmtree(folder)
    compared = timed(monkeypatch)
    run_study(study, out=tmp_path, is_silent=True)
    assert all(names == ["bfloat16"] for names in compared.compared)
    assert set.union(*used(tmp_path).values()) == {"bfloat16"}


class StopsAfter:
    """A watcher that wants a stop after some epochs."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    def on_step(self, *, epoch: int, step: int, num_steps: int) -> None: ...

    def on_epoch(self, record: dict[str, Any]) -> None:
        self.left -= 1

    def wants_stop(self) -> bool:
        return self.left <= 0


def test_a_run_that_resumes_stays_in_its_precision_on_another_machine(tmp_path: Path) -> None:
    """It took that of the machine where it resumed: bfloat16 that was asked for became float32 half-way."""
    study = load_study(tiny(train__precision="auto"))
    plan, images = plan_runs(study)[0], StudyImages(study.own)

    def train(folder: str, *, precision: str | None, epochs: int) -> RunFacts:
        job = RunJob(tmp_path / folder, plan, images.of_run(plan), StopsAfter(epochs), precision)
        ended: list[RunFacts] = []
        execute_runs([job], threads=1, own={}, on_end=lambda name, facts: ended.append(facts))
        return ended[0]

    train("whole", precision="bfloat16", epochs=9)
    assert train("begun", precision="bfloat16", epochs=1).status == "stopped"
    resumed = train("begun", precision="float32", epochs=9)
    assert resumed.status == "done" and resumed.precision == "bfloat16"
    whole, begun = (RunFolder(tmp_path / name) for name in ("whole", "begun"))
    assert whole.weights_file.read_bytes() == begun.weights_file.read_bytes()


def test_float32_is_the_default_spelled_out() -> None:
    assert TrainSettings(precision="float32") == TrainSettings()


def test_an_unknown_precision_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"train\.precision.*float32.*auto"):
        run_study(tiny(), out=tmp_path, precision="float16", is_silent=True)


def test_the_engine_by_hand_has_nothing_to_choose(tmp_path: Path) -> None:
    study = tiny(stage=[{"name": "a"}], train__engine="numpy")
    run_study(study, out=tmp_path, precision="auto", is_silent=True)
    assert list(used(tmp_path).values()) == [{"float32"}]


@pytest.mark.usefixtures("both")
def test_plan_and_report_say_what_was_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = tiny(stage=[STAGE])
    assert not plan_study(study, out=tmp_path, is_silent=True).tells_precision
    monkeypatch.setattr(worker, "fastest", Timed("bfloat16", "float32"))
    planned = plan_study(study, out=tmp_path, precision="auto", is_silent=True)
    assert sorted(row.precision for row in planned.trials) == ["bfloat16", "float32"]
    timed(monkeypatch, "bfloat16", "float32")
    results = run_study(study, out=tmp_path, precision="auto", is_silent=True)
    found = shared_settings(results)
    assert found and dict(found.first)["Precision"] == "auto: bfloat16 in 2 runs and float32 in 2 runs"
    finished = plan_study(study, out=tmp_path, precision="auto", is_silent=True)
    assert [row.precision for row in finished.trials] == [
        next(iter(used(tmp_path)[row.trial])) for row in finished.trials
    ]


def test_another_precision_has_to_be_clearly_faster() -> None:
    def turns(*seconds: float) -> Callable[[], float]:
        left = list(seconds)
        return lambda: left.pop(0)

    assert worker.fastest({"float32": turns(1.0, 1.0, 1.0), "bfloat16": turns(1.2, 0.97, 0.98)}) == ("float32", 1.0)
    assert worker.fastest({"float32": turns(1.0, 1.0, 1.0), "bfloat16": turns(1.2, 0.9, 1.0)}) == ("bfloat16", 0.9)
    assert worker.fastest({"float32": turns(1.0), "bfloat16": turns(0.5)}) == ("bfloat16", 0.5)  # clear at once
