"""Numbers on a circle, from labels to a report and a reading of one's own picture."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny import all_weights, tiny, write_study

import papilio as product
from in_process import papilio
from papilio.analysis.store import read_analysis
from papilio.errors import RunError, StudyError
from papilio.results.metrics import shown_metrics
from papilio.results.results import StudyResults
from papilio.sections.published_table import published_table
from papilio.training.calls import bare

SIDE = 15
DESIGNS = ["regression", {"name": "classes", "num": 36}, "two_heads", "sin_cos", "von_mises", "soft_classes", "harmonics",
           "coarse_to_fine"]  # fmt: skip


def needle(degrees: float) -> np.ndarray:
    """A gauge: a dark needle from the center, clockwise from the top."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] - (SIDE - 1) / 2
    along = columns * math.sin(math.radians(degrees)) - rows * math.cos(math.radians(degrees))
    across = columns * math.cos(math.radians(degrees)) + rows * math.sin(math.radians(degrees))
    is_needle = (np.abs(across) < 1.2) & (along > -1) & (along < 7)
    return np.where(is_needle, 30, 230).astype(np.uint8)


@pytest.fixture(scope="module")
def gauges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gauges")
    degrees = np.random.default_rng(0).uniform(0, 360, 600)
    np.save(folder / "images.npy", np.stack([needle(one) for one in degrees]))
    np.save(folder / "labels.npy", degrees)
    return folder


def gauge_study(gauges: Path, **changes: object) -> dict:
    data = {"path": str(gauges / "images.npy"), "labels": str(gauges / "labels.npy"), "period": 360, "unit": "°"}
    stage = [{"name": "designs", "vary": {"train.target": DESIGNS}}]
    study = tiny(
        data=data, stage=stage, train={"epochs": 12, "batch_size": 32, "learning_rate": 0.003}, analysis=[{"top": 3}]
    )
    return study | {"model": {"family": "mlp", "units": [64]}} | changes


@pytest.fixture(scope="module")
def results(gauges: Path, tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return product.run_study(gauge_study(gauges), out=tmp_path_factory.mktemp("read") / "out", is_silent=True)


def test_every_design_learns_to_read_a_gauge(results: StudyResults) -> None:
    errors = {trial.name: trial.mean("test_error") for trial in results.trials("designs")}
    assert len(errors) == len(DESIGNS)
    assert all(error is not None and error < 75 for error in errors.values()), errors  # guessing gives 90
    assert min(errors.values()) < 12
    run = results.best
    assert {"test_loss", "test_error", "test_within_1_percent", "test_within_5_percent"} <= run.metrics.keys()
    assert results.ranking(results.stages[-1]) == ("val_error", "min")
    assert shown_metrics(results, "designs") == (
        "val_error", "test_error", "test_median_error", "test_p90_error", "test_within_1_percent", "test_within_5_percent"
    )  # fmt: skip


def test_the_report_shows_errors_and_what_was_read(results: StudyResults) -> None:
    page = (results.folder / "report.html").read_text()
    assert "Readings of" in page and "Predicted against true values" in page and "The worst" in page
    assert "°" in page
    figures = {file.name for file in (results.folder / "figures").glob("reading-*.svg")}
    assert len(figures) == 3 * 3
    assert (results.folder / "figures" / "1-designs-costs.svg").exists()
    jumps = re.search(r"a tiny change of the true value changes the loss abruptly: ([^.]*)\.", page)
    assert jumps and sorted(jumps[1].split(", ")) == ["classes num=36", "regression", "two_heads"]


def test_a_picture_of_ones_own_is_read(results: StudyResults, tmp_path: Path) -> None:
    picture = Image.fromarray(needle(90)).resize((60, 60))
    picture.save(tmp_path / "gauge.png")
    (prediction,) = product.predict(results.best.folder, [tmp_path / "gauge.png"])
    assert abs((prediction.value - 90 + 180) % 360 - 180) < 40
    done = papilio("predict", results.best.folder, tmp_path / "gauge.png")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:3] == ["picture", "reads", "confidence"] and "°" in done.stdout
    (plain,) = json.loads(papilio("predict", results.best.folder, tmp_path / "gauge.png", "--json").stdout)
    assert plain["value"] == pytest.approx(prediction.value) and 0 <= plain["confidence"] <= 1
    run = product.load_run(results.best.folder)
    with pytest.raises(RunError, match="its kind, read, offers predict, read, not probabilities"):
        run.probabilities(np.zeros((1, 1, SIDE, SIDE), dtype=np.uint8))


def test_clock_labels_need_no_period_and_are_read_as_times(tmp_path: Path) -> None:
    minutes = np.arange(0, 720, 3)
    images = np.stack([np.minimum(needle(minute / 2), needle(minute * 6)) for minute in minutes])
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "labels.npy", np.stack([minutes // 60, minutes % 60], axis=1))
    data = {"path": str(tmp_path / "images.npy"), "labels": str(tmp_path / "labels.npy")}
    study = tiny(
        data=data, stage=[{"name": "clock", "vary": {"train.target": ["two_heads", "harmonics"]}}], analysis=[{}]
    )
    published = {"stage": "clock", "where": {"train.target": "harmonics"}, "test_error": 45.0, "source": "a paper"}
    study["published"] = [published]
    done = papilio("run", write_study(tmp_path / "clock.toml", study), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    results = product.read_results(tmp_path / "out")
    assert {"test_within_1_min", "test_within_15_min", "test_hour_accuracy"} <= results.best.metrics.keys()
    assert "val_within_1_min" in done.stdout  # loss, error and this; more would not fit a line
    assert "val_hour_accuracy" not in done.stdout
    (row,) = published_table(results)
    assert row.ours is not None
    assert row.in_hours == (0.75, row.ours.mean / 60)
    page = (tmp_path / "out" / "report.html").read_text()
    assert f"{row.ours.mean / 60:.3f} h" in page
    assert "0.750 h" in page


def test_views_are_seen_wherever_a_net_is_used(gauges: Path, tmp_path: Path) -> None:
    train = {"epochs": 3, "batch_size": 32, "views": {"num": 3, "rotate": 20}, "target": "sin_cos"}
    study = gauge_study(gauges, stage=[{"name": "one"}], train=train)
    results = product.run_study(study, out=tmp_path / "out", is_silent=True)
    run = product.load_run(results.best.folder)
    (arrays,) = (np.load(file) for file in sorted((tmp_path / "out" / "analyses").glob("*.npz")))
    assert np.abs(arrays["errors"]).mean() == pytest.approx(run.metrics["test_error"], rel=1e-4)
    images = np.stack([needle(10 * one) for one in range(20)])[:, None]
    of_one_view = run.nets.forward("network", images, is_quick=True)
    assert not np.allclose(run.outputs(images), of_one_view, atol=1e-3)
    assert len(run.facts.layers) == len(list(bare(run.network).children()))  # each listed once


def test_what_standardizes_images_is_kept_with_the_weights(gauges: Path, tmp_path: Path) -> None:
    train = {"epochs": 3, "batch_size": 32, "standardize": True, "target": "sin_cos"}
    study = gauge_study(gauges, stage=[{"name": "one"}], train=train)
    results = product.run_study(study, out=tmp_path / "out", is_silent=True)
    run = product.load_run(results.best.folder)
    (arrays,) = (np.load(file) for file in sorted((tmp_path / "out" / "analyses").glob("*.npz")))
    assert np.abs(arrays["errors"]).mean() == pytest.approx(run.metrics["test_error"], rel=1e-4)
    assert 0 < run.network.get_buffer("input_mean").item() < 1
    images = np.stack([needle(10 * one) for one in range(20)])[:, None]
    seen = run.outputs(images)
    run.network.get_buffer("input_mean").zero_()
    assert not np.allclose(run.outputs(images), seen, atol=1e-3)
    plain = gauge_study(gauges, stage=[{"name": "one"}], train=train | {"standardize": None})
    other = product.run_study(plain, out=tmp_path / "plain", is_silent=True)
    assert other.best.parameters == results.best.parameters  # means are not learned
    assert other.best.metrics["train_loss"] != results.best.metrics["train_loss"]


def test_two_heads_may_have_dense_layers_of_their_own(gauges: Path, tmp_path: Path) -> None:
    model = {"family": "cnn", "filters": [4], "dense": [8]}
    stage = [{"name": "heads", "vary": {"model.split_heads": [False, True]}}]
    train = {"epochs": 1, "target": "two_heads"}
    results = product.run_study(
        gauge_study(gauges, model=model, stage=stage, train=train), out=tmp_path / "out", is_silent=True
    )
    shared, split = (trial.runs[0].parameters for trial in results.trials("heads"))
    features = 4 * 7 * 7
    assert shared == 4 * 10 + (features + 1) * 8 + 9 * 13
    assert split == 4 * 10 + 2 * (features + 1) * 8 + 9 * 12 + 9


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("sincos", r"train\.target: 'sincos' is not a target design; did you mean sin_cos"),
        ({"name": "classes"}, r"classes needs num"),
        ({"name": "sin_cos", "num": 3}, r"sin_cos has no num"),
    ],
)
def test_a_wrong_target_is_one_line(gauges: Path, tmp_path: Path, target: object, complaint: str) -> None:
    study = gauge_study(gauges, stage=[{"name": "a"}], train={"target": target})
    with pytest.raises(StudyError, match=complaint):
        product.run_study(study, out=tmp_path / "out", is_silent=True)
    assert not (tmp_path / "out" / "study.toml").exists()


def test_what_goes_with_classes_does_not_go_with_numbers_nor_the_other_way_round(gauges: Path, tmp_path: Path) -> None:
    smoothed = gauge_study(gauges, stage=[{"name": "a"}], train={"label_smoothing": 0.1})
    with pytest.raises(StudyError, match="label_smoothing: works only with classes, and these images show a number"):
        product.run_study(smoothed, out=tmp_path / "out", is_silent=True)
    with pytest.raises(StudyError, match=r"train\.target: works only with numbers on a circle, and these images"):
        product.run_study(tiny(train__target="sin_cos"), out=tmp_path / "out", is_silent=True)


def test_folds_and_resuming_work_as_with_classes(gauges: Path, tmp_path: Path) -> None:
    stage = [{"name": "folds", "folds": 3, "vary": {"train.target": ["sin_cos", "von_mises"]}}]
    study = gauge_study(gauges, stage=stage, train={"epochs": 2})
    first = product.run_study(study, out=tmp_path / "out", is_silent=True)
    assert sum(run.metrics.get("test_error") is not None for run in first.runs) == 3  # of the chosen trial alone
    before = all_weights(tmp_path / "out")
    product.run_study(study, out=tmp_path / "out", is_silent=True)
    assert all_weights(tmp_path / "out") == before


def test_other_images_are_read_where_an_analysis_names_them(gauges: Path, tmp_path: Path) -> None:
    degrees = np.random.default_rng(5).uniform(0, 360, 60)
    np.save(tmp_path / "images.npy", np.stack([255 - needle(one) for one in degrees]))
    np.save(tmp_path / "labels.npy", degrees)
    other = {"path": str(tmp_path / "images.npy"), "labels": str(tmp_path / "labels.npy"), "test": 0.8}
    analysis: list[dict] = [{}, {"name": "light on dark", "data": other}]
    study = gauge_study(gauges, stage=[{"name": "one"}], train={"epochs": 1}, analysis=analysis)
    results = product.run_study(study, out=tmp_path / "out", is_silent=True)
    (own, others) = sorted((results.folder / "analyses").iterdir(), key=lambda path: path.stem)
    assert others.stem == f"{own.stem}-on-light-on-dark"
    found = read_analysis(others)
    assert len(found.arrays["values"]) == 48 and found.header.title == "light on dark"
    page = (results.folder / "report.html").read_text()
    assert page.count("Readings of") == 4 and "light on dark" in page  # headings, and links to them
    with pytest.raises(
        StudyError,
        match=r"\[\[analysis\]\] 1: kind: classification does not apply to any run of this study; leave it out",
    ):
        product.run_study(study | {"analysis": [{"kind": "classification"}]}, out=tmp_path / "new", is_silent=True)
    assert not (tmp_path / "new" / "runs").exists()
    wrong = [{"data": {"perod": 3}}]
    with pytest.raises(StudyError, match=r"\[\[analysis\]\].*data\.perod.*period"):
        product.run_study(study | {"analysis": wrong}, out=tmp_path / "new", is_silent=True)
