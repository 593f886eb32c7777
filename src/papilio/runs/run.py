"""A trained run, ready to use: its nets with the best epoch's weights, its class names, its way with pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from papilio.data.imageset import ImageSet
from papilio.data.named import refuse_overlap
from papilio.data.pictures import read_picture
from papilio.data.progress import Progress
from papilio.data.quantities import Quantity
from papilio.errors import DataError, RunError, SettingError
from papilio.models.families import build_nets, find_builder
from papilio.runs.folder import RunFacts, RunFolder
from papilio.runs.reading import QuantityPrediction, agree, look_at
from papilio.runs.shipped import find_run
from papilio.runs.train import rim_brightness
from papilio.settings.references import OwnFunctions
from papilio.settings.train_settings import TrainSettings
from papilio.targets.classes import Classes
from papilio.targets.quantity import make_design
from papilio.training.batches import as_floats, as_tensor
from papilio.training.catalogue import heads_of
from papilio.training.checkpoints import load_nets, load_tensors
from papilio.training.driver import as_fast_layout
from papilio.training.standardising import standardise, unknown_statistics
from papilio.training.views import one_view, see_views

BATCH = 500  # images


@dataclass(frozen=True)
class Run:
    """A run's facts, records and trained nets (in evaluation mode)."""

    folder: Path
    facts: RunFacts
    nets: dict[str, nn.Module]

    @property
    def network(self) -> nn.Module:
        """The one network of a run that has one; takes float images in [0, 1], (batch, channel, height, width)."""
        if list(self.nets) != ["network"]:
            raise RunError(f"{self.folder}: this run has the nets {', '.join(self.nets)}; take one from run.nets")
        return self.nets["network"]

    @property
    def class_names(self) -> list[str]:
        return self.facts.class_names

    @property
    def metrics(self) -> dict[str, float]:
        """Of the best epoch on validation images, and on test images."""
        return self.facts.metrics

    @property
    def records(self) -> list[dict[str, Any]]:
        """One dictionary an epoch."""
        return RunFolder(self.folder).read_records()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channel, height, width) of the images that the nets take."""
        channel, height, width = self.facts.image_shape
        return channel, height, width

    @torch.no_grad()
    def outputs(self, images: np.ndarray) -> np.ndarray:
        """The network's outputs, float32 (num, ...), for uint8 images (num, channel, height, width).

        Raises DataError for images of another shape.
        """
        if images.dtype != np.uint8 or images.shape[1:] != self.image_shape:
            expected = f"uint8 (num, {', '.join(map(str, self.image_shape))})"
            raise DataError(f"{self.folder}: got images {images.dtype} {images.shape}, this run takes {expected}")
        parts = as_tensor(np.ascontiguousarray(images)).split(BATCH)
        return torch.cat([self.network(as_floats(part)) for part in parts]).numpy()

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Each class's probability, float32 (num, class), for uint8 images (num, channel, height, width)."""
        outputs = self.outputs(images)
        if self.quantity is not None or outputs.ndim != 2 or outputs.shape[1] != len(self.class_names):
            raise RunError(f"{self.folder}: this run does not classify; its network gives {outputs.shape[1:]} an image")
        return Classes(len(self.class_names)).decode(torch.from_numpy(outputs)).numpy()

    @property
    def quantity(self) -> Quantity | None:
        """What the images show where that is a number on a circle."""
        return None if self.facts.quantity is None else Quantity(**self.facts.quantity)

    def read(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The value that each of uint8 images (num, channel, height, width) shows, and a confidence in [0, 1] of each.

        Raises RunError where the run was not trained to read a quantity.
        """
        if self.quantity is None:
            raise RunError(f"{self.folder}: this run reads no quantity; its images have classes")
        design = make_design(self.facts.settings["train"].get("target"), self.quantity.period)
        values, confidence = design.decode(torch.from_numpy(self.outputs(images)))
        return values.numpy(), confidence.numpy()

    def glance(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `read`, from one view of each image even where the run averages over several."""
        with one_view(self.network):
            return self.read(images)

    def predict(
        self, pictures: Sequence[Path | str], *, is_inverted: bool = False, progress: Progress | None = None
    ) -> list[Prediction] | list[QuantityPrediction]:
        """What picture files show; each is converted to the size and colours that the run was trained on.

        `is_inverted` swaps light and dark first; `progress` is told how many are read. Raises DataError for what is no picture.
        """
        if not pictures:
            return []
        files = _counted(pictures, progress)
        if self.quantity is not None:
            return [self._read_picture(file, self.quantity, is_inverted=is_inverted) for file in files]
        images = np.stack([read_picture(file, shape=self.image_shape) for file in files])
        images = 255 - images if is_inverted else images
        probabilities = self.probabilities(images)
        return [
            Prediction(str(picture), dict(zip(self.class_names, map(float, row), strict=True)), self._hint(image))
            for picture, image, row in zip(pictures, images, probabilities, strict=True)
        ]

    def _read_picture(self, picture: Path, quantity: Quantity, *, is_inverted: bool) -> QuantityPrediction:
        looks = look_at(picture, self.read, glance=self.glance, shape=self.image_shape, is_inverted=is_inverted)
        return agree(picture, looks, quantity, self.facts.calibration)

    def _hint(self, image: np.ndarray) -> str | None:
        """What to try where the picture's rim is as light as the training images' is dark, or the other way round."""
        usual, here = self.facts.rim_brightness, rim_brightness(image[None])
        if usual is None or abs(here - usual) < 0.5:
            return None
        kinds = ("dark", "light") if usual < here else ("light", "dark")
        return f"the images that this run was trained on are {kinds[0]} at their rim, this picture is {kinds[1]}: try --invert"

    def refuse_other_images(self, images: ImageSet) -> None:
        """Raises DataError where this run's scores on the image set would mean nothing."""
        refuse_overlap(self.facts.data_name, images.name)
        if list(images.class_names) != self.class_names or images.quantity != self.quantity:
            raise DataError(f"{images.name}: what it shows is not what the run {self.facts.run} was trained on")


def _counted(pictures: Sequence[Path | str], progress: Progress | None) -> Iterator[Path]:
    for num, picture in enumerate(pictures, start=1):
        yield Path(picture)
        if progress:
            progress(num, len(pictures), "reading pictures")


@dataclass(frozen=True)
class Prediction:
    """What one picture shows: the probability of each class."""

    HEADER: ClassVar = ["picture", "class", "probability", "then"]

    picture: str
    probabilities: dict[str, float]
    hint: str | None = None

    @property
    def label(self) -> str:
        """The likeliest class."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """The likeliest class's probability."""
        return self.probabilities[self.label]

    def cells(self) -> list[str]:
        """A row below HEADER."""
        return [self.picture, self.label, f"{self.confidence:.3f}", self.runners_up()]

    def runners_up(self, num: int = 2) -> str:
        """The next likeliest classes with their probabilities, in words."""
        ordered = sorted(self.probabilities.items(), key=lambda item: -item[1])
        return ", ".join(f"{name} {probability:.3f}" for name, probability in ordered[1 : num + 1])

    def as_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "picture": self.picture,
            "class": self.label,
            "probability": self.confidence,
            "probabilities": self.probabilities,
            "hint": self.hint,
        }


def load_run(run: Path | str, *, network: Callable[..., Any] | None = None) -> Run:
    """A trained run from its folder, or by the name of one that comes with Papilio ("clock").

    `network` is the function or class that a run of the user's own was built with, where it cannot be imported by name.
    Raises RunError where there is no such run, or it has no weights.
    """
    folder = find_run(run)
    files = RunFolder(folder)
    facts = files.facts()
    if not files.weights_file.exists():
        missing = "weights.safetensors is missing; the study's command trains it again"
        why = missing if facts.best_epoch else facts.reason or "it has not finished an epoch with a good result"
        raise RunError(f"{folder}: this run ({facts.status}) has no weights: {why}")
    model = dict(facts.settings["model"])
    family = model.pop("family")
    own: OwnFunctions = {family: network} if network is not None else {}
    try:
        builder = find_builder(family, own)
    except SettingError as error:
        raise RunError(f"{folder}: {error}; or hand the function over: load_run(..., network=...)") from error
    train = TrainSettings(**facts.settings["train"])
    nets = build_nets(
        builder,
        model,
        image_shape=(facts.image_shape[0], facts.image_shape[1], facts.image_shape[2]),
        heads=heads_of(
            train,
            num_classes=len(facts.class_names),
            quantity=None if facts.quantity is None else Quantity(**facts.quantity),
        ),
        seed=0,
    )
    if train.standardise:
        standardise(nets["network"], *unknown_statistics(facts.image_shape[0]))
    tensors, _ = load_tensors(files.weights_file)
    load_nets(nets, tensors, where=files.weights_file)
    if train.views is not None:
        see_views(nets["network"], train.views)
    return Run(folder, facts, {name: as_fast_layout(net).eval() for name, net in nets.items()})
