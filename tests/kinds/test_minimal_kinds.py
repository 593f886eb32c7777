"""The two plainest kinds that need no labels, from a study in Python to their pictures."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import papilio as product
from papilio.errors import PapilioError, RunError
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


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return run_one("autoencoder", tmp_path_factory.mktemp("autoencoder"), latents=3, dense=[12])


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return run_one("vae", tmp_path_factory.mktemp("vae"), latents=3, dense=[12])


def test_an_autoencoder_gives_back_encodes_and_decodes(autoencoder: StudyResults, tmp_path: Path) -> None:
    (found,) = autoencoder.runs
    assert found.status == "done" and found.settings["train"]["objective"] == "autoencoder"
    assert autoencoder.best == found and found.metrics["val_loss"] > 0
    assert "autoencoder" in (autoencoder.folder / "report.html").read_text()
    run = product.load_run(found.folder)
    latents = run.encode(some_images())
    decoded = run.decode(latents)
    assert latents.shape == (NUM_IMAGES, 3)
    assert decoded.shape == (NUM_IMAGES, *SHAPE) and decoded.dtype == np.uint8
    assert np.array_equal(decoded, np.round(run.outputs(some_images()) * 255))
    picture = as_folder(tmp_path / "pictures") / "000.png"
    (predicted,) = run.predict([picture])
    assert np.array_equal(predicted.image, some_images()[0]) and np.array_equal(predicted.reconstruction, decoded[0])
    assert "mean squared error" in said("predict", found.folder, picture, "--out", tmp_path)


def test_adversarial_nets_sample_and_decode(tmp_path: Path) -> None:
    (found,) = run_one("gan", tmp_path, latents=4, units=[12]).runs
    assert found.status == "done" and found.settings["train"]["objective"] == "gan"
    assert found.ranking is None and found.best_epoch == 2
    page = (tmp_path / "out" / "report.html").read_text()
    assert "generator loss" in page and f"papilio sample runs/{found.name} --num 64" in page
    assert "papilio predict" not in page
    run = product.load_run(found.folder)
    images = run.sample(5, seed=1)
    assert images.shape == (5, *SHAPE) and images.dtype == np.uint8
    assert np.array_equal(images, run.sample(5, seed=1)) and not np.array_equal(images, run.sample(5, seed=2))
    assert run.decode(np.zeros((2, 4), dtype=np.float32)).shape == (2, *SHAPE)
    with pytest.raises(RunError, match="its kind, gan, offers decode, sample, not encode"):
        run.encode(some_images())


def test_convolutional_adversarial_nets_sample_from_the_averaged_generator(tmp_path: Path) -> None:
    study = {
        "title": "dcgan",
        "data": {"name": "digits", "size": 16, "fraction": 0.1},
        "model": {"family": "dcgan", "latents": 4, "width": 2, "average": 0.9},
        "train": {"epochs": 2, "batch_size": 32, "learning_rate": 0.0002, "betas": [0.5, 0.999]},
        "analysis": [{"kind": "samples", "num": 4}, {"kind": "walk", "coordinates": [1]}],
    }
    (found,) = product.run_study(study, out=tmp_path / "out", is_silent=True).runs
    assert found.status == "done" and found.settings["train"]["objective"] == "gan"
    assert {"val_generator_loss", "val_real_score", "val_diversity"} <= found.metrics.keys()
    assert "Samples of" in (tmp_path / "out" / "report.html").read_text()
    run = product.load_run(found.folder)
    assert set(run.nets.names) == {"generator", "discriminator", "average"} and run.latents == 4
    latents = np.random.default_rng(1).standard_normal((5, 4)).astype(np.float32)
    slow, fast = (run.nets.forward(net, latents) for net in ("average", "generator"))
    assert np.array_equal(run.decode(latents), np.round(slow * 255)) and not np.array_equal(slow, fast)
    assert np.array_equal(run.sample(5, seed=1), run.decode(latents))


def test_a_vae_gives_posteriors_samples_and_images_of_its_latents(vae: StudyResults) -> None:
    (found,) = vae.runs
    assert found.status == "done" and found.settings["train"]["objective"] == "vae"
    assert {"val_elbo", "val_kl", "test_error", "test_active_units"} <= found.metrics.keys()
    assert found.metrics["val_loss"] == pytest.approx(-found.metrics["val_elbo"], rel=1e-5)  # beta is 1
    run = product.load_run(found.folder)
    assert run.latents == 3
    mean, log_variance = run.posterior(some_images())
    assert mean.shape == log_variance.shape == (NUM_IMAGES, 3)
    assert np.array_equal(mean, run.encode(some_images()))
    again = run.reconstruct(some_images())
    assert again.shape == (NUM_IMAGES, *SHAPE) and again.dtype == np.float32 and again.min() >= 0 and again.max() <= 1
    assert np.array_equal(np.round(again * 255).astype(np.uint8), run.decode(mean))
    images = run.sample(7, seed=1)
    assert images.shape == (7, *SHAPE) and images.dtype == np.uint8
    assert np.array_equal(images, run.sample(7, seed=1)) and not np.array_equal(images, run.sample(7, seed=2))


def test_a_kind_says_what_it_is_in_a_line(vae: StudyResults) -> None:
    kind = product.load_run(vae.runs[0].folder).kind
    assert repr(kind) == (
        "<Kind 'vae': ranked by val_loss, can predict, reconstruct, encode, posterior, decode, sample>"
    )


def test_before_and_after_are_saved_side_by_side(autoencoder: StudyResults, tmp_path: Path) -> None:
    results = autoencoder
    picture = as_folder(tmp_path / "pictures") / "000.png"
    other = as_folder(tmp_path / "more") / "000.png"
    before = picture.read_bytes()
    shown = said("predict", results.runs[0].folder, picture, other, "--out", tmp_path / "out put")
    paths = [tmp_path / "out put" / "000-reconstructed.png", tmp_path / "out put" / "000-reconstructed-2.png"]
    assert [line for line in shown.splitlines() if line.startswith("before and after")] == [
        f"before and after: 2 pictures in {tmp_path / 'out put'}, {paths[0].name} to {paths[1].name}"
    ]
    run = product.load_run(results.runs[0].folder)
    (predicted,) = run.predict([picture])
    with Image.open(paths[0]) as saved:
        found = np.asarray(saved.convert("L"))
    height, width = SHAPE[1:]
    factor = found.shape[0] // height
    assert factor >= 4 and found.shape[0] == factor * height
    assert np.array_equal(found[: factor * height : factor, : factor * width : factor], predicted.image[0])
    assert np.array_equal(found[::factor, found.shape[1] - factor * width :: factor], predicted.reconstruction[0])
    assert picture.read_bytes() == before


def test_what_a_denoising_run_saves_says_so(tmp_path: Path) -> None:
    study = {
        "title": "Denoise",
        "data": {"path": as_array(tmp_path / "images.npy"), "labels": "none"},
        "model": {"family": "autoencoder", "latents": 3, "filters": [], "dense": [12]},
        "train": {"epochs": 1, "objective_settings": {"noise": "masking", "level": [0.1, 0.4]}},
        "analysis": [],
    }
    results = product.run_study(study, out=tmp_path / "out", is_silent=True)
    run = product.load_run(results.runs[0].folder)
    (predicted,) = run.predict([as_folder(tmp_path / "pictures") / "000.png"])
    assert predicted.picture_to_save()[0] == "000-denoised.png"
    assert {"val_loss", "val_error"} <= results.runs[0].metrics.keys()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"level": 0.2}, "level needs noise"),
        ({"noise": "gauss"}, "noise"),
        ({"noise": "gaussian", "level": 1.5}, "level"),
        ({"beta": 2.0}, "beta is not a setting"),
    ],
)
def test_settings_that_do_not_fit_are_one_line(changes: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    study = {
        "title": "Refused",
        "data": {"path": as_array(tmp_path / "images.npy"), "labels": "none"},
        "model": {"family": "autoencoder"},
        "train": {"objective_settings": changes},
    }
    with pytest.raises(PapilioError, match=complaint) as caught:
        product.run_study(study, out=tmp_path / "out", is_silent=True)
    assert "\n" not in str(caught.value)


def test_what_is_no_array_of_images_or_latents_is_one_line(vae: StudyResults) -> None:
    (found,) = vae.runs
    run = product.load_run(found.folder)
    for call, complaint in (
        (lambda: run.encode(7), "got a int in place of a picture"),
        (lambda: run.layer("encoder.dense1", "new.png"), "new.png: cannot be opened"),
        (lambda: run.decode(np.zeros(3)), r"got latents \(3,\); expected \(num, 3\)"),
        (lambda: run.decode(np.full((2, 3), np.nan)), r"got latents \(2, 3\), and some are not finite numbers"),
        (lambda: run.decode(np.zeros((2, 4))), r"got latents \(2, 4\); expected \(num, 3\)"),
        (lambda: run.sample(-1), r"sample\(-1\): must be a whole number from 1"),
        (lambda: run.sample(2.5), r"sample\(2\.5\): must be a whole number from 1"),
        (lambda: run.sample(1, seed=-1), r"sample\(seed=-1\): must be a whole number from 0"),
        (lambda: run.decode("abc"), r"got latents 'abc'; expected float32 \(num, latents\)"),
    ):
        with pytest.raises(PapilioError, match=complaint):
            call()


def test_an_analysis_that_fails_costs_neither_the_others_nor_the_report(vae: StudyResults, tmp_path: Path) -> None:
    classifier = shutil.copytree(vae.runs[0].folder, tmp_path / "classifier")
    (classifier / "weights.safetensors").write_bytes(b"torn")
    study = {
        "title": "Analyses",
        "data": {"path": as_array(tmp_path / "images.npy"), "labels": "none", "test": 0.4},
        "model": {"family": "autoencoder", "latents": 3, "filters": [], "dense": [12]},
        "train": {"epochs": 1, "batch_size": 16},
        "analysis": [
            {"kind": "quality", "features": str(classifier)},
            {"kind": "samples", "num": 7, "nearest": 0},
        ],
    }
    with pytest.raises(PapilioError, match=r"weights\.safetensors"):
        product.run_study(study, out=tmp_path / "out", is_silent=True)
    assert [path.stem.partition("-")[0] for path in (tmp_path / "out" / "analyses").glob("*.npz")].count("samples") == 1
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Samples of" in page and "Are they copies?" not in page
