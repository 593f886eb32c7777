"""The losses of autoencoders and variational ones, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence

from papilio.models.autoencoder import Coded, vae
from papilio.settings.train_settings import TrainSettings
from papilio.training import reconstruct
from papilio.training import vae as variational
from papilio.training.batches import Batch
from papilio.training.noise import Noise
from papilio.training.objectives import Objective

TRAIN = TrainSettings()


def noise(seed: int = 0) -> Noise:
    return Noise(torch.Generator().manual_seed(seed))


def batch(num: int = 6, side: int = 8) -> Batch:
    images = torch.rand(num, 1, side, side, generator=torch.Generator().manual_seed(1))
    return Batch(images, torch.zeros(num))


class Fixed(nn.Module):
    """Posteriors and an image that do not depend on what it is shown."""

    def __init__(self, mean: Tensor, log_variance: Tensor, logit: float) -> None:
        super().__init__()
        self.mean, self.log_variance, self.logit = mean, log_variance, logit
        self.latents = mean.shape[1]
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor, epsilon: Tensor | None = None) -> Tensor | Coded:
        logits = torch.full_like(images, self.logit) + self.weight
        num = len(images)
        return torch.sigmoid(logits) if epsilon is None else Coded(logits, self.mean[:num], self.log_variance[:num])


def loss_of(objective: Objective, network: nn.Module, given: Batch, *, step: int = 0) -> tuple[float, dict[str, float]]:
    total, metrics = objective.phases[0].loss({"network": network}, given, noise(), step)
    return total.item(), {name: value.item() for name, value in metrics.items()}


def test_kl_is_that_of_two_normal_distributions() -> None:
    mean, log_variance = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    posterior = Normal(mean, (log_variance / 2).exp())
    expected = kl_divergence(posterior, Normal(torch.zeros(()), torch.ones(())))
    torch.testing.assert_close(variational.kl_nats(mean, log_variance), expected.double())


def test_likelihoods_are_those_of_their_distributions() -> None:
    images, logits = torch.rand(4, 2, 3, 3, dtype=torch.float64), torch.randn(4, 2, 3, 3, dtype=torch.float64)
    binary = (images > 0.5).double()
    found = variational.reconstruction_nats(logits, binary, "bernoulli", 0.1)
    torch.testing.assert_close(found, -Bernoulli(logits=logits).log_prob(binary).flatten(1).sum(1))
    found = variational.reconstruction_nats(logits, images, "gaussian", 0.3)
    torch.testing.assert_close(found, -Normal(torch.sigmoid(logits), 0.3).log_prob(images).flatten(1).sum(1))


def test_the_loss_is_summed_over_pixels_and_latents_and_averaged_over_images() -> None:
    given = batch(num=6, side=8)
    network = Fixed(torch.full((6, 4), 2.0), torch.zeros(6, 4), logit=0.0)
    total, metrics = loss_of(variational.objective(TRAIN, beta=3.0), network, given)
    assert metrics["reconstruction"] == pytest.approx(64 * math.log(2), rel=1e-6)
    assert metrics["kl"] == pytest.approx(4 * 2.0)  # 0.5 mean² each
    assert metrics["elbo"] == pytest.approx(-(64 * math.log(2) + 8), rel=1e-6)
    assert total == pytest.approx(64 * math.log(2) + 3 * 8, rel=1e-6) == metrics["loss"]


@pytest.mark.parametrize(("side", "latents"), [(4, 2), (16, 2), (4, 8)])
def test_beta_means_the_same_at_every_size(side: int, latents: int) -> None:
    """What doubling beta adds is the KL of an image, whatever its size."""
    network = Fixed(torch.full((6, latents), 1.0), torch.zeros(6, latents), logit=0.0)
    once, metrics = loss_of(variational.objective(TRAIN, beta=1.0), network, batch(side=side))
    twice, _ = loss_of(variational.objective(TRAIN, beta=2.0), network, batch(side=side))
    assert twice - once == pytest.approx(metrics["kl"], rel=1e-4) == pytest.approx(latents * 0.5, rel=1e-4)


def test_beta_warms_up_step_by_step() -> None:
    assert [variational.warmth(step, 4) for step in range(6)] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    assert variational.warmth(0, 0) == 1.0
    network = Fixed(torch.full((6, 2), 2.0), torch.zeros(6, 2), logit=0.0)
    objective = variational.objective(TRAIN, beta=2.0, warm_up=10)
    totals = [loss_of(objective, network, batch(), step=step)[0] for step in (0, 5, 10)]
    assert totals[1] - totals[0] == pytest.approx(4.0, rel=1e-4)  # half of beta 2 times KL 4
    assert totals[2] - totals[0] == pytest.approx(8.0, rel=1e-4)
    # what is told has the whole beta from the start: records of different epochs compare
    assert loss_of(objective, network, batch(), step=0)[1]["loss"] == pytest.approx(totals[2])


def test_free_bits_cost_nothing_up_to_their_number_and_pull_at_nothing() -> None:
    mean = torch.tensor([[0.2, 2.0]] * 6)
    mean.requires_grad_(True)
    network = Fixed(mean, torch.zeros(6, 2), logit=0.0)
    objective = variational.objective(TRAIN, free_bits=0.5)
    total, metrics = loss_of(objective, network, batch())
    assert total == pytest.approx(metrics["reconstruction"] + 0.5 + 2.0, rel=1e-6)  # KL 0.02 counts as 0.5
    assert metrics["kl"] == pytest.approx(2.02, rel=1e-5)
    objective.phases[0].loss({"network": network}, batch(), noise(), 0)[0].backward()
    assert mean.grad is not None and torch.all(mean.grad[:, 0] == 0) and torch.all(mean.grad[:, 1] != 0)


def test_active_units_are_latents_whose_means_vary() -> None:
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(1000, 3, generator=generator) * torch.tensor([1.0, 0.2, 0.05])
    assert variational.active_units({"means": means}) == {"active_units": 2.0}
    assert variational.active_units({"means": means[:1]}) == {"active_units": 0.0}


def test_what_is_measured_of_a_vae() -> None:
    network = vae((1, 8, 8), filters=[4], dense=[8], latents=3).eval()
    objective, given = variational.objective(TRAIN), batch()
    first, second = (objective.evaluate({"network": network}, given, noise(3)) for _ in range(2))
    assert first.keys() == {"loss", "elbo", "reconstruction", "kl", "error", "means"}
    assert all(torch.equal(first[name], second[name]) for name in first)
    torch.testing.assert_close(first["error"], (network(given.images) - given.images).square().mean())
    assert first["means"].shape == (6, 3)


class Same(nn.Module):
    """Gives back what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.shown: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        self.shown.append(images)
        return images + self.weight


def test_errors_of_an_autoencoder() -> None:
    images, again = torch.rand(3, 1, 4, 4), torch.rand(3, 1, 4, 4)
    assert reconstruct.ERRORS["squared"](again, images) == pytest.approx(float(((again - images) ** 2).mean()))
    assert reconstruct.ERRORS["absolute"](again, images) == pytest.approx(float((again - images).abs().mean()))
    expected = -(images * again.log() + (1 - images) * (1 - again).log()).mean()
    torch.testing.assert_close(reconstruct.ERRORS["bernoulli"](again, images), expected)


def test_a_denoising_autoencoder_is_shown_noise_and_held_to_the_clean_image() -> None:
    network, given = Same(), batch(num=200)
    objective = reconstruct.objective(TRAIN, noise="gaussian", level=0.1)
    total, metrics = loss_of(objective, network, given)
    (shown,) = network.shown
    assert total == metrics["loss"] == pytest.approx(float((shown - given.images).square().mean()), rel=1e-5)
    assert 0.5 * 0.1**2 < total < 0.1**2  # what leaves [0, 1] is cut off
    measured = objective.evaluate({"network": network}, given, noise())
    assert measured["error"] == 0 and measured["loss"] > 0  # clean images come back as they are


def test_kinds_of_noise() -> None:
    images = torch.full((400, 3, 10, 10), 0.5)
    gaussian = reconstruct.noisy(images, "gaussian", [0.1], noise())
    assert float((gaussian - images).std()) == pytest.approx(0.1, rel=0.02)
    masked = reconstruct.noisy(images, "masking", [0.3], noise())
    assert float((masked == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert torch.all((masked == 0) | (masked == 0.5))
    salted = reconstruct.noisy(images, "salt_and_pepper", [0.3], noise())
    assert float((salted == 0).float().mean()) == pytest.approx(0.15, abs=0.01)
    assert float((salted == 1).float().mean()) == pytest.approx(0.15, abs=0.01)
    for found in (masked, salted):  # a pixel is hit in all of its channels
        changed = (found != 0.5).float()
        assert torch.equal(changed.amin(1), changed.amax(1))


def test_of_several_levels_each_image_has_one() -> None:
    images = torch.full((600, 1, 16, 16), 0.5)
    found = reconstruct.noisy(images, "gaussian", [0.02, 0.1], noise())
    deviations = (found - images).flatten(1).std(1).numpy()
    near = np.stack([np.abs(deviations - level) < 0.2 * level for level in (0.02, 0.1)])
    assert near.any(0).all() and 0.4 < near[0].mean() < 0.6


def test_penalties_are_minimized_but_not_told() -> None:
    network = vae((1, 8, 8), filters=[], dense=[4], latents=2)
    penalized = TrainSettings.model_validate({"regularizer": {"l2": 0.1}})
    for make in (variational.objective,):
        (plain, told), (total, same) = (loss_of(make(train), network, batch()) for train in (TRAIN, penalized))
        assert total > plain and told["loss"] == same["loss"]


def test_free_bits_count_for_a_latents_mean_over_the_batch() -> None:
    mean = torch.tensor([[0.0], [2.0]] * 3)  # a KL of 0 or 2, 1 on average: nothing is below half a nat
    network = Fixed(mean, torch.zeros(6, 1), logit=0.0)
    total, metrics = loss_of(variational.objective(TRAIN, free_bits=0.5), network, batch())
    assert total == pytest.approx(metrics["reconstruction"] + 1.0, rel=1e-6)


def test_active_units_take_the_variance_of_a_sample() -> None:
    means = torch.tensor([[0.0], [0.12], [0.0], [0.22]])  # 0.0085 over n, 0.0113 over n - 1
    assert variational.active_units({"means": means}) == {"active_units": 1.0}


def test_penalties_of_an_autoencoder_are_minimized_but_not_told() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Unflatten(1, (1, 8, 8)))
    penalized = TrainSettings.model_validate({"regularizer": {"l1": 0.01, "l2": 0.1}})
    (plain, told), (total, same) = (
        loss_of(reconstruct.objective(train), network, batch()) for train in (TRAIN, penalized)
    )
    weight = network[1].weight
    added = 0.01 * weight.abs().sum() + 0.1 * weight.square().sum()
    assert total - plain == pytest.approx(added.item(), rel=1e-4) and told["loss"] == same["loss"]


def test_noisy_images_stay_between_black_and_white() -> None:
    found = reconstruct.noisy(torch.rand(50, 1, 8, 8), "gaussian", [0.5], noise())
    assert float(found.min()) == 0 and float(found.max()) == 1
