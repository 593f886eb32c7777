"""What is told of a run's images where its study has folds: those of its fold, on the page and in an exported run's card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny import tiny

import papilio as product
from papilio.data.load import load_images
from papilio.exports.checking import own_images
from papilio.results.results import StudyResults
from papilio.runs.folder import RunFolder
from papilio.runs.run import load_run
from papilio.sections.study_facts import image_sets
from papilio.settings.run_settings import RunSettings
from papilio.studies.images import StudyImages

FOLDS = {"name": "first", "seeds": 1, "folds": 5}
SPLITS = ("train", "validation", "test")


def trained(out: Path, *stages: dict[str, object]) -> StudyResults:
    return product.run_study(tiny(stage=list(stages), train__epochs=1), out=out, is_silent=True)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, no_reports: None) -> StudyResults:
    return trained(tmp_path_factory.mktemp("folds") / "out", FOLDS)


def counts_of_fold(number: int) -> tuple[int, ...]:
    fold = load_images("digits", fraction=0.3).fold(number, of=5, seed=0)
    return tuple(len(fold.indices(split)) for split in SPLITS)


def told(results: StudyResults) -> dict[str, str]:
    (images,) = image_sets(results)
    return dict(images["counts"])


def test_the_page_tells_the_images_of_each_fold(results: StudyResults) -> None:
    train, validation, test = zip(*map(counts_of_fold, range(1, 6)), strict=True)
    assert len(set(train)) == 2  # folds of 86 and 87 images
    assert told(results) == {
        "Training": f"{min(train)} or {max(train)} in each of 5 folds",
        "Validation": f"{min(validation)} or {max(validation)} in each of 5 folds",
        "Test": f"{test[0]}",
    }


def test_only_sets_whose_runs_have_folds_are_told_by_fold(tmp_path: Path, no_report: None) -> None:
    """Sizes of folds that no run had stood there, of few labels and of another share for validation."""
    few = {"name": "few", "vary": {"data.num_train": [50, 100]}}
    other = {"name": "other", "data": {"validation": 0.3}}
    folds = {"name": "folds", "folds": 3}
    told = [dict(images["counts"]) for images in image_sets(trained(tmp_path / "out", few, other, folds))]
    whole = load_images("digits", fraction=0.3)
    train, validation = len(whole.train), len(whole.validation)
    inside = sorted({len(whole.fold(number, of=3, seed=0).train) for number in (1, 2, 3)})
    assert told[0]["Training"] == f"{train}; also 50, 100; {' or '.join(map(str, inside))} in each of 3 folds"
    assert told[0]["Validation"].startswith(f"{validation}; ") and "in each of 3 folds" in told[0]["Validation"]
    assert "folds" not in " ".join(told[1].values())


def test_folds_are_drawn_with_the_seed_of_the_images() -> None:
    """A study that varies data.seed trained each time on the same folds."""
    drawn = {}
    for seed in (0, 1):
        data = {"name": "digits", "seed": seed, "folds": 3}
        drawn[seed] = StudyImages({}).of_fold(
            RunSettings.of({"data": data, "model": {"family": "mlp"}, "train": {}}), 1
        )
    images = load_images("digits", seed=1)
    assert np.array_equal(drawn[1].validation, images.fold(1, of=3, seed=1).validation)
    assert "with seed 1 from" in drawn[1].notes[-1] and "with seed 0 from" in drawn[0].notes[-1]


def test_an_exported_fold_is_looked_at_with_its_own_images(tmp_path: Path, no_report: None) -> None:
    """With another seed than 0 it was another fold, and most of its test for leaks was left out."""
    study = tiny(stage=[{"name": "a", "folds": 3}], train__epochs=1, data__seed=1)
    runs = product.run_study(study, out=tmp_path / "out", is_silent=True).runs
    for run in runs:
        images = own_images(load_run(run.folder))
        assert images is not None and images.checksum == RunFolder(run.folder).facts().data_checksum


def test_runs_without_folds_are_told_of_as_well(tmp_path: Path, no_report: None) -> None:
    results = trained(tmp_path, {"name": "whole", "seeds": 1}, FOLDS)
    images = load_images("digits", fraction=0.3)
    assert told(results)["Training"].startswith(f"{len(images.train)}; ")
    assert told(results)["Training"].endswith(" in each of 5 folds")


@pytest.mark.parametrize("is_here", [True, False])
def test_the_card_tells_the_images_of_its_fold(
    is_here: bool, results: StudyResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_here:
        monkeypatch.setattr("papilio.exports.export.own_images", lambda run: None)
    (second,) = [run for run in results.runs if run.fold == 2]
    paths, _ = product.export(second.folder, tmp_path / "exported")
    train, validation, test = counts_of_fold(2)
    expected = f"{train} training images; {validation} validation images (used to select the epoch), {test} test images"
    assert f"{expected} (fold 2 of 5)" in paths[-1].read_text()
