"""A kind that ranks its runs, written in a module of a user's own, goes through every command without any change to Papilio."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import outside_autoencoder
import pytest

import papilio as product
from papilio.errors import RunError, StudyError
from processes import (
    NUM_IMAGES,
    SHAPE,
    all_weights,
    as_array,
    as_folder,
    num_records,
    rows_without_times,
    run_killed_in_the_middle,
    said,
    some_images,
    write_study,
)


def study_of(images: Path, **train: Any) -> dict[str, Any]:
    """A search of six trials, of which halving lets one in two go on."""
    return {
        "title": "An autoencoder from outside",
        "data": {"path": str(images), "labels": "none"},
        "model": {"family": "outside_autoencoder:builder"},
        "train": {
            "objective": "outside_autoencoder:KIND",
            "epochs": 8,
            "batch_size": 8,
            "objective_settings": {"spoil": 0.1},
            **train,
        },
        "stage": [
            {
                "name": "search",
                "vary": {
                    "model.numbers": [3, 6],
                    "train.learning_rate": {"low": 0.001, "high": 0.1, "log": True},
                },
                "sampler": {"name": "random", "seed": 3},
                "trials": 6,
                "pruner": {"name": "halving", "factor": 2, "min_epochs": 2},
            }
        ],
        "analysis": [{"kind": "hardest", "pictures": 2, "top": 1}],
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the study's file, what the study left in `out`, and in `resumed` what it left when it was killed.

    In `out` it was run undisturbed from Python, with the kind and the builder themselves in place of their names.
    """
    folder = tmp_path_factory.mktemp("autoencoder")
    study = study_of(as_array(folder / "images.npy"))
    file = write_study(folder / "study.toml", study)
    study["model"]["family"], study["train"]["objective"] = outside_autoencoder.builder, outside_autoencoder.KIND
    product.run_study(study, out=folder / "out", is_silent=True)
    run_killed_in_the_middle(file, folder / "resumed", after=4)
    (folder / "num_records").write_text(str(num_records(folder / "resumed")))
    said("run", file, "--out", folder / "resumed")
    return folder


def test_a_search_with_a_pruner_ranks_it_by_its_own_metric(finished: Path) -> None:
    results = product.read_results(finished / "out")
    statuses = sorted(run.status for run in results.runs)
    assert statuses.count("pruned") >= 3 and statuses.count("done") >= 1 and len(statuses) == 6
    assert results.best is not None
    gaps = [run.metrics["val_gap"] for run in results.runs if run.status == "done"]
    assert results.best.metrics["val_gap"] == min(gaps)


def test_killed_and_started_again_equals_undisturbed_bit_for_bit(finished: Path) -> None:
    assert int((finished / "num_records").read_text()) < num_records(finished / "out")
    assert all_weights(finished / "resumed") == all_weights(finished / "out")
    assert rows_without_times(finished / "resumed") == rows_without_times(finished / "out")


def test_show_results_and_compare_know_it(finished: Path) -> None:
    shown = said("show", finished / "study.toml")
    assert "BatchNorm1d" in shown and shown.count("search  numbers") == 6
    assert "validation gap" in said("results", finished / "out")
    compared = said("compare", finished / "out", finished / "resumed")
    assert "test gap" in compared and "(n=1)" in compared


def test_its_own_section_stands_in_the_report_and_is_made_again(finished: Path) -> None:
    page = finished / "out" / "report.html"
    first = page.read_text()
    assert "Hardest images of" in first and first.count("given back") >= 2
    page.unlink()
    said("report", finished / "out")
    assert "Hardest images of" in page.read_text()


def test_a_trained_run_predicts_encodes_and_decodes(finished: Path, tmp_path: Path) -> None:
    best = product.read_results(finished / "out").best
    assert best is not None
    picture = as_folder(tmp_path / "pictures") / "000.png"
    assert "gap" in said("predict", best.folder, picture)
    run = product.load_run(best.folder)
    latents = run.encode(some_images())
    assert latents.shape == (NUM_IMAGES, run.facts.settings["model"]["numbers"])
    decoded = run.decode(latents)
    assert decoded.shape == (NUM_IMAGES, *SHAPE) and decoded.dtype == np.uint8
    (predicted,) = run.predict([picture])
    assert predicted.gap == pytest.approx(outside_autoencoder.gaps_of(run, some_images()[:1])[0])
    with pytest.raises(RunError, match="denoiser, offers predict, encode, decode, not sample"):
        run.sample(2)


def test_a_setting_that_it_does_not_have_is_refused_in_one_line(finished: Path, tmp_path: Path) -> None:
    study = study_of(finished / "images.npy", objective_settings={"spoill": 0.1})
    with pytest.raises(
        StudyError, match=r"objective_settings\.spoill is not a setting; did you mean spoil\?"
    ) as caught:
        product.run_study(study, out=tmp_path / "out", is_silent=True)
    assert "\n" not in str(caught.value)


def test_a_kind_that_stands_in_a_study_in_python_is_found_again_by_name(finished: Path) -> None:
    for run in product.read_results(finished / "out").runs:
        assert run.settings["train"]["objective"] == "outside_autoencoder:KIND"
        assert product.load_run(run.folder).kind is outside_autoencoder.KIND


def test_a_kind_that_no_module_has_runs_and_is_handed_over_again(finished: Path, tmp_path: Path) -> None:
    offers = {"encode": lambda run, images: 2 * outside_autoencoder.encode(run, images)}
    kind = replace(outside_autoencoder.KIND, name="doubled", offers=offers, analyses=())
    study = study_of(finished / "images.npy", objective=kind, epochs=1) | {"stage": [{"name": "once"}], "analysis": []}
    (run,) = product.run_study(study, out=tmp_path / "out", is_silent=True).runs
    assert run.status == "done"
    with pytest.raises(RunError, match="own="):
        product.load_run(run.folder)
    again = product.load_run(run.folder, own={run.settings["train"]["objective"]: kind})
    images = some_images()
    assert np.array_equal(again.encode(images), 2 * again.layer("squeeze", images))
