"""The engine by hand beside the torch engine: the same nets, and from the same weights and batches the same training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from papilio.data.facts import ImageFacts
from papilio.engine import find_engine
from papilio.errors import SettingError
from papilio.kinds.registry import kind_of, make_objective
from papilio.models.families import FAMILIES as TORCH_FAMILIES
from papilio.models.layers import INITIALIZERS as TORCH_INITIALIZERS
from papilio.models.plans import PLANS, PURPOSES
from papilio.numpy_engine.nets import build, load_weights, weights_of
from papilio.numpy_engine.objectives import active_units
from papilio.numpy_engine.session import rule_of
from papilio.scratch.initializers import INITIALIZERS
from papilio.scratch.objectives import Batch
from papilio.scratch.optimizers import Optimizer
from papilio.settings.run_settings import RunSettings
from papilio.settings.validation import settings_class
from papilio.training import batches as torch_batches
from papilio.training.noise import Noise
from papilio.training.optimizers import make_optimizer
from papilio.training.states import arrays_of_nets

FACTS = ImageFacts((1, 28, 28), tuple("abcdefghij"))
NETS: dict[str, dict[str, Any]] = {
    "mlp": {"family": "mlp", "units": [20, 10], "activation": "tanh"},
    "linear": {"family": "mlp", "units": []},
    "lenet5": {"family": "lenet5"},
    "lenet5-max": {"family": "lenet5", "activation": "relu", "pooling": "max"},
    "cnn": {"family": "cnn", "filters": [4, 8], "dense": [32, 16], "activation": "leaky_relu"},
    "cnn-deep": {"family": "cnn", "filters": [3, 4, 4], "kernel_size": 5, "pool_after": [2], "dense": []},
    "autoencoder": {"family": "autoencoder", "filters": [4, 6, 6], "latents": 5},
    "vae-dense": {"family": "vae", "filters": [], "dense": [20, 10], "latents": 2},
    "vae": {"family": "vae", "filters": [4, 6], "kernel_size": 5, "dense": [16], "latents": 3, "activation": "sigmoid"},
}


def run_settings(net: str, engine: str, **train: Any) -> RunSettings:
    found = find_engine(engine, {})
    own = {name: value for name, value in NETS[net].items() if name != "family"}
    family = NETS[net]["family"]
    arguments = found.model_settings(family).model_validate(own).model_dump()
    train = {
        "engine": engine,
        "objective": found.purpose(family),
        "precision": "float64" if engine == "numpy" else None,
    } | train
    return RunSettings.of({"data": {"name": "digits"}, "model": {"family": family, **arguments}, "train": train})


class Draws(Noise):
    """The normal numbers of a NumPy generator, where a torch objective asks for noise."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.from_numpy(self.rng.standard_normal(shape[::-1]).T.copy())


@pytest.mark.parametrize("family", PLANS)
def test_families_take_the_same_settings(family: str) -> None:
    def defaults(builder: Callable[..., Any]) -> dict[str, Any]:
        return {name: field.default for name, field in settings_class(builder, family).model_fields.items()}

    assert defaults(PLANS[family]) == defaults(TORCH_FAMILIES[family])
    assert find_engine("numpy", {}).purpose(family) == find_engine("torch", {}).purpose(family)


@pytest.mark.parametrize("net", NETS)
def test_nets_are_described_alike(net: str) -> None:
    described = [find_engine(name, {}).describe(run_settings(net, name), FACTS) for name in ("numpy", "torch")]
    assert described[0] == described[1]


FEW_SIZES = st.lists(st.sampled_from([0, 1, 2, 3, 4, 5]), max_size=3)
KERNELS = st.sampled_from([0, 1, 3, 3, 4, 5, 7])
RATES = st.sampled_from([0.0, 0.3, 1.0, [0.1], [0.1, 0.2]])
ARGUMENTS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "mlp": {"units": FEW_SIZES, "dropout": RATES},
    "cnn": {
        "filters": FEW_SIZES,
        "dense": FEW_SIZES,
        "kernel_size": KERNELS,
        "pool_after": st.none() | st.lists(st.integers(0, 3), max_size=3),
        "dropout": RATES,
        "conv_dropout": st.sampled_from([0.0, 0.2]),
        "flatten_dropout": st.sampled_from([0.0, 0.2]),
    },
    "lenet5": {"activation": st.sampled_from(["relu", "tanh"]), "pooling": st.sampled_from(["max", "average"])},
    "autoencoder": {
        "filters": FEW_SIZES,
        "dense": FEW_SIZES,
        "latents": st.integers(0, 3),
        "kernel_size": KERNELS,
        "dropout": st.sampled_from([0.0, 0.2, 1.0]),
    },
}
ARGUMENTS["vae"] = ARGUMENTS["autoencoder"]


@pytest.mark.parametrize("family", PLANS)
@hypothesis.settings(max_examples=30, deadline=None)
@given(st.data())
def test_both_engines_build_the_same_nets_and_refuse_the_same(family: str, data: st.DataObject) -> None:
    facts = ImageFacts((data.draw(st.integers(1, 3)), *(data.draw(st.integers(1, 14)) for _ in range(2))), ("a", "b"))
    arguments = {name: data.draw(values, name) for name, values in ARGUMENTS[family].items()}
    found: list[Any] = []
    for name in ("numpy", "torch"):
        engine = find_engine(name, {})
        plain = engine.model_settings(family)().model_dump() | arguments
        train = {"engine": name, "objective": engine.purpose(family)}
        try:
            settings = RunSettings.of(
                {"data": {"name": "digits"}, "model": {"family": family, **plain}, "train": train}
            )
            engine.check(settings, facts)
            found.append(engine.describe(settings, facts))
        except SettingError:
            found.append("refused")
    assert found[0] == found[1]


@pytest.mark.parametrize("net", ["lenet5", "vae"])
@pytest.mark.parametrize("name", INITIALIZERS)
def test_weights_begin_as_large_as_in_torch(net: str, name: str) -> None:
    assert INITIALIZERS.keys() == TORCH_INITIALIZERS.keys()
    settings = NETS[net] | {"initializer": name}
    arguments = {key: value for key, value in settings.items() if key != "family"}
    given = {} if net == "vae" else {"num_classes": 10}
    torch.manual_seed(0)
    wanted = arrays_of_nets({"network": TORCH_FAMILIES[NETS[net]["family"]]((1, 28, 28), **given, **arguments)})
    network = build(NETS[net]["family"], arguments, image_shape=(1, 28, 28), num_classes=10).allocate()
    network.initialize(np.random.default_rng(0))
    for own, value in weights_of(network).items():
        other = wanted[own]
        if value.size > 500:
            assert value.std() == pytest.approx(other.std(), rel=0.15)
            assert np.quantile(abs(value), 0.95) == pytest.approx(np.quantile(abs(other), 0.95), rel=0.2)
        assert (abs(value).max() > 0) == (abs(other).max() > 0)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rmsprop", "adam"])
@pytest.mark.parametrize("net", NETS)
def test_a_hundred_steps_are_those_of_torch(net: str, optimizer: str) -> None:
    extras: dict[str, Any] = {"momentum": 0.5} if optimizer == "rmsprop" else {}
    rate = 1e-6 if "vae" in net and optimizer in ("sgd", "momentum") else 0.001
    asked = {"optimizer": optimizer, "learning_rate": rate, "weight_decay": 0.01, **extras}
    ours, theirs = run_settings(net, "numpy", **asked), run_settings(net, "torch", **asked)
    kind = kind_of(theirs.train, FACTS, {})
    family, arguments = ours.model.family, ours.model.arguments
    given = {} if family in PURPOSES else {"num_classes": 10}
    torch.manual_seed(0)
    nets = {"network": TORCH_FAMILIES[family](FACTS.shape, **given, **arguments).double()}
    network = build(family, arguments, image_shape=FACTS.shape, num_classes=10).allocate(np.float64)
    load_weights(network, arrays_of_nets(nets))

    theirs_objective = make_objective(kind, "torch", theirs.train, FACTS, {})
    ours_objective = make_objective(kind, "numpy", ours.train, FACTS, {})
    torch_optimizer = make_optimizer(
        optimizer, nets["network"].parameters(), learning_rate=rate, weight_decay=0.01, **extras
    )
    rule, _ = rule_of(ours.train)
    decayed = [part for name, part in network.places.items() if name.endswith("weight")]
    by_hand = Optimizer(rule, network.values, weight_decay=0.01, decayed=decayed)
    rngs = np.random.default_rng(1), np.random.default_rng(1)
    data = np.random.default_rng(2)
    for step in range(100):
        images, labels = data.random((1, 28, 28, 8)), data.integers(0, 10, 8)
        metrics = ours_objective.measure(network, Batch(images, labels), rngs[0], step)
        by_hand.step(network.gradients, rate=rate)
        batch = torch_batches.Batch(torch.from_numpy(np.moveaxis(images, -1, 0).copy()), torch.from_numpy(labels))
        loss, wanted = theirs_objective.phases[0].loss(nets, batch, Draws(rngs[1]), step)
        torch_optimizer.zero_grad()
        loss.backward()
        torch_optimizer.step()
        assert metrics.keys() == wanted.keys()
        for name, value in metrics.items():
            assert value == pytest.approx(wanted[name].item(), rel=1e-6, abs=1e-12)
    for name, value in weights_of(network).items():
        other = arrays_of_nets(nets)[name]
        np.testing.assert_allclose(value, other, rtol=0, atol=1e-6 * abs(other).max() + 1e-12, err_msg=name)


def test_both_engines_count_active_units_alike() -> None:
    means = np.array([[0.0], [0.12], [0.0], [0.22]])  # a variance of 0.0085 over n, 0.0113 over n - 1
    assert active_units({"means": means}) == {"active_units": 1.0}
