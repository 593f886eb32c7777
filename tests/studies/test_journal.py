"""search.journal: what Optuna's own reader finds in it, whatever happened to the file."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from tiny import tiny

from papilio.workbench import run_study

pytestmark = pytest.mark.usefixtures("no_reports")

STAGES = [
    {
        "name": "grid",
        "vary": {"model.units": [[8], [16]], "train.optimizer": ["sgd", {"name": "adam"}]},
        "pruner": "halving",
    },
    {"name": "folds", "from": "grid", "folds": 2},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("journal") / "study"
    run_study(tiny(stage=STAGES), out=folder, is_silent=True)
    return folder


def trials_in(folder: Path, stage: str) -> list[optuna.trial.FrozenTrial]:
    """As optuna-dashboard would see them."""
    storage = JournalStorage(JournalFileBackend(str(folder / "search.journal")))
    return optuna.load_study(study_name=stage, storage=storage).trials


def test_every_trial_is_there_with_its_values_and_its_fate(folder: Path) -> None:
    trials = trials_in(folder, "grid")
    states = sorted(trial.state.name for trial in trials)
    assert states == ["COMPLETE", "PRUNED", "PRUNED", "PRUNED"]
    assert {trial.params["model.units"] for trial in trials} == {"[8]", "[16]"}
    assert {trial.params["train.optimizer"] for trial in trials} == {"sgd", '{"name": "adam"}'}
    done = next(trial for trial in trials if trial.state.name == "COMPLETE")
    assert done.value == max(done.intermediate_values.values())
    assert sorted(done.intermediate_values) == [1, 2, 3]
    for trial in trials:
        assert trial.value == trial.intermediate_values[max(trial.intermediate_values)] or trial is done
        assert trial.duration is not None and trial.duration.total_seconds() > 0


def test_a_trial_with_folds_has_the_mean_of_its_runs(folder: Path) -> None:
    (trial,) = trials_in(folder, "folds")
    assert len(trial.user_attrs["runs"]) == 2
    assert trial.value is not None and 0 < trial.value <= 1


@pytest.mark.parametrize("damage", ["torn", "gone", "foreign"])
def test_it_is_made_from_the_runs_again(folder: Path, damage: str) -> None:
    journal = folder / "search.journal"
    before = [(trial.params, trial.state) for trial in trials_in(folder, "grid")]
    if damage == "gone":
        journal.unlink()
    else:
        journal.write_bytes(journal.read_bytes()[:200] if damage == "torn" else b"no journal at all\n{}\n")
    run_study(tiny(stage=STAGES), out=folder, is_silent=True)
    after = [(trial.params, trial.state) for trial in trials_in(folder, "grid")]
    assert sorted(map(str, after)) == sorted(map(str, before))


def test_going_on_adds_no_trial_twice(folder: Path) -> None:
    run_study(tiny(stage=STAGES), out=folder, is_silent=True)
    assert len(trials_in(folder, "grid")) == 4


def test_another_value_and_no_pruner_are_taken_up(folder: Path, tmp_path: Path) -> None:
    grown = [{"name": "grid", "vary": {"model.units": [[8], [16], [24]]}}]
    run_study(tiny(stage=grown), out=tmp_path, is_silent=True)
    run_study(tiny(stage=[grown[0] | {"vary": {"model.units": [[8], [16], [24], [32]]}}]), out=tmp_path, is_silent=True)
    assert [trial.state.name for trial in trials_in(tmp_path, "grid")] == ["COMPLETE"] * 4
