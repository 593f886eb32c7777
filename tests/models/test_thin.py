"""Convolutions to and from images of few channels: the numbers and gradients are torch's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from papilio.models import thin

CASES = [(1, 3, 1, (14, 14)), (3, 4, 1, (8, 6)), (1, 4, 1, (5, 7)), (2, 3, 1, (7, 7)), (1, 4, 2, (6, 6))]


def gradients(layer: nn.Module, inputs: Tensor) -> tuple[Tensor, list[Tensor]]:
    """What a layer gives, the gradients of its cubes for inputs and parameters, and those of a penalty on the first."""
    given = layer(inputs)
    wanted = [inputs, *layer.parameters()]
    first = torch.autograd.grad((given**3).sum(), wanted, create_graph=True)
    second = torch.autograd.grad(first[0].square().sum(), wanted[:2])
    return given, [*first, *second]


@pytest.mark.parametrize("missing", [0, 1])
@pytest.mark.parametrize(("few", "kernel", "padding", "sides"), CASES)
def test_a_transposed_convolution_to_few_channels_is_torchs(
    few: int, kernel: int, padding: int, sides: tuple[int, int], missing: int
) -> None:
    torch.manual_seed(0)
    ours = thin.ConvTranspose2d(6, few, kernel, 2, padding, missing).double()
    theirs = nn.ConvTranspose2d(6, few, kernel, 2, padding, missing).double()
    theirs.load_state_dict(ours.state_dict())
    features = torch.randn(3, 6, *sides, dtype=torch.float64, requires_grad=True)
    _assert_same(gradients(ours, features), gradients(theirs, features))
    with torch.no_grad():
        assert torch.equal(ours(features), theirs(features))


@pytest.mark.parametrize(("few", "kernel", "padding", "sides"), CASES)
def test_a_convolution_of_few_channels_is_torchs(few: int, kernel: int, padding: int, sides: tuple[int, int]) -> None:
    torch.manual_seed(0)
    ours = thin.Conv2d(few, 6, kernel, 2, padding).double()
    theirs = nn.Conv2d(few, 6, kernel, 2, padding).double()
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(3, few, *sides, dtype=torch.float64, requires_grad=True)
    _assert_same(gradients(ours, images), gradients(theirs, images))


def test_what_is_not_thin_is_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = thin.spread
    monkeypatch.setattr(thin, "spread", lambda *given: calls.append(1) or real(*given))
    features = torch.randn(2, 6, 5, 5)
    thin.ConvTranspose2d(6, 8, 3, 2, 1)(features)
    thin.ConvTranspose2d(6, 1, 5, 2, 2)(features)
    thin.ConvTranspose2d(6, 1, 3, 1, 1)(features)
    with torch.autocast("cpu", torch.bfloat16):
        assert thin.ConvTranspose2d(6, 1, 3, 2, 1)(features).dtype == torch.bfloat16
    assert not calls
    thin.ConvTranspose2d(6, 1, 3, 2, 1)(features)
    assert calls == [1]


def _assert_same(ours: tuple[Tensor, list[Tensor]], theirs: tuple[Tensor, list[Tensor]]) -> None:
    for one, other in zip([ours[0], *ours[1]], [theirs[0], *theirs[1]], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
