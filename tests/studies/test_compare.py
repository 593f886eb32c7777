"""papilio compare: studies and runs side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny import papilio, tiny

from papilio.errors import RunError
from papilio.workbench import compare, run_study

NAMES = ("narrow", "wide")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("compared")
    for name, units in zip(NAMES, ([8], [32]), strict=True):
        run_study(tiny(model__units=units, max_epochs=1), out=folder / name, is_silent=True)
    return [folder / name for name in NAMES]


def test_studies_show_what_differs_and_nothing_else(folders: list[Path]) -> None:
    comparison = compare(folders)
    assert [column.name for column in comparison.columns] == list(NAMES)
    assert comparison.settings["model.units"] == [[8], [32]]
    assert "train.batch_size" not in comparison.settings
    assert all(cell is not None and cell.n == 2 for cell in comparison.metrics["test_accuracy"])
    assert [column.note for column in comparison.columns] == ["reduced: 30 % of the images, at most 1 epoch"] * 2


def test_trials_that_both_have_stand_side_by_side(folders: list[Path]) -> None:
    shared = compare(folders).shared_trials
    assert set(shared) == {("first", "dropout 0.0", "val_accuracy"), ("first", "dropout 0.2", "val_accuracy")}
    assert all(len(cells) == 2 for cells in shared.values())


def test_runs_of_one_study_differ_in_one_setting(folders: list[Path]) -> None:
    runs = sorted(folders[0].glob("runs/*dropout-0.0*seed0")) + sorted(folders[0].glob("runs/*dropout-0.2*seed0"))
    comparison = compare(runs)
    assert comparison.settings == {"model.dropout": [0.0, 0.2]}
    assert comparison.metrics["val_accuracy"][0] is not None


def test_one_name_twice_is_told_apart_by_its_parents(folders: list[Path], tmp_path: Path) -> None:
    run_study(tiny(max_epochs=1), out=tmp_path / "a" / NAMES[0], is_silent=True)
    names = [column.name for column in compare([tmp_path / "a" / NAMES[0], folders[0]]).columns]
    assert len(set(names)) == 2
    assert all(name.endswith(NAMES[0]) for name in names)


def test_the_command_prints_tables_and_json(folders: list[Path]) -> None:
    done = papilio("compare", *folders)
    assert done.returncode == 0, done.stderr
    assert "model.units" in done.stdout and "(n=2)" in done.stdout and "first: dropout 0.2" in done.stdout
    columns = json.loads(papilio("compare", *folders, "--json").stdout)
    assert [column["settings"]["model.units"] for column in columns] == [[8], [32]]


@pytest.mark.parametrize("other", ["nothing", "runs"])
def test_what_is_neither_study_nor_run_is_refused(folders: list[Path], other: str) -> None:
    with pytest.raises(RunError, match=f"{other}: neither a study's folder"):
        compare([folders[0], folders[0] / other])


def test_one_folder_alone_is_refused(folders: list[Path]) -> None:
    done = papilio("compare", folders[0])
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "two folders" in done.stderr
