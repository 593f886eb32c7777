"""Reading a number off somebody's picture: which part of it is looked at, and how sure the answer is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from papilio.data.held import Held
from papilio.data.imageset import ImageSet
from papilio.data.pictures import read_whole_picture
from papilio.data.progress import Progress
from papilio.data.quantities import Quantity, circular_difference
from papilio.data.scaling import Window, cut
from papilio.engine import Nets
from papilio.offers.files import counted
from papilio.runs.run import Run
from papilio.settings.references import resolve_reference
from papilio.settings.run_settings import RunSettings

Read = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # of uint8 images (num, channel, height, width)

MOST_GROUPS, FEWEST_IN_GROUP = 10, 40
SHARE = 0.9  # of the validation images, within what is told
# each part is looked at a few times, a little moved: a net that knows what it sees reads the same
JITTERS = ((0.0, 0.0, 1.0), (0.03, 0.0, 1.0), (-0.03, 0.0, 1.0), (0.0, 0.03, 0.96), (0.0, -0.03, 1.04))
SCALES = (1.0, 0.72, 0.5, 0.36)  # of the parts that are searched, in shorter sides of the picture
STEP = 0.35  # from one to the next, in their own sides
MOST_STEPS = 40  # along a side: more only in pictures so long that nobody takes them
NUM_FOUND = 4  # of them are looked at again
DOUBT = 0.5  # how much worse a part is held to be, for each of the picture's shorter sides that it is smaller
UNSURE = 1 / 24  # of the period: what is known no better than that is not known
FAIR = 0.65  # below this score neither


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

    @property
    def usual(self) -> float:
        """How sure the net is of half of its images at least."""
        return self.confidence[(len(self.confidence) - 1) // 2]

    def error(self, confidence: float, *, period: float) -> float:
        """Within what a reading with this confidence is, nine times in ten; where none was so unsure, a quarter of the
        period or more."""
        for least, within in zip(self.confidence, self.within, strict=True):
            if confidence >= least:
                return within
        return max(period / 4, self.within[-1])


def calibration_of(nets: Nets, images: ImageSet, settings: RunSettings) -> dict[str, Any] | None:
    """How far readings of validation images are off, by confidence, as plain data; None where there are none."""
    indices, quantity = images.validation, images.facts.quantity_of(images.name)
    if not len(indices):
        return None
    outputs = nets.forward("network", images.images[indices])
    values, confidence = _decoded(outputs, settings, quantity)
    errors = np.abs(circular_difference(values, images.labels[indices], quantity.period))
    return asdict(Calibration.of(confidence, errors))


def read_values(run: Run, images: np.ndarray, *, is_quick: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The value that each of uint8 images (num, channel, height, width) shows, and a confidence in [0, 1] of each.

    `is_quick` takes one view of each image even where the run averages over several.
    """
    run.refuse_other_shape(images)
    outputs = run.nets.forward("network", images, is_quick=is_quick)
    return _decoded(outputs, run.facts.run_settings, run.facts.images.quantity_of(str(run.folder)))


def predict_pictures(
    run: Run, pictures: Sequence[Path | Held], *, is_inverted: bool = False, progress: Progress | None = None
) -> list[QuantityPrediction]:
    """The value on each of pictures; see `Run.predict`."""

    def read(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return read_values(run, images)

    bits = run.facts.run_settings.data.bits

    def glance(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return read_values(run, images, is_quick=True)

    return [
        agree(
            picture,
            look_at(picture, read, glance=glance, shape=run.image_shape, is_inverted=is_inverted, bits=bits),
            run.facts.images.quantity_of(str(run.folder)),
            run.facts.calibration,
        )
        for picture in counted(pictures, progress)
    ]


def _decoded(outputs: np.ndarray, settings: RunSettings, quantity: Quantity) -> tuple[np.ndarray, np.ndarray]:
    decode = resolve_reference("papilio.targets.quantity:read_outputs")
    return decode(outputs, settings.train.target, quantity.period)


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
            "unit": self.quantity.unit,
            "within": self.within,
            "confidence": self.confidence,
            "is_sure": self.is_sure,
            "hint": self.hint,
        }


@dataclass(frozen=True)
class Look:
    """What a part of a picture is read as, a little moved each time; `scale` is its side in shorter sides of the picture."""

    values: Float[np.ndarray, " jitters"]
    confidence: Float[np.ndarray, " jitters"]
    scale: float = 1.0

    def score(self, period: float, *, usual: float) -> float:
        """How well the readings agree, how sure they are for this net, and how likely such a part is what was meant.

        Small parts have to be read more surely: there are many of them, and a mark on a dial can look like a hand.
        """
        sure = min(1.0, float(self.confidence.mean()) / usual)
        return _agreement(self.values, period) * sure - DOUBT * (1 - self.scale)


def look_at(
    picture: Path | Held,
    read: Read,
    *,
    glance: Read,
    shape: tuple[int, int, int],
    is_inverted: bool,
    bits: int | None = None,
) -> list[Look]:
    """What `read` makes of parts of a picture, each looked at a few times, a little moved: of the middle first.

    The others are all of it, where it is longer than the net's images, and those of smaller and smaller parts all over it
    that are read most surely at a first `glance`, which may be a quicker way to read.
    """
    channel, *size = shape
    whole = read_whole_picture(picture, channel=channel, bits=bits)
    whole = 255 - whole if is_inverted else whole
    rows, columns = whole.shape[1:]
    parts = _parts((rows, columns), (size[0], size[1]))
    # small parts of a large picture are as good of a smaller one, and sooner there
    enough = min(1.0, max(size[0] / rows, size[1] / columns) / min(SCALES))
    small = cut(whole, Window(is_whole=True), (round(rows * enough), round(columns * enough)))
    _, confidence = glance(np.stack([cut(small, part, (size[0], size[1])) for part in parts]))
    found = [parts[index] for index in np.argsort(-confidence, kind="stable")[:NUM_FOUND]]
    is_longer = rows * size[1] != columns * size[0]
    chosen = [Window(), *([Window(is_whole=True)] if is_longer else []), *found]
    return [
        Look(*read(np.stack([cut(whole, one, (size[0], size[1])) for one in _moved(window)])), window.scale)
        for window in chosen
    ]


def _parts(picture: tuple[int, int], size: tuple[int, int]) -> list[Window]:
    """Parts of a picture of (rows, columns), in all places and several scales, for a net that takes `size`."""
    ratio = min(picture[0] / size[0], picture[1] / size[1])
    parts = []
    for scale in SCALES:
        # how far the center of a part may lie from the picture's, each way, in sides of the part
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
    picture: Path | Held | str, looks: Sequence[Look], quantity: Quantity, calibration: Mapping[str, Any] | None
) -> QuantityPrediction:
    """One prediction from the looks at a picture, by the best of them; of equal ones the first.

    Without a calibration, of a run that had no validation images, nothing says how far a reading may be off: none is sure.
    """
    period = quantity.period
    known = Calibration(**calibration) if calibration else None
    scores = [look.score(period, usual=(known.usual if known else 0.0) or 1.0) for look in looks]
    best = looks[int(np.argmax(scores))]
    value = _consensus(best.values, period)
    spread = float(np.quantile(np.abs(circular_difference(best.values, value, period)), SHARE))
    confidence = float(best.confidence.mean())
    within = max(known.error(confidence, period=period) if known else period / 4, spread)
    is_sure = within <= UNSURE * period and max(scores) >= FAIR
    return QuantityPrediction(str(picture), value, within, confidence, is_sure, quantity)


def _agreement(values: np.ndarray, period: float) -> float:
    """How well values agree, in [0, 1]: 1 for equal ones, about 1/2 where they differ by a twelfth of the period."""
    off = np.abs(circular_difference(values, _middle(values, period), period))
    return float(np.mean(1 / (1 + 12 * off / period)))


def _consensus(values: np.ndarray, period: float) -> float:
    """The mean of those values that are near the one that all are nearest to."""
    middle = _middle(values, period)
    off = circular_difference(values, middle, period)
    return float(np.remainder(middle + off[np.abs(off) <= UNSURE * period].mean(), period))


def _middle(values: np.ndarray, period: float) -> float:
    """The value that the others are nearest to."""
    apart = np.abs(circular_difference(values[:, None], values[None, :], period))
    return float(values[apart.sum(axis=0).argmin()])
