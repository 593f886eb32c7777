"""Which class a picture shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from papilio.data.pictures import read_picture
from papilio.data.progress import Progress
from papilio.errors import RunError
from papilio.offers.files import counted
from papilio.runs.run import Run
from papilio.runs.train import rim_brightness
from papilio.settings.references import resolve_reference


def probabilities(run: Run, images: np.ndarray) -> np.ndarray:
    """Each class's probability, float32 (num, class), for uint8 images (num, channel, height, width)."""
    outputs = run.outputs(images)
    if outputs.ndim != 2 or outputs.shape[1] != len(run.class_names):
        raise RunError(f"{run.folder}: this run does not classify; its network returns {outputs.shape[1:]} an image")
    return resolve_reference("papilio.targets.classes:class_probabilities")(outputs)


def predict_pictures(
    run: Run, pictures: Sequence[Path | str], *, is_inverted: bool = False, progress: Progress | None = None
) -> list[Prediction]:
    """The probability of each class, of picture files; see `Run.predict`."""
    if not pictures:
        return []
    images = np.stack([read_picture(file, shape=run.image_shape) for file in counted(pictures, progress)])
    images = 255 - images if is_inverted else images
    return [
        Prediction(str(picture), dict(zip(run.class_names, map(float, row), strict=True)), _hint(run, image))
        for picture, image, row in zip(pictures, images, run.probabilities(images), strict=True)
    ]


def _hint(run: Run, image: np.ndarray) -> str | None:
    """What to try where the picture's rim is as light as the training images' is dark, or the other way around."""
    usual, here = run.facts.rim_brightness, rim_brightness(image[None])
    if usual is None or abs(here - usual) < 0.5:
        return None
    kinds = ("dark", "light") if usual < here else ("light", "dark")
    return (
        f"the images that this run was trained on are {kinds[0]} at their rim, this picture is {kinds[1]}: try --invert"
    )


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
