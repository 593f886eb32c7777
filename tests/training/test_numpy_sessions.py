"""Sessions of the NumPy engine: what they train with, and what they measure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from toys import toy_set

from papilio.runs.train import prepare
from papilio.settings.run_settings import RunSettings


def by_hand(**train: Any) -> Any:
    plain = {
        "data": {"name": "digits"},
        "model": {"family": "mlp", "units": [8]},
        "train": {"engine": "numpy", **train},
    }
    return prepare(RunSettings.of(plain), toy_set(), seed=0, threads=1, own={})


def test_the_numpy_engine_decays_weights_but_not_biases() -> None:
    with by_hand(optimizer="sgd", weight_decay=0.5) as session:
        session.network.values[...] = 1
        session.optimizer.step(np.zeros_like(session.network.values), rate=0.1)
        for name, value in session.weights(0).items():
            assert np.allclose(value, 0.95 if name.endswith(".weight") else 1), name


def test_the_numpy_engine_tells_the_rate_of_the_last_step() -> None:
    with by_hand(optimizer="sgd", learning_rate=1.0, schedule="cosine", epochs=1, batch_size=35) as session:
        record = session.train_epoch()[0]
    assert record["learning_rate"] == pytest.approx(0.5)  # of two steps at 0 and at half of the epoch


def test_the_numpy_engine_measures_with_its_own_noise_and_without_dropout() -> None:
    images = toy_set()
    pictures, labels = images.split("validation")
    plain = {"data": {"name": "digits"}, "model": {"family": "mlp", "units": [8], "dropout": 0.5}}
    with prepare(RunSettings.of(plain | {"train": {"engine": "numpy"}}), images, seed=0, threads=1, own={}) as session:
        logits = session.nets(0).forward("network", pictures)
        right = np.exp(logits)[np.arange(len(pictures)), labels] / np.exp(logits).sum(axis=1)
        assert session.evaluate("validation")[0]["val_loss"] == pytest.approx(-np.log(right).mean(), rel=1e-4)
    vae = {"family": "vae", "filters": [], "dense": [8], "latents": 2}
    plain = {"data": {"name": "digits"}, "model": vae, "train": {"engine": "numpy", "objective": "vae"}}
    with prepare(RunSettings.of(plain), images, seed=0, threads=1, own={}) as session:
        before = session.state(0)
        assert session.evaluate("validation") == session.evaluate("validation")
        assert all(np.array_equal(one, session.state(0)[name]) for name, one in before.items())


def test_the_numpy_engine_measures_the_error_of_the_posteriors_mean() -> None:
    vae = {"family": "vae", "filters": [], "dense": [8], "latents": 2}
    plain = {"data": {"name": "digits"}, "model": vae, "train": {"engine": "numpy", "objective": "vae"}}
    images = toy_set()
    with prepare(RunSettings.of(plain), images, seed=0, threads=1, own={}) as session:
        pictures = images.images[images.validation]
        again = session.nets(0).forward("network", pictures)
        error = np.square(again - pictures / 255).mean()
        assert session.evaluate("validation")[0]["val_error"] == pytest.approx(error, rel=1e-4)
