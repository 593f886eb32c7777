"""Gradients by layer: against those that PyTorch finds, of runs of either engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from papilio.analysis.gradients import gradients
from papilio.data.imageset import ImageSet
from papilio.data.load import load_images
from papilio.errors import SettingError
from papilio.kinds.options import GradientsOptions
from papilio.runs.run import Run
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
    values = weights.weights() if engine == "numpy" else {n: v.numpy() for n, v in weights.state_dict().items()}
    net.load_state_dict({name: torch.from_numpy(value) for name, value in values.items()})
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


def test_a_net_that_the_engine_by_hand_does_not_have_is_refused(digits: ImageSet, tmp_path: Path) -> None:
    run = trained(tmp_path / "out", "torch", batch_norm=True)
    with pytest.raises(SettingError, match=r"does not know model\.batch_norm"):
        gradients(run, digits, GradientsOptions())


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
