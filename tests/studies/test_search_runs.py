"""Searches in real processes on digits: killed, resumed, grown, and started from each other."""

from __future__ import annotations

import csv
import random
import shutil
import signal
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from tiny import all_weights, start, tiny, without_times, write_study

import papilio as product
from in_process import papilio
from papilio.errors import StudyError
from papilio.results.reading import read_results
from papilio.results.results import StudyResults
from papilio.search.expected import plan_runs
from papilio.studies.images import StudyImages
from papilio.studies.study import load_study

DROPOUTS, RATES = [0.0, 0.2], [0.003, 0.03]
GRID = {"name": "grid", "vary": {"model.dropout": DROPOUTS, "train.learning_rate": RATES}}
HALVED = {
    "name": "halved",
    "sampler": {"name": "random", "seed": 3},
    "trials": 7,
    "pruner": {"name": "halving", "factor": 2, "min_epochs": 2},
    "vary": {"train.learning_rate": {"low": 1e-4, "high": 0.1, "log": True}},
}
BEST = {"name": "best", "from": {"stage": "grid", "top": 2}, "seeds": [0, 5], "model": {"units": [8]}}


def searched(*stages: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return tiny(title="Searched", train__epochs=8, stage=list(stages), **changes)


def on_one_core(study: dict[str, Any] | Path, out: Path, *, workers: int = 2) -> StudyResults:
    """Run a study with one thread a worker, without a report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("papilio.workbench._write_report", lambda results, **given: results.folder)
        return product.run_study(study, out=out, workers=workers, is_silent=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grid, halving, and the best of the grid, in one go by two workers."""
    folder = tmp_path_factory.mktemp("searched") / "out"
    on_one_core(searched(GRID, HALVED, BEST), folder)
    return folder


@pytest.fixture
def copy(undisturbed: Path, tmp_path: Path) -> Path:
    """The same folder, to be gone on with."""
    shutil.copytree(undisturbed, tmp_path / "out")
    return tmp_path / "out"


def num_records(out: Path) -> int:
    return sum(file.read_bytes().count(b"\n") for file in out.glob("runs/*/records.jsonl"))


def wait_for_records(out: Path, num: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while num_records(out) < num and process.poll() is None:
        assert time.monotonic() < deadline, "it did not come so far"
        time.sleep(0.01)


def statuses(results: StudyResults, stage: str) -> dict[str, str]:
    return {run.name: run.status for run in results.runs if run.stage == stage}


def files(folder: Path) -> dict[Path, tuple[int, bytes]]:
    """When every file of a run was changed, and what is in it."""
    kept = [
        file for file in folder.glob("runs/*/*") if file.name in ("run.json", "weights.safetensors", "records.jsonl")
    ]
    return {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in kept}


def test_every_point_of_the_grid_is_run_once_with_its_seeds(undisturbed: Path) -> None:
    with (undisturbed / "results.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["stage"] == "grid"]
    points = [(float(row["model.dropout"]), float(row["train.learning_rate"])) for row in rows]
    assert sorted(points) == [(dropout, rate) for dropout in DROPOUTS for rate in RATES]
    assert {row["status"] for row in rows} == {"done"}


def test_halving_leaves_what_it_says_and_cut_trials_have_had_what_they_were_given(undisturbed: Path) -> None:
    results = read_results(undisturbed)
    runs = [run for run in results.runs if run.stage == "halved"]
    assert sorted(len(run.records) for run in runs) == [2, 2, 2, 2, 4, 4, 8]
    assert {(run.status, len(run.records)) for run in runs} == {("done", 8), ("pruned", 4), ("pruned", 2)}
    best_at_2 = sorted(runs, key=lambda run: -max(record["val_accuracy"] for record in run.records[:2]))
    assert {run.name for run in best_at_2[:3]} == {run.name for run in runs if len(run.records) > 2}
    assert [trial.runs[0].status for trial in results.ranked("halved")] == ["done"]


def test_a_stage_starts_from_the_best_trials_of_the_earlier_one_by_validation(undisturbed: Path) -> None:
    results = read_results(undisturbed)
    grid = [run for run in results.runs if run.stage == "grid"]
    best = sorted(grid, key=lambda run: -run.metrics["val_accuracy"])[:2]
    wanted = [(run.varied["model.dropout"], run.varied["train.learning_rate"]) for run in best]
    started = [run for run in results.runs if run.stage == "best"]
    settings = [(run.settings["model"]["dropout"], run.settings["train"]["learning_rate"]) for run in started]
    assert sorted(settings) == sorted(wanted * 2)
    assert [(run.seed, run.settings["model"]["units"]) for run in started] == [(0, [8]), (5, [8])] * 2


def test_killed_again_and_again_a_search_ends_as_if_it_had_not_been(undisturbed: Path, tmp_path: Path) -> None:
    study, out = write_study(tmp_path / "searched.toml", searched(GRID, HALVED, BEST)), tmp_path / "out"
    rng = random.Random(8)
    for kills_parent in (True, False):
        process = start(study, out)
        wait_for_records(out, num_records(out) + rng.randint(5, 20), process)
        workers = [
            one for one in psutil.Process(process.pid).children() if "papilio.sections.live" not in one.cmdline()
        ]
        for one in [process, *workers] if kills_parent else workers[:1]:
            one.kill()
        if not kills_parent:
            wait_for_records(out, num_records(out) + 5, process)
            process.kill()
        process.communicate()
    on_one_core(study, out)
    assert all_weights(out) == all_weights(undisturbed)
    assert without_times(out / "results.csv") == without_times(undisturbed / "results.csv")
    assert len(list(out.glob("runs/*"))) == len(list(undisturbed.glob("runs/*")))


def test_halving_does_not_depend_on_the_number_of_workers(undisturbed: Path, tmp_path: Path) -> None:
    one = on_one_core(searched(HALVED), tmp_path / "out", workers=1)
    two = read_results(undisturbed)
    assert statuses(one, "halved") == statuses(two, "halved")
    assert all_weights(tmp_path / "out").items() <= all_weights(undisturbed).items()


def test_a_study_that_grows_runs_nothing_again_and_takes_up_what_was_cut(undisturbed: Path, copy: Path) -> None:
    grid = GRID | {"seeds": 2, "vary": GRID["vary"] | {"model.dropout": [*DROPOUTS, 0.4]}}
    unpruned = {key: value for key, value in HALVED.items() if key != "pruner"}
    before, finished = files(copy), {run.name for run in read_results(copy).runs if run.status == "done"}
    results = on_one_core(searched(grid, unpruned, BEST, unpruned | {"name": "plain"}), copy)
    after = files(copy)
    assert all(after[file] == before[file] for file in before if file.parent.name in finished)
    assert {run.status for run in results.runs} == {"done"}
    assert len(statuses(results, "grid")) == 12 and len(statuses(results, "halved")) == 7
    weights = all_weights(copy)
    taken_up, plain = ([run.name for run in results.runs if run.stage == stage] for stage in ("halved", "plain"))
    assert [weights[name] for name in taken_up] == [weights[name] for name in plain]


FOLDS = {"name": "folds", "folds": 3, "vary": {"train.learning_rate": [0.0001, 0.03]}}


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trials in three folds."""
    folder = tmp_path_factory.mktemp("folded") / "out"
    on_one_core(searched(FOLDS), folder)
    return folder


def test_with_folds_only_the_chosen_trial_sees_test_images(folded: Path) -> None:
    results = read_results(folded)
    chosen, other = results.ranked("folds")
    assert chosen.varied == {"train.learning_rate": 0.03}
    assert [run.fold for run in chosen.runs] == [1, 2, 3]
    assert all("test_accuracy" in run.metrics for run in chosen.runs)
    assert not any(name.startswith("test_") for run in other.runs for name in run.metrics)
    run = product.load_run(chosen.runs[1].folder)
    images, labels = product.load_images("digits", fraction=0.3).split("test")
    accuracy = (run.probabilities(images).argmax(1) == labels).mean()
    assert accuracy == pytest.approx(run.metrics["test_accuracy"], abs=1e-6)


def test_test_images_are_not_measured_again(folded: Path) -> None:
    before = files(folded)
    on_one_core(searched(FOLDS), folded)
    assert files(folded) == before


def test_folds_of_a_study_are_disjoint_stratified_and_cover_what_is_not_test(tmp_path: Path) -> None:
    plans = [plan for plan in plan_runs(load_study(searched(FOLDS))) if plan.settings.train.learning_rate > 0.01]
    sets = [StudyImages({}).of_run(plan) for plan in plans]
    whole = product.load_images("digits", fraction=0.3)
    known = sorted([*whole.train, *whole.validation])
    assert sorted(index for one in sets for index in one.validation) == known
    for one in sets:
        assert sorted([*one.train, *one.validation]) == known
        assert one.test.tolist() == whole.test.tolist()
    counts = [[int((one.labels[one.validation] == label).sum()) for label in range(10)] for one in sets]
    assert all(max(of_class) - min(of_class) <= 1 for of_class in zip(*counts, strict=True))


def test_more_folds_than_images_are_one_line_that_says_where(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        product.run_study(searched(FOLDS | {"folds": 5000}), out=tmp_path / "out", is_silent=True)
    assert str(caught.value) == (
        'the study: stage "folds", trial "learning_rate 0.0001": folds = 5000: allowed are 2 to the number of images, 432'
    )
    assert not (tmp_path / "out" / "runs").exists()


def test_a_study_starts_from_the_best_of_another_ones_folder(undisturbed: Path, tmp_path: Path) -> None:
    source = {"study": str(undisturbed), "stage": "grid", "top": 2}
    study = tiny(data__fraction=0.2, train={}, stage=[{"name": "own", "from": source, "train": {"epochs": 2}}])
    results = product.run_study(study, out=tmp_path / "own", workers=1, is_silent=True)
    best = read_results(undisturbed).ranked("grid")[:2]
    assert [run.trial for run in results.runs] == [trial.name for trial in best]
    for run, trial in zip(results.runs, best, strict=True):
        theirs = trial.runs[0].settings
        assert run.settings["model"] == theirs["model"]
        assert run.settings["train"] == theirs["train"] | {"epochs": 2}
        assert run.settings["data"]["fraction"] == 0.2


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"study": "nowhere"}, "the results of nowhere do not exist (looked in nowhere, "),
        ({"study": "out", "stage": "gird"}, "has no stage 'gird'; did you mean grid?"),
        (
            {"study": "out", "stage": "halved", "top": 2},
            '2 trials of "halved" are requested, but in ',
        ),
        ({"study": "out", "stage": "grid", "top": 9}, '9 trials of "grid" are requested, '),
    ],
)
def test_a_source_that_is_not_there_is_one_line(
    source: dict[str, Any], message: str, undisturbed: Path, tmp_path: Path
) -> None:
    with pytest.raises(StudyError) as caught:
        product.run_study(tiny(stage=[{"name": "own", "from": source}]), out=undisturbed.parent / "own", is_silent=True)
    assert 'the study: stage "own": from: ' in str(caught.value) and message in str(caught.value)
    assert "\n" not in str(caught.value) and not (undisturbed.parent / "own").exists()


def test_a_stage_whose_source_failed_is_one_line_and_the_others_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "broken.py").write_text(
        "from torch import nn\n\nclass net(nn.Linear):\n    def __init__(self, num_classes):\n"
        "        super().__init__(64, num_classes)\n\n    def forward(self, images):\n"
        "        if self.training:\n            raise ArithmeticError('mine')\n"
        "        return super().forward(images.flatten(1))\n"
    )
    stages = [{"name": "bad", "model": {"family": "broken:net"}}, {"name": "waits", "from": "bad"}, {"name": "good"}]
    done = papilio("run", write_study(tmp_path / "odd.toml", searched(*stages)), "--out", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f'papilio: {tmp_path / "odd.toml"}: stage "waits" starts from the best of "bad", but no trial of that stage has'
        f" finished; see {tmp_path / 'out' / 'report.html'}"
    ]
    assert {run.stage: run.status for run in read_results(tmp_path / "out").runs} == {"bad": "failed", "good": "done"}
    assert (tmp_path / "out" / "report.html").exists()


def test_tpe_with_the_median_over_seeds_and_folds_stops_and_goes_on(tmp_path: Path) -> None:
    stage = {
        "name": "tpe",
        "seeds": 2,
        "folds": 2,
        "sampler": "tpe",
        "trials": 8,
        "pruner": {"name": "median", "min_trials": 2},
        "vary": {"train.learning_rate": {"low": 1e-5, "high": 0.1, "log": True}},
    }
    after = {"name": "after", "from": "tpe", "train": {"epochs": 2}}
    study = write_study(tmp_path / "tpe.toml", searched(stage, after))
    process = start(study, tmp_path / "out")
    wait_for_records(tmp_path / "out", 60, process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=100)
    assert process.returncode == 130, stderr
    results = on_one_core(searched(stage, after), tmp_path / "out")
    trials = results.trials("tpe")
    assert len({trial.varied["train.learning_rate"] for trial in trials}) == len(trials) == 8
    for trial in trials:
        assert {run.status for run in trial.runs} <= {"done", "pruned"} and len(trial.runs) == 4
    ranked = results.ranked("tpe")
    assert not any(trial.is_pruned for trial in ranked)
    tested = {run.trial for run in results.runs if run.stage == "tpe" and "test_loss" in run.metrics}
    assert tested == {ranked[0].name}
    again = on_one_core(searched(stage, after), tmp_path / "out")  # the stage after it was no longer in the results
    assert again.rows() == results.rows()


def test_a_report_of_a_search_and_its_csv_agree(undisturbed: Path) -> None:
    results = read_results(undisturbed)
    table = papilio("results", undisturbed, "--format", "csv").stdout
    assert table == (undisturbed / "results.csv").read_text()
    means = [trial.mean("val_accuracy") for trial in results.ranked("grid")]
    assert means == sorted(means, key=lambda mean: -(mean or 0))
    assert results.ranked("best")[0].mean("val_accuracy") == statistics.fmean(
        run.metrics["val_accuracy"] for run in results.ranked("best")[0].runs
    )
