"""Noise, and how well it is removed: measures against closed forms, and what the page says of a study of tiny nets."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from papilio.analysis.denoising import add_noise, psnr, ssim
from papilio.analysis.store import read_analysis
from papilio.errors import StudyError
from papilio.kinds.options import NoiseKind
from papilio.results.results import StudyResults
from papilio.sections.denoising_sections import verdict
from papilio.workbench import run_study

GREY = np.full((200, 1, 20, 20), 0.5, dtype=np.float32)


def test_gaussian_noise_has_the_level_as_its_standard_deviation() -> None:
    noisy = add_noise(GREY, "gaussian", 0.1, seed=0)
    assert noisy.dtype == np.float32 and noisy.mean() == pytest.approx(0.5, abs=2e-3)
    assert noisy.std() == pytest.approx(0.1, rel=0.02)
    strong = add_noise(GREY, "gaussian", 1.0, seed=0)
    assert strong.min() == 0 and strong.max() == 1


@pytest.mark.parametrize(("kind", "black", "white"), [("salt_and_pepper", 0.15, 0.15), ("masking", 0.3, 0.0)])
def test_other_noise_changes_the_share_of_pixels_that_its_level_says(
    kind: NoiseKind, black: float, white: float
) -> None:
    noisy = add_noise(GREY.repeat(3, axis=1), kind, 0.3, seed=0)
    assert np.mean(noisy == 0) == pytest.approx(black, abs=0.01)
    assert np.mean(noisy == 1) == pytest.approx(white, abs=0.01)
    assert np.all(noisy == noisy[:, :1])  # in all channels alike


def test_the_same_seed_gives_the_same_noise() -> None:
    np.testing.assert_array_equal(*(add_noise(GREY, "gaussian", 0.2, seed=4) for _ in range(2)))
    assert np.any(add_noise(GREY, "gaussian", 0.2, seed=4) != add_noise(GREY, "gaussian", 0.2, seed=5))


def test_psnr_is_that_of_its_formula_and_equal_images_have_100_db() -> None:
    clean = GREY[:2]
    np.testing.assert_allclose(psnr(clean + np.float32(0.1), clean), [20, 20], rtol=1e-5)
    np.testing.assert_allclose(psnr(clean, clean), [100, 100])


def test_ssim_of_even_images_compares_their_brightness_alone() -> None:
    found = ssim(np.full((1, 1, 16, 16), 0.8), np.full((1, 1, 16, 16), 0.4))
    np.testing.assert_allclose(found, (2 * 0.8 * 0.4 + 0.01**2) / (0.8**2 + 0.4**2 + 0.01**2), rtol=1e-9)


def test_ssim_is_that_of_its_formula_in_a_single_window() -> None:
    x, y = np.random.default_rng(0).random((2, 3, 2, 11, 11))
    axis = np.arange(-5, 6)
    weights = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * 1.5**2))
    weights /= weights.sum()
    expected = []
    for one, other in zip(x.reshape(-1, 11, 11), y.reshape(-1, 11, 11), strict=True):
        a, b = (weights * one).sum(), (weights * other).sum()
        aa, bb = (weights * (one - a) ** 2).sum(), (weights * (other - b) ** 2).sum()
        ab = (weights * (one - a) * (other - b)).sum()
        likeness = (2 * a * b + 1e-4) * (2 * ab + 9e-4) / ((a * a + b * b + 1e-4) * (aa + bb + 9e-4))
        expected.append(likeness)
    np.testing.assert_allclose(ssim(x, y), np.mean(np.reshape(expected, (3, 2)), axis=1), rtol=1e-9)


def test_ssim_of_an_image_with_itself_is_1_and_noise_lowers_it_also_where_the_window_does_not_fit() -> None:
    for side in (8, 28):
        clean = np.random.default_rng(0).random((300, 1, side, side))
        np.testing.assert_allclose(ssim(clean, clean), np.ones(300), rtol=1e-12)
        noisy = [ssim(clean + level * np.random.default_rng(1).normal(size=clean.shape), clean) for level in (0.1, 0.5)]
        assert 1 > noisy[0].mean() > noisy[1].mean() > 0


def arrays(psnr_rows: list[list[float]]) -> dict[str, Any]:
    values = np.array(psnr_rows)
    return {
        "trials": np.array(["plain", "denoising"]),
        "noises": np.array(["none", "gaussian"]),
        "levels": np.array([0.1, 0.2]),
        "psnr": values,
        "ssim": values / 100,
    }


def test_the_verdict_says_where_a_denoising_autoencoder_is_not_the_best() -> None:
    assert verdict(arrays([[1, 1], [2, 2], [3, 3]]))[0] == (
        "PSNR: at every level a denoising autoencoder is best (denoising)."
    )
    first = verdict(arrays([[9, 1], [2, 2], [3, 3]]))[0]
    assert (
        first
        == "PSNR: a denoising autoencoder is not the best at every level: at 0.1 the noisy image itself is better."
    )
    assert "at 0.1 and 0.2 plain is better." in verdict(arrays([[1, 1], [8, 8], [3, 3]]))[1]


MODEL = {"family": "autoencoder", "latents": 16, "filters": [], "dense": [32]}
STUDY: dict[str, Any] = {
    "title": "Denoising",
    "data": {"name": "digits"},
    "model": MODEL,
    "train": {"epochs": 3, "batch_size": 32, "learning_rate": 0.01},
    "stage": [
        {
            "name": "noise",
            "trial": [
                {"name": "plain"},
                {"name": "denoising", "train": {"objective_settings": {"noise": "gaussian", "level": [0.2, 0.6]}}},
            ],
        },
        {"name": "none of it", "train": {"epochs": 1}, "trial": [{"name": "plain"}]},
    ],
    "analysis": [
        {"kind": "denoising", "levels": [0.2, 0.6], "num": 100},
        {"kind": "models", "trials": 1, "labels": 20, "num": 20},
    ],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return run_study(STUDY, out=tmp_path_factory.mktemp("denoising") / "out", is_silent=True)


def test_a_noise_that_no_trial_was_trained_with_is_told_of(results: StudyResults, tmp_path: Path) -> None:
    folder = shutil.copytree(results.folder, tmp_path / "out")
    assert "No trial was trained with this noise" not in (folder / "report.html").read_text()
    tables = [{"kind": "denoising", "noise": "masking", "levels": [0.2], "num": 20}]
    run_study(STUDY | {"analysis": tables}, out=folder, is_silent=True)
    page = (folder / "report.html").read_text()
    assert "No trial was trained with this noise: <code>noise</code> in the [[analysis]] table" in page


def test_each_trial_of_a_stage_is_measured_beside_the_noisy_images(results: StudyResults) -> None:
    (file,) = (results.folder / "analyses").glob("denoising*.npz")  # none of the stage without noise
    found = read_analysis(file).arrays
    assert found["trials"].tolist() == ["plain", "denoising"]
    assert found["noises"].tolist() == ["none", "gaussian"]
    assert found["psnr"].shape == found["ssim"].shape == (3, 2) and found["num"] == 100
    assert np.all(found["psnr"][0] > np.array([13, 5])) and np.all(found["psnr"][:, 0] > found["psnr"][:, 1])
    assert found["psnr"][2, 1] > found["psnr"][0, 1]  # much noise: what learned to remove it does
    assert len(np.unique(found["clean"].reshape(3, -1), axis=0)) == 3
    assert found["shown"].shape == (3, 2, 3, 1, 8, 8) and found["clean"].shape == (3, 1, 8, 8)


def test_the_page_has_the_verdict_both_tables_and_the_pictures(results: StudyResults) -> None:
    page = (results.folder / "report.html").read_text()
    assert page.count("Removing noise") == 1
    assert "Trained with noise" in page and "Before and after" in page and "PSNR in dB by level of noise" in page
    assert {path.name for path in (results.folder / "figures").glob("*-denoising-*.png")} == {
        "1-noise-denoising-levels.png",
        "1-noise-denoising-pictures.png",
    }


def test_a_level_that_is_none_is_refused() -> None:
    study = STUDY | {"analysis": [{"kind": "denoising", "levels": [0.0]}]}
    with pytest.raises(StudyError, match=r"\[\[analysis\]\] 1 \(denoising\): levels"):
        run_study(study, is_silent=True)
