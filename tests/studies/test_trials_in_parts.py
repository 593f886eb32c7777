"""Trials of which only some runs are done, or only some are measured on test images."""

from __future__ import annotations

import json
from pathlib import Path

from tiny import tiny, write_study

from in_process import papilio
from papilio.results.published_numbers import fits
from papilio.results.reading import read_results
from papilio.sections.result_tables import results_table
from papilio.workbench import run_study

RATES = {"name": "rates", "vary": {"train.learning_rate": [1e-6, 0.01]}, "seeds": 2}


def edited(folder: Path, **changes: object) -> None:
    file = folder / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_they_come_after_the_whole_ones(tmp_path: Path) -> None:
    """A search starts from whole trials only, and the page called another one the best."""
    found = run_study(tiny(stage=[RATES], train={"epochs": 3}, analysis=[]), out=tmp_path / "out", is_silent=True)
    best, other = found.ranked("rates")
    edited(best.runs[0].folder, status="diverged", reason="the loss is not a number")
    found = read_results(tmp_path / "out")
    assert [trial.name for trial in found.ranked("rates")] == [other.name, best.name]
    assert found.best is not None and found.best.trial == other.name
    told = papilio("results", tmp_path / "out").stdout
    assert "trials with runs that are not done come after the others)\n" in told
    papilio("report", tmp_path / "out")
    assert "Trials with runs that are not done come after the others." in (tmp_path / "out/report.html").read_text()


def test_test_metrics_of_some_folds_are_not_told(tmp_path: Path) -> None:
    """They were shown as if they were of all runs."""
    stage = {"name": "folds", "folds": 2, "vary": {"train.learning_rate": [1e-6, 0.01]}}
    found = run_study(tiny(stage=[stage], analysis=[]), out=tmp_path / "out", is_silent=True)
    best = found.ranked("folds")[0]
    assert "test_accuracy" in results_table(found, "folds").rows[0].metrics
    run = best.runs[0]
    edited(run.folder, metrics={name: value for name, value in run.metrics.items() if not name.startswith("test_")})
    row = results_table(read_results(tmp_path / "out"), "folds").rows[0]
    assert row.trial == best.name and row.num_runs == 2 and "val_accuracy" in row.metrics
    assert not any(name.startswith("test_") for name in row.metrics)


def test_a_waiting_run_has_the_values_of_its_settings_and_not_their_texts(tmp_path: Path) -> None:
    vary = {"train.learning_rate": [0.01, 0.001], "model.dropout": [0.0], "train.optimizer": ["sgd"]}
    stage = {"name": "s", "vary": vary | {"model.units": [[4, 2]], "model.batch_norm": [True]}}
    found = run_study(tiny(stage=[stage], train={"epochs": 1}, analysis=[]), out=tmp_path / "out", is_silent=True)
    known = [run.varied for run in found.runs]
    for path in found.runs[1].folder.iterdir():
        path.unlink()
    again = read_results(tmp_path / "out")
    assert again.runs[1].status == "waiting" and [run.varied for run in again.runs] == known


def test_a_published_number_of_a_named_trial_is_not_that_of_a_longer_name(tmp_path: Path) -> None:
    trials = [{"name": "taken"}, {"name": "taken, frozen", "train": {"momentum": 0.5, "optimizer": "momentum"}}]
    stage = {"name": "s", "trial": trials, "vary": {"train.learning_rate": [0.01, 0.001]}}
    found = run_study(tiny(stage=[stage], train={"epochs": 1}, analysis=[]), out=tmp_path / "out", is_silent=True)
    beside = [trial.name for trial in found.trials("s") if fits({"trial": "taken"}, trial)]
    assert beside == ["taken, learning_rate 0.01", "taken, learning_rate 0.001"]


def test_a_key_below_one_that_varies_is_refused(tmp_path: Path) -> None:
    """It had no effect, and study.toml said that it was set."""
    stage = {"name": "s", "vary": {"train.early_stopping": [{"patience": 1}, {"patience": 2}]}}
    file = write_study(tmp_path / "study.toml", tiny(stage=[stage]))
    done = papilio("run", file, "--out", tmp_path / "out", "--set", "train.early_stopping.patience=9")
    assert done.returncode == 2 and "train.early_stopping.patience varies in this study" in done.stderr
