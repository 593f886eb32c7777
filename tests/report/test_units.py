"""What losses are measured in, on the page, on the terminal and in a notebook; and reconstructions that are of no use."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from pages import Page
from study_folders import plan, write_run, write_study

from in_process import papilio
from papilio.analysis.store import Header, write_analysis
from papilio.data import leaks
from papilio.data.quantities import Quantity
from papilio.kinds.ranking import Ranking
from papilio.results import units
from papilio.results.results import StudyResults
from papilio.sections.page import write_report

BY_LOSS = Ranking("val_loss", "min")
METRICS = {"val_loss": 101.5, "test_loss": 102.25, "test_error": 0.0311}
VAE = {"objective": "vae"}


@pytest.mark.parametrize("module", [leaks, units])
def test_examples_in_docstrings(module: ModuleType) -> None:
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0 and not outcome.failed


def study(folder: Path, *, train: dict[str, Any], **run: Any) -> StudyResults:
    one = plan(stage="nets", trial="small", seed=0, train=train)
    write_run(folder, one, **{"metrics": METRICS, "ranking": BY_LOSS} | run)
    return write_study(folder, [one])


def page_text(results: StudyResults) -> str:
    return re.sub(r"\s+", " ", Page(write_report(results).read_text()).text)


def test_the_losses_of_a_vae_are_in_nats_on_the_page_on_the_terminal_and_in_a_notebook(tmp_path: Path) -> None:
    results = study(tmp_path, train=VAE)
    text = page_text(results)
    assert "small reaches test loss 102.2 (nats per image) over 1 seed" in text
    assert "Validation loss nats per image" in text and "Test error squared error per pixel" in text
    table = papilio("results", tmp_path).stdout
    assert "\nunits: nats per image (validation loss); squared error per pixel (test error)\n" in table
    for one in (results, results.trials("nets")[0], results.runs[0]):
        assert "loss (nats per image)" in one._repr_html_()


@pytest.mark.parametrize(
    ("train", "unit"),
    [
        ({"objective": "autoencoder"}, "squared error per pixel (validation loss, test error)"),
        (
            {"objective": "autoencoder", "objective_settings": {"error": "bernoulli"}},
            "nats per pixel (validation loss); squared error per pixel (test error)",
        ),
        ({}, "nats per image (validation loss)"),  # cross entropy
        ({"loss": "mine:loss"}, ""),
        ({"objective": "mine:KIND"}, ""),
    ],
)
def test_the_objective_says_what_its_loss_is_measured_in(train: dict[str, Any], unit: str, tmp_path: Path) -> None:
    study(tmp_path, train=train)
    told = [line for line in papilio("results", tmp_path).stdout.splitlines() if line.startswith("units: ")]
    assert told == ([f"units: {unit}"] if unit else [])


def test_errors_of_readings_are_in_the_unit_of_the_labels(tmp_path: Path) -> None:
    metrics = {"val_error": 3.5, "test_error": 4.5, "test_p90_error": 9.0}
    results = study(
        tmp_path, train={}, metrics=metrics, ranking=Ranking("val_error", "min"), quantity=Quantity(360, "degrees")
    )
    assert "units: degrees (validation error, test error, test 90% error)" in papilio("results", tmp_path).stdout
    assert "Test error degrees" in page_text(results)


@pytest.mark.parametrize(
    ("error", "verdict"), [(0.081, "worse than"), (0.0671, "no better than"), (0.0665, "no better than"), (0.031, "")]
)
def test_reconstructions_that_are_no_better_than_the_mean_image_are_called_so(
    error: float, verdict: str, tmp_path: Path
) -> None:
    results = study(tmp_path, train=VAE)
    run, pictures = results.runs[0], np.zeros((1, 1, 4, 4), np.uint8)
    arrays = {
        "errors": np.full(5, error, np.float32),
        "labels": np.zeros(5, int),
        "floor": np.array(0.067),
        "places": np.array([0]),
        "images": pictures,
        "again": pictures,
        "worst_places": np.array([], int),
        "worst_images": pictures[:0],
        "worst_again": pictures[:0],
    }
    header = Header("reconstruction", stage="nets", run=run.name, trial="small", split="test", images="digits")
    write_analysis(tmp_path / "analyses" / "reconstruction.npz", header, arrays)
    page = Page(write_report(results).read_text())
    banners = [re.sub(r"\s+", " ", one.text) for one in page.with_class("banner")]
    told = [text for text in banners if "the mean training image does" in text]
    text = re.sub(r"\s+", " ", page.text)
    if verdict:
        assert len(told) == 1 and f"reconstructs test images {verdict} the mean training image does" in told[0]
        assert f"these reconstructions are {verdict} that image" in text and "times as large" not in text
    else:
        assert not told and "which is 2.16 times as large" in text
