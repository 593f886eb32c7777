"""Which class a picture shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from papilio.data.held import Held
from papilio.data.progress import Progress
from papilio.errors import RunError
from papilio.offers.files import shown_to
from papilio.runs.run import Run
from papilio.settings.references import resolve_reference

NUM_TOP = 5  # classes that an answer has in their order
IN_A_ROW = 3  # of them in a table


def probabilities(run: Run, images: np.ndarray) -> np.ndarray:
    """Each class's probability, float32 (num, class), for uint8 images (num, channel, height, width)."""
    outputs = run.outputs(images)
    if outputs.ndim != 2 or outputs.shape[1] != len(run.class_names):
        raise RunError(f"{run.folder}: this run does not classify; its network returns {outputs.shape[1:]} per image")
    return resolve_reference("papilio.targets.classes:class_probabilities")(outputs)


def predict_pictures(
    run: Run, pictures: Sequence[Path | Held], *, is_inverted: bool = False, progress: Progress | None = None
) -> list[Prediction]:
    """The probability of each class, of pictures; see `Run.predict`."""
    if not pictures:
        return []
    images, hints = shown_to(run, pictures, is_inverted=is_inverted, progress=progress)
    return [
        Prediction(str(picture), dict(zip(run.class_names, map(float, row), strict=True)), hint)
        for picture, row, hint in zip(pictures, run.probabilities(images), hints, strict=True)
    ]


@dataclass(frozen=True)
class Prediction:
    """What one picture shows: the probability of each class."""

    HEADER: ClassVar = ["picture", "class", "probability", "next best"]

    picture: str
    probabilities: dict[str, float]
    hint: str | None = None

    def __repr__(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        return f"<Prediction of {self.picture!r}: {self.label} {self.confidence:.3f}, then {self.runners_up()}{hint}>"

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
        return ", ".join(f"{name} {probability:.3f}" for name, probability in self.top(num + 1)[1:])

    def top(self, num: int = NUM_TOP) -> list[tuple[str, float]]:
        """The likeliest classes with their probabilities, the likeliest first."""
        return sorted(self.probabilities.items(), key=lambda item: -item[1])[:num]

    def as_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "picture": self.picture,
            "class": self.label,
            "probability": self.confidence,
            "top": [{"class": name, "probability": probability} for name, probability in self.top()],
            "probabilities": self.probabilities,
            "hint": self.hint,
        }

    def as_row(self) -> dict[str, str | float | None]:
        """For CSV: the three likeliest classes."""
        later = {}
        for number, (name, probability) in enumerate(self.top(IN_A_ROW)[1:], start=2):
            later |= {f"class_{number}": name, f"probability_{number}": probability}
        return (
            {"picture": self.picture, "class": self.label, "probability": self.confidence} | later | {"hint": self.hint}
        )
