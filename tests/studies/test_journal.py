"""search.journal: what Optuna's own reader finds in it, whatever happened to the file."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

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


@pytest.mark.parametrize("is_dangling", [False, True])
def test_a_lock_that_somebody_left_is_not_waited_for(
    is_dangling: bool, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Optuna's lock was waited for half a minute, and a dangling one for ever, for a file that is never read."""
    copy = Path(shutil.copytree(folder, tmp_path / "study"))
    lock = copy / "search.journal.lock"
    lock.symlink_to(tmp_path / "nowhere") if is_dangling else lock.write_text("")

    def wait(seconds: float) -> None:
        raise AssertionError("it is waited for")

    monkeypatch.setattr("optuna.storages.journal._file.time", SimpleNamespace(sleep=wait, monotonic=lambda: 0.0))
    with monkeypatch.context() as patch:
        patch.setattr("papilio.execution.study_run.remove_unfinished", lambda folder: None)
        (copy / "search.journal").unlink()
        run_study(tiny(stage=STAGES), out=copy, is_silent=True)
    assert (copy / "search.journal").stat().st_size > 1000 and lock.is_symlink() == is_dangling
    run_study(tiny(stage=STAGES), out=copy, is_silent=True)
    assert not lock.is_symlink() and not lock.exists()


def test_going_on_adds_no_trial_twice(folder: Path) -> None:
    run_study(tiny(stage=STAGES), out=folder, is_silent=True)
    assert len(trials_in(folder, "grid")) == 4


def test_another_value_and_no_pruner_are_taken_up(folder: Path, tmp_path: Path) -> None:
    grown = [{"name": "grid", "vary": {"model.units": [[8], [16], [24]]}}]
    run_study(tiny(stage=grown), out=tmp_path, is_silent=True)
    run_study(tiny(stage=[grown[0] | {"vary": {"model.units": [[8], [16], [24], [32]]}}]), out=tmp_path, is_silent=True)
    assert [trial.state.name for trial in trials_in(tmp_path, "grid")] == ["COMPLETE"] * 4
