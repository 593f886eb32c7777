"""How real made images look: against what is known of constructed ones, and what the page says of real studies."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import papilio
from papilio.analysis.analyse import WantedOfRun
from papilio.analysis.features import SHIPPED, classifier_checksum, features_of, find_classifier, last_hidden_layer
from papilio.analysis.quality import _class_shares, mean_image, quality
from papilio.analysis.samples import sample_images
from papilio.analysis.store import is_current, read_analysis, write_analysis
from papilio.data.imageset import ImageSet
from papilio.data.load import load_images
from papilio.errors import DataError, RunError
from papilio.kinds.analyses import ANALYSES
from papilio.kinds.options import QualityOptions
from papilio.kinds.registry import AUTOENCODER, CLASSIFY, VAE
from papilio.results.results import StudyResults
from papilio.runs.shipped import shipped_runs
from papilio.sections.quality_sections import class_words, coverage_words, kernel_words
from papilio.workbench import run_study


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return load_images("digits")


STUDY: dict[str, Any] = {
    "title": "Quality",
    "data": {"name": "digits"},
    "model": {"family": "autoencoder", "latents": 4, "filters": [], "dense": [16]},
    "train": {"epochs": 1, "batch_size": 32, "learning_rate": 0.01},
    "stage": [
        {
            "name": "classifier",
            "model": {"family": "cnn", "filters": [8], "dense": [32]},
            "train": {"epochs": 5, "objective": "supervised"},
        },
        {"name": "digits", "data": {"fraction": 0.4}},
        {
            "name": "large digits",
            "data": {"name": "mnist-5k", "fraction": 0.1},
            "trial": [{"name": "with a prior", "model": {"family": "vae"}}, {"name": "without"}],
        },
    ],
    "analysis": [{"kind": "quality", "num": 60, "top": 2}, {"kind": "models", "trials": 1, "labels": 20, "num": 20}],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return run_study(STUDY, out=tmp_path_factory.mktemp("quality") / "out", workers=1, is_silent=True)


@pytest.fixture(scope="module")
def classifier(results: StudyResults) -> Path:
    """A small classifier of digits, trained for a second."""
    (trial,) = results.trials("classifier")
    return trial.runs[0].folder


def vae_that_samples(images: np.ndarray) -> Any:
    """A stand-in whose samples are those images, and whose reconstructions are exact."""
    return SimpleNamespace(
        kind=VAE,
        sample=lambda num, seed: images[:num],
        encode=lambda images: images.reshape(len(images), -1).astype(np.float32),
        decode=lambda latents: latents.astype(np.uint8).reshape(-1, 1, 8, 8),
    )


def rows(arrays: Any) -> dict[str, dict[str, float]]:
    measures = ("frechet", "kernel", "precision", "recall")
    return {
        str(name): {measure: float(arrays[measure][row]) for measure in measures}
        for row, name in enumerate(arrays["sets"])
    }


def test_real_images_as_samples_are_as_good_as_real_and_noise_is_not(digits: ImageSet, classifier: Path) -> None:
    options = QualityOptions(num=300, features=str(classifier))
    taken = rows(quality(vae_that_samples(digits.images[digits.train[-300:]]), digits, options))
    assert list(taken) == ["real", "mean", "samples", "reconstructions"]
    assert taken["reconstructions"] == taken["real"]
    assert taken["samples"]["frechet"] < 0.2 * taken["mean"]["frechet"] > 5 * taken["real"]["frechet"]
    assert taken["real"]["precision"] > 0.7 and taken["real"]["recall"] > 0.7 and taken["mean"]["recall"] < 0.01
    exact = quality(vae_that_samples(digits.images[digits.train[-300:]]), digits, options)
    np.testing.assert_allclose(exact["psnr"][3], 100)
    np.testing.assert_allclose(exact["ssim"][3], 1)
    assert exact["psnr"][1] < 20 and exact["ssim"][1] < 0.9
    assert np.isnan(exact["psnr"][[0, 2]]).all() and np.isnan(exact["ssim"][[0, 2]]).all()
    noise = np.random.default_rng(0).integers(0, 256, (300, 1, 8, 8), dtype=np.uint8)
    noisy = rows(quality(vae_that_samples(noise), digits, options))
    assert noisy["samples"]["frechet"] > 3 * taken["samples"]["frechet"]
    assert noisy["samples"]["kernel"] > 10 * abs(taken["real"]["kernel"])
    assert noisy["real"] == taken["real"]


def test_the_hand_made_engine_s_classifiers_have_features_too(tmp_path: Path) -> None:
    """It was found out after training that they have no modules of torch."""
    study = {
        "title": "By hand",
        "data": {"name": "digits", "fraction": 0.2},
        "model": {"family": "mlp", "units": [12, 8]},
        "train": {"epochs": 1, "engine": "numpy"},
        "analysis": [],
    }
    (result,) = papilio.run_study(study, out=tmp_path / "out", is_silent=True).runs
    run = papilio.load_run(result.folder)
    assert features_of(run, np.zeros((3, 1, 8, 8), np.uint8)).shape == (3, 8)


def test_samples_of_one_class_are_told_as_that_class(digits: ImageSet, classifier: Path) -> None:
    sevens = digits.images[digits.train[digits.labels[digits.train] == 7]]
    found = quality(vae_that_samples(sevens), digits, QualityOptions(num=100, features=str(classifier)))
    real, made = found["shares"]
    assert real.sum() == pytest.approx(1) == made.sum() and made[7] > 0.9
    assert real.max() < 0.2
    words = class_words(found["classes"].tolist(), real, made)
    assert words.startswith("Rare among samples, less than half as frequent as among training images: 0, 1, 2,")
    assert words.endswith("More than twice as frequent: 7.")
    row = found["sets"].tolist().index("samples")
    assert found["covered"][row] <= 3 and found["largest"][row] == found["set_shares"][row, 7] == made[7]
    told = coverage_words(found)
    assert told.startswith(
        f"Samples cover {found['covered'][row]} of 10 classes (real test images 10); the largest, 7, has "
    )


def test_classes_are_counted_as_covered_from_a_tenth_of_their_share_on(digits: ImageSet, classifier: Path) -> None:
    run = papilio.load_run(classifier)
    taken_for = run.probabilities(digits.images).argmax(axis=1)
    threes, rare = digits.images[taken_for == 3][:150], digits.images[taken_for == 5][:3]
    sets = {"samples": np.concatenate([threes[:147], rare])}
    found = _class_shares(run, digits.images, sets)  # each class has about a tenth of the digits
    assert found["num_classes"] == 10 and found["covered"].tolist() == [2]
    assert found["largest"].tolist() == pytest.approx([0.98])
    found = _class_shares(run, digits.images, {"samples": np.concatenate([threes[:149], rare[:1]])})
    assert found["covered"].tolist() == [1]  # one in 150 may be a mistake of the classifier's
    found = _class_shares(run, digits.images, {"samples": digits.images[digits.test], "real": threes})
    assert found["covered"].tolist() == [10, 1] and found["largest"][0] < 0.2


def test_classes_in_their_proportions_are_said_to_be(digits: ImageSet) -> None:
    even = np.full(4, 0.25)
    assert class_words(list("abcd"), even, even).startswith("Each class is between half and twice")


def test_a_plain_autoencoder_is_sampled_from_its_latents_distribution(digits: ImageSet) -> None:
    """Pixels as latents: samples have the mean and the covariance of training images."""
    seen: list[np.ndarray] = []

    def decode(latents: np.ndarray) -> np.ndarray:
        seen.append(latents)
        return np.zeros((len(latents), 1, 8, 8), dtype=np.uint8)

    def encode(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1)[:, 20:23].astype(np.float32)

    run: Any = SimpleNamespace(kind=AUTOENCODER, encode=encode, decode=decode)
    sample_images(run, digits, num=20_000, seed=0)
    latents = encode(digits.images[digits.train])
    np.testing.assert_allclose(seen[0].mean(axis=0), latents.mean(axis=0), atol=0.05 * latents.std())
    np.testing.assert_allclose(np.cov(seen[0].T), np.cov(latents.T), atol=0.05 * latents.var())
    sample_images(run, digits, num=20_000, seed=0)
    np.testing.assert_array_equal(seen[0], seen[1])


def test_the_mean_image_is_that_of_training_images(digits: ImageSet) -> None:
    few = replace(digits, train=digits.train[:3])
    expected = digits.images[digits.train[:3]].astype(float).mean(axis=0)
    assert np.abs(mean_image(few) - expected).max() <= 0.5


def test_without_a_classifier_there_are_no_numbers_and_without_images_nothing(digits: ImageSet) -> None:
    run = vae_that_samples(digits.images)
    assert set(quality(run, digits, QualityOptions())) == {"classifier"}  # none comes with Papilio for 8x8 digits
    few = replace(digits, test=digits.test[:5])
    assert quality(run, few, QualityOptions()) == {}
    makes_none: Any = SimpleNamespace(kind=CLASSIFY)
    assert quality(makes_none, digits, QualityOptions()) == {}


def test_a_classifier_of_another_shape_is_refused_in_a_line(classifier: Path) -> None:
    images = load_images("mnist-5k", fraction=0.02)
    with pytest.raises(DataError, match=r"takes images of 1 x 8 x 8 .*, these are 1 x 28 x 28; give") as caught:
        find_classifier(images, str(classifier))
    assert "\n" not in str(caught.value)
    with pytest.raises(RunError, match="no such folder"):
        find_classifier(images, "nowhere")


def test_a_shipped_classifier_of_another_shape_is_not_taken() -> None:
    assert find_classifier(load_images("mnist-5k", fraction=0.02, size=16), None) is None


def test_the_layer_before_the_last_dense_one_holds_the_features(classifier: Path) -> None:
    run = papilio.load_run(classifier)
    assert run.layer(last_hidden_layer(run), np.zeros((2, 1, 8, 8), np.uint8)).shape == (2, 32)
    layers = [SimpleNamespace(name="0", kind="Conv2d(1, 2, 3)")]
    alone: Any = SimpleNamespace(folder=Path("mine"), facts=SimpleNamespace(layer_rows=layers))
    with pytest.raises(RunError, match="mine: its network has no layer before a last dense one"):
        last_hidden_layer(alone)


@pytest.mark.parametrize("name", sorted(set(SHIPPED.values())))
def test_the_classifiers_that_come_with_papilio_have_features(name: str) -> None:
    assert name in shipped_runs()
    run = papilio.load_run(name)
    features = run.layer(last_hidden_layer(run), np.zeros((2, 1, 28, 28), np.uint8))
    assert features.shape == (2, 64)
    assert run.facts.images.shape == (1, 28, 28) and len(run.class_names) == 10


def arrays_of(results: StudyResults, trial: str) -> Any:
    (file,) = (results.folder / "analyses").glob(f"quality-*{trial}*.npz")
    return read_analysis(file).arrays


def test_numbers_of_real_runs_stand_beside_floors(results: StudyResults) -> None:
    with_prior, without = arrays_of(results, "with-a-prior"), arrays_of(results, "without")
    assert not with_prior["is_fitted"] and without["is_fitted"]
    for arrays in (with_prior, without):
        assert arrays["num"] == 60 and rows(arrays)["real"]["frechet"] < rows(arrays)["mean"]["frechet"]


def test_the_page_has_numbers_or_says_how_to_get_them(results: StudyResults) -> None:
    page = (results.folder / "report.html").read_text()
    assert "no classifier of images like those of <code>digits</code> (1 × 8 × 8" in page
    assert "Fréchet distance" in page and "Real test images" in page
    assert "Mean image, repeated" in page and "Classes of samples" in page
    assert page.count("Classes covered") == 2 and "(real test images 1" in page
    assert page.count("Reconstructions have a PSNR of") == 2 and "a study of the same <code>[data]</code>" in page
    assert page.index("Real test images</") < page.index("Reconstructions of test images</")
    assert page.count("An autoencoder has no prior to sample from") == 1


def test_a_classifier_with_other_weights_is_noticed(results: StudyResults, tmp_path: Path) -> None:
    """Distances in the features of the classifiers that came with an earlier version stood as if they were of the new ones."""
    images = load_images("digits", size=28)
    folder = Path(shutil.copytree(shipped_runs()["mnist-features"], tmp_path / "run"))
    options = QualityOptions(features=str(folder))
    wanted = WantedOfRun(ANALYSES["quality"], options, results.runs[0], images, "", False)
    write_analysis(tmp_path / "quality.npz", wanted.header, {})
    assert wanted.header.uses.keys() == {"classifier"} and is_current(tmp_path / "quality.npz", wanted.header)
    with (folder / "weights.safetensors").open("ab") as file:
        file.write(b" ")
    assert not is_current(tmp_path / "quality.npz", replace(wanted).header)
    nothing = WantedOfRun(ANALYSES["quality"], QualityOptions(), results.runs[0], images, "", False)
    assert nothing.header.uses == {}  # none comes with Papilio for such images
    shipped = replace(images, name="mnist")
    assert classifier_checksum(QualityOptions(), shipped) == wanted.header.uses
    assert classifier_checksum(QualityOptions(features="no/run"), images) == {}


@pytest.mark.parametrize(
    ("value", "spread", "shown"),
    [
        (-0.2899, 3.788, "−0.3 ± 3.8"),
        (145.8, 14.93, "146 ± 15"),
        (0.0123, 0.00456, "0.0123 ± 0.0046"),
        (1.5, 0.0, "1.5000"),
    ],
)
def test_a_kernel_distance_has_the_decimals_that_its_spread_allows(value: float, spread: float, shown: str) -> None:
    assert kernel_words(value, spread) == shown
