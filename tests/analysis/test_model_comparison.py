"""Models side by side, of one kind or several: real studies of tiny nets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from papilio.analysis import model_comparison
from papilio.analysis.model_comparison import _components
from papilio.analysis.store import read_analysis
from papilio.data.load import load_images
from papilio.kinds.options import ModelsOptions
from papilio.results.results import StudyResults
from papilio.runs.run import load_run
from papilio.workbench import run_study

STUDY: dict[str, Any] = {
    "title": "Side by side",
    "data": {"name": "digits", "fraction": 0.5},
    "model": {"family": "autoencoder", "filters": [], "dense": [16], "latents": 4},
    "train": {"epochs": 3, "batch_size": 32, "learning_rate": 0.01, "best": "val_error"},
    "stage": [
        {
            "name": "kinds",
            "seeds": 2,
            "trial": [
                {"name": "plain"},
                {"name": "wider", "model": {"latents": 8}},
                {"name": "variational", "model": {"family": "vae", "filters": [], "dense": [16], "latents": 4}},
            ],
        },
        {"name": "classes", "model": {"family": "mlp", "units": [8]}, "train": {"best": "val_loss"}},
    ],
    "analysis": [{"kind": "models", "labels": 60}],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return run_study(STUDY, out=tmp_path_factory.mktemp("models") / "out", is_silent=True)


def test_each_trial_has_what_was_measured_and_components_stand_below(results: StudyResults) -> None:
    arrays = read_analysis(results.folder / "analyses" / "models-kinds.npz").arrays
    ranked = results.ranked("kinds")
    assert arrays["trials"].tolist() == [trial.name for trial in ranked]
    assert arrays["error"].tolist() == pytest.approx([trial.mean("test_error") for trial in ranked])
    assert dict(zip(arrays["trials"].tolist(), arrays["latents"].tolist(), strict=True)) == {
        "plain": 4,
        "wider": 8,
        "variational": 4,
    }
    assert np.isnan(arrays["samples"]).all()  # no classifier comes with Papilio for these images
    assert np.all((arrays["accuracy"] > 0.1) & (arrays["accuracy"] <= 1))
    assert arrays["pca_latents"].tolist() == [4, 8]
    assert arrays["pca_error"][1] < arrays["pca_error"][0]
    page = (results.folder / "report.html").read_text()
    assert page.count("Side by side</h3>") == 1 and "8 principal components" in page
    assert "Fréchet, samples" not in page  # a column without a number is left out,
    assert "Fréchet: the distance" not in page and "Probe: the accuracy" in page  # and what explains it


def test_an_encoder_without_a_measured_error_has_what_is_known_of_it(
    results: StudyResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had no principal components to stand beside."""
    monkeypatch.setattr(model_comparison, "ERROR", "test_unknown")
    digits = load_images("digits", fraction=0.5)
    arrays = model_comparison.compare_models(results, "kinds", ModelsOptions(labels=60), lambda run: digits)
    assert arrays is not None
    assert arrays["trials"].tolist() == ["variational"] and np.isnan(arrays["error"]).all()
    assert arrays["pca_latents"].tolist() == [4] and np.isfinite(arrays["pca_accuracy"]).all()


def test_a_stage_of_classifiers_has_none(results: StudyResults) -> None:
    assert [path.stem for path in (results.folder / "analyses").glob("*.npz")] == ["models-kinds"]


def test_the_error_of_components_is_what_they_leave_out() -> None:
    digits = load_images("digits")
    pixels = (digits.images.reshape(len(digits.images), -1) / 255).astype(np.float64)
    train, test = pixels[digits.train], pixels[digits.test]
    _, _, axes = np.linalg.svd(train - train.mean(0), full_matrices=False)
    centered = test - train.mean(0)
    left = centered - centered @ axes[:10].T @ axes[:10]
    assert _components(digits, 10) == pytest.approx(float((left**2).mean()), rel=0.01)
    assert _components(digits, 64) == pytest.approx(0, abs=1e-10)


SEVERAL: dict[str, Any] = {
    "title": "Several kinds",
    "data": {"name": "mnist-5k", "fraction": 0.1},
    "model": {"family": "autoencoder", "filters": [], "dense": [16], "latents": 4},
    "train": {"epochs": 2, "batch_size": 32},
    "stage": [
        {
            "name": "kinds",
            "seeds": 2,
            "trial": [
                {"name": "game", "model": {"family": "gan", "units": [16], "latents": 4}},
                {"name": "plain"},
                {"name": "variational", "model": {"family": "vae", "filters": [], "dense": [16], "latents": 4}},
            ],
        },
        {"name": "games", "model": {"family": "gan", "units": [16]}},
        {"name": "rates of games", "model": {"family": "gan"}, "vary": {"model.units": [[8], [16]]}},
    ],
    "analysis": [{"kind": "models", "labels": 60, "num": 40}],
}


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return run_study(SEVERAL, out=tmp_path_factory.mktemp("several") / "out", is_silent=True)


def test_a_stage_of_several_kinds_is_not_ranked_and_each_has_what_it_can_have(several: StudyResults) -> None:
    assert several.ranking("kinds") is None
    arrays = read_analysis(several.folder / "analyses" / "models-kinds.npz").arrays
    assert arrays["trials"].tolist() == ["game", "plain", "variational"]  # in the study's order
    assert np.isnan(arrays["error"]).tolist() == np.isnan(arrays["reconstructions"]).tolist() == [True, False, False]
    assert np.isnan(arrays["accuracy"]).tolist() == [True, False, False]
    assert arrays["pca_latents"].tolist() == [4] and np.isfinite(arrays["pca_accuracy"]).all()
    assert arrays["floors"].tolist() == ["real", "mean"]
    for name in ("samples", "kernel", "precision", "recall", "epoch_seconds"):
        assert np.isfinite(arrays[name]).all()
    assert (arrays["floor_frechet"][0] < arrays["samples"]).all()
    (game,) = [run for run in several.runs if run.stage == "kinds" and run.trial == "game" and run.seed == 0]
    assert np.array_equal(arrays["shown"][0], load_run(game.folder).sample(12, seed=0))


def test_its_page_has_floors_and_samples_side_by_side(several: StudyResults) -> None:
    page = (several.folder / "report.html").read_text()
    assert page.count("Sample quality") == page.count("Samples side by side</") == 2
    assert "4 principal components" in page and "An epoch" in page
    assert page.index("Real test images</") < page.index("Mean image, repeated</")
    names = [path.stem for path in (several.folder / "analyses").glob("models-*.npz")]
    assert sorted(names) == ["models-kinds", "models-rates-of-games"]  # one game alone is compared with nothing
    assert (several.folder / "figures" / "1-kinds-models-samples.svg").exists()
