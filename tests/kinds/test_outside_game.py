"""A kind of two nets that nothing ranks, written in a module of a user's own, goes through every command, too."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import papilio as product
from papilio.errors import RunError, StudyError
from papilio.runs.folder import RunFolder
from papilio.workbench import describe_study, remake_report
from processes import (
    SHAPE,
    all_weights,
    as_folder,
    num_records,
    rows_without_times,
    run_killed_in_the_middle,
    said,
    write_study,
)


def study_of(images: Path) -> dict[str, Any]:
    """A search of three trials; its phases have optimizers of their own."""
    return {
        "title": "A game from outside",
        "data": {"path": str(images), "labels": "none"},
        "model": {"family": "outside_game:builder"},
        "train": {
            "objective": "outside_game:KIND",
            "epochs": 10,
            "batch_size": 16,
            "phases": {"criticise": {"optimizer": "sgd", "learning_rate": 0.05}, "paint": {"learning_rate": 0.01}},
        },
        "stage": [
            {
                "name": "search",
                "vary": {"train.weight_decay": {"low": 0.001, "high": 0.1, "log": True}},
                "sampler": {"name": "sobol", "seed": 1},
                "trials": 3,
            }
        ],
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the study's file, what the study left in `out`, and in `resumed` what it left when it was killed."""
    folder = tmp_path_factory.mktemp("game")
    file = write_study(folder / "study.toml", study_of(as_folder(folder / "images")))
    product.run_study(file, out=folder / "out", is_silent=True)
    run_killed_in_the_middle(file, folder / "resumed", after=5)
    (folder / "num_records").write_text(str(num_records(folder / "resumed")))
    product.run_study(file, out=folder / "resumed", is_silent=True)
    return folder


def test_every_run_keeps_its_last_epoch_and_nothing_ranks_them(finished: Path) -> None:
    results = product.read_results(finished / "out")
    assert [run.status for run in results.runs] == ["done"] * 3
    assert {run.best_epoch for run in results.runs} == {10}
    assert {run.ranking for run in results.runs} == {None}


def test_killed_and_started_again_equals_undisturbed_bit_for_bit(finished: Path) -> None:
    assert int((finished / "num_records").read_text()) < num_records(finished / "out")
    assert all_weights(finished / "resumed") == all_weights(finished / "out")
    assert rows_without_times(finished / "resumed") == rows_without_times(finished / "out")


def test_show_results_compare_and_report_know_it(finished: Path) -> None:
    ((_, layers), *_) = describe_study(finished / "study.toml").networks
    assert {str(layer[0]).partition(".")[0] for layer in layers} == {"painter", "critic"}
    assert "no metric ranks these trials" in said("results", finished / "out")
    compared = said("compare", finished / "out", finished / "resumed")
    assert "critic loss" in compared and "(n=1)" in compared
    page = finished / "out" / "report.html"
    page.unlink()
    remake_report(finished / "out")
    assert "critic loss" in page.read_text()


def test_a_trained_run_samples_and_says_what_else_it_does_not_offer(finished: Path) -> None:
    first = product.read_results(finished / "out").runs[0]
    run = product.load_run(first.folder)
    images = run.sample(4, seed=2)
    assert images.shape == (4, *SHAPE) and images.dtype == np.uint8
    assert np.array_equal(images, run.sample(4, seed=2)) and not np.array_equal(images, run.sample(4, seed=3))
    assert run.layer("critic.2", images).shape == (len(images), 8)  # nets of one's own need not tell their latents
    with pytest.raises(RunError, match="its kind, duel, offers sample, not encode"):
        run.encode(images)
    with pytest.raises(RunError, match="its kind, duel, offers sample, not predict"):
        product.predict(run, sorted((finished / "images").glob("*.png"))[:1])


def test_the_command_samples_from_it_too(finished: Path, tmp_path: Path) -> None:
    folder = product.read_results(finished / "out").runs[0].folder
    told = said("sample", folder, "--num", "5", "--out", tmp_path / "new.npy")
    assert told.strip() == f"{tmp_path / 'new.npy'}: 5 images, seed 0"
    assert np.array_equal(np.load(tmp_path / "new.npy"), product.load_run(folder).sample(5)[:, 0])
    said("sample", folder, "--num", "5", "--out", tmp_path / "OTHER.NPY")
    assert (tmp_path / "OTHER.NPY").read_bytes() == (tmp_path / "new.npy").read_bytes()


def test_what_it_warns_of_and_how_it_learns_stand_in_the_report(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(finished / "out", out)
    page = remake_report(out).read_text()
    assert "3 warnings from training" in page and page.count(": since epoch 4 the critic is at 0.") == 3
    assert page.count("How the duel of") == 3 and "10 rounds" in page
    assert len(list((out / "figures").glob("*-duel.svg"))) == 3
    # also of a run that has not ended
    run = RunFolder(product.read_results(out).runs[0].folder)
    run.write(replace(run.facts(), status="running", epochs=0, best_epoch=None, metrics={}))
    run.keep_records(3)
    page = remake_report(out).read_text()
    assert "3 rounds" in page and "2 warnings from training" in page


def test_it_warns_while_it_trains(finished: Path, tmp_path: Path) -> None:
    told = said("run", finished / "study.toml", "--out", tmp_path / "out").splitlines()
    warnings = [line for line in told if line.startswith("warning: ")]
    assert len(warnings) == 3
    assert all(", seed 0, after epoch 4: the critic is at 0." in line for line in warnings)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"pruner": "median"}, "pruner needs a ranking"),
        ({"sampler": "tpe"}, "sampler = tpe needs a ranking"),
    ],
)
def test_what_needs_a_ranking_is_refused_before_anything_is_trained(
    change: dict[str, Any], complaint: str, finished: Path, tmp_path: Path
) -> None:
    study = study_of(finished / "images")
    study["stage"][0] |= change
    with pytest.raises(StudyError, match=complaint):
        product.run_study(study, out=tmp_path / "out", is_silent=True)
    assert not (tmp_path / "out" / "runs").exists()
