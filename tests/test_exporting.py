"""`papilio export`: what is written answers as the run does, without Papilio; what cannot be is refused before."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

import papilio as product
from in_process import papilio
from papilio.analysis.comparison import share_interval
from papilio.data.load import load_images
from papilio.errors import RequestError, RunError, SettingError
from papilio.exports import onnx_files
from papilio.exports.programs import Program, programs_of
from papilio.results.results import StudyResults
from papilio.runs.run import Run

STUDY: dict[str, Any] = {
    "title": "Digits | to go",
    "data": {"name": "digits", "fraction": 0.3},
    "train": {"epochs": 2, "batch_size": 32, "learning_rate": 0.01},
    "stage": [{"name": "only", "seeds": 2}],
    "analysis": [],
}
COLOR = STUDY["data"] | {"color": "rgb"}
SMALL_CNN = {"family": "cnn", "filters": [4], "dense": [8], "batch_norm": True}
DENSE = {"filters": [], "dense": [16], "latents": 3}


def trained(out: Path, **changes: Any) -> StudyResults:
    return product.run_study(STUDY | changes, out=out, is_silent=True)


def a_run(out: Path, **changes: Any) -> Run:
    study = STUDY | changes | {"stage": [{"name": "only", "seeds": 1}]}
    (only,) = product.run_study(study, out=out, is_silent=True).runs
    return product.load_run(only.folder)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, no_reports: None) -> StudyResults:
    return trained(tmp_path_factory.mktemp("digits") / "out", model={"family": "mlp", "units": [16]})


@pytest.fixture(scope="module")
def exported(results: StudyResults, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    done = papilio("export", results.folder, "--out", folder)
    assert done.returncode == 0, done.stderr
    assert "checked on" in done.stdout and results.best is not None and results.best.name in done.stderr
    return folder


def digits(num: int = 20) -> np.ndarray:
    return load_images("digits").images[:num]


def answers(file: Path, **given: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(file)
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, given), strict=True))


def test_the_file_takes_bytes_and_gives_the_runs_probabilities(results: StudyResults, exported: Path) -> None:
    assert results.best is not None
    run, images = product.load_run(results.best.folder), digits()
    for num in (1, 7, 20):
        (probabilities,) = answers(exported / "model.onnx", images=images[:num, 0]).values()
        assert np.allclose(probabilities, run.probabilities(images[:num]), atol=1e-5)


def test_what_stands_in_the_file_says_what_it_is(results: StudyResults, exported: Path) -> None:
    assert results.best is not None
    model = onnx.load(exported / "model.onnx")
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(about["class_names"]) == [str(digit) for digit in range(10)]
    assert about["study"] == STUDY["title"] and about["run"] == results.best.name
    assert about["papilio_version"] == product.__version__ and about["torch_version"] in torch.__version__
    assert json.loads(about["inputs"])[0]["name"] == "images" and json.loads(about["quantity"]) is None
    assert b"site-packages" not in (exported / "model.onnx").read_bytes()
    assert str(Path(product.__file__).parent).encode() not in (exported / "model.onnx").read_bytes()


def test_weights_load_into_the_network(results: StudyResults, exported: Path) -> None:
    assert results.best is not None
    network = product.load_run(results.best.folder).network
    weights = load_file(exported / "model.safetensors")
    assert weights.keys() == network.state_dict().keys()
    network.load_state_dict(weights)


def test_the_card_says_how_good_it_is_and_its_code_runs_without_papilio(
    results: StudyResults, exported: Path, tmp_path: Path
) -> None:
    card = (exported / "card.md").read_text()
    best = results.best
    assert best is not None
    (described,) = results.environment["data"]
    low, high = share_interval(best.metrics["test_accuracy"], described["num_test"])
    assert f"| test accuracy | {best.metrics['test_accuracy']:.4f} | {low:.4f} to {high:.4f} | " in card
    assert f"digits: {described['num_train']:,} training images; " in card
    assert "images that training and selection did not see" in card
    assert "reduced" in card and "30% of the images" in card and "mean ± sd of 2 runs" in card
    (tmp_path / "model.onnx").write_bytes((exported / "model.onnx").read_bytes())
    picture = Image.fromarray(digits()[3, 0]).resize((50, 40))
    picture.putalpha(
        Image.linear_gradient("L").resize(picture.size)
    )  # Papilio lays it on white, and so must the card's code
    picture.save(tmp_path / "picture.png")
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=100, env={}
    )
    assert done.returncode == 0, done.stderr
    (own,) = product.predict(best.folder, tmp_path / "picture.png")
    label, probability = done.stdout.split()
    assert label == own.label and float(probability) == pytest.approx(own.confidence, abs=1e-4)


def test_the_cards_code_reads_pictures_of_16_bits_as_papilio_does(
    results: StudyResults, exported: Path, tmp_path: Path
) -> None:
    """Pillow's convert("L") makes all of their pixels white."""
    (tmp_path / "model.onnx").write_bytes((exported / "model.onnx").read_bytes())
    Image.fromarray(digits()[3, 0].astype(np.uint16) * 257).save(tmp_path / "picture.png")
    (code,) = re.findall(r"```python\n(.*?)```", (exported / "card.md").read_text(), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=100, env={}
    )
    assert done.returncode == 0, done.stderr
    assert results.best is not None
    (own,) = product.predict(results.best.folder, tmp_path / "picture.png")
    label, probability = done.stdout.split()
    assert label == own.label and float(probability) == pytest.approx(own.confidence, abs=1e-4)


def test_files_that_are_there_are_not_replaced_unasked(results: StudyResults, exported: Path, tmp_path: Path) -> None:
    (tmp_path / "card.md").write_text("of somebody else")
    done = papilio("export", results.folder, "--out", tmp_path)
    assert done.returncode == 2 and "card.md: already exists" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["card.md"]
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="is a file"):
        product.export(results.folder, tmp_path / "file")


def test_images_in_color_and_several_views_are_in_the_file(tmp_path: Path, no_report: None) -> None:
    train = STUDY["train"] | {"views": {"num": 3, "rotate": 10, "flip": True}, "standardise": True, "epochs": 1}
    run = a_run(tmp_path / "out", data=COLOR, model=SMALL_CNN, train=train)
    paths, checked = product.export(run, tmp_path / "exported")
    assert set(checked.differences) == {"model.onnx: probabilities"} and "images of digits" in checked.what
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    (probabilities,) = answers(paths[0], images=images).values()
    assert np.allclose(probabilities, run.probabilities(images.transpose(0, 3, 1, 2)), atol=1e-5)


@pytest.mark.parametrize("design", ["coarse_to_fine", "von_mises"])
def test_a_reading_is_a_value_in_its_unit(design: str, tmp_path: Path, no_report: None) -> None:
    run = a_run(
        tmp_path / "out",
        data={"name": "clocks", "render": {"num": 300}, "size": 16},
        model=SMALL_CNN,
        train=STUDY["train"] | {"epochs": 1, "target": design},
    )
    paths, _ = product.export(run, tmp_path / "exported")
    images = load_images("clocks", render={"num": 300}, size=16).images[:9]
    found = answers(paths[0], images=images[:, 0])
    values, confidence = run.read(images)
    apart = np.abs(found["values"] - values)
    assert np.minimum(apart, 720 - apart).max() < 0.05
    if design == "von_mises":
        assert "confidence" not in found
    else:
        assert np.allclose(found["confidence"], confidence, atol=1e-4)
    card = paths[-1].read_text()
    assert "minutes on a dial of twelve hours" in card and 'f"{minutes // 60' in card


@pytest.mark.parametrize("engine", ["torch", "numpy"])
def test_an_autoencoder_reconstructs_encodes_and_decodes(engine: str, tmp_path: Path, no_report: None) -> None:
    train = STUDY["train"] | {"epochs": 1, "engine": engine}
    run = a_run(tmp_path / "out", model={"family": "vae", **DENSE}, train=train)
    paths, checked = product.export(run, tmp_path / "exported")
    assert [path.name for path in paths] == ["model.onnx", "decoder.onnx", "model.safetensors", "card.md"]
    images = digits()
    found = answers(paths[0], images=images[:, 0])
    assert np.allclose(found["reconstructions"], run.reconstruct(images)[:, 0], atol=1e-4)
    assert np.allclose(found["latents"], run.encode(images), atol=1e-3)
    (decoded,) = answers(paths[1], latents=found["latents"]).values()
    assert np.abs(np.round(decoded * 255) - run.decode(found["latents"])[:, 0]).max() <= 1
    assert len(re.findall("```python", paths[-1].read_text())) == 2 and len(checked.differences) == 3


def test_a_conditional_generator_takes_latents_and_classes(tmp_path: Path, no_report: None) -> None:
    run = a_run(
        tmp_path / "out",
        data=STUDY["data"] | {"size": 16, "fraction": 0.1},
        model={"family": "dcgan", "latents": 5, "width": 4, "conditional": True, "average": 0.5},
        train={"epochs": 1, "batch_size": 32},
    )
    paths, _ = product.export(run, tmp_path / "exported")
    latents = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    (images,) = answers(paths[0], latents=latents, classes=np.array([1, 7, 1])).values()
    assert np.abs(np.round(images * 255) - run.decode(latents, labels=[1, 7, 1])[:, 0]).max() <= 1
    card = paths[-1].read_text()
    assert "no metric ranks runs of this kind" in card
    assert "select the epoch" not in card and "validation images" in card and "see the intervals" not in card


def test_the_card_of_a_classifier_that_was_not_measured(tmp_path: Path, no_report: None) -> None:
    """It said that no metric ranks such runs, and that it was measured on few images (0)."""
    data = STUDY["data"] | {"validation": 0, "test": 0}
    train = {"epochs": 1, "best": "train_loss"}
    run = a_run(tmp_path / "out", data=data, model={"family": "mlp", "units": [4]}, train=train)
    card = product.export(run, tmp_path / "exported")[0][-1].read_text()
    assert "No scores: there were no test images, and no validation images." in card
    assert not any(words in card for words in ("no metric ranks", "0 test images", "see the intervals"))


@pytest.mark.parametrize("is_here", [True, False])
def test_the_card_of_a_set_with_duplicates_says_that_test_images_were_seen(
    is_here: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    labels = np.arange(60) % 2
    held_out = np.concatenate([draw[:3], 255 - draw[40:57]])
    np.savez(tmp_path / "set.npz", x_train=draw, y_train=labels, x_test=held_out, y_test=labels[:20])
    model = {"family": "mlp", "units": [4]}
    run = a_run(tmp_path / "out", data={"path": str(tmp_path / "set.npz")}, model=model)
    if not is_here:
        monkeypatch.setattr("papilio.exports.export.own_images", lambda run: None)
    product.export(run, tmp_path / "exported")
    card = (tmp_path / "exported" / "card.md").read_text()
    assert "did not see" not in card
    assert "20 images of the test split. 3 test images have the same pixels as training or validation images" in card


@pytest.fixture(scope="module")
def program(results: StudyResults) -> Program:
    (only,) = programs_of(product.load_run(results.runs[0].folder))
    return only


def test_noise_is_looked_at_where_the_set_is_gone(
    results: StudyResults, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("papilio.exports.export.own_images", lambda run: None)
    monkeypatch.setattr("papilio.exports.export.programs_of", lambda run: [program])
    _, checked = product.export(results.runs[0].folder, tmp_path / "exported")
    assert "noise" in checked.what
    assert "noise" in (tmp_path / "exported" / "card.md").read_text()


@pytest.mark.parametrize("wrong", [1.01, np.nan])
def test_a_file_that_differs_from_the_run_is_not_written(
    wrong: float, results: StudyResults, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = replace(program, answers=lambda given: {"probabilities": wrong * program.answers(given)["probabilities"]})
    monkeypatch.setattr("papilio.exports.export.programs_of", lambda run: [changed])
    with pytest.raises(RunError, match="differs from the run's own by up to"):
        product.export(results.runs[0].folder, tmp_path / "exported")
    assert not (tmp_path / "exported").exists()


def test_the_same_run_makes_the_same_file(results: StudyResults, program: Program, exported: Path) -> None:
    best = results.best
    assert best is not None
    (again,) = programs_of(product.load_run(best.folder))
    about = onnx_files.metadata_of(product.load_run(best.folder), title=STUDY["title"])
    assert onnx_files.onnx_file(again, about) == (exported / "model.onnx").read_bytes()


class TiedToItsBatch(nn.Module):
    """A network of a user's own that torch can only express for as many images as it was shown."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(64, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images.reshape(len(images), 64))


class Unspeakable(TiedToItsBatch):
    """A network whose way depends on its numbers."""

    def forward(self, images: Tensor) -> Tensor:
        outputs = super().forward(images)
        return outputs if float(outputs.sum()) > 0 else -outputs


@pytest.mark.parametrize(
    ("network", "message"),
    [(TiedToItsBatch, "does not run for every batch size"), (Unspeakable, "cannot be expressed in ONNX")],
)
def test_a_network_that_cannot_be_exported_is_refused_in_a_line(
    network: type[nn.Module], message: str, tmp_path: Path, no_report: None, capfd: pytest.CaptureFixture[str]
) -> None:
    study = STUDY | {"model": {"family": lambda image_shape, num_classes: network(num_classes)}}
    found = product.run_study(study | {"stage": [{"name": "only"}]}, out=tmp_path / "out", is_silent=True)
    own = product.load_run(found.runs[0].folder, network=study["model"]["family"])
    capfd.readouterr()
    with pytest.raises(RunError, match=message):
        product.export(own, tmp_path / "exported")
    assert not (tmp_path / "exported").exists()
    assert capfd.readouterr().err == ""  # dozens of lines of the exporter's stood there


def test_missing_packages_are_named_with_the_remedy(
    results: StudyResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_files, "PACKAGES", ("onnx", "no-such-package"))
    with pytest.raises(RequestError, match=r"needs no-such-package: pip install 'papilio\[onnx\]'"):
        product.export(results.folder, tmp_path / "exported")


def test_intervals_of_shares_stay_possible() -> None:
    """The numbers of Newcombe (1998), Statistics in Medicine 17, Table I, method 3."""
    for share, num, low, high in [
        (81 / 263, 263, 0.2553, 0.3662),
        (15 / 148, 148, 0.0624, 0.1605),
        (1 / 29, 29, 0.0061, 0.1718),
    ]:
        assert share_interval(share, num) == pytest.approx((low, high), abs=1e-4)
    assert share_interval(0.0, 20)[0] == 0.0 and share_interval(1.0, 20)[1] == 1.0
