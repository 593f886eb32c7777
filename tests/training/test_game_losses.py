"""The losses and penalties of adversarial nets against closed forms, the averaged generator, and resuming."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from toys import Stopper, ToyRun, same_weights, weights_of

from papilio.data.imageset import ImageSet
from papilio.errors import SettingError
from papilio.kinds.options import GameSettings
from papilio.models.dcgan import dcgan
from papilio.models.families import build_nets
from papilio.settings.train_settings import TrainSettings
from papilio.settings.validation import validated
from papilio.training.batches import Batch
from papilio.training.gan import discriminator_loss, follow, generator_loss, gradient_penalty, objective
from papilio.training.noise import Noise

ON_REAL, ON_FAKES = torch.tensor([[2.0], [-0.5], [0.3]]), torch.tensor([[-2.0], [0.5], [0.1]])


def noise() -> Noise:
    return Noise(torch.Generator().manual_seed(0))


class Linear(nn.Module):
    """A discriminator whose gradient is its weights, everywhere."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, images: Tensor) -> Tensor:
        return (images * self.weights).flatten(1).sum(1, keepdim=True)


def test_losses_are_their_formulas() -> None:
    expected = (softplus(-ON_REAL).mean() + softplus(ON_FAKES).mean()) / 2
    torch.testing.assert_close(discriminator_loss(ON_REAL, ON_FAKES, "non_saturating"), expected)
    # cross entropy with 0.9 is 0.9 times that with 1, and 0.1 times that with 0
    smoothed = (0.9 * softplus(-ON_REAL) + 0.1 * softplus(ON_REAL)).mean() / 2 + softplus(ON_FAKES).mean() / 2
    torch.testing.assert_close(discriminator_loss(ON_REAL, ON_FAKES, "non_saturating", smoothing=0.1), smoothed)
    torch.testing.assert_close(generator_loss(ON_FAKES, "non_saturating"), softplus(-ON_FAKES).mean())
    hinge = torch.tensor((0 + 1.5 + 0.7) / 3 + (0 + 1.5 + 1.1) / 3)
    torch.testing.assert_close(discriminator_loss(ON_REAL, ON_FAKES, "hinge"), hinge)
    wasserstein = ON_FAKES.mean() - ON_REAL.mean()
    torch.testing.assert_close(discriminator_loss(ON_REAL, ON_FAKES, "wasserstein"), wasserstein)
    for loss in ("hinge", "wasserstein"):
        torch.testing.assert_close(generator_loss(ON_FAKES, loss), -ON_FAKES.mean())


def test_gradient_penalties_of_a_linear_discriminator_are_its_weights() -> None:
    weights = torch.full((1, 4, 4), 0.5)  # of length 2
    net, real, fakes = Linear(weights), torch.rand(5, 1, 4, 4), torch.rand(5, 1, 4, 4)
    assert gradient_penalty(net, real, fakes, noise()).item() == pytest.approx(1.0, rel=1e-5)
    nets = {"discriminator": net}
    cases: list[tuple[dict[str, Any], float]] = [({"r1": 3.0}, 6.0), ({"loss": "wasserstein", "penalty": 7.0}, 7.0)]
    for settings, added in cases:
        phase = objective(**settings).phases[0]
        total, told = phase.loss(nets, Batch(real, torch.zeros(5), {"fakes": fakes}), noise(), 0)
        assert total.item() == pytest.approx(told["discriminator_loss"].item() + added, rel=1e-4)
        total.backward()
        assert net.weights.grad is not None and torch.isfinite(net.weights.grad).all()


def test_the_averaged_generator_follows_weights_and_statistics() -> None:
    nets = build_nets(dcgan, {"width": 2, "latents": 3, "average": 0.9}, image_shape=(1, 16, 16), heads=(1,), seed=0)
    before = {name: one.clone() for name, one in nets["average"].state_dict().items()}
    with torch.no_grad():
        for one in nets["generator"].state_dict().values():
            one += 1
    follow(nets, 1000)
    for name, one in nets["average"].state_dict().items():
        added = 0.1 if one.is_floating_point() else 1
        torch.testing.assert_close(one, before[name] + added)
    follow(nets, 0)  # early on it keeps a tenth
    for name, one in nets["average"].state_dict().items():
        added = 0.1 + 0.9 * 0.9 if one.is_floating_point() else 1
        torch.testing.assert_close(one, before[name] + added)
    assert not any(one.requires_grad for one in nets["average"].parameters())


def training(epochs: int = 3, model: dict[str, Any] | None = None, **settings: Any) -> ToyRun:
    """A game of a few small steps on 16x16 images."""
    images = np.random.default_rng(0).integers(0, 256, (40, 1, 16, 16)).astype(np.uint8)
    splits: dict[str, Any] = {"train": np.arange(32), "validation": np.arange(32, 40), "test": np.arange(0)}
    labels = np.arange(40) % 3
    image_set = ImageSet("noise", images, labels, ("a", "b", "c"), **splits, origin="drawn")
    nets = build_nets(dcgan, {"width": 2, "latents": 3} | (model or {}), image_shape=(1, 16, 16), heads=(3,), seed=0)
    train = TrainSettings.model_validate({"epochs": epochs, "batch_size": 8, "betas": [0.5, 0.999]})
    game = replace(objective(**settings), directions={"generator_loss": "min"})
    return ToyRun(nets, game, settings=train, images=image_set, seed=1)


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ({"average": 0.99}, {"r1": 1.0, "smoothing": 0.1}),
        ({"spectral_norm": True}, {"loss": "hinge"}),
        ({}, {"loss": "wasserstein", "discriminator_steps": 3}),
        ({"conditional": True, "average": 0.9}, {"loss": "wasserstein", "r1": 1.0}),
        ({"conditional": True, "spectral_norm": True}, {"loss": "hinge", "discriminator_steps": 2}),
    ],
)
def test_resumed_equals_uninterrupted_bit_for_bit(model: dict[str, Any], settings: Any, tmp_path: Path) -> None:
    whole, watcher = training(model=model, **settings), Stopper()
    whole.run(watcher=watcher)
    records = []
    for epochs in (1, None):
        part, part_watcher = training(model=model, **settings), Stopper(epochs)
        part.run(checkpoint=tmp_path / "state.safetensors", watcher=part_watcher)
        records += part_watcher.records
    assert same_weights(weights_of(whole), weights_of(part))
    assert [{**one, "seconds": 0} for one in records] == [{**one, "seconds": 0} for one in watcher.records]


class ByClass(nn.Module):
    """A discriminator that gives each image its class as a logit, and a generator that paints it."""

    latents, classes = 2, 3

    def forward(self, given: Tensor, classes: Tensor | None = None) -> Tensor:
        if classes is None:
            return given[:, 2:].argmax(1).float().reshape(-1, 1, 1, 1)
        assert torch.equal(given.flatten(), classes.float())  # images are of the class that it is told
        return classes.float()[:, None]


@pytest.mark.parametrize("steps", [1, 2])
def test_fakes_are_of_the_batchs_classes_and_the_discriminator_is_told_them(steps: int) -> None:
    classes = torch.tensor([0, 2, 1, 1])
    batch = Batch(classes.float().reshape(-1, 1, 1, 1), classes)
    nets: dict[str, nn.Module] = {"generator": ByClass(), "discriminator": ByClass()}
    game = objective(discriminator_steps=steps)
    assert game.share is not None
    shared = Batch(batch.images, batch.targets, game.share(nets, batch, noise(), 0))
    for phase in game.phases:
        phase.loss(nets, shared, noise(), 0)
    measured = game.evaluate(nets, batch, noise())
    expected = classes.float().sigmoid().mean()
    torch.testing.assert_close(measured["real_score"], expected)
    torch.testing.assert_close(measured["fake_score"], expected)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"loss": "hinge", "penalty": 5.0}, "penalty needs"),
        ({"loss": "hinge", "smoothing": 0.1}, "smoothing needs"),
        ({"loss": "least_squares"}, "loss"),
        ({"discriminator_steps": 0}, "discriminator_steps"),
    ],
)
def test_settings_that_do_not_go_together_are_one_line(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SettingError, match=complaint) as caught:
        validated(GameSettings, given, error=SettingError)
    assert "\n" not in str(caught.value)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Keeps(nn.Module):
    """A discriminator that keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(images.detach())
        return images.flatten(1).sum(1, keepdim=True)


def test_the_gradient_penalty_looks_between_each_real_image_and_its_fake_at_a_place_of_its_own() -> None:
    net = Keeps()
    gradient_penalty(net, torch.zeros(50, 1, 2, 2), torch.ones(50, 1, 2, 2), Noise(generator()))
    places = net.seen[0].flatten(1)
    assert torch.equal(places.amin(1), places.amax(1)) and len(places[:, 0].unique()) == 50
    assert 0 <= float(places.min()) < 0.1 and 0.9 < float(places.max()) <= 1


class Paints(nn.Module):
    """A generator whose images are its latents."""

    latents = 2

    def forward(self, latents: Tensor) -> Tensor:
        return latents.reshape(-1, 2, 1, 1)


@pytest.mark.parametrize("steps", [1, 2])
def test_each_of_several_steps_of_the_discriminator_sees_fakes_of_its_own(steps: int) -> None:
    nets: dict[str, nn.Module] = {"generator": Paints(), "discriminator": Keeps()}
    game, random, given = objective(discriminator_steps=steps), Noise(generator()), torch.zeros(4, 2, 1, 1)
    assert game.share is not None
    shared = Batch(given, torch.zeros(4), game.share(nets, Batch(given, torch.zeros(4)), random, 0))
    for _ in range(2):
        game.phases[0].loss(nets, shared, random, 0)
    _, first, _, second = nets["discriminator"].seen
    assert torch.equal(first, second) == (steps == 1)


def test_smoothing_is_in_the_loss_that_is_measured_too() -> None:
    nets: dict[str, nn.Module] = {"generator": Paints(), "discriminator": Keeps()}
    given = Batch(torch.full((4, 2, 1, 1), 2.0), torch.zeros(4))
    plain, smoothed = (
        objective(smoothing=share).evaluate(nets, given, Noise(generator()))["discriminator_loss"].item()
        for share in (0.0, 0.1)
    )
    assert smoothed - plain == pytest.approx(0.1 * 4.0 / 2, rel=1e-4)  # a tenth of the logit, of one half of the loss


def test_the_averaged_generator_follows_while_a_game_is_trained() -> None:
    run = training(epochs=1, model={"average": 0.9})
    before = weights_of(run)
    run.run()
    moved = {name for name, one in weights_of(run).items() if not torch.equal(one, before[name])}
    assert {name for name in before if name.startswith("average/") and "weight" in name} <= moved
