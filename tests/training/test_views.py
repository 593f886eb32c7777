"""Test-time augmentation: what a net says of several views of an image, averaged, and only while it does not learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from papilio.data.facts import ImageFacts
from papilio.errors import SettingError
from papilio.kinds.registry import kind_of
from papilio.settings.train_settings import TrainSettings, Views
from papilio.training.augmentation import resampled
from papilio.training.calls import Averaged, bare, in_bfloat16, with_views
from papilio.training.nets import TorchNets


def arrow(num: int = 3, side: int = 21) -> torch.Tensor:
    """Images of a bright half plane whose edge stands upright."""
    images = torch.zeros(num, 1, side, side)
    images[:, :, :, side // 2 :] = 1
    return images


class Angle(nn.Module):
    """The direction in which an image gets brighter, in degrees, and its mean brightness."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        inner = images[:, 0, 5:-5, 5:-5]
        down, across = inner.diff(dim=1).mean((1, 2)), inner.diff(dim=2).mean((1, 2))
        return torch.stack([torch.atan2(down, across) * 180 / math.pi, inner.mean((1, 2))], dim=1)


@pytest.mark.parametrize(("num", "rotate", "degrees"), [(5, 12, [-12, -6, 0, 6, 12]), (2, 5, [-5, 5]),
                                                        (4, 180, [-180, -90, 0, 90])])  # fmt: skip
def test_views_are_turned_in_even_steps(num: int, rotate: float, degrees: list[float]) -> None:
    views = Views(num=num, rotate=rotate)
    assert views.degrees == degrees
    net = Angle().eval()
    seen = torch.stack([net(resampled(arrow(), torch.full((3,), math.radians(one)), torch.ones(3))) for one in degrees])
    steps = torch.remainder(seen[:, 0, 0].diff() + 180, 360) - 180  # of directions, all the same way round
    assert torch.allclose(steps.abs(), torch.full_like(steps, degrees[1] - degrees[0]), atol=3)
    assert steps.sign().unique().numel() == 1
    plain = net(arrow())
    averaged = Averaged(net, views)
    net.calls = 0
    torch.testing.assert_close(averaged(arrow()), seen.mean(0), atol=1e-4, rtol=0)
    assert net.calls == num
    if num % 2:
        torch.testing.assert_close(averaged(arrow()), plain, atol=0.05, rtol=0)  # as many to the left as to the right


def test_mirror_images_are_looked_at_too() -> None:
    """Averaged with its mirror image, an edge points nowhere across, and is as bright as before."""
    net = Angle().eval()
    images = arrow() + torch.linspace(0, 1, 21)[:, None]
    plain, mirrored = net(images), net(images.flip(-1))
    averaged = Averaged(net, Views(num=1, flip=True))
    net.calls = 0
    torch.testing.assert_close(averaged(images), (plain + mirrored) / 2)
    assert net.calls == 2
    Averaged(net, Views(num=3, rotate=10, flip=True))(images)
    assert net.calls == 8


def test_a_net_that_learns_sees_the_image_itself() -> None:
    net = Angle().train()
    expected = net(arrow())
    averaged = with_views({"network": net}, TrainSettings(views=Views()))
    learning = in_bfloat16(averaged, torch.device("cpu"))["network"]
    assert torch.equal(learning(arrow()), expected)
    assert net.calls == 2
    net.eval()
    learning(arrow())
    assert net.calls == 7
    assert bare(learning) is net


def test_no_images_have_no_answers() -> None:
    averaged = with_views({"network": Angle().eval()}, TrainSettings(views=Views()))
    assert TorchNets(averaged).forward("network", np.zeros((0, 1, 21, 21), np.uint8)).shape == (0, 2)


def test_a_glance_is_one_view() -> None:
    net = Angle().eval()
    images = (arrow().numpy() * 255).astype(np.uint8)
    plain = TorchNets({"network": net}).forward("network", images)
    nets = TorchNets(with_views({"network": net}, TrainSettings(views=Views(num=2, rotate=5))))
    net.calls = 0
    np.testing.assert_array_equal(nets.forward("network", images, is_quick=True), plain)
    assert net.calls == 1
    nets.forward("network", images)
    assert net.calls == 3


@pytest.mark.parametrize("wrong", [{"num": 1}, {"rotate": 0}, {"rotate": 200}, {"zoom": 2}])
def test_wrong_views_are_refused(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        TrainSettings(views=wrong)


def test_they_go_with_supervised_learning() -> None:
    settings = TrainSettings(views=Views(), objective="autoencoder")
    with pytest.raises(SettingError, match=r"train\.views: works only with supervised learning, not with autoencoder"):
        kind_of(settings, ImageFacts((1, 8, 8), ("a", "b")), {})
