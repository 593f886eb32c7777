"""The page as a browser reads it: whole, self-contained, complete, for everybody."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import study_folders
from pages import Page
from PIL import Image

from papilio.drawing import figures
from papilio.drawing.canvas import NARROW, WIDE
from papilio.drawing.palette import DARK, LIGHT
from papilio.errors import RunError
from papilio.files import write_json
from papilio.kinds.ranking import Ranking
from papilio.results.reading import read_results
from papilio.results.results import StudyResults
from papilio.sections.page import write_report
from papilio.sections.published_table import published_table

FILES = ("study.toml", "results.csv", "figures/", "runs/", "analyses/", "environment.json")  # next to the page


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    results = study_folders.classification_study(tmp_path_factory.mktemp("study"))
    write_report(results)
    return results


@pytest.fixture(scope="module")
def page(results: StudyResults) -> Page:
    return Page((results.folder / "report.html").read_text())


def report(results: StudyResults) -> Page:
    return Page(write_report(results).read_text())


def test_everything_is_in_one_file(page: Page):
    for element in page.elements:
        for attribute in ("src", "href", "srcset", "poster", "data", "action"):
            address = element.attributes.get(attribute) or "#"
            is_inside = address.startswith(("#", "data:image/png;base64,", "data:image/webp;base64,"))
            assert is_inside or (element.tag == "a" and address in FILES), f"<{element.tag} {attribute}={address}>"
    assert not re.search(r"@import|url\((?!#)", page.source)
    assert "default-src 'none'" in str(page.all("meta")[1].attributes["content"])


def test_ids_are_unique_and_references_are_met(page: Page):
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    references = re.findall(r'(?:href="|url\()#([^")]+)', page.source)
    assert references
    assert set(references) <= set(ids)
    labeled = {
        element.attributes["aria-labelledby"] for element in page.elements if "aria-labelledby" in element.attributes
    }
    assert labeled <= set(ids)


def test_the_structure_is_one_that_assistive_programs_understand(page: Page):
    assert page.all("html")[0].attributes["lang"] == "en"
    assert [len(page.all(tag)) for tag in ("header", "nav", "main", "h1", "footer")] == [1, 1, 1, 1, 1]
    assert page.all("section")
    for table in page.all("table"):
        assert "\n" in table.text
    assert len(page.all("caption")) == len(page.all("table"))
    assert all("scope" in cell.attributes for cell in page.all("th"))
    assert all(cell.attributes.get("alt") for cell in page.all("img"))
    drawn = [element for element in page.all("svg") if not element.attributes.get("aria-hidden")]
    assert len(drawn) == 2 * len(page.all("figure"))  # wide and narrow
    assert all(element.attributes.get("role") == "img" and element.attributes.get("aria-label") for element in drawn)


def test_the_first_sentence_says_what_came_out(page: Page):
    text = re.sub(r"\s+", " ", page.with_class("headline")[0].text)
    assert (
        "By validation accuracy, the best of 3 trials is dropout 0.1: test accuracy 0.9520 ± 0.0020 over 3 seeds."
        in text
    )
    assert "Published: 0.9183 (Report 1, table 6)" in text


def test_tables_hold_the_numbers(page: Page):
    row = (
        "dropout 0.3 0.9420 ± 0.0020 0.9370 to 0.9470 0.9320 ± 0.0020 0.9270 to 0.9370 0.2100 ± 0.0100 0.1852 to 0.2348"
    )
    assert f"{row} 3 54,170 14 s" in page.text
    assert "dropout 0.1 test accuracy 0.9183 0.9520 ± 0.0020 3 +0.0337 Report 1, table 6" in page.text
    assert "test accuracy 0.9000 not run Report 1, table 7" in page.text
    assert "Linear(in_features=5408, out_features=10) 10 54,090" in page.text
    assert "predicted as 1: 11 of 63" in page.text
    assert "Example Processor 3000" in page.text
    assert "papilio run study.toml --out results" in page.text


def test_unfinished_runs_are_said_with_their_reasons(page: Page):
    (banner,) = page.with_class("banner")
    text = re.sub(r"\s+", " ", banner.text)
    assert "7 of 9 runs are done; 1 diverged, 1 waiting" in text
    assert "1 diverged: the loss was not finite at epoch 2, step 14" in text


def test_a_reduced_study_says_so(tmp_path: Path):
    plans = [study_folders.plan(stage="first", trial="cnn", seed=0)]
    results = study_folders.write_study(tmp_path, plans, data={"name": "digits", "fraction": 0.1}, max_epochs=2)
    assert "Reduced study: 10% of the images, at most 2 epochs." in report(results).text


@pytest.mark.parametrize(("num", "fold", "is_told"), [(18, None, True), (200, None, False), (18, 0, False)])
def test_few_validation_images_are_told_of(tmp_path: Path, num: int, fold: int | None, is_told: bool):
    plans = [replace(study_folders.plan(stage="first", trial="cnn", seed=0), fold=fold)]
    results = study_folders.write_study(tmp_path, plans, data={"name": "digits"})
    write_json(
        tmp_path / "environment.json", results.environment | {"data": [images_of(results) | {"num_validation": num}]}
    )
    page = report(read_results(tmp_path))
    assert (
        "Epochs and trials are selected on only 18 validation images: an accuracy has a 95% margin of error of up to ±0.23;"
        in page.text
    ) == is_told
    assert "3 images occur twice" in page.text


def images_of(results: StudyResults) -> dict[str, Any]:
    (images,) = results.environment["data"]
    return images


def test_the_page_and_its_figures_have_both_papers(page: Page):
    style = page.all("style")[0].text
    for name in LIGHT:
        assert f"--{name}: {LIGHT[name]};" in style
        assert f"--{name}: {DARK[name]};" in style
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style
    drawn = re.findall(r'<svg class="plot.*?</svg>|<svg[^>]*role="img".*?</svg>', page.source, flags=re.S)
    assert drawn
    for svg in drawn:
        assert "var(--ink)" in svg
        assert not re.search(r"#[0-9a-fA-F]{6}\b", re.sub(r'data:image/png;base64,[^"]*', "", svg))


def test_names_cannot_break_out_of_the_page(tmp_path: Path):
    hostile = '<script>alert(1)</script>"><img src=x onerror=alert(1)> $\\frac{1}$ {{ 7 * 7 }}'
    one = study_folders.plan(stage=hostile, trial=hostile, seed=0)
    records = study_folders.learning_records(end=0.9, epochs=3, seed=0)
    metrics = {"val_accuracy": 0.9, "test_accuracy": 0.89}
    study_folders.write_run(tmp_path, one, metrics=metrics, records=records)
    names = [hostile, *study_folders.DIGITS[1:]]
    study_folders.write_analysis(tmp_path, run=one.name, stage=hostile, trial=hostile, class_names=names)
    published = [{"stage": hostile, "test_accuracy": 0.9, "source": hostile}]
    results = study_folders.write_study(
        tmp_path, [one], title=hostile, description=f"{hostile} `{hostile}`", published=published
    )
    page = report(results)
    assert page.all("code")[0].text == hostile
    assert len(page.all("script")) == 1
    assert not [element for element in page.elements if "onerror" in element.attributes]
    assert hostile in page.all("h1")[0].text


def test_a_study_without_classes_or_test_images(tmp_path: Path):
    plans = []
    for seed in range(2):
        one = study_folders.plan(stage="autoencoder", trial="latent 8", seed=seed)
        plans.append(one)
        records = [
            {"epoch": epoch, "train_loss": 9 / epoch, "val_loss": 10 / epoch, "val_sharpness": 0.1 * epoch}
            for epoch in (1, 2, 3)
        ]
        metrics = {"val_loss": 34.5 + seed, "val_sharpness": 0.3}
        ranking = Ranking("val_loss", "min")
        study_folders.write_run(tmp_path, one, metrics=metrics, records=records, ranking=ranking, layers=[])
    page = report(study_folders.write_study(tmp_path, plans))
    assert "latent 8 reaches validation loss 35.00 ± 0.71 (nats per image) over 2 seeds." in page.text
    assert "Validation sharpness" in page.text
    assert "Mistakes" not in page.text
    assert "accuracy" not in page.text


def test_a_study_before_its_first_run(tmp_path: Path):
    plans = [study_folders.plan(stage="first", trial="cnn", seed=seed) for seed in range(2)]
    page = report(study_folders.write_study(tmp_path, plans))
    assert "No run is finished yet." in page.text
    assert "0 of 2 runs are done; 2 waiting" in page.text


def test_hundreds_of_trials_stay_a_small_page(tmp_path: Path):
    plans = []
    for number in range(300):
        varied = {"train.learning_rate": 0.001 + number / 1e5}
        one = study_folders.plan(stage="search", trial=f"learning_rate {number}", seed=0, varied=varied)
        plans.append(one)
        records = study_folders.learning_records(end=0.8 + number / 2000, epochs=10, seed=number)
        metrics = {"val_accuracy": 0.8 + number / 2000, "test_accuracy": 0.79 + number / 2000}
        study_folders.write_run(tmp_path, one, metrics=metrics, records=records)
    page = report(study_folders.write_study(tmp_path, plans))
    assert len(page.source) < 1_500_000
    assert "280 more trials in results.csv" in page.text
    assert "the best of 300 trials is learning rate 299" in page.text


def test_figures_are_files_that_show_something(results: StudyResults):
    figures = results.folder / "figures"
    names = {path.stem for path in figures.iterdir()}
    assert {"1-dropout-rate-comparison", "1-dropout-rate-val-accuracy", "1-dropout-rate-val-loss"} < names
    assert len(names) == 6
    for name in names:
        assert (figures / f"{name}.svg").read_text().startswith("<?xml")
        with Image.open(figures / f"{name}.png") as image:
            assert np.asarray(image.convert("L")).std() > 5


def test_the_same_results_give_the_same_page(results: StudyResults, page: Page):
    assert write_report(results).read_text() == page.source


def test_a_damaged_analysis_is_named(tmp_path: Path):
    results = study_folders.classification_study(tmp_path)
    damaged = tmp_path / "analyses" / "dropout-rate-best.npz"
    damaged.write_bytes(damaged.read_bytes()[:500])
    with pytest.raises(RunError, match=r"dropout-rate-best\.npz: not an analysis"):
        write_report(results)


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize(
    ("low", "step"), [(0.0104, 3e-4), (0.0104, 3e-6), (0.0104, 3e-8), (0.00104, 3e-6), (-1234.5, 3.0), (-1234.5, 3e-3)]
)
def test_numbers_below_panels_that_stand_side_by_side_do_not_touch(width: float, low: float, step: float) -> None:
    """Errors that differ in their sixth decimal had labels that ran into each other, or an offset in their place."""
    values = tuple((low + number * step,) for number in range(5))
    panels = [figures.Panel(metric, values, ((),) * 5) for metric in ("Validation error", "Test error")]
    figure = figures.trial_comparison([f"beta {number}" for number in range(5)], panels, width=width)
    figure.draw_without_rendering()
    boxes = []
    for axes in figure.axes:
        shown = [
            label for label in axes.get_xticklabels() if axes.viewLim.x0 <= label.get_position()[0] <= axes.viewLim.x1
        ]
        assert len(shown) > 1 and not axes.xaxis.get_offset_text().get_text()
        assert len({label.get_text() for label in shown}) == len(shown)
        boxes += [label.get_window_extent() for label in shown]
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_a_published_number_of_a_trial_that_folds_leave_untested_does_not_say_that_it_was_not_run(tmp_path: Path):
    plans = [study_folders.plan(stage="a", trial=trial, seed=0, fold=1) for trial in ("one", "two")]
    for one, tested in zip(plans, (True, False), strict=True):
        metrics = {"val_accuracy": 0.9} | ({"test_accuracy": 0.8} if tested else {})
        study_folders.write_run(tmp_path, one, metrics=metrics, records=[{"epoch": 1, "val_accuracy": 0.9}])
    published = [
        {"stage": "a", "where": {"trial": trial}, "test_accuracy": 0.9, "source": "R"} for trial in ("one", "two")
    ]
    rows = published_table(study_folders.write_study(tmp_path, plans, published=published))
    assert [row.missing for row in rows] == ["", "not tested: with folds, only the best trial is"]
