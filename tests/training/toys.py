"""Small nets, images and objectives. The autoencoder and the game are not shipped: they show that no engine knows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from papilio.data.imageset import ImageSet
from papilio.kinds.choosing import ranking_of
from papilio.kinds.kind import Kind
from papilio.models.families import build_nets, find_builder
from papilio.runs.loop import Outcome, TrainingRun, Watcher, train_runs
from papilio.settings.train_settings import TrainSettings
from papilio.targets.classes import Classes
from papilio.training.batches import Batch
from papilio.training.noise import Noise
from papilio.training.objectives import Nets, Objective, Phase
from papilio.training.session import TorchSession
from papilio.training.supervised import supervised

SHAPE = (1, 8, 8)


class AutoEncoder(nn.Module):
    """64 pixels, 6 latents, 64 pixels, with dropout and batch normalization in between."""

    def __init__(self, latents: int = 6) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, latents), nn.BatchNorm1d(latents), nn.Dropout(0.1))
        self.decoder = nn.Sequential(nn.ReLU(), nn.Linear(latents, 64), nn.Sigmoid(), nn.Unflatten(1, SHAPE))

    def forward(self, images: Tensor) -> Tensor:
        return self.decoder(self.encoder(images))


def reconstruction() -> Objective:
    """The mean squared error of an autoencoder, as an objective of a few lines."""

    def measure(nets: Nets, batch: Batch) -> Tensor:
        return (nets["network"](batch.images) - batch.images).square().mean()

    def loss(nets: Nets, batch: Batch, noise: Noise, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        error = measure(nets, batch)
        return error, {"loss": error}

    return Objective(
        phases=(Phase("network", loss),),
        evaluate=lambda nets, batch, noise: {"loss": measure(nets, batch)},
        directions={"loss": "min"},
        best="val_loss",
    )


def two_nets() -> dict[str, nn.Module]:
    """A generator of 8x8 images from 4 numbers, a discriminator, and an average of the generator's weights."""
    make_generator = lambda: nn.Sequential(nn.Linear(4, 64), nn.Sigmoid(), nn.Unflatten(1, SHAPE))  # noqa: E731
    return {
        "generator": make_generator(),
        "discriminator": nn.Sequential(nn.Flatten(), nn.Linear(64, 1)),
        "average": make_generator(),
    }


def game(critic_steps: int = 2) -> Objective:
    """Two nets against each other: alternating phases, repeats, shared fakes, a weight that grows with the step, an
    averaged generator, and no best epoch."""

    def share(nets: Nets, batch: Batch, noise: Noise, step: int) -> dict[str, Tensor]:
        return {"latents": noise.normal(len(batch), 4)}

    def criticise(nets: Nets, batch: Batch, noise: Noise, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        fakes = nets["generator"](batch.shared["latents"]).detach() + 0.01 * noise.normal(len(batch), *SHAPE)
        gap = nets["discriminator"](fakes).mean() - nets["discriminator"](batch.images).mean()
        size = sum(weight.square().sum() for weight in nets["discriminator"].parameters())
        return gap + min(1.0, step / 10) * size, {"critic": gap}

    def generate(nets: Nets, batch: Batch, noise: Noise, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        score = -nets["discriminator"](nets["generator"](batch.shared["latents"])).mean()
        return score, {"generator": score}

    @torch.no_grad()
    def average(nets: Nets, step: int) -> None:
        for slow, fast in zip(nets["average"].parameters(), nets["generator"].parameters(), strict=True):
            slow.lerp_(fast, 0.1)

    def evaluate(nets: Nets, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        fakes = nets["average"](noise.normal(len(batch), 4))
        return {"distance": (fakes.mean(0) - batch.images.mean(0)).square().mean()}

    return Objective(
        phases=(Phase("discriminator", criticise, repeats=critic_steps), Phase("generator", generate)),
        evaluate=evaluate,
        directions={"distance": "min", "critic": "max", "generator": "min"},
        best=None,
        share=share,
        after_step=average,
    )


def toy_images(num: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """uint8 images (num, 1, 8, 8) whose brightness tells their class, one of three."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, num)
    images = rng.integers(0, 60, (num, *SHAPE)) + labels[:, None, None, None] * 80
    return images.astype(np.uint8), labels.astype(np.int64)


def toy_set(num_validation: int = 26) -> ImageSet:
    """70 training images, and images for validation."""
    images, labels = toy_images(70 + num_validation)
    splits = {"train": np.arange(70), "validation": np.arange(70, len(images)), "test": np.arange(0)}
    return ImageSet("toys", images, labels, ("dark", "grey", "light"), **splits, origin="drawn")


class ToyRun:
    """A run of a few small steps, without a folder."""

    def __init__(
        self, nets: dict[str, nn.Module], objective: Objective, *, settings: TrainSettings, images: ImageSet, seed: int
    ) -> None:
        self.settings = settings
        self.images = images
        self.objective = objective
        self.session = TorchSession(nets, objective, settings=settings, images=images, seed=seed)

    @property
    def nets(self) -> dict[str, nn.Module]:
        return self.session.modules

    def run(self, *, checkpoint: Path | None = None, watcher: Watcher | None = None) -> Outcome:
        """Train to the end, or until the watcher wants a stop; the nets then have the best epoch's weights."""
        metrics = self.objective.directions or {"loss": "min", "accuracy": "max"}
        ranked_by = self.objective.best if self.objective.directions else "val_accuracy"
        kind = Kind("toy", objectives={}, metrics=lambda train, facts: metrics, ranked_by=ranked_by)
        has_validation = len(self.images.validation) > 0
        ranking, patience = ranking_of(kind, self.settings, self.images.facts, has_validation=has_validation)
        with self.session as session:
            (outcome,) = train_runs(session, [TrainingRun(self.settings, ranking, patience, checkpoint, watcher)])
            if outcome.best_epoch is not None:
                session.load_weights(0, outcome.weights)
        return outcome

    def evaluate(self) -> dict[str, Any]:
        return self.session.evaluate("validation")[0]


def toy_training(kind: str, *, seed: int = 1, **settings: Any) -> ToyRun:
    """A training of a few small steps: "mlp", "cnn", "autoencoder" or "game"."""
    train = TrainSettings(**{"epochs": 4, "batch_size": 20, **settings})
    objective = {"autoencoder": reconstruction, "game": game}.get(kind, lambda: supervised(Classes(3)))()
    builder, model = {
        "mlp": (find_builder("mlp"), {"units": [16], "dropout": 0.3, "batch_norm": True}),
        "cnn": (find_builder("cnn"), {"filters": [4, 6], "dense": [8], "dropout": 0.3, "conv_dropout": 0.2}),
        "autoencoder": (AutoEncoder, {}),
        "game": (two_nets, {}),
    }[kind]
    nets = build_nets(builder, model, image_shape=SHAPE, heads=(3,), seed=seed)
    return ToyRun(nets, objective, settings=train, images=toy_set(), seed=seed)


class Stopper:
    """A watcher that keeps the records and asks to stop after `epochs` (None: never)."""

    def __init__(self, epochs: int | None = None) -> None:
        self.epochs = epochs
        self.records: list[dict[str, Any]] = []

    def on_step(self, *, epoch: int, step: int, num_steps: int) -> None: ...

    def on_epoch(self, record: dict[str, Any]) -> None:
        self.records.append(record)

    def wants_stop(self) -> bool:
        return self.epochs is not None and len(self.records) >= self.epochs


def weights_of(training: ToyRun) -> dict[str, Tensor]:
    """Every net's tensors, copied."""
    return {
        f"{name}/{key}": one.clone() for name, net in training.nets.items() for key, one in net.state_dict().items()
    }


def same_weights(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether all tensors are equal bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
