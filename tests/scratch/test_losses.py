"""Every loss and objective by hand against PyTorch, and against finite differences, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from slopes import slope

from papilio.data.facts import ImageFacts
from papilio.engine import find_engine
from papilio.kinds.registry import kind_of, make_objective
from papilio.models.plans import PURPOSES
from papilio.numpy_engine.nets import build, weights_of
from papilio.scratch.losses import Posterior, bernoulli_nats, cross_entropy, gaussian_nats, squared_error
from papilio.scratch.network import Network
from papilio.scratch.objectives import Batch
from papilio.settings.run_settings import RunSettings
from papilio.training import batches as torch_batches
from papilio.training.noise import Noise
from papilio.training.vae import kl_nats, reconstruction_nats

FACTS = ImageFacts((1, 6, 6), ("a", "b", "c"))
few = settings(max_examples=40, deadline=None)
SHAPES = st.lists(st.integers(1, 4), min_size=2, max_size=4).map(
    tuple
)  # features, or channel, height, width; and batch
SEEDS = st.integers(0, 2**31)


def as_rows(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, -1, 0)


def leaf(columns: np.ndarray) -> torch.Tensor:
    """The same as PyTorch has it, the batch first, with a gradient to come."""
    return torch.tensor(np.ascontiguousarray(as_rows(columns)), requires_grad=True)


def same(found: np.ndarray, wanted: torch.Tensor | None) -> None:
    assert wanted is not None
    np.testing.assert_allclose(as_rows(found), wanted.detach().numpy(), rtol=1e-10, atol=1e-10)


@few
@given(st.integers(1, 5), st.integers(1, 6), SEEDS)
def test_cross_entropy(classes: int, batch: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # with a FAINT probability the gradient is not quite PyTorch's: no such here
    logits, labels = 3 * rng.standard_normal((classes, batch)), rng.integers(0, classes, batch)
    again = leaf(logits)
    losses = F.cross_entropy(again, torch.tensor(labels), reduction="none")
    losses.mean().backward()
    found, gradient = cross_entropy(logits, labels)
    same(found, losses)
    same(gradient, again.grad)
    np.testing.assert_allclose(gradient, slope(lambda: cross_entropy(logits, labels)[0].mean(), logits), atol=1e-8)


@few
@given(SHAPES, SEEDS)
def test_squared_error(shape: tuple[int, ...], seed: int) -> None:
    outputs, images = np.random.default_rng(seed).random((2, *shape))
    again = leaf(outputs)
    loss = F.mse_loss(again, torch.tensor(np.ascontiguousarray(as_rows(images))))
    loss.backward()
    value, gradient = squared_error(outputs, images)
    assert value == pytest.approx(loss.item(), rel=1e-12)
    same(gradient, again.grad)
    np.testing.assert_allclose(gradient, slope(lambda: squared_error(outputs, images)[0], outputs), atol=1e-8)


@few
@given(SHAPES, SEEDS, st.sampled_from(["bernoulli", "gaussian"]), st.sampled_from([0.1, 1.0, 20.0]))
def test_likelihoods(shape: tuple[int, ...], seed: int, likelihood: str, size: float) -> None:
    rng = np.random.default_rng(seed)
    logits, images = size * rng.standard_normal(shape), rng.random(shape)

    def nats() -> tuple[np.ndarray, np.ndarray]:
        return bernoulli_nats(logits, images) if likelihood == "bernoulli" else gaussian_nats(logits, images, 0.3)

    again = leaf(logits)
    pixels = torch.tensor(np.ascontiguousarray(as_rows(images)))
    square = (len(pixels), 1, 1, -1)  # PyTorch's side takes images
    wanted = reconstruction_nats(again.reshape(square), pixels.reshape(square), likelihood, 0.3)
    wanted.sum().backward()
    found, gradient = nats()
    same(found, wanted)
    same(gradient, again.grad)
    np.testing.assert_allclose(gradient, slope(lambda: nats()[0].sum(), logits), rtol=1e-5, atol=1e-6)


@few
@given(st.integers(1, 4), st.integers(1, 5), SEEDS)
def test_the_posterior_of_a_variational_autoencoder(latents: int, batch: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    coded, epsilon = rng.standard_normal((2 * latents, batch)), rng.standard_normal((latents, batch))
    dz, dkl = rng.standard_normal((latents, batch)), rng.standard_normal((latents, 1))
    again = leaf(coded)
    mean, log_variance = again.chunk(2, dim=1)
    z, kl = mean + torch.tensor(epsilon.T) * (0.5 * log_variance).exp(), kl_nats(mean, log_variance)
    ((z * torch.tensor(dz.T)).sum() + (kl * torch.tensor(dkl.T)).sum()).backward()
    posterior = Posterior(coded)
    same(posterior.draw(epsilon), z)
    same(posterior.kl_nats(), kl)
    same(posterior.backward(dz, epsilon, dkl), again.grad)

    def value() -> float:
        there = Posterior(coded)
        return float((there.draw(epsilon) * dz).sum() + (there.kl_nats() * dkl).sum())

    np.testing.assert_allclose(posterior.backward(dz, epsilon, dkl), slope(value, coded), rtol=1e-6, atol=1e-7)


CODER = {"filters": [2], "dense": [4], "latents": 2, "activation": "tanh"}  # without corners, for the differences
OBJECTIVES: dict[str, tuple[str, dict[str, Any], dict[str, Any], int]] = {
    "classify": ("cnn", {"filters": [2], "dense": [5], "activation": "tanh"}, {}, 0),
    "reconstruct": ("autoencoder", CODER, {}, 0),
    "vary": ("vae", CODER, {}, 0),
    "vary, gaussian": ("vae", CODER, {"likelihood": "gaussian", "sigma": 0.4, "beta": 3.0}, 0),
    "vary, warming up": ("vae", CODER, {"warm_up": 4, "beta": 0.5}, 3),
    "vary, not warm yet": ("vae", CODER, {"warm_up": 4}, 0),
    "vary, free bits": ("vae", CODER, {"free_bits": 0.2}, 0),
}


class Draws(Noise):
    """The normal numbers of a NumPy generator, where a torch objective asks for noise."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.from_numpy(self.rng.standard_normal(shape[::-1]).T.copy())


def prepared(name: str) -> tuple[RunSettings, Network, Batch]:
    """The objective's settings, a net with random weights, float64, and a few images."""
    family, arguments, own, _ = OBJECTIVES[name]
    engine, rng = find_engine("numpy", {}), np.random.default_rng(4)
    plain = engine.model_settings(family).model_validate(arguments).model_dump()
    train = {"engine": "numpy", "objective": engine.purpose(family), "objective_settings": own, "precision": "float64"}
    tables = {"data": {"name": "digits"}, "model": {"family": family, **plain}, "train": train}
    network = build(family, plain, image_shape=FACTS.shape, num_classes=3).allocate(np.float64)
    network.values[...] = 0.5 * rng.standard_normal(len(network.values))
    return RunSettings.of(tables), network, Batch(rng.random((1, 6, 6, 5)), rng.integers(0, 3, 5))


def paid(metrics: dict[str, Any], network: Network, batch: Batch, own: dict[str, Any], step: int) -> float:
    """What `measure` goes downhill on, where that is not the loss that it tells."""
    if "kl" not in metrics:
        return float(metrics["loss"])
    posterior = Posterior(network.stacks["encoder"].forward(batch.images))
    kl, free = posterior.kl_nats().mean(axis=1), own.get("free_bits", 0)
    weight = own.get("beta", 1.0) * (min(1.0, step / own["warm_up"]) if "warm_up" in own else 1.0)
    return float(metrics["reconstruction"] + weight * np.where(kl < free, free, kl).sum())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_of_an_objective_are_slopes(name: str) -> None:
    _, _, own, step = OBJECTIVES[name]
    run, network, batch = prepared(name)
    objective = make_objective(kind_of(run.train, FACTS, {}), "numpy", run.train, FACTS, {})

    def value() -> float:
        metrics = objective.measure(network, batch, np.random.default_rng(7), step)
        return paid(metrics, network, batch, own, step)

    slopes = slope(value, network.values)
    value()
    np.testing.assert_allclose(network.gradients, slopes, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_of_an_objective_are_those_of_torch(name: str) -> None:
    from papilio.models.families import FAMILIES as TORCH_FAMILIES

    family, arguments, _, step = OBJECTIVES[name]
    run, network, batch = prepared(name)
    kind = kind_of(run.train, FACTS, {})
    objectives = [make_objective(kind, engine, run.train, FACTS, {}) for engine in ("numpy", "torch")]
    given = {} if family in PURPOSES else {"num_classes": 3}
    net = TORCH_FAMILIES[family](FACTS.shape, **given, **arguments)
    net.double().load_state_dict(
        {name.removeprefix("network/"): torch.from_numpy(one) for name, one in weights_of(network).items()}
    )
    metrics = objectives[0].measure(network, batch, np.random.default_rng(7), step)
    images = torch.from_numpy(np.ascontiguousarray(as_rows(batch.images)))
    told = torch_batches.Batch(images, torch.from_numpy(batch.labels))
    loss, wanted = objectives[1].phases[0].loss({"network": net}, told, Draws(np.random.default_rng(7)), step)
    loss.backward()
    assert metrics["loss"] == pytest.approx(wanted["loss"].item(), rel=1e-10)
    assert metrics == pytest.approx(
        {name: value.item() for name, value in wanted.items()}, rel=1e-7
    )  # float32 ones, too
    for name, parameter in net.named_parameters():
        found = network.gradients[network.places[name]].reshape(parameter.shape)
        assert parameter.grad is not None
        np.testing.assert_allclose(found, parameter.grad.numpy(), rtol=1e-10, atol=1e-10)
