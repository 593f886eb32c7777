"""Autoencoders of the user's own: what they promise by having an encoder and a decoder, and what they need not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import papilio
from papilio.errors import StudyError
from papilio.settings.train_settings import Views
from papilio.training.calls import Averaged


class Plain(nn.Module):
    """Does not say how many latents it has."""

    def __init__(self, image_shape: tuple[int, ...], latents: int = 2) -> None:
        super().__init__()
        num = int(np.prod(image_shape))
        self.encoder: nn.Module = nn.Sequential(nn.Flatten(), nn.Linear(num, latents))
        self.decoder = nn.Sequential(nn.Linear(latents, num), nn.Sigmoid(), nn.Unflatten(1, image_shape))

    def forward(self, images: Tensor) -> Tensor:
        return self.decoder(self.encoder(images))


class Squashed(Plain):
    """Does more than its two parts."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) ** 2


class Spatial(nn.Module):
    """Has latents in rows and columns."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.decoder(self.encoder(images))


def study(net: Any) -> dict[str, Any]:
    return {
        "title": "My own",
        "data": {"name": "digits", "fraction": 0.2},
        "model": {"family": net},
        "train": {"epochs": 1, "objective": "autoencoder"},
        "analysis": [{"kind": "plane"}, {"kind": "reconstruction"}],
    }


def plain(image_shape: tuple[int, ...]) -> nn.Module:
    return Plain(image_shape)


def squashed(image_shape: tuple[int, ...]) -> nn.Module:
    return Squashed(image_shape)


def spatial() -> nn.Module:
    return Spatial()


def test_latents_need_not_be_counted_by_the_network(tmp_path: Path) -> None:
    """It was trained, and its report failed with "has no latents"."""
    (result,) = papilio.run_study(study(plain), out=tmp_path / "out", is_silent=True).runs
    run = papilio.load_run(result.folder, own={"plain": plain})
    assert run.latents == 2 and run.decode(np.zeros((3, 2), np.float32)).shape == (3, 1, 8, 8)


@pytest.mark.parametrize(
    ("net", "complaint"),
    [
        (squashed, r"decoder\(encoder\(images\)\) differs from the network's own output; move all layers"),
        (spatial, r"encoder returns \(2, 2, 8, 8\) for 2 images; expected \(num, latents\)"),
    ],
)
def test_an_encoder_and_a_decoder_are_the_network(net: Any, complaint: str, tmp_path: Path) -> None:
    """Reconstructions on the page and of `papilio predict` were others than those that were measured."""
    with pytest.raises(StudyError, match=complaint):
        papilio.run_study(study(net), out=tmp_path / "out", is_silent=True)
    assert not (tmp_path / "out" / "runs").exists()


def test_weights_go_into_a_network_that_averages_over_views() -> None:
    """As the page on exports says: names were those of what stands in front of it."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    averaged = Averaged(net, Views(num=3))
    assert list(averaged.state_dict()) == list(net.state_dict())
    averaged.load_state_dict({name: torch.zeros_like(value) for name, value in net.state_dict().items()})
    assert not net[1].weight.any()
