"""Autoencoders side by side: a real study of tiny nets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from papilio.analysis.model_comparison import _components
from papilio.analysis.store import read_analysis
from papilio.data.load import load_images
from papilio.results.results import StudyResults
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
    assert "Fréchet, samples" not in page  # a column without a number is left out


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
