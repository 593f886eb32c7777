"""A kind of a user's own, all of it in one module: an autoencoder that is shown noisy images, and a look at the hardest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from papilio.data.facts import ImageFacts
from papilio.data.imageset import ImageSet
from papilio.data.pictures import read_picture
from papilio.data.progress import Progress
from papilio.drawing.figure_files import data_uri
from papilio.kinds.kind import Analysis, Kind
from papilio.kinds.ranking import Direction
from papilio.runs.run import Run
from papilio.sections.blocks import Gallery, Picture, Section, Table
from papilio.sections.context import SectionContext
from papilio.settings.train_settings import TrainSettings
from papilio.training.batches import Batch
from papilio.training.noise import Noise
from papilio.training.objectives import Nets, Objective, Phase


class Squeezer(nn.Module):
    """Pixels, a few numbers, pixels; with batch normalization and dropout, whose states a checkpoint has to keep."""

    def __init__(self, image_shape: tuple[int, int, int], numbers: int) -> None:
        super().__init__()
        pixels = int(np.prod(image_shape))
        self.squeeze = nn.Sequential(nn.Flatten(), nn.Linear(pixels, numbers), nn.BatchNorm1d(numbers), nn.Dropout(0.1))
        self.unfold = nn.Sequential(nn.Linear(numbers, pixels), nn.Sigmoid(), nn.Unflatten(1, image_shape))

    def forward(self, images: Tensor) -> Tensor:
        return self.unfold(self.squeeze(images))


def builder(image_shape: tuple[int, int, int], *, numbers: int = 4) -> Squeezer:
    return Squeezer(image_shape, numbers)


class Spoiling(BaseModel):
    """The settings of the kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spoil: float = Field(0.05, ge=0, description="standard deviation of the noise on what the net is shown")


def objective(spoil: float = 0.05) -> Objective:
    """The mean squared error against the image without the noise."""

    def loss(nets: Nets, batch: Batch, noise: Noise, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        spoilt = batch.images + spoil * noise.normal(*batch.images.shape)
        error = (nets["network"](spoilt) - batch.images).square().mean()
        return error, {"gap": error.detach()}

    def evaluate(nets: Nets, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        return {"gap": (nets["network"](batch.images) - batch.images).square().mean()}

    return Objective(phases=(Phase("network", loss),), evaluate=evaluate)


def metrics(train: TrainSettings, facts: ImageFacts) -> Mapping[str, Direction]:
    return {"gap": "min"}


def encode(run: Run, images: np.ndarray) -> np.ndarray:
    return run.layer("squeeze", images)


def decode(run: Run, latents: np.ndarray) -> np.ndarray:
    images = run.nets.forward("network.unfold", np.asarray(latents, dtype=np.float32))
    return np.round(images * 255).astype(np.uint8)


@dataclass(frozen=True)
class Gap:
    """What `papilio predict` prints of a picture."""

    HEADER: ClassVar = ["picture", "gap"]

    picture: str
    gap: float
    hint: str | None = None

    def cells(self) -> list[str]:
        return [self.picture, f"{self.gap:.4f}"]

    def as_plain(self) -> dict[str, Any]:
        return {"picture": self.picture, "gap": self.gap}


def predict_pictures(
    run: Run, pictures: Sequence[Path | str], *, is_inverted: bool = False, progress: Progress | None = None
) -> list[Gap]:
    images = np.stack([read_picture(Path(picture), shape=run.image_shape) for picture in pictures])
    images = 255 - images if is_inverted else images
    gaps = gaps_of(run, images)
    return [Gap(str(picture), float(gap)) for picture, gap in zip(pictures, gaps, strict=True)]


def gaps_of(run: Run, images: np.ndarray) -> np.ndarray:
    """The mean squared error of each image."""
    return np.square(run.outputs(images) - images.astype(np.float32) / 255).mean(axis=(1, 2, 3))


class Shown(BaseModel):
    """The options of the analysis."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pictures: int = Field(3, ge=1, description="how many of the hardest images are shown")


def hardest(run: Run, images: ImageSet, options: Shown) -> dict[str, np.ndarray]:
    """The test images that come back worst, and what comes back."""
    shown, _ = images.split("test")
    gaps = gaps_of(run, shown)
    worst = np.argsort(-gaps)[: options.pictures]
    return {"images": shown[worst], "gaps": gaps[worst], "again": decode(run, encode(run, shown[worst]))}


def hardest_section(arrays: Mapping[str, np.ndarray], context: SectionContext) -> Section:
    pairs = zip(arrays["images"], arrays["again"], arrays["gaps"], strict=True)
    pictures = [
        Picture(data_uri(one), words, name=words, below=f"{gap:.4f}")
        for image, again, gap in pairs
        for one, words in ((image, "shown"), (again, "given back"))
    ]
    rows = tuple((str(rank), f"{gap:.4f}") for rank, gap in enumerate(arrays["gaps"], start=1))
    return Section(
        title=f"Hardest images of {context.trial}",
        note=f"On {context.images_name}: {context.run_words}.",
        blocks=(Table(("Rank", "Gap"), rows, "The largest gaps", numbers=("Gap",)), Gallery(tuple(pictures))),
    )


HERE = "outside_autoencoder"
HARDEST = Analysis("hardest", f"{HERE}:hardest", f"{HERE}:hardest_section", options=Shown)
KIND = Kind(
    name="denoiser",
    objectives={"torch": f"{HERE}:objective"},
    metrics=metrics,
    ranked_by="val_gap",
    settings=Spoiling,
    offers={
        "predict": f"{HERE}:predict_pictures",
        "encode": f"{HERE}:encode",
        "decode": f"{HERE}:decode",
    },
    analyses=(HARDEST,),
)
