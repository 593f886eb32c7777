"""Images with mean 0 and standard deviation 1: what is taken off is measured on training images and kept with the weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from papilio.data.facts import ImageFacts
from papilio.errors import SettingError
from papilio.kinds.registry import kind_of
from papilio.settings.train_settings import TrainSettings
from papilio.training.standardizing import CHUNK, channel_statistics, standardize, unknown_statistics


class See(nn.Module):
    """Keeps what it is given."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen = images
        return images.flatten(1)


def test_statistics_are_those_of_the_chosen_images() -> None:
    images = np.random.default_rng(0).integers(0, 256, (CHUNK + 50, 3, 4, 5)).astype(np.uint8)
    chosen = np.arange(1, len(images), 2)
    mean, deviation = channel_statistics(images, chosen)
    assert mean.shape == deviation.shape == (3, 1, 1)
    shares = images[chosen] / 255
    np.testing.assert_allclose(mean.ravel(), shares.mean(axis=(0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(deviation.ravel(), shares.std(axis=(0, 2, 3)), rtol=1e-5)


def test_a_net_sees_images_of_mean_0_and_deviation_1() -> None:
    images = np.random.default_rng(1).integers(20, 90, (300, 2, 6, 6)).astype(np.uint8)
    net = See()
    standardize(net, *channel_statistics(images, np.arange(300)))
    net(torch.from_numpy(images) / 255)
    assert net.seen.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0, 0], abs=1e-4)
    assert net.seen.std(dim=(0, 2, 3)).tolist() == pytest.approx([1, 1], abs=1e-3)
    again = See()
    standardize(again, *unknown_statistics(2))
    again.load_state_dict(net.state_dict())
    again(torch.from_numpy(images) / 255)
    assert torch.equal(again.seen, net.seen)


def test_images_all_alike_are_not_divided_by_nothing() -> None:
    net = See()
    standardize(net, *channel_statistics(np.full((4, 1, 2, 2), 7, dtype=np.uint8), np.arange(4)))
    assert net(torch.full((1, 1, 2, 2), 7 / 255)).abs().max() < 1e-4


def test_it_goes_with_supervised_learning() -> None:
    settings = TrainSettings(standardize=True, objective="autoencoder")
    with pytest.raises(
        SettingError, match=r"train\.standardize: works only with supervised learning, not with autoenc"
    ):
        kind_of(settings, ImageFacts((1, 4, 4), ("a", "b")), {})
