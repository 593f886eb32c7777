"""What a gan records of its two nets, against closed forms."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from papilio.data.facts import ImageFacts
from papilio.kinds.registry import game_metrics
from papilio.settings.train_settings import TrainSettings
from papilio.training.batches import Batch
from papilio.training.gan import LossName, diversity, draw, judged, objective
from papilio.training.noise import Noise


class ByBrightness(nn.Module):
    """A discriminator whose logit is the sum of the pixels."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1).sum(1, keepdim=True)


def test_what_the_discriminator_says_is_told() -> None:
    real, fakes = torch.full((4, 1, 1, 1), 2.0), torch.tensor([-1.0, 1.0, -3.0, 3.0]).reshape(4, 1, 1, 1)
    found = judged({"discriminator": ByBrightness()}, Batch(real, torch.zeros(4)), fakes)
    assert found["real_score"].item() == pytest.approx(1 / (1 + torch.tensor(-2.0).exp().item()), abs=1e-6)
    assert found["fake_score"].item() == pytest.approx(0.5, abs=1e-6)
    real_nats = torch.nn.functional.softplus(torch.tensor(-2.0))
    fake_nats = torch.nn.functional.softplus(fakes).mean()
    assert found["discriminator_loss"].item() == pytest.approx(((real_nats + fake_nats) / 2).item(), abs=1e-6)


@pytest.mark.parametrize("loss", ["hinge", "wasserstein"])
def test_what_is_no_probability_is_not_told_as_one(loss: LossName) -> None:
    real, fakes = torch.full((4, 1, 1, 1), 2.0), torch.full((4, 1, 1, 1), -3.0)
    found = judged({"discriminator": ByBrightness()}, Batch(real, torch.zeros(4)), fakes, loss=loss)
    assert set(found) == {"discriminator_loss", "real_output", "fake_output"}
    assert (found["real_output"].item(), found["fake_output"].item()) == (2.0, -3.0)
    train = TrainSettings(objective="gan", objective_settings={"loss": loss})
    assert set(found) < game_metrics(train, ImageFacts((1, 8, 8))).keys()


def test_the_averaged_generator_is_what_is_measured() -> None:
    class Flat(nn.Module):
        latents = 2

        def __init__(self, value: float) -> None:
            super().__init__()
            self.value = value

        def forward(self, latents: Tensor) -> Tensor:
            return torch.full((len(latents), 1, 1, 1), self.value)

    nets = {"generator": Flat(3.0), "discriminator": ByBrightness()}
    batch = Batch(torch.rand(6, 1, 1, 1), torch.zeros(6, dtype=torch.int64), {})
    scores = []
    for more in ({}, {"average": Flat(-3.0)}):
        measured = objective().evaluate(nets | more, batch, Noise(torch.Generator().manual_seed(0)))
        scores.append(measured["fake_score"].item())
    assert scores[0] == pytest.approx(1 - scores[1], abs=1e-6) and scores[0] > 0.9


def test_diversity_is_the_distance_of_all_pairs_as_a_share() -> None:
    generator = torch.Generator().manual_seed(0)
    fakes, real = (torch.rand(7, 3, 4, 5, generator=generator) * scale for scale in (0.3, 1.0))

    def squared(images: Tensor) -> Tensor:
        return torch.stack([(a - b).square().sum() for a, b in itertools.product(images, repeat=2)]).mean()

    assert diversity(fakes, real).item() == pytest.approx((squared(fakes) / squared(real)).sqrt().item(), rel=1e-5)
    assert diversity(real, real).item() == pytest.approx(1, abs=1e-6)
    assert diversity(real[:1].expand(7, -1, -1, -1), real).item() == pytest.approx(0, abs=1e-3)
    assert torch.isfinite(diversity(fakes[:1], real[:1]))  # the last batch may be of one image


def test_diversity_with_classes_is_of_pairs_of_the_same_class() -> None:
    generator = torch.Generator().manual_seed(0)
    real = torch.rand(12, 1, 4, 5, generator=generator)
    classes = torch.tensor([0, 1, 2, 0] * 3)
    one_of_each = torch.arange(3.0)[classes].reshape(-1, 1, 1, 1).expand(-1, 1, 4, 5)
    assert diversity(one_of_each, real).item() > 1
    assert diversity(one_of_each, real, classes).item() == pytest.approx(0, abs=1e-6)
    fakes = real * 0.3 + one_of_each
    assert diversity(fakes, real, classes).item() == pytest.approx(0.3, rel=1e-5)
    assert diversity(fakes[:3], real[:3], classes[:3]).item() == diversity(fakes[:3], real[:3]).item()  # no pairs


def test_pixels_outside_are_counted() -> None:
    class Outside(nn.Module):
        latents = 2

        def forward(self, latents: Tensor) -> Tensor:
            return torch.tensor([-0.1, 0.0, 1.0, 1.1]).expand(len(latents), -1).reshape(-1, 1, 2, 2)

    nets = {"generator": Outside(), "discriminator": ByBrightness()}
    batch = Batch(torch.rand(6, 1, 2, 2), torch.zeros(6, dtype=torch.int64), {})
    measured = objective().evaluate(nets, batch, Noise(torch.Generator().manual_seed(0)))
    assert measured["outside"].item() == pytest.approx(0.5)
    assert set(measured) == {
        "discriminator_loss",
        "generator_loss",
        "real_score",
        "fake_score",
        "diversity",
        "outside",
    }


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_diversity_with_classes_weighs_a_class_by_its_images() -> None:
    real = torch.rand(12, 1, 4, 5, generator=generator())
    classes = torch.tensor([0] * 9 + [1] * 3)
    fakes = torch.where((classes == 0)[:, None, None, None], real, torch.zeros(()))  # one class is always drawn alike

    def away(images: Tensor) -> Tensor:
        return sum((one - one.mean(0)).square().sum() for one in (images[:9], images[9:]))

    expected = (away(fakes) / away(real)).sqrt().item()
    assert diversity(fakes, real, classes).item() == pytest.approx(expected, rel=1e-5)


class PaintsClass(nn.Module):
    """A generator whose images are as bright as their class, and a little noise."""

    latents, classes = 1, 3

    def forward(self, given: Tensor) -> Tensor:
        return (given[:, 1:].argmax(1) + 0.1 * given[:, 0]).reshape(-1, 1, 1, 1)


def test_diversity_that_is_measured_of_a_conditional_game_is_within_classes() -> None:
    nets = {"generator": PaintsClass(), "discriminator": ByBrightness()}
    given = Batch(torch.rand(12, 1, 1, 1, generator=generator()), torch.arange(12) % 3)
    measured = objective().evaluate(nets, given, Noise(generator()))
    expected = diversity(draw(nets, given, Noise(generator())), given.images, given.targets)
    assert measured["diversity"].item() == pytest.approx(expected.item(), rel=1e-6) and expected < 1
