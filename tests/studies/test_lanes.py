"""Tasks of several runs: an engine whose sessions have three lanes, in real worker processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from tiny import command, environment, tiny, write_study

from papilio.results.results import StudyResults
from papilio.runs.folder import RunFacts, RunFolder
from papilio.workbench import run_study

STUDY = tiny(
    model={"family": "mlp", "units": [16], "dropout": 0.2},
    stage=[{"name": "first", "seeds": 5}],
    train__epochs=4,
    analysis=[],
)


@pytest.fixture(autouse=True)
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report takes longer than these studies."""
    monkeypatch.setattr("papilio.workbench._write_report", lambda results: None)


def run(study: dict[str, Any], out: Path, engine: str | None = "LanesEngine", *, workers: int = 1) -> StudyResults:
    settings = {} if engine is None else {"train.engine": f"lanes_engine:{engine}"}
    return run_study(study, out=out, settings=settings, workers=workers, is_silent=True)


def weights_of(results: StudyResults) -> dict[tuple[str, int], bytes]:
    """Of every run, by trial and seed."""
    return {(one.trial, one.seed): RunFolder(one.folder).weights_file.read_bytes() for one in results.runs}


def facts_of(results: StudyResults) -> dict[str, RunFacts]:
    return {one.name: RunFolder(one.folder).facts() for one in results.runs}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    """The same study with the torch engine: each run alone."""
    return run_study(STUDY, out=tmp_path_factory.mktemp("alone") / "out", workers=1, is_silent=True)


def test_runs_side_by_side_end_as_alone(alone: StudyResults, tmp_path: Path) -> None:
    together = run(STUDY, tmp_path / "out")
    assert weights_of(together) == weights_of(alone)
    assert [one.metrics for one in together.runs] == [one.metrics for one in alone.runs]
    beside = [len(facts.beside) for facts in facts_of(together).values()]
    assert beside == [2, 2, 2, 1, 1]
    assert all(not facts.beside for facts in facts_of(alone).values())
    records = [RunFolder(one.folder).read_records() for one in together.runs]
    assert all([record["epoch"] for record in own] == [1, 2, 3, 4] for own in records)


def test_each_lane_has_patience_of_its_own(tmp_path: Path) -> None:
    study = tiny(
        train__epochs=12,
        train__early_stopping={"metric": "val_loss", "patience": 1},
        stage=[{"name": "first", "vary": {"train.learning_rate": [0.3, 0.03, 0.001]}}],
        analysis=[],
    )
    alone, together = run(study, tmp_path / "alone", None), run(study, tmp_path / "together")
    ends = [one.epochs for one in together.runs]
    assert len(set(ends)) > 1 and ends == [one.epochs for one in alone.runs]
    assert weights_of(together) == weights_of(alone)
    assert {len(facts.beside) for facts in facts_of(together).values()} == {2}


def test_only_runs_of_one_structure_go_together(tmp_path: Path) -> None:
    study = tiny(
        train__epochs=1, stage=[{"name": "first", "seeds": 2, "vary": {"model.units": [[8], [16]]}}], analysis=[]
    )
    together = run(study, tmp_path / "out")
    trials = {name: facts.trial for name, facts in facts_of(together).items()}
    for name, facts in facts_of(together).items():
        assert [trials[one] for one in facts.beside] == [trials[name]]


def test_what_fails_together_goes_on_one_by_one(alone: StudyResults, tmp_path: Path) -> None:
    together = run(STUDY, tmp_path / "out", "FailsTogether")
    assert weights_of(together) == weights_of(alone)
    assert all(not facts.beside and facts.status == "done" for facts in facts_of(together).values())


def test_one_run_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    """A network that raises in its second epoch, in one lane of three."""
    study = tiny(
        model={"family": "lanes_engine:Fragile", "fails_at": 0.5},
        train__epochs=3,
        stage=[{"name": "first", "vary": {"model.fails_at": [0.25, 0.75, 0.5]}}],
        analysis=[],
    )
    results = run(study, tmp_path / "out")
    assert [one.status for one in results.runs] == ["done", "failed", "done"]
    assert "as it was meant to" in str(results.runs[1].reason)


def test_a_worker_that_dies_gives_back_all_of_its_runs(alone: StudyResults, tmp_path: Path) -> None:
    together = run(STUDY, tmp_path / "out", "DiesTogether")
    assert weights_of(together) == weights_of(alone)
    assert all(not facts.beside for facts in facts_of(together).values())


def test_killed_and_resumed_equals_undisturbed(alone: StudyResults, tmp_path: Path) -> None:
    study = write_study(
        tmp_path / "study.toml", STUDY | {"train": STUDY["train"] | {"engine": "lanes_engine:LanesEngine"}}
    )
    arguments = command("run", study, "--out", tmp_path / "out", "--workers", "1")
    for num_records in (1, 5):
        process = subprocess.Popen(
            arguments, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        wait_for_records(tmp_path / "out", num_records, process)
        workers = children_of(process.pid)
        for pid in (process.pid, *workers):
            os.kill(pid, signal.SIGKILL)
        process.wait()
    done = subprocess.run(arguments, env=environment(), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    from papilio.results.results import read_results

    assert weights_of(read_results(tmp_path / "out")) == weights_of(alone)


def test_rungs_put_lanes_aside_and_cut_them(tmp_path: Path) -> None:
    study = tiny(
        train__epochs=9,
        stage=[
            {
                "name": "first",
                "vary": {"train.learning_rate": [0.0001, 0.001, 0.01, 0.02, 0.03, 0.3]},
                "pruner": {"name": "halving", "min_epochs": 1},
            }
        ],
        analysis=[],
    )
    alone, together = run(study, tmp_path / "alone", None), run(study, tmp_path / "together")
    assert [one.status for one in together.runs].count("pruned") == [one.status for one in alone.runs].count("pruned")
    assert together.best is not None and alone.best is not None and together.best.trial == alone.best.trial
    done = [one for one in together.runs if one.status == "done"]
    same = [one for one in alone.runs if one.trial == done[0].trial]
    weights = [RunFolder(one.folder).weights_file.read_bytes() for one in (done[0], same[0])]
    assert weights[0] == weights[1]


def test_an_engine_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    from papilio.errors import PapilioError

    for engine, complaint in (("numpi", "is not an engine"), ("nowhere:Engine", "cannot import 'nowhere'")):
        with pytest.raises(PapilioError, match=complaint) as caught:
            run_study(STUDY, out=tmp_path / "out", settings={"train.engine": engine}, is_silent=True)
        assert "\n" not in str(caught.value)


def wait_for_records(out: Path, num: int, process: subprocess.Popen[bytes]) -> None:
    """Until so many epochs are written down, of all runs together."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if sum(len(path.read_text().splitlines()) for path in out.glob("runs/*/records.jsonl")) >= num:
            return
        time.sleep(0.01)


def children_of(pid: int) -> list[int]:
    """Workers have sessions of their own: a kill of the group would not reach them."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []
