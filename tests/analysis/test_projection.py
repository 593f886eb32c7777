"""Projections: the sample, the layers, the numbers beside the pictures, and pictures that are the same for a seed."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from papilio.analysis.latent_scale import stratified
from papilio.analysis.layer_names import chosen_layers, layers_of
from papilio.analysis.neighbors import nearest, share_kept, value_error, vote_accuracy
from papilio.analysis.projection import (
    _num_threads,
    in_unit_square,
    principal_components,
    project,
    smaller,
    spread,
    tsne,
)
from papilio.analysis.store import read_analyses
from papilio.data.imageset import ImageSet
from papilio.data.load import load_images
from papilio.data.quantities import Quantity
from papilio.errors import RunError, SettingError, StudyError
from papilio.kinds import options as kinds_options
from papilio.kinds.options import ProjectionOptions
from papilio.models.description import LayerRow
from papilio.models.layer_names import named_layers
from papilio.runs.run import Run, load_run
from papilio.settings.validation import validated
from papilio.workbench import run_study

STUDY: dict[str, Any] = {
    "title": "Layers",
    "data": {"name": "digits", "fraction": 0.6},
    "model": {"family": "cnn", "filters": [4], "dense": [8]},
    "train": {"epochs": 1, "batch_size": 32},
    "stage": [{"name": "nets"}],
    "analysis": [{"kind": "projection", "layers": ["conv_1", "output"], "num": 80, "perplexity": 10}],
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layers")
    run_study(STUDY, out=folder / "out", is_silent=True)
    return folder / "out"


@pytest.fixture(scope="module")
def run(finished: Path) -> Run:
    return load_run(next(finished.glob("runs/*")))


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return load_images("digits", fraction=0.6)


@pytest.fixture
def groups() -> np.ndarray:
    """120 points of ten dimensions in three groups far apart."""
    random = np.random.default_rng(0)
    return (random.normal(size=(120, 10)) + 20 * np.eye(10)[np.arange(120) % 3]).astype(np.float32)


def test_a_sample_is_stratified_and_the_same_for_a_seed(images: ImageSet) -> None:
    chosen = stratified(images, images.test, most=100, seed=3)
    assert abs(len(chosen) - 100) <= 5 and np.all(np.diff(chosen) > 0) and np.isin(chosen, images.test).all()
    whole = np.bincount(images.labels[images.test]) / len(images.test)
    assert np.all(np.abs(np.bincount(images.labels[chosen]) - 100 * whole) <= 0.51)
    np.testing.assert_array_equal(chosen, stratified(images, images.test, most=100, seed=3))
    assert not np.array_equal(chosen, stratified(images, images.test, most=100, seed=4))
    np.testing.assert_array_equal(stratified(images, images.test, most=10_000), images.test)


def test_neighbors_leave_the_point_itself_out() -> None:
    points = np.array([[0.0], [1.0], [3.0], [3.0]])
    assert nearest(points, 1).tolist() == [[1], [0], [3], [2]]


def test_most_neighbors_decide_and_of_as_many_the_nearest() -> None:
    labels = np.array([0, 0, 1, 1, 2])
    neighbors = np.array([[1, 2, 3], [2, 0, 3], [0, 3, 4], [4, 2, 1], [4, 4, 3]])
    # voted for: 1 (not 0), 1 (not 0), 0 as the nearest of three (not 1), 2 as the nearest of three (not 1), 2
    assert vote_accuracy(neighbors, labels) == 1 / 5
    assert vote_accuracy(neighbors[:, :1], labels) == 2 / 5


def test_values_are_averaged_around_the_circle() -> None:
    values = np.array([359.0, 1.0, 0.0, 180.0])
    neighbors = np.array([[1, 2], [0, 2], [0, 1], [0, 1]])
    assert value_error(neighbors, values, period=360.0) == pytest.approx((1.5 + 1.5 + 0 + 180) / 4)


def test_the_share_of_neighbors_that_are_kept() -> None:
    before = np.array([[1, 2], [0, 2], [0, 1]])
    after = np.array([[2, 1], [2, 3], [3, 4]])
    assert share_kept(before, after) == pytest.approx((2 + 1 + 0) / 6)


def test_principal_components_are_those_of_the_covariance(groups: np.ndarray) -> None:
    components, shares = principal_components(groups, num=10, seed=0)
    variances = np.linalg.eigvalsh(np.cov(groups.astype(np.float64).T))[::-1]
    np.testing.assert_allclose(shares, variances / variances.sum(), rtol=1e-4)
    np.testing.assert_allclose(components.var(axis=0, ddof=1), variances, rtol=1e-4)


@pytest.mark.parametrize("features", [np.ones((20, 3)), np.arange(20.0)[:, None]], ids=["constant", "one number"])
def test_what_has_no_two_components_gets_zeros(features: np.ndarray) -> None:
    components, shares = principal_components(features, num=50, seed=0)
    assert components.shape == (20, 2) and not components[:, 1].any()
    assert shares.tolist() == ([1.0, 0.0] if features.shape[1] == 1 else [0.0, 0.0])


def test_t_sne_is_the_same_for_a_seed(groups: np.ndarray) -> None:
    first = tsne(groups, perplexity=10, seed=1, threads=1)
    np.testing.assert_array_equal(first, tsne(groups, perplexity=10, seed=1, threads=1))
    assert vote_accuracy(nearest(first, 10), np.arange(120) % 3) == 1.0


def test_umap_is_the_same_for_a_seed() -> None:
    """In a process of its own that compiles nothing: of so few points that would take most of the time."""
    pytest.importorskip("umap", exc_type=ImportError)
    code = """
import numpy as np
from papilio.analysis.neighbors import nearest, vote_accuracy
from papilio.analysis.projection import umap
groups = np.random.default_rng(0).normal(size=(18, 10)) + 20 * np.eye(10)[np.arange(18) % 3]
told = []
first = umap(groups.astype(np.float32), seed=1, tell=lambda *far: told.append(far))
assert told[0] == (0, 500) and told[-1] == (500, 500) and len(told) > 2, told
np.testing.assert_array_equal(first, umap(groups.astype(np.float32), seed=1))
print(first.shape, vote_accuracy(nearest(first, 3), np.arange(18) % 3))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"NUMBA_DISABLE_JIT": "1"}
    )
    assert done.stdout.strip() == "(18, 2) 1.0", done.stderr


def test_umap_that_is_not_installed_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds_options, "find_spec", lambda name: None)
    with pytest.raises(
        StudyError, match=r"methods: .*umap-learn, which is not installed: pip install 'papilio\[umap\]'"
    ):
        validated(ProjectionOptions, {"methods": ["umap"]}, where="[[analysis]]")
    with pytest.raises(StudyError, match="pca is listed twice"):
        validated(ProjectionOptions, {"methods": ["pca", "pca"]}, where="[[analysis]]")


@pytest.mark.parametrize(("allowed", "num", "threads"), [("", 1500, 4), ("2", 3000, 2), ("8", 3000, 4), ("2", 1499, 1)])
def test_threads_are_those_that_the_process_may_use(
    allowed: str, num: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("papilio.analysis.projection.available_cores", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", allowed)
    assert _num_threads(num) == threads


def test_thumbnails_do_not_overlap_and_are_small() -> None:
    points = np.random.default_rng(0).normal(size=(400, 2)) * [5, 1]
    places = in_unit_square(points)
    assert places.min() == 0 and places.max() == 1 and np.ptp(places[:, 1]) < 0.5
    shown = spread(points, side=0.1, most=30)
    apart = np.abs(places[shown][:, None] - places[shown][None]).max(axis=2)
    assert 5 < len(shown) <= 30 and apart[~np.eye(len(shown), dtype=bool)].min() >= 0.1
    image = np.repeat(np.arange(48, dtype=np.uint8), 2)[None, None, None].repeat(90, axis=2)
    np.testing.assert_array_equal(smaller(image, side=48)[0, 0, 0], np.arange(48))
    assert smaller(image, side=40).shape == (1, 1, 30, 32) and smaller(image, side=96) is image


def test_layers_have_names_that_mean_the_same_in_every_network() -> None:
    kinds = ["Conv2d(1, 4)", "ReLU()", "MaxPool2d(2)", "Flatten()", "Linear(8, 4)", "Tanh()", "Linear(4, 2)"]
    rows = [LayerRow(f"layer{n}", kind, (), 0) for n, kind in enumerate(kinds)]
    assert named_layers(rows) == {"conv_1": "layer2", "dense_1": "layer5"}
    assert chosen_layers([], rows, has_latents=False) == {"dense_1": "layer5", "output": "output"}
    assert chosen_layers([], rows, has_latents=True) == {"latents": "latents"}
    assert chosen_layers(["layer1", "input"], rows, has_latents=False) == {"layer1": "layer1", "input": "input"}
    with pytest.raises(SettingError, match=r"'conv_2' is not a layer of this network; did you mean conv_1\?$"):
        chosen_layers(["conv_2"], rows, has_latents=False)
    with pytest.raises(SettingError, match=r"did you mean encoder\.flatten\?$"):
        chosen_layers(["flatten"], [LayerRow("encoder.flatten", "Flatten()", (), 0)], has_latents=True)


def test_a_run_and_a_study_know_layers_by_the_same_names(run: Run, images: ImageSet) -> None:
    """`run.layer` took `blocks.0.1` alone, where a study says conv_1, and said neither."""
    pictures = images.images[:3]
    for name, place in {**layers_of(run, ["conv_1", "output", "input"]), **layers_of(run, [])}.items():
        np.testing.assert_array_equal(run.layer(name, pictures), run.layer(place, pictures))
    for row in run.facts.layer_rows:
        assert layers_of(run, [row.name]) == {row.name: row.name}
        assert run.layer(row.name, pictures).shape == (3, *row.output_shape)
    np.testing.assert_array_equal(run.layer("output", pictures), run.outputs(pictures))
    np.testing.assert_array_equal(run.layer("input", pictures), pictures / np.float32(255))
    inner = run.facts.layer_rows[0].name.rpartition(".")[0]
    assert "." not in inner and run.layer(inner, pictures).shape[0] == 3  # several layers, which no table lists
    with pytest.raises(RunError, match=r"'conv_7' is not a layer of this network; did you mean conv_1\?$"):
        run.layer("conv_7", pictures)
    with pytest.raises(
        RunError, match=r"'x' is not .*; allowed are input, output, conv_1, .*and names as papilio show"
    ):
        run.layer("x", pictures)


def test_a_layer_that_is_not_there_is_refused_before_anything_is_trained_and_afterwards(
    run: Run, images: ImageSet, tmp_path: Path
) -> None:
    study = STUDY | {"analysis": [{"kind": "projection", "layers": ["dense_2"]}]}
    with pytest.raises(
        StudyError, match=r"stage \"nets\", trial .*: \[\[analysis\]\] 1 \(projection\): layers: 'dense_2' is"
    ):
        run_study(study, out=tmp_path / "out", is_silent=True)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").glob("runs/*"))
    with pytest.raises(SettingError, match="'latents' is not a layer"):
        project(run, images, ProjectionOptions(layers=["latents"]))


def test_a_study_keeps_and_shows_what_its_layers_see(finished: Path, run: Run, images: ImageSet) -> None:
    (stored,) = read_analyses(finished)
    arrays = stored.arrays
    num = len(arrays["indices"])
    assert arrays["points"].shape == (2, 2, num, 2) and abs(num - 80) <= 5
    assert arrays["layers"].tolist() == ["conv_1", "output"] and arrays["shapes"].tolist() == ["4×4×4", "10"]
    outputs = run.outputs(images.images[arrays["indices"]])
    assert arrays["original"][1] == vote_accuracy(nearest(outputs, 10), images.labels[arrays["indices"]])
    pooled = run.layer(layers_of(run, ["conv_1"])["conv_1"], images.images[:3])
    assert pooled.shape == (3, 4, 4, 4) and pooled.min() >= 0
    page = (finished / "report.html").read_text()
    assert 'id="analysis-projection-' in page and "k-NN accuracy, all dimensions" in page and "perplexity 10" in page


def test_values_on_a_circle_and_images_without_labels(run: Run, images: ImageSet) -> None:
    options = ProjectionOptions(layers=["output"], methods=["pca"], num=60)
    turned = replace(images, labels=images.labels * 36.0, class_names=(), quantity=Quantity(360.0, "°"))
    found = project(run, turned, options)
    assert 0 < found["original"][0] < 90 and np.isnan(found["trustworthiness"]).all()
    bare = replace(images, labels=np.zeros_like(images.labels), class_names=())
    found = project(run, bare, options)
    assert math.isnan(found["original"][0]) and 0.5 < found["trustworthiness"][0, 0] <= 1


def test_a_handful_of_images_is_not_projected(run: Run, images: ImageSet) -> None:
    assert project(run, replace(images, test=images.test[:5]), ProjectionOptions()) == {}
