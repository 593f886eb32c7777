"""The two plainest kinds that need no labels, from a study in Python to their pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import papilio as product
from papilio.errors import RunError
from papilio.results.results import StudyResults
from processes import NUM_IMAGES, SHAPE, as_array, as_folder, said, some_images


def run_one(family: str, folder: Path, **model: Any) -> StudyResults:
    """A study of one short run, whose objective its family has decided."""
    study = {
        "title": family,
        "data": {"path": as_array(folder / "images.npy"), "labels": "none"},
        "model": {"family": family, **model},
        "train": {"epochs": 2, "batch_size": 16},
        "stage": [{"name": "only"}],
    }
    return product.run_study(study, out=folder / "out", is_silent=True)


def test_an_autoencoder_gives_back_encodes_and_decodes(tmp_path: Path) -> None:
    results = run_one("autoencoder", tmp_path, latents=3, dense=[12])
    (found,) = results.runs
    assert found.status == "done" and found.settings["train"]["objective"] == "autoencoder"
    assert results.best == found and found.metrics["val_loss"] > 0
    assert "autoencoder" in (tmp_path / "out" / "report.html").read_text()
    run = product.load_run(found.folder)
    latents = run.encode(some_images())
    decoded = run.decode(latents)
    assert latents.shape == (NUM_IMAGES, 3)
    assert decoded.shape == (NUM_IMAGES, *SHAPE) and decoded.dtype == np.uint8
    assert np.array_equal(decoded, np.round(run.outputs(some_images()) * 255))
    picture = as_folder(tmp_path / "pictures") / "000.png"
    (predicted,) = run.predict([picture])
    assert np.array_equal(predicted.image, some_images()[0]) and np.array_equal(predicted.reconstruction, decoded[0])
    assert "mean squared error" in said("predict", found.folder, picture)


def test_adversarial_nets_sample_and_decode(tmp_path: Path) -> None:
    (found,) = run_one("gan", tmp_path, latents=4, units=[12]).runs
    assert found.status == "done" and found.settings["train"]["objective"] == "gan"
    assert found.ranking is None and found.best_epoch == 2
    assert "generator loss" in (tmp_path / "out" / "report.html").read_text()
    run = product.load_run(found.folder)
    images = run.sample(5, seed=1)
    assert images.shape == (5, *SHAPE) and images.dtype == np.uint8
    assert np.array_equal(images, run.sample(5, seed=1)) and not np.array_equal(images, run.sample(5, seed=2))
    assert run.decode(np.zeros((2, 4), dtype=np.float32)).shape == (2, *SHAPE)
    with pytest.raises(RunError, match="a run of gan offers decode, sample, not encode"):
        run.encode(some_images())
