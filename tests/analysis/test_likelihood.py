"""The likelihood of images under a decoder: against a closed form, and what the page says of it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from papilio.analysis.analyse import analyse
from papilio.analysis.likelihood import Estimate, active_units, estimate_likelihood, likelihood
from papilio.analysis.store import read_analysis
from papilio.data.load import load_images
from papilio.kinds.options import LikelihoodOptions, VariationalSettings
from papilio.kinds.registry import AUTOENCODER, VAE
from papilio.results.results import StudyResults
from papilio.sections.likelihood_sections import collapse_words
from papilio.studies.images import StudyImages
from papilio.studies.study import load_study
from papilio.workbench import run_study

SIGMA, LATENTS, SIDE = 0.3, 3, 4
RNG = np.random.default_rng(1)
WEIGHT = RNG.normal(size=(SIDE * SIDE, LATENTS)) * 0.1
BIAS = RNG.uniform(0.3, 0.7, SIDE * SIDE)
IMAGES = RNG.integers(0, 256, (8, 1, SIDE, SIDE), dtype=np.uint8)
GAUSSIAN = VariationalSettings(likelihood="gaussian", sigma=SIGMA)


def decode(latents: np.ndarray) -> np.ndarray:
    """x = W z + b, of which log p(x) is known."""
    return (latents @ WEIGHT.T + BIAS).astype(np.float32).reshape(-1, 1, SIDE, SIDE)


def true_likelihood() -> np.ndarray:
    """log N(x; b, W W' + sigma² I)."""
    covariance = WEIGHT @ WEIGHT.T + SIGMA**2 * np.eye(SIDE * SIDE)
    away = IMAGES.reshape(len(IMAGES), -1) / 255 - BIAS
    squares = np.einsum("ni,ij,nj->n", away, np.linalg.inv(covariance), away)
    return -0.5 * (squares + np.linalg.slogdet(covariance)[1] + SIDE * SIDE * math.log(2 * math.pi))


def true_posterior() -> tuple[np.ndarray, np.ndarray]:
    """Means (num, latents), and their covariance, which is the same for every image."""
    covariance = np.linalg.inv(np.eye(LATENTS) + WEIGHT.T @ WEIGHT / SIGMA**2)
    away = IMAGES.reshape(len(IMAGES), -1) / 255 - BIAS
    return away @ WEIGHT @ covariance / SIGMA**2, covariance


def estimated(samples: int, *, seed: int = 0) -> Estimate:
    """With the posterior's own means and its variances without their covariances."""
    mean, covariance = true_posterior()
    log_variance = np.broadcast_to(np.log(np.diag(covariance)), mean.shape)
    return estimate_likelihood(IMAGES, mean, log_variance, decode=decode, settings=GAUSSIAN, samples=samples, seed=seed)


def test_the_estimate_of_a_linear_decoder_is_its_known_likelihood() -> None:
    np.testing.assert_allclose(estimated(5000).likelihood, true_likelihood(), atol=0.02)


def test_more_samples_tighten_the_bound_and_the_elbo_lies_below() -> None:
    true = true_likelihood().mean()
    few, many = (
        np.mean([estimated(samples, seed=seed).likelihood.mean() for seed in range(20)]) for samples in (1, 50)
    )
    assert few < many < true + 0.01
    of_many = estimated(2000)
    elbo = -(of_many.reconstruction.mean() + of_many.kl.sum(axis=1).mean())
    assert elbo < many and few == pytest.approx(elbo, abs=0.2)  # of one sample the expectation is the ELBO


def test_one_sample_of_the_exact_posterior_is_enough() -> None:
    weight = np.zeros_like(WEIGHT)
    rows = np.arange(LATENTS)
    weight[rows, rows] = 0.2  # orthogonal columns: the posterior has no covariances
    variance = 1 / (1 + 0.2**2 / SIGMA**2)
    away = IMAGES.reshape(len(IMAGES), -1) / 255 - BIAS
    mean = away @ weight * variance / SIGMA**2
    found = estimate_likelihood(
        IMAGES,
        mean,
        np.full(mean.shape, math.log(variance)),
        decode=lambda latents: (latents @ weight.T + BIAS).astype(np.float32),
        settings=GAUSSIAN,
        samples=1,
    )
    scales = np.where(np.arange(SIDE * SIDE) < LATENTS, math.hypot(SIGMA, 0.2), SIGMA)
    expected = -0.5 * ((away / scales) ** 2).sum(1) - np.log(scales * math.sqrt(2 * math.pi)).sum()
    np.testing.assert_allclose(found.likelihood, expected, rtol=1e-4)


def test_pixels_of_a_bernoulli_decoder_and_certain_ones_stay_finite() -> None:
    images = np.array([[0, 255, 255, 0]], dtype=np.uint8).reshape(1, 1, 2, 2)
    settings = VariationalSettings()

    def found(*chances: float) -> float:
        decoded = np.array(chances, dtype=np.float32)
        one = estimate_likelihood(
            images,
            np.zeros((1, 2)),
            np.zeros((1, 2)),
            decode=lambda latents: np.tile(decoded, (len(latents), 1)),
            settings=settings,
            samples=3,
        )
        assert one.kl.tolist() == [[0, 0]]
        return float(one.likelihood[0])

    assert found(0.2, 0.7, 0.5, 0.1) == pytest.approx(math.log(0.8 * 0.7 * 0.5 * 0.9), rel=1e-5)
    assert found(0, 1, 1, 0) == pytest.approx(0, abs=1e-5)
    assert found(1, 1, 1, 0) == pytest.approx(math.log(1e-7), rel=0.02)


def test_parts_of_a_large_number_of_samples_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = estimated(50)
    monkeypatch.setattr("papilio.analysis.likelihood.MOST_NUMBERS", 7 * SIDE * SIDE)
    np.testing.assert_allclose(estimated(50).likelihood, whole.likelihood, rtol=1e-6)


def test_active_units_are_those_that_vary_with_the_image() -> None:
    means = np.stack([np.linspace(-1, 1, 50), np.full(50, 3.0), np.linspace(-0.01, 0.01, 50)], axis=1)
    assert active_units(means).tolist() == [True, False, False]
    assert active_units(means[:1]).tolist() == [False] * 3


def test_a_collapse_is_said_in_words() -> None:
    assert collapse_words(np.array([1.0, 0.5])) is None
    assert "2 of 3 latents carry under 0.01 nats: the posterior has collapsed" in (
        collapse_words(np.array([1.0, 0.001, 0.0])) or ""
    )
    assert "1 of 2 latents carries" in (collapse_words(np.array([1.0, 0.0])) or "")
    assert "the decoder ignores its latents" in (collapse_words(np.zeros(4)) or "")


def test_nothing_to_tell_of_a_run_without_a_posterior() -> None:
    plain: Any = SimpleNamespace(kind=AUTOENCODER)
    assert likelihood(plain, load_images("digits"), LikelihoodOptions()) == {}


STUDY = {
    "title": "Likelihood",
    "data": {"name": "digits", "fraction": 0.3},
    "model": {"family": "vae", "latents": 4, "filters": [], "dense": [16]},
    "train": {"epochs": 2, "batch_size": 32},
    "stage": [
        {
            "name": "digits",
            "trial": [
                {"name": "gaussian", "train": {"objective_settings": {"likelihood": "gaussian", "sigma": 0.2}}},
                {"name": "collapsed", "train": {"learning_rate": 0.01, "objective_settings": {"beta": 1000.0}}},
            ],
        },
        {"name": "black and white", "data": {"binarize": True}},
    ],
    "analysis": [
        {"kind": "likelihood", "samples": 20, "num": 40, "top": 2},
        {"kind": "models", "trials": 1, "labels": 20, "num": 20},
    ],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return run_study(STUDY, out=tmp_path_factory.mktemp("likelihood") / "out", is_silent=True)


def arrays_of(results: StudyResults, trial: str) -> Any:
    (file,) = (results.folder / "analyses").glob(f"likelihood-*{trial}*.npz")
    return read_analysis(Path(file)).arrays


def test_a_study_has_bound_estimate_and_latents_of_each_trial(results: StudyResults) -> None:
    gaussian, collapsed = arrays_of(results, "gaussian"), arrays_of(results, "collapsed")
    for arrays in (gaussian, collapsed):
        assert arrays["num"] == 40 and arrays["samples"] == 20 and arrays["kl_of_latents"].shape == (4,)
        assert arrays["kl"] == pytest.approx(arrays["kl_of_latents"].sum())
        assert arrays["nll"] <= -arrays["elbo"] + 0.1
    assert gaussian["is_gaussian"] and not collapsed["is_gaussian"] and not collapsed["is_binary"]
    # the same objective measured the same images: the record's ELBO is of all test images, one draw each
    trial = next(one for one in results.trials("digits") if one.name == "collapsed")
    assert collapsed["elbo"] == pytest.approx(trial.mean("test_elbo"), rel=0.1)


def test_binarized_images_are_known_and_need_no_word_of_caution(results: StudyResults) -> None:
    arrays = arrays_of(results, "black-and-white")
    assert arrays["is_binary"]
    (trial,) = results.trials("black and white")
    # the same images for the run and for the analysis, and the same likelihood
    assert arrays["elbo"] == pytest.approx(trial.mean("test_elbo"), rel=0.1)
    assert (results.folder / "report.html").read_text().count("not comparable with those of binarized images") == 1


def test_the_page_says_what_collapsed_and_how_to_read_the_nats(results: StudyResults) -> None:
    page = (results.folder / "report.html").read_text()
    assert "Likelihood under gaussian" in page and "Likelihood under collapsed" in page
    assert "All 4 latents carry under 0.01 nats" in page
    assert "nats may be below 0" in page and "not comparable with those of binarized images" in page
    assert "by importance weighting with 20 samples" in page


def test_an_estimate_that_takes_long_says_how_far_it_is_and_is_made_once(results: StudyResults) -> None:
    """10,000 images with 1,000 draws each take tens of minutes, in which nothing was said."""
    study, told = load_study(STUDY), []
    files = {path: path.stat().st_mtime_ns for path in results.folder.glob("analyses/likelihood-*.npz")}
    torn = min(files)
    torn.write_bytes(b"torn")
    analyse(results, study, StudyImages(study.own), progress=lambda *how_far: told.append(how_far))
    assert {path for path, written in files.items() if path.stat().st_mtime_ns != written} == {torn}
    assert [how_far[0] for how_far in told if how_far[2].startswith("likelihood of ")] == list(range(1, 41))
    assert {how_far[1] for how_far in told if how_far[2].startswith("likelihood of ")} == {40}


def test_the_error_of_a_mean_likelihood_is_that_of_a_sample_of_images() -> None:
    digits = load_images("digits")
    few = replace(digits, test=digits.test[:3])
    train = SimpleNamespace(objective_settings={"likelihood": "gaussian", "sigma": GAUSSIAN.sigma})

    def decode(latents: np.ndarray) -> np.ndarray:
        return np.full((len(latents), 1, 8, 8), 0.3, np.float32)

    run: Any = SimpleNamespace(
        kind=VAE,
        posterior=lambda images: (np.zeros((len(images), 2)), np.zeros((len(images), 2))),
        nets=SimpleNamespace(forward=lambda net, latents: decode(latents)),
        facts=SimpleNamespace(run_settings=SimpleNamespace(train=train), trial="a"),
    )
    found = likelihood(run, few, LikelihoodOptions(num=3, samples=2))
    zeros = np.zeros((3, 2))
    each = estimate_likelihood(digits.images[few.test], zeros, zeros, decode=decode, settings=GAUSSIAN, samples=2)
    assert found["nll"] == pytest.approx(-each.likelihood.mean())
    assert found["nll_error"] == pytest.approx(each.likelihood.std(ddof=1) / math.sqrt(3))
