"""Studies that the NumPy engine trains: resumed, killed, measured, and read by the torch engine."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from tiny import all_weights, start, tiny, without_times, write_study

from in_process import papilio
from papilio.data.imageset import ImageSet
from papilio.data.load import load_images
from papilio.engine import Arrays, Diverged, Engine, Lane, Nets, Session, find_engine
from papilio.errors import RunError, SettingError, StudyError
from papilio.runs.folder import RunFolder
from papilio.settings.run_settings import RunSettings
from papilio.workbench import load_run, run_study

NETS: dict[str, dict[str, Any]] = {
    "mlp": {"family": "mlp", "units": [16], "dropout": 0.2},
    "cnn": {"family": "cnn", "filters": [2, 4], "dense": [8], "conv_dropout": 0.1},
    "autoencoder": {"family": "autoencoder", "filters": [2, 3], "dense": [8], "latents": 3},
    "vae": {"family": "vae", "filters": [2, 3], "dense": [8], "latents": 2, "dropout": 0.1},
}


def settings_of(net: str, **train: Any) -> RunSettings:
    engine = find_engine("numpy", {})
    family, *_ = NETS[net].values()
    own = {name: value for name, value in NETS[net].items() if name != "family"}
    arguments = engine.model_settings(family).model_validate(own).model_dump()
    plain = {"engine": "numpy", "objective": engine.purpose(family), "batch_size": 32, "epochs": 4} | train
    return RunSettings.of({"data": {"name": "digits"}, "model": {"family": family, **arguments}, "train": plain})


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return load_images("digits", fraction=0.2)


def equal(first: Arrays, second: Arrays) -> bool:
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def test_it_is_an_engine_as_the_protocol_has_it(digits: ImageSet) -> None:
    engine = find_engine("numpy", {})
    assert isinstance(engine, Engine)
    session = engine.prepare([Lane(settings_of("mlp"), digits, 0)], threads=1)
    assert isinstance(session, Session) and isinstance(session.nets(0), Nets)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rmsprop", "adam"])
@pytest.mark.parametrize("net", NETS)
def test_what_is_taken_up_again_goes_on_bit_for_bit(
    net: str, optimizer: str, digits: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("papilio.scratch.optimizers.STEPS_BETWEEN_SWEEPS", 7)
    settings = settings_of(net, optimizer=optimizer, learning_rate=1e-4, schedule="cosine")
    engine = find_engine("numpy", {})
    with engine.prepare([Lane(settings, digits, 3)], threads=1) as session:
        for _ in range(2):
            session.train_epoch()
        kept, weights = session.state(0), session.weights(0)
        records = [session.train_epoch()[0], session.evaluate("validation")[0], session.train_epoch()[0]]
        assert not equal(session.weights(0), weights)
        with engine.prepare([Lane(settings, digits, 3)], threads=1) as other:
            steps = records[0]["step"] * 2 // 3
            other.load(0, kept, epoch=2, step=steps)
            again = [other.train_epoch()[0], other.evaluate("validation")[0], other.train_epoch()[0]]
            assert again == records
            assert equal(other.state(0), session.state(0))


def test_the_same_seed_gives_the_same_weights(digits: ImageSet) -> None:
    found = []
    for seed in (0, 0, 1):
        with find_engine("numpy", {}).prepare([Lane(settings_of("vae"), digits, seed)], threads=1) as session:
            session.train_epoch()
            found.append(session.weights(0))
    assert equal(found[0], found[1]) and not equal(found[0], found[2])


@pytest.mark.parametrize("net", NETS)
def test_torch_takes_its_weights_and_gives_the_same(net: str, digits: ImageSet) -> None:
    settings = settings_of(net)
    engine, torch_engine = find_engine("numpy", {}), find_engine("torch", {})
    with engine.prepare([Lane(settings, digits, 0)], threads=1) as session:
        session.train_epoch()
        ours, weights = session.nets(0), session.weights(0)
    theirs = torch_engine.load(settings, digits.facts, weights)
    images = digits.images[:40]
    names = ["network", *(f"network.{part}" for part in ("encoder",) if "encoder" in net)]
    for name in names:
        np.testing.assert_allclose(ours.forward(name, images), theirs.forward(name, images), rtol=1e-4, atol=1e-5)
    for row in engine.describe(settings, digits.facts).layers:
        found, wanted = (one.forward("network", images, until=row.name) for one in (ours, theirs))
        assert found.shape == wanted.shape and found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    again = engine.load(settings, digits.facts, weights)
    np.testing.assert_array_equal(again.forward("network", images), ours.forward("network", images))
    with pytest.raises(RunError, match="made for another network; these differ"):
        engine.load(settings_of("mlp" if net != "mlp" else "vae"), digits.facts, weights)


def test_a_loss_that_is_no_number_ends_the_run(digits: ImageSet) -> None:
    settings = settings_of("mlp", optimizer="sgd", learning_rate=1e30)
    with find_engine("numpy", {}).prepare([Lane(settings, digits, 0)], threads=1) as session:
        record = session.train_epoch()[0]
        assert isinstance(record, Diverged) and "train_loss became" in record.reason


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": {"family": "gan"}}, "model.family = gan; it supports mlp, cnn, lenet5, autoencoder, vae"),
        ({"model__batch_norm": True}, "model.batch_norm = true; it supports false"),
        ({"model__activation": "gelu"}, "model.activation = gelu; it supports relu"),
        ({"model": {"family": "cnn", "head": "average"}}, "model.head = average; it supports flatten"),
        ({"model": {"family": "vae", "decoder": "resize"}}, "model.decoder = resize; it supports mirror"),
        ({"model": {"family": "vae", "blocks": 1}}, "model.blocks = 1; it supports 0"),
        ({"train__optimizer": "adamw"}, "train.optimizer = adamw; it supports sgd, momentum, rmsprop, adam"),
        ({"train__precision": "bfloat16"}, "train.precision = bfloat16; it supports float32, float64"),
        ({"train__device": "cuda"}, "train.device = cuda; it supports cpu"),
        ({"train__label_smoothing": 0.1}, "train.label_smoothing"),
        ({"train__augment": {"shift": 1}}, "train.augment"),
        ({"train__standardize": True}, "train.standardize"),
        ({"train__regularizer": {"l2": 0.1}}, "train.regularizer"),
        ({"model": {"family": "autoencoder"}, "train__objective_settings": {"noise": "masking"}}, "noise = masking"),
        (
            {"train__objective": "autoencoder"},
            "train.objective = autoencoder with model.family = mlp; it supports autoencoder",
        ),
        (
            {"model": {"family": "vae"}, "train__objective": "autoencoder"},
            "model.family = vae; it supports autoencoder",
        ),
        (
            {"model": {"family": "vae"}, "train__objective": "supervised"},
            "train.objective = supervised with model.family = vae; it supports mlp, cnn, lenet5",
        ),
    ],
)
def test_what_it_does_not_know_is_refused_by_name_before_anything_is_trained(
    change: dict[str, Any], told: str, tmp_path: Path
) -> None:
    study = tiny(train__engine="numpy", **change)
    with pytest.raises(StudyError if "train__device" not in change else Exception) as caught:
        run_study(study, out=tmp_path / "out", is_silent=True)
    assert 'train.engine = "numpy" does not support' in str(caught.value) and told in str(caught.value)
    assert "\n" not in str(caught.value) and not (tmp_path / "out" / "runs").exists()


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"family": "cnn", "kernel_size": 9}, "model: kernel_size: 9 is larger than the images, 8x8"),
        (
            {"family": "mlp", "units": [8], "netwrok": {"stage": "one"}},
            "there is no such part of the network; did you mean network?",
        ),
        (
            {"family": "vae", "filters": [], "encoder.dense9": {"stage": "one"}},
            "model.encoder.dense9: there is no such part",
        ),
    ],
)
def test_what_cannot_be_built_is_refused_before_anything_is_trained(
    model: dict[str, Any], told: str, tmp_path: Path
) -> None:
    stages = [{"name": "one", "model": {"family": model["family"]}}, {"name": "two", "model": model}]
    study = tiny(model={}, train__engine="numpy", stage=stages)
    with pytest.raises(StudyError) as caught:
        run_study(study, out=tmp_path / "out", is_silent=True)
    assert told in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "runs").exists()


@pytest.mark.parametrize("units", [10**8, 10**10])
def test_a_net_larger_than_memory_is_told_of(units: int, digits: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETS, "mlp", {"family": "mlp", "units": [units, units]})
    with pytest.raises(SettingError, match="its weights need more memory than there is"):
        find_engine("numpy", {}).describe(settings_of("mlp"), digits.facts)


def test_float64_is_not_for_torch(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r'float64 needs train.engine = "numpy"'):
        run_study(tiny(train__precision="float64"), out=tmp_path / "out", is_silent=True)


def test_a_study_from_the_command_line_to_its_report(tmp_path: Path) -> None:
    out, study = tmp_path / "out", tiny(train__epochs=2, analysis=[{"kind": "classification"}, {"kind": "projection"}])
    done = papilio("run", write_study(tmp_path / "tiny.toml", study), "--set", "train.engine=numpy", "--out", out)
    assert done.returncode == 0, done.stderr
    page = (out / "report.html").read_text()
    assert 'id="analysis-classification-' in page and 'id="analysis-projection-' in page
    assert "Linear(in_features=64" in papilio("show", tmp_path / "tiny.toml", "--set", "train.engine=numpy").stdout
    folder = next(file.parent for file in sorted(out.glob("runs/*/weights.safetensors")))
    run = load_run(folder)
    assert run.probabilities(np.zeros((2, 1, 8, 8), np.uint8)).sum(1) == pytest.approx([1, 1])
    assert "test accuracy" in papilio("compare", out, out).stdout


def test_a_variational_autoencoder_is_used_as_one_of_torch_is(tmp_path: Path) -> None:
    model = {"family": "vae", "filters": [4, 4], "dense": [16], "latents": 2}
    study = tiny(model=model, stage=[{"name": "one"}], train__engine="numpy", analysis=[{"kind": "plane"}])
    results = run_study(study, out=tmp_path / "out", is_silent=True)
    run = load_run(results.runs[0].folder)
    assert run.latents == 2 and run.sample(3).shape == (3, 1, 8, 8)
    images = np.zeros((4, 1, 8, 8), np.uint8)
    mean, log_variance = run.posterior(images)
    assert mean.shape == log_variance.shape == (4, 2)
    np.testing.assert_array_equal(run.decode(run.encode(images)), np.round(run.reconstruct(images) * 255))
    assert {"test_elbo", "test_kl", "test_error", "test_active_units"} <= run.metrics.keys()
    with pytest.raises(Exception, match=r"expected \(num, "):
        run.decode(np.zeros((1, 3)))
    assert 'id="analysis-plane-' in (tmp_path / "out" / "report.html").read_text()


def test_a_run_begins_with_the_weights_of_one_of_the_other_engine(tmp_path: Path) -> None:
    first = run_study(tiny(stage=[{"name": "one"}], analysis=[]), out=tmp_path / "torch", is_silent=True)
    source = {"run": str(first.runs[0].folder)}
    model = {"family": "mlp", "units": [16], "network": source}
    study = tiny(model=model, stage=[{"name": "one"}], train__epochs=1, train__learning_rate=1e-9, analysis=[])
    study["train"]["engine"] = "numpy"
    second = run_study(study, out=tmp_path / "numpy", is_silent=True)
    (before, after) = (load_run(one.runs[0].folder) for one in (first, second))
    images = np.random.default_rng(0).integers(0, 256, (20, 1, 8, 8)).astype(np.uint8)
    np.testing.assert_allclose(after.outputs(images), before.outputs(images), atol=1e-4)
    for name, value in before.metrics.items():
        if name.startswith("test_"):
            assert after.metrics[name] == pytest.approx(value, abs=1e-4)


def test_killed_and_resumed_equals_undisturbed_bit_for_bit(tmp_path: Path) -> None:
    study = tiny(train__engine="numpy", train__epochs=30, data__fraction=1.0)
    file = write_study(tmp_path / "long.toml", study)
    run_study(study, out=tmp_path / "whole", is_silent=True)
    rng, out, num_kills = random.Random(5), tmp_path / "out", 0
    for _ in range(2):
        process = start(file, out)
        target = num_records(out) + rng.randint(5, 30)
        while num_records(out) < target and process.poll() is None:
            time.sleep(0.01)
        if process.poll() is None:
            for one in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
                os.kill(one.pid, signal.SIGKILL)
                num_kills += 1
        process.communicate()
    assert num_kills >= 4
    done = papilio("run", file, "--out", out)
    assert done.returncode == 0, done.stderr
    assert all_weights(out) == all_weights(tmp_path / "whole")
    assert without_times(out / "results.csv") == without_times(tmp_path / "whole" / "results.csv")


def num_records(out: Path) -> int:
    return sum(len(RunFolder(folder).read_records()) for folder in out.glob("runs/*"))
