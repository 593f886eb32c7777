"""Reading a number off somebody's picture: which part of it is looked at, and how sure the answer is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from papilio.data.pictures import Window, cut, read_whole_picture
from papilio.data.quantities import Quantity
from papilio.targets.periodic import PeriodicTarget
from papilio.training.batches import Batches

Reading = tuple[np.ndarray, np.ndarray]  # values and confidences
Read = Callable[[np.ndarray], Reading]  # of uint8 images (num, channel, height, width)

MOST_GROUPS, FEWEST_IN_GROUP = 10, 40
SHARE = 0.9  # of the validation images, within what is told
# each part is looked at a few times, a little moved: a net that knows what it sees reads the same
JITTERS = ((0.0, 0.0, 1.0), (0.03, 0.0, 1.0), (-0.03, 0.0, 1.0), (0.0, 0.03, 0.96), (0.0, -0.03, 1.04))
SCALES = (1.0, 0.72, 0.5, 0.36)  # of the parts that are searched, in shorter sides of the picture
STEP = 0.35  # from one to the next, in their own sides
MOST_STEPS = 40  # along a side: more only in pictures so long that nobody takes them
NUM_FOUND = 4  # of them are looked at again
MARGIN = 0.1  # by how much another part must be better than the middle of the picture
UNSURE = 1 / 24  # of the period: what is known no better than that is not known
SCATTERED = 0.5  # below this agreement, times confidence, neither


@dataclass(frozen=True)
class Calibration:
    """How far readings were off on validation images, by how sure the net was: `within` holds for 9 in 10 of each group.

    `confidence` is the least of each group, descending; `within` ascends. Both in the order of the groups.
    """

    confidence: list[float]
    within: list[float]

    @classmethod
    def of(cls, confidence: Float[np.ndarray, " num"], errors: Float[np.ndarray, " num"]) -> Calibration:
        """From confidences and absolute errors."""
        order = np.argsort(-confidence, kind="stable")
        num_groups = int(np.clip(len(order) // FEWEST_IN_GROUP, 1, MOST_GROUPS))
        if confidence.max() - confidence.min() < 1e-6:  # a design that does not say how sure it is
            num_groups = 1
        groups = np.array_split(order, num_groups)
        within = np.maximum.accumulate([float(np.quantile(errors[group], SHARE)) for group in groups])
        return cls([float(confidence[group].min()) for group in groups], within.tolist())

    def error(self, confidence: float, *, period: float) -> float:
        """Within what a reading with this confidence is, nine times in ten; half the period where none was so unsure."""
        for least, within in zip(self.confidence, self.within, strict=True):
            if confidence >= least:
                return within
        return max(period / 4, self.within[-1])


@torch.no_grad()
def calibrate(network: nn.Module, design: PeriodicTarget, batches: Batches) -> dict[str, Any]:
    """A calibration as plain data, from validation images."""
    network.eval()
    confidences, errors = [], []
    for batch in batches.in_order():
        reading = design.decode(network(batch.images))
        apart = torch.remainder(reading.values - batch.targets + design.period / 2, design.period) - design.period / 2
        confidences.append(reading.confidence)
        errors.append(apart.abs())
    return asdict(Calibration.of(torch.cat(confidences).cpu().numpy(), torch.cat(errors).cpu().numpy()))


@dataclass(frozen=True)
class QuantityPrediction:
    """What one picture shows: a value, within how much of it (nine times in ten), and whether that means anything."""

    HEADER: ClassVar = ["picture", "reads", "confidence", ""]

    picture: str
    value: float
    within: float
    confidence: float
    is_sure: bool
    quantity: Quantity
    hint: str | None = None

    @property
    def label(self) -> str:
        """The value in words."""
        return self.quantity.words(self.value)

    def cells(self) -> list[str]:
        """A row below HEADER."""
        reads = f"{self.label} ± {self.quantity.interval_words(self.within)}"
        return [self.picture, reads, f"{self.confidence:.2f}", "" if self.is_sure else "not sure"]

    def as_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "picture": self.picture,
            "value": self.value,
            "label": self.label,
            "within": self.within,
            "confidence": self.confidence,
            "is_sure": self.is_sure,
        }


def look_at(path: Path, read: Read, *, shape: tuple[int, int, int], is_inverted: bool) -> list[Reading]:
    """What `read` makes of parts of a picture file, each looked at a few times, a little moved: of the middle first.

    The others are all of it, where it is longer than the net's images, and those of smaller and smaller parts all over it
    that are read most surely at a first glance.
    """
    channel, *size = shape
    picture = read_whole_picture(path, channel=channel)
    picture = 255 - picture if is_inverted else picture
    rows, columns = picture.shape[1:]
    parts = _parts((rows, columns), (size[0], size[1]))
    # small parts of a large picture are as good of a smaller one, and sooner there
    enough = min(1.0, max(size[0] / rows, size[1] / columns) / min(SCALES))
    small = cut(picture, Window(is_whole=True), (round(rows * enough), round(columns * enough)))
    _, confidence = read(np.stack([cut(small, part, (size[0], size[1])) for part in parts]))
    found = [parts[index] for index in np.argsort(-confidence, kind="stable")[:NUM_FOUND]]
    is_longer = rows * size[1] != columns * size[0]
    chosen = [Window(), *([Window(is_whole=True)] if is_longer else []), *found]
    return [read(np.stack([cut(picture, one, (size[0], size[1])) for one in _moved(window)])) for window in chosen]


def _parts(picture: tuple[int, int], size: tuple[int, int]) -> list[Window]:
    """Parts of a picture of (rows, columns), in all places and several scales, for a net that takes `size`."""
    ratio = min(picture[0] / size[0], picture[1] / size[1])
    parts = []
    for scale in SCALES:
        # how far the centre of a part may lie from the picture's, each way, in sides of the part
        far_y, far_x = ((one / (ratio * scale * side) - 1) / 2 for one, side in zip(picture, size, strict=True))
        steps = [min(math.ceil(2 * far / STEP) + 1, MOST_STEPS) for far in (far_x, far_y)]
        across, down = (np.linspace(-far, far, num) for far, num in zip((far_x, far_y), steps, strict=True))
        parts += [Window(scale, float(x), float(y)) for y in down for x in across]
    return parts


def _moved(window: Window) -> list[Window]:
    return [
        replace(window, scale=window.scale * scale, x=window.x / scale + x, y=window.y / scale + y)
        for x, y, scale in JITTERS
    ]


def agree(
    path: Path | str,
    readings: Sequence[Reading],
    quantity: Quantity,
    calibration: Mapping[str, Any] | None,
) -> QuantityPrediction:
    """One prediction from the values and confidences of each look at a picture."""
    scores = [_agreement(values, quantity.period) * float(confidence.mean()) for values, confidence in readings]
    best = int(np.argmax([score - (MARGIN if index else 0.0) for index, score in enumerate(scores)]))
    values, confidence = readings[best]
    value = _consensus(values, quantity.period)
    spread = float(np.quantile(np.abs(_apart(values, value, quantity.period)), SHARE))
    sure = float(confidence.mean())
    known = Calibration(**calibration).error(sure, period=quantity.period) if calibration else 0.0
    within = max(known, spread)
    is_sure = within <= UNSURE * quantity.period and scores[best] >= SCATTERED
    return QuantityPrediction(str(path), value, within, sure, is_sure, quantity)


def _agreement(values: np.ndarray, period: float) -> float:
    """How well values agree, in [0, 1]: 1 for equal ones, about 1/2 where they differ by a twelfth of the period."""
    off = np.abs(_apart(values, _middle(values, period), period))
    return float(np.mean(1 / (1 + 12 * off / period)))


def _consensus(values: np.ndarray, period: float) -> float:
    """The mean of those values that are near the one that all are nearest to."""
    middle = _middle(values, period)
    off = _apart(values, middle, period)
    return float(np.remainder(middle + off[np.abs(off) <= UNSURE * period].mean(), period))


def _middle(values: np.ndarray, period: float) -> float:
    """The value that the others are nearest to."""
    apart = np.abs(_apart(values[:, None], values[None, :], period))
    return float(values[apart.sum(axis=0).argmin()])


def _apart(values: np.ndarray, value: np.ndarray | float, period: float) -> np.ndarray:
    return np.remainder(values.astype(np.float64) - value + period / 2, period) - period / 2
