"""papilio compare: studies and runs side by side."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tiny import tiny

from in_process import papilio
from papilio.errors import RunError
from papilio.results.reading import read_results
from papilio.runs.shipped import find_run
from papilio.workbench import compare, run_study

pytestmark = pytest.mark.usefixtures("no_reports")

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
    assert [column.note for column in comparison.columns] == ["reduced: 30% of the images, at most 1 epoch"] * 2


def test_trials_that_both_have_stand_side_by_side(folders: list[Path]) -> None:
    shared = compare(folders).shared_trials
    assert set(shared) == {("first", "dropout 0.0", "val_accuracy"), ("first", "dropout 0.2", "val_accuracy")}
    assert all(len(cells) == 2 for cells in shared.values())


def test_trials_of_one_name_and_other_settings_are_said_to_differ(folders: list[Path]) -> None:
    comparison = compare(folders)
    assert comparison.differing("first", "dropout 0.2") == ["model.units"]
    assert compare([folders[0], folders[0]]).differing("first", "dropout 0.2") == []
    (line,) = [one for one in papilio("compare", *folders).stdout.splitlines() if one.startswith("first: dropout 0.2")]
    assert line.rstrip().endswith("model.units")
    same = papilio("compare", folders[0], folders[0]).stdout
    assert "first: dropout 0.2" in same and "settings that differ" not in same


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


def test_what_is_neither_study_nor_run_is_refused(folders: list[Path]) -> None:
    with pytest.raises(RunError, match="runs: neither a study folder"):
        compare([folders[0], folders[0] / "runs"])
    with pytest.raises(RunError, match=r"nothing: no such folder$"):
        compare([folders[0], folders[0] / "nothing"])


def test_one_folder_alone_is_refused(folders: list[Path]) -> None:
    done = papilio("compare", folders[0])
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "two folders" in done.stderr


def test_units_are_said_and_losses_of_different_objectives_told_apart(tmp_path: Path) -> None:
    """A loss of 24 nats per image stood beside one of 0.07 squared error per pixel, as if it were worse."""
    for name, settings in {"autoencoder": {}, "vae": {}, "vae-4": {"beta": 4.0}}.items():
        model = {"family": name.removesuffix("-4"), "filters": [], "dense": [8], "latents": 2}
        train = {"epochs": 1, "objective_settings": settings}
        stage = [{"name": "only"}]
        run_study(tiny(model=model, train=train, stage=stage, analysis=[]), out=tmp_path / name, is_silent=True)
    comparison = compare([tmp_path / "autoencoder", tmp_path / "vae"])
    assert comparison.unlike == ["val_loss", "test_loss"]
    assert compare([tmp_path / "vae", tmp_path / "vae-4"]).unlike == ["val_loss", "test_loss"]
    assert compare([tmp_path / "vae", tmp_path / "vae"]).unlike == []
    lines = papilio("compare", tmp_path / "autoencoder", tmp_path / "vae").stdout.splitlines()
    assert (
        lines[-1]
        == "these metrics cannot be compared, as they belong to different objectives: validation loss, test loss"
    )
    (loss,) = [line for line in lines if line.startswith("test loss")]
    assert re.search(r"0\.\d{4} squared error per pixel \(n=1\) +\d+\.\d+ nats per image \(n=1\)", loss)
    (kl,) = [line for line in lines if line.startswith("test KL")]
    assert re.fullmatch(r"test KL \(nats per image\) +– +\d+\.\d+ \(n=1\)", kl)
    assert any(re.match(r"test active units +– +[0-2] \(n=1\)", line) for line in lines)


def test_other_images_of_the_same_set_are_told_of(tmp_path: Path) -> None:
    for seed in (0, 1):
        study = tiny(
            data={"name": "digits", "fraction": 0.3, "seed": seed}, train={"epochs": 1}, stage=[{"name": "only"}]
        )
        run_study(study, out=tmp_path / str(seed), is_silent=True)
    told = papilio("compare", tmp_path / "0", tmp_path / "1").stdout
    assert "the test images may differ (data.seed): scores on different images cannot be compared" in told


def test_a_folder_that_does_not_exist_is_told_with_the_nearest_that_does(tmp_path: Path) -> None:
    for name in ("grid", "halving"):
        (tmp_path / name).mkdir()
    with pytest.raises(RunError, match=r"hlaving: no such folder; did you mean .*halving\?$"):
        compare([tmp_path / "hlaving", tmp_path / "grid"])
    with pytest.raises(RunError, match=r"gird: no such folder; did you mean .*grid\?$"):
        read_results(tmp_path / "gird")
    with pytest.raises(RunError, match=r"halvin: no such folder, and no such bundled run; did you mean .*halving\?$"):
        find_run(tmp_path / "halvin")
