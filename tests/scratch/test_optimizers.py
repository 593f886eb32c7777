"""Every optimizer by hand against PyTorch in float64, and what it does with numbers that are next to nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from papilio.scratch.optimizers import STEPS_BETWEEN_SWEEPS, Adam, Momentum, Optimizer, RmsProp, Rule
from papilio.training.optimizers import make_optimizer

CASES: dict[str, tuple[str, dict[str, Any], Rule]] = {
    "sgd": ("sgd", {}, Momentum()),
    "sgd with momentum": ("sgd", {"momentum": 0.7}, Momentum(0.7)),
    "momentum": ("momentum", {}, Momentum(0.9)),
    "large momentum": ("momentum", {"momentum": 0.99}, Momentum(0.99)),
    "rmsprop": ("rmsprop", {}, RmsProp()),
    "rmsprop with momentum": ("rmsprop", {"momentum": 0.9}, RmsProp(0.9)),
    "adam": ("adam", {}, Adam()),
    "adam with other betas": ("adam", {"betas": (0.5, 0.9)}, Adam((0.5, 0.9))),
}


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
@pytest.mark.parametrize("case", CASES)
def test_steps_are_those_of_torch(case: str, weight_decay: float) -> None:
    name, extras, rule = CASES[case]
    rng = np.random.default_rng(0)
    start = rng.standard_normal(50)
    w, parameter = start.copy(), torch.nn.Parameter(torch.tensor(start).reshape(5, 10))  # torch decays matrices only
    ours = Optimizer(rule, w, weight_decay=weight_decay, decayed=[slice(0, 50)])
    theirs = make_optimizer(name, [parameter], learning_rate=0.01, weight_decay=weight_decay, **extras)
    for step in range(2 * STEPS_BETWEEN_SWEEPS + 10):
        g = rng.standard_normal(50) * 10.0 ** rng.integers(-12, 2, 50)
        g[:10] = 0 if step > 20 else g[:10]  # no gradient any more
        parameter.grad = torch.tensor(g).reshape(5, 10)
        rate = theirs.param_groups[0]["lr"] = 0.01 / (1 + step)
        theirs.step()
        ours.step(g.copy(), rate=rate)
        np.testing.assert_allclose(w, parameter.detach().numpy().ravel(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_what_is_remembered_of_weights_without_gradient_does_not_become_denormal(case: str) -> None:
    """Steps with such numbers took up to six times as long, and 0.9 times the smallest of them is itself."""
    rule = CASES[case][2]
    w, rng = np.zeros(40, np.float32), np.random.default_rng(0)
    optimizer = Optimizer(rule, w)
    for step in range(30 * STEPS_BETWEEN_SWEEPS):
        g = rng.standard_normal(40).astype(np.float32)
        g[20:] = 0 if step else 1e-20
        optimizer.step(g, rate=0.001)
    for array in optimizer.remembered.values():
        assert not np.any((array != 0) & (np.abs(array) < np.finfo(np.float32).tiny))
        assert not array[20:].any()
