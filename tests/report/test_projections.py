"""The section of projections, from arrays alone: classes, many classes, values, no labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import study_folders
from pages import Page

from papilio.analysis.store import Header, write_analysis
from papilio.data.facts import ImageFacts
from papilio.data.quantities import CLOCK
from papilio.drawing.figure_files import Pictures
from papilio.drawing.projection_figures import circle
from papilio.engine import Arrays
from papilio.sections.page import render_page

NUM = 300


def arrays_of(labels: np.ndarray, *, has_labels: bool = True) -> Arrays:
    random = np.random.default_rng(0)
    score = 0.5 if has_labels else np.nan
    return {
        "indices": np.arange(NUM),
        "labels": labels,
        "layers": np.array(["conv_1", "output"]),
        "methods": np.array(["pca", "tsne"]),
        "shapes": np.array(["6×14×14", "10"]),
        "dimensions": np.array([1176, 10]),
        "points": random.normal(size=(2, 2, NUM, 2)).astype(np.float32),
        "variance": np.array([[0.5, 0.25], [0.4, 0.1]]),
        "original": np.full(2, score),
        "projected": np.full((2, 2), score),
        "kept": np.full((2, 2), 0.3),
        "trustworthiness": np.full((2, 2), np.nan if has_labels else 0.875),
        "perplexity": np.float64(12),
        "thumbnails": random.integers(0, 255, (5, 1, 28, 28)).astype(np.uint8),
        "thumbnail_indices": np.arange(5),
    }


def rendered(folder: Path, arrays: Arrays, facts: ImageFacts) -> Page:
    plan = study_folders.plan(stage="first", trial="a net", seed=3)
    study_folders.write_run(folder, plan, metrics={"val_accuracy": 0.5})
    header = Header(
        analysis="projection", stage="first", run=plan.name, trial="a net", split="test", options={"seed": 7},
        images="digits", facts=facts, checksum="1",
    )  # fmt: skip
    write_analysis(folder / "analyses" / f"projection-{plan.name}.npz", header, arrays)
    return Page(render_page(study_folders.write_study(folder, [plan]), Pictures(folder / "figures")))


def test_classes_have_a_legend_and_numbers(tmp_path: Path) -> None:
    names = tuple(f"class {number}" for number in range(10))
    page = rendered(tmp_path, arrays_of(np.arange(NUM) % 10), ImageFacts((1, 28, 28), names))
    text = page.text
    assert "300 test images (stratified, seed 7)" in text and "perplexity 12, seed 7" in text
    assert "always guessing the largest class gives 10.0%" in text and "k-NN 50.0% → 50.0%" in text
    assert "50.0% + 25.0%" in text and all(name in text for name in names)
    assert {path.suffix for path in (tmp_path / "figures").glob("projection-*")} == {".svg", ".png"}
    assert sum(path.stat().st_size for path in (tmp_path / "figures").glob("projection-*-projections.svg")) < 150_000


@pytest.mark.parametrize("num_classes", [15, 100])
def test_many_classes_have_no_legend(num_classes: int, tmp_path: Path) -> None:
    names = tuple(f"species {number:03d}" for number in range(num_classes))
    text = rendered(tmp_path, arrays_of(np.arange(NUM) % num_classes), ImageFacts((1, 28, 28), names)).text
    assert ("species 007" in text.partition("Projections of the layers")[2]) == (num_classes == 15)
    assert ("with 100 classes, several look alike" in text) == (num_classes == 100)


def test_values_have_errors_in_their_units(tmp_path: Path) -> None:
    text = rendered(tmp_path, arrays_of(np.linspace(0, 719, NUM)), ImageFacts((1, 28, 28), (), CLOCK)).text
    assert "k-NN error, all dimensions" in text and "0.5 min" in text and "09:00" in text


def test_without_labels_there_is_trustworthiness(tmp_path: Path) -> None:
    arrays = arrays_of(np.zeros(NUM, dtype=np.int64), has_labels=False)
    text = rendered(tmp_path, arrays, ImageFacts((1, 28, 28))).text
    assert "0.875" in text and "300 test images (seed 7)" in text and "nan" not in text.replace("nance", "")


def test_nothing_computed_nothing_shown(tmp_path: Path) -> None:
    assert "analysis-projection" not in rendered(tmp_path, {}, ImageFacts((1, 28, 28))).source


def test_no_two_places_on_the_color_circle_look_alike() -> None:
    colors = circle(np.arange(12) / 12)
    assert colors.min() >= 0 and colors.max() <= 1
    apart = np.abs(colors[:, None] - colors[None]).max(axis=2)
    assert apart[~np.eye(12, dtype=bool)].min() > 0.08
