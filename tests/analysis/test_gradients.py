"""Gradients by layer: against those that PyTorch finds, of runs of either engine."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from papilio.analysis.gradients import gradients
from papilio.data.imageset import ImageSet
from papilio.data.load import load_images
from papilio.drawing.gradient_figures import gradient_sizes
from papilio.errors import StudyError
from papilio.kinds.options import GradientsOptions
from papilio.numpy_engine.nets import weights_of
from papilio.runs.run import Run
from papilio.studies.study import load_study
from papilio.workbench import load_run, run_study


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return load_images("digits", fraction=0.2)


def trained(out: Path, engine: str, **model: Any) -> Run:
    study = {
        "title": "One run",
        "data": {"name": "digits", "fraction": 0.2},
        "model": {"family": "mlp", "units": [12, 8], **model},
        "train": {"epochs": 2, "engine": engine},
        "stage": [{"name": "one"}],
        "analysis": [],
    }
    return load_run(run_study(study, out=out, is_silent=True).runs[0].folder)


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_they_are_those_of_torch(engine: str, digits: ImageSet, tmp_path: Path) -> None:
    run = trained(tmp_path / "out", engine)
    arrays = gradients(run, digits, GradientsOptions(num=50))
    assert arrays["layers"].tolist() == ["dense_1", "dense_2", "dense_3"] and int(arrays["num"]) == 50
    net = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 12), torch.nn.ReLU(), torch.nn.Linear(12, 8), torch.nn.ReLU(),
        torch.nn.Linear(8, 10),
    )  # fmt: skip
    weights = run.nets.modules["network"]
    values = (
        weights_of(weights)
        if engine == "numpy"
        else {f"network/{n}": v.numpy() for n, v in weights.state_dict().items()}
    )
    net.load_state_dict({name.removeprefix("network/"): torch.from_numpy(value) for name, value in values.items()})
    chosen = digits.test[:50]
    images = torch.from_numpy(digits.images[chosen]).float() / 255
    torch.nn.functional.cross_entropy(net(images), torch.from_numpy(digits.labels[chosen])).backward()
    wanted = [float(net[index].weight.grad.square().mean().sqrt()) for index in (1, 3, 5)]
    np.testing.assert_allclose(arrays["trained"], wanted, rtol=1e-4)
    assert (arrays["begun"] > 0).all() and not np.allclose(arrays["begun"], arrays["trained"])


def test_sigmoids_let_less_of_a_gradient_through(digits: ImageSet, tmp_path: Path) -> None:
    shares = []
    for activation in ("relu", "sigmoid"):
        run = trained(tmp_path / activation, "numpy", activation=activation, units=[16, 16, 16, 16])
        begun = gradients(run, digits, GradientsOptions())["begun"]
        shares.append(begun[0] / begun[-1])
    assert shares[1] < shares[0] / 20


def asking(*stages: dict[str, Any], **train: Any) -> dict[str, Any]:
    """A study of torch runs whose gradients are asked for."""
    return {
        "title": "Asked",
        "data": {"name": "digits", "fraction": 0.2},
        "train": {"epochs": 1, **train},
        "stage": [{"name": f"stage {number}", **stage} for number, stage in enumerate(stages)],
        "analysis": [{"kind": "gradients"}],
    }


@pytest.mark.parametrize(
    ("model", "train", "told"),
    [
        ({"family": "mlp", "batch_norm": True}, {}, "does not support model.batch_norm = true; it supports false"),
        ({"family": "mlp", "activation": "gelu"}, {}, "does not support model.activation = gelu"),
        ({"family": "cnn", "head": "average"}, {}, "does not support model.head = average; it supports flatten"),
        ({"family": "encoder_classifier"}, {}, "does not support train.objective = supervised with model.family"),
        ({"family": "mlp"}, {"label_smoothing": 0.1}, "does not support train.label_smoothing"),
        ({"family": "analysis_nets:own_net"}, {}, "model.family = analysis_nets:own_net"),
        ({"family": "autoencoder"}, {"objective_settings": {"error": "bernoulli"}}, "error = bernoulli"),
    ],
)
def test_nets_that_the_engine_by_hand_does_not_have_are_refused_before_anything_is_trained(
    model: dict[str, Any], train: dict[str, Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were refused behind all of the training, and a family of torch alone ended in a KeyError."""
    monkeypatch.syspath_prepend(tmp_path)
    own = "def own_net(image_shape, num_classes):\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    (tmp_path / "analysis_nets.py").write_text(f"from torch import nn\n\n\n{own}")
    with pytest.raises(StudyError) as caught:
        run_study(asking({"model": model}, **train), out=tmp_path / "out", is_silent=True)
    assert "[[analysis]] 1 (gradients): it needs a network and a loss that the NumPy engine supports" in str(
        caught.value
    )
    assert told in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "runs").exists()


def test_where_some_runs_have_such_nets_theirs_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, normed = ({"model": {"family": "mlp", "units": [8], "batch_norm": one}} for one in (False, True))
    run_study(asking(plain, normed), out=tmp_path / "out")
    assert '(gradients): skipped for stage "stage 1"' in capsys.readouterr().out
    assert (tmp_path / "out" / "report.html").read_text().count('<section id="analysis-gradients-') == 1


def test_what_a_gradient_does_not_depend_on_may_be_unknown_to_the_engine_by_hand(tmp_path: Path) -> None:
    study = asking(
        {"model": {"family": "mlp", "units": [8]}}, optimizer="adamw", augment={"shift": 1}, precision="bfloat16"
    )
    run_study(study, out=tmp_path / "out", is_silent=True)
    assert 'id="analysis-gradients-' in (tmp_path / "out" / "report.html").read_text()


def test_the_report_shows_them(tmp_path: Path) -> None:
    study = {
        "title": "Gradients",
        "data": {"name": "digits", "fraction": 0.2},
        "model": {"family": "vae", "filters": [2], "dense": [8], "latents": 2},
        "train": {"epochs": 1, "engine": "numpy"},
        "stage": [{"name": "one"}],
        "analysis": [{"kind": "gradients"}],
    }
    run_study(study, out=tmp_path / "out", is_silent=True)
    page = (tmp_path / "out" / "report.html").read_text()
    assert 'id="analysis-gradients-' in page and "conv_transpose_1" in page


def test_the_bundled_study_looks_at_the_trials_that_go_wrong_too() -> None:
    """With the best trial of each stage alone neither the sigmoids' gradients nor the one image for all were in the report."""
    settings = load_study("gradients-by-hand").settings
    trials = {stage.name: len(next(iter(stage.vary.values()))) for stage in settings.stage}
    assert all(table.top >= max(trials.values()) for table in settings.analysis)


@pytest.mark.parametrize("largest", [3e-4, 6e-3, 40.0])
def test_the_axis_of_sizes_is_numbered_in_plain_numbers(largest: float) -> None:
    """Of sizes within one power of ten it had formulas as they are written, $\\mathdefault{6\\times10^{-3}}$."""
    begun = np.array([1.1e-4, 2e-4])
    figure = gradient_sizes(["conv_1", "dense_1"], begun, np.array([largest, 2e-4]))
    figure.savefig(io.BytesIO())
    axis, (low, high) = figure.axes[0].yaxis, figure.axes[0].get_ylim()
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    numbers = [tick.label1.get_text() for tick in ticks if low <= tick.get_loc() <= high and tick.label1.get_text()]
    assert len(numbers) >= 2 and all(float(number) > 0 for number in numbers)


def test_before_training_is_with_the_weights_that_the_run_began_with(digits: ImageSet, tmp_path: Path) -> None:
    """They were those that the engine by hand draws, of a torch run, too, and random ones of a run that began with others'."""
    stages = [
        {"name": "first"},
        {"name": "second", "model": {"network": {"stage": "first"}}, "train": {"learning_rate": 1e-12}},
    ]
    study = {
        "title": "Two",
        "data": {"name": "digits", "fraction": 0.2},
        "model": {"family": "mlp", "units": [12, 8]},
        "train": {"epochs": 1, "optimizer": "sgd"},
        "stage": stages,
        "analysis": [],
    }
    first, second = (load_run(run.folder) for run in run_study(study, out=tmp_path / "out", is_silent=True).runs)
    options = GradientsOptions(num=50)
    wanted = gradients(first, digits, options)["trained"]
    np.testing.assert_allclose(gradients(second, digits, options)["begun"], wanted, rtol=1e-4)


def test_of_a_vae_the_whole_beta_counts_whatever_its_warm_up(digits: ImageSet, tmp_path: Path) -> None:
    """At step 0 of a warm-up the KL counts for nothing, and so it did in the column after training."""
    begun = []
    for warm_up in (0, 1000):
        study = {
            "title": "One",
            "data": {"name": "digits", "fraction": 0.2},
            "model": {"family": "vae", "filters": [], "dense": [8], "latents": 2},
            "train": {"epochs": 1, "objective_settings": {"beta": 500.0, "warm_up": warm_up}},
            "analysis": [],
        }
        (run,) = run_study(study, out=tmp_path / str(warm_up), is_silent=True).runs
        begun.append(gradients(load_run(run.folder), digits, GradientsOptions(num=50))["begun"])
    np.testing.assert_allclose(begun[1], begun[0], rtol=1e-5)
