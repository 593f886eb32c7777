"""A kind of a user's own with two nets and no ranking: a painter against a critic, each with phases of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing
from torch import Tensor, nn

from papilio.data.facts import ImageFacts
from papilio.drawing.line_figures import lines
from papilio.kinds.kind import Kind
from papilio.kinds.ranking import Direction
from papilio.runs.run import Run
from papilio.sections.blocks import Section, Text
from papilio.sections.context import SectionContext
from papilio.settings.train_settings import TrainSettings
from papilio.training.batches import Batch
from papilio.training.noise import Noise
from papilio.training.objectives import Nets, Objective, Phase

NUMBERS = 3  # that the painter makes an image of


def builder(image_shape: tuple[int, int, int], *, width: int = 8) -> dict[str, nn.Module]:
    pixels = int(np.prod(image_shape))
    painter = nn.Sequential(
        nn.Linear(NUMBERS, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, pixels),
        nn.Sigmoid(),
        nn.Unflatten(1, image_shape),
    )
    critic = nn.Sequential(nn.Flatten(), nn.Linear(pixels, width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, 1))
    return {"painter": painter, "critic": critic}


def objective() -> Objective:
    """Least squares (Mao et al. 2017): the critic gives real images 1 and painted ones 0, the painter wants a 1."""

    def painted(nets: Nets, batch: Batch, noise: Noise) -> Tensor:
        return nets["painter"](noise.normal(len(batch), NUMBERS))

    def criticism(nets: Nets, batch: Batch, images: Tensor) -> Tensor:
        return (nets["critic"](batch.images) - 1).square().mean() + nets["critic"](images).square().mean()

    def criticise(nets: Nets, batch: Batch, noise: Noise, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        loss = criticism(nets, batch, painted(nets, batch, noise).detach())
        return loss, {"critic_loss": loss.detach()}

    def paint(nets: Nets, batch: Batch, noise: Noise, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        loss = (nets["critic"](painted(nets, batch, noise)) - 1).square().mean()
        return loss, {"painter_loss": loss.detach()}

    def evaluate(nets: Nets, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        return {"critic_loss": criticism(nets, batch, painted(nets, batch, noise))}

    phases = (Phase("critic", criticise, name="criticise", repeats=2), Phase("painter", paint, name="paint"))
    return Objective(phases=phases, evaluate=evaluate)


def metrics(train: TrainSettings, facts: ImageFacts) -> Mapping[str, Direction]:
    return {"critic_loss": "min", "painter_loss": "min"}


def sample(run: Run, num: int, *, seed: int = 0) -> np.ndarray:
    numbers = np.random.default_rng(seed).standard_normal((num, NUMBERS)).astype(np.float32)
    return np.round(run.nets.forward("painter", numbers) * 255).astype(np.uint8)


def warnings(records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The last loss of the critic, from its fourth epoch on."""
    return {"critic": f"the critic is at {records[-1]['train_critic_loss']:.4f}"} if len(records) >= 4 else {}


def watch(context: SectionContext) -> Section:
    assert context.run is not None
    losses = [record["train_critic_loss"] for record in context.run.records]
    places = np.arange(1, len(losses) + 1)

    def draw(width: float) -> Drawing:
        return lines({"critic": np.stack([places, losses], axis=1)}, title="Loss", place="epoch", width=width)

    figure = context.figure(draw, name="duel", label="the critic's loss")
    return Section(f"How the duel of {context.trial} goes", blocks=(Text(f"{len(losses)} rounds"), figure))


KIND = Kind(
    name="duel",
    objectives={"torch": objective},
    metrics=metrics,
    ranked_by=None,
    nets=frozenset({"painter", "critic"}),
    offers={"sample": sample},
    warnings=warnings,
    watch=watch,
)
