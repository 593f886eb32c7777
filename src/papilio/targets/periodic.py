"""Target designs for a quantity on a circle: a time of day, an angle, a bearing, the hand of a gauge.

A value lies in [0, period), and value and value + period are the same. Every design says what the net outputs (`heads`),
what it is scored against (`encode`), how (`loss`), and what its outputs mean (`decode`): a value, and how sure the net is of
it. On the same images the design decides over how well a net learns; R1 compares four of them on clocks (its Table 9).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Values = Float[Tensor, " batch"]
Outputs = Float[Tensor, "batch outputs"]


class Reading(NamedTuple):
    """What outputs mean: values in [0, period), and a confidence in [0, 1] of each."""

    values: Values
    confidence: Float[Tensor, " batch"]


@runtime_checkable
class PeriodicTarget(Protocol):
    """A target design for values in [0, period)."""

    @property
    def period(self) -> float: ...

    @property
    def heads(self) -> tuple[int, ...]:
        """How many numbers each head of the net outputs; the outputs are all of them, one after another."""
        ...

    @property
    def is_continuous(self) -> bool:
        """Whether the loss of a prediction passes from just below the period to 0 without a jump."""
        ...

    def encode(self, values: Values) -> Outputs:
        """Outputs that a perfect net would have, up to what no net can reach: `decode` gives the values back."""
        ...

    def loss(self, outputs: Outputs, values: Values) -> Float[Tensor, ""]:
        """The mean over the batch that training minimizes."""
        ...

    def decode(self, outputs: Outputs) -> Reading:
        """What the outputs mean."""
        ...


def wrapped(differences: Tensor, period: float) -> Tensor:
    """Differences of values taken the short way around, in [-period / 2, period / 2)."""
    return torch.remainder(differences + period / 2, period) - period / 2


def circular_error(predicted: Values, values: Values, period: float) -> Values:
    """How far predictions are off, the short way around, in units of the value (R1's "common-sense loss")."""
    return wrapped(predicted - values, period).abs()


def share_within(predicted: Values, values: Values, period: float, limit: float) -> Float[Tensor, ""]:
    """The share of predictions that are off by `limit` or less, in [0, 1]."""
    # a limit on a grid (1 minute) is meant to include its end, which rounding may push out
    return (circular_error(predicted, values, period) <= limit + 1e-4 * period / 720).float().mean()


@dataclass(frozen=True)
class Regression:
    """The value itself as a share of the period, by mean squared error: 23:55 and 0:05 are a day apart."""

    period: float

    heads = (1,)
    is_continuous = False

    def encode(self, values: Values) -> Outputs:
        return (on_circle(values, self.period) / self.period).unsqueeze(1)

    def loss(self, outputs: Outputs, values: Values) -> Float[Tensor, ""]:
        return F.mse_loss(outputs, self.encode(values))

    def decode(self, outputs: Outputs) -> Reading:
        values = on_circle(outputs[:, 0] * self.period, self.period)
        return Reading(values, torch.ones_like(values))


@dataclass(frozen=True)
class Bins:
    """`num` classes, each centered on a multiple of period / num, by cross entropy: near and far mistakes cost the same."""

    period: float
    num: int

    is_continuous = False

    def __post_init__(self) -> None:
        if self.num < 2:
            raise ValueError(f"num: at least 2 classes, not {self.num}")

    @property
    def heads(self) -> tuple[int, ...]:
        return (self.num,)

    def classes(self, values: Values) -> Tensor:
        """The class of each value; the last class begins half a bin before the period's end, the first continues after it."""
        # halves upwards: rounded to even numbers, every other class would be larger
        return torch.remainder((values * self.num / self.period + 0.5).floor().long(), self.num)

    def encode(self, values: Values) -> Outputs:
        return F.one_hot(self.classes(values), self.num) * SURE

    def loss(self, outputs: Outputs, values: Values) -> Float[Tensor, ""]:
        return F.cross_entropy(outputs, self.classes(values))

    def decode(self, outputs: Outputs) -> Reading:
        confidence, classes = outputs.softmax(dim=1).max(dim=1)
        return Reading(classes * (self.period / self.num), confidence)


def _refuse_weights(weights: Sequence[float]) -> None:
    """Raises ValueError for weights of a loss that has no minimum, or that nothing changes."""
    if min(weights) < 0 or max(weights) == 0:
        raise ValueError("weights: must be 0 or more, and one of them above 0")


@dataclass(frozen=True)
class TwoHeads:
    """`num` classes and, as a number in [0, 1), how far into its class a value is: R1's hour and minute.

    The loss is `coarse_weight` times the cross entropy of the class plus `fine_weight` times the squared error of the
    remainder. The remainder is a share of its class and not in units of the value: in minutes its squared error would be
    thousands of times the cross entropy, which then learns nothing.
    """

    period: float
    num: int = 12
    coarse_weight: float = 1.0
    fine_weight: float = 1.0

    is_continuous = False

    def __post_init__(self) -> None:
        if self.num < 2:
            raise ValueError(f"num: at least 2 classes, not {self.num}")
        _refuse_weights((self.coarse_weight, self.fine_weight))

    @property
    def heads(self) -> tuple[int, ...]:
        return (self.num, 1)

    def parts(self, values: Values) -> tuple[Tensor, Tensor]:
        """The class of each value, and how far into it the value is."""
        places = values * (self.num / self.period)
        classes = torch.remainder(places.floor().long(), self.num)
        return classes, places - places.floor()

    def encode(self, values: Values) -> Outputs:
        classes, remainders = self.parts(values)
        return torch.cat([F.one_hot(classes, self.num) * SURE, remainders.unsqueeze(1)], dim=1)

    def loss(self, outputs: Outputs, values: Values) -> Float[Tensor, ""]:
        classes, remainders = self.parts(values)
        coarse = F.cross_entropy(outputs[:, :-1], classes)
        return self.coarse_weight * coarse + self.fine_weight * F.mse_loss(outputs[:, -1], remainders)

    def decode(self, outputs: Outputs) -> Reading:
        confidence, classes = outputs[:, :-1].softmax(dim=1).max(dim=1)
        remainders = outputs[:, -1].clamp(0, 1)
        return Reading(on_circle((classes + remainders) * (self.period / self.num), self.period), confidence)


@dataclass(frozen=True)
class SinCos:
    """Sine and cosine of the angle, through tanh, by mean squared error (R1's label transformation)."""

    period: float

    heads = (2,)
    is_continuous = True

    def encode(self, values: Values) -> Outputs:
        # tanh never reaches 1: what it is asked for is a little less, in the same direction
        return torch.atanh(points(values, self.period) * (1 - 1e-3))

    def loss(self, outputs: Outputs, values: Values) -> Float[Tensor, ""]:
        return F.mse_loss(outputs.tanh(), points(values, self.period))

    def decode(self, outputs: Outputs) -> Reading:
        seen = outputs.tanh()
        return Reading(angles(seen, self.period), seen.norm(dim=1).clamp(max=1.0))


@dataclass(frozen=True)
class VonMises:
    """A von Mises distribution: an arrow whose direction is the value and whose length is how sure the net is.

    Its loss is the negative log-likelihood; Mardia and Jupp, Directional Statistics, 2000, section 3.5.4.
    """

    period: float

    heads = (2,)
    is_continuous = True

    def encode(self, values: Values) -> Outputs:
        return points(values, self.period) * SURE

    def loss(self, outputs: Outputs, values: Values) -> Float[Tensor, ""]:
        length = outputs.norm(dim=1)
        toward = (outputs * points(values, self.period)).sum(dim=1)
        return (torch.log(torch.special.i0e(length)) + length - toward).mean() + math.log(math.tau)

    def decode(self, outputs: Outputs) -> Reading:
        length = outputs.norm(dim=1)
        # the mean resultant length of the distribution
        return Reading(angles(outputs, self.period), torch.special.i1e(length) / torch.special.i0e(length))


@dataclass(frozen=True)
class SoftBins:
    """`num` classes round the circle, those near the value right too: a wrapped normal of `width` classes is the target.

    Decoded as the mean direction of the classes around the likeliest one, which is finer than a class.
    """

    period: float
    num: int = 72
    width: float = 1.5

    is_continuous = True

    def __post_init__(self) -> None:
        if self.num < 2:
            raise ValueError(f"num: at least 2 classes, not {self.num}")
        if self.width <= 0:
            raise ValueError(f"width: must be above 0, not {self.width}")

    @property
    def heads(self) -> tuple[int, ...]:
        return (self.num,)

    def shares(self, values: Values) -> Float[Tensor, "batch classes"]:
        """What each class should have; it sums to 1."""
        centers = torch.arange(self.num, device=values.device, dtype=values.dtype)
        off = wrapped(values.unsqueeze(1) * (self.num / self.period) - centers, float(self.num))
        return torch.softmax(-0.5 * (off / self.width) ** 2, dim=1)

    def encode(self, values: Values) -> Outputs:
        return self.shares(values).clamp(min=1e-12).log()

    def loss(self, outputs: Outputs, values: Values) -> Float[Tensor, ""]:
        return F.cross_entropy(outputs, self.shares(values))

    def decode(self, outputs: Outputs) -> Reading:
        shares = outputs.softmax(dim=1)
        values, confidence = mean_near_peak(shares, self.period, reach=math.ceil(3 * self.width))
        return Reading(values, confidence)


@dataclass(frozen=True)
class Harmonics:
    """Sine and cosine of the angle and of its multiples: coarse ones say which turn of the finer ones is meant.

    On a clock, 1 is the hour hand and 12 the minute hand. The loss is the mean squared error of all, `weights` times each
    (1 by default). Decoded from coarse to fine: each multiple corrects what the one before left open.
    """

    period: float
    multiples: tuple[int, ...] = (1, 12)
    weights: tuple[float, ...] | None = None

    is_continuous = True

    def __post_init__(self) -> None:
        if self.multiples[:1] != (1,) or any(one >= other for one, other in pairwise(self.multiples)):
            raise ValueError(f"multiples: must start with 1 and ascend, not {list(self.multiples)}")
        if self.weights is not None and len(self.weights) != len(self.multiples):
            raise ValueError(
                f"weights: expected one for each of {len(self.multiples)} multiples, not {len(self.weights)}"
            )
        if self.weights is not None:
            _refuse_weights(self.weights)

    @property
    def heads(self) -> tuple[int, ...]:
        return (2 * len(self.multiples),)

    def encode(self, values: Values) -> Outputs:
        return torch.cat([points(values, self.period / multiple) for multiple in self.multiples], dim=1)

    def loss(self, outputs: Outputs, values: Values) -> Float[Tensor, ""]:
        squared = (outputs - self.encode(values)).square().mean(dim=0)
        weights = torch.tensor(self.weights or (1.0,) * len(self.multiples), device=outputs.device, dtype=outputs.dtype)
        return (squared * weights.repeat_interleave(2)).mean()

    def decode(self, outputs: Outputs) -> Reading:
        pairs = outputs.unflatten(1, (-1, 2))
        values, confidence = angles(pairs[:, 0], self.period), pairs[:, 0].norm(dim=1)
        for index, multiple in enumerate(self.multiples[1:], start=1):
            short = self.period / multiple
            values = values + wrapped(angles(pairs[:, index], short) - torch.remainder(values, short), short)
            confidence = torch.minimum(confidence, pairs[:, index].norm(dim=1))
        return Reading(on_circle(values, self.period), confidence.clamp(max=1.0))


@dataclass(frozen=True)
class CoarseToFine:
    """Soft classes for the angle and for a multiple of it, read together: on a clock the hour hand and the minute hand.

    A value's score is the sum of what both heads give it; the best of `num_read` values round the circle is read, and
    refined between its neighbors. So a net that cannot tell 59 minutes from 1 still gets the hour right from the other hand.
    """

    period: float
    multiple: int = 12
    num_coarse: int = 72
    num_fine: int = 60
    width: float = 1.5  # of both, in classes

    is_continuous = True

    def __post_init__(self) -> None:
        if min(self.num_coarse, self.num_fine) < 2 or self.multiple < 2:
            raise ValueError("num_coarse, num_fine and multiple: at least 2 of each")
        if self.width <= 0:
            raise ValueError(f"width: must be above 0, not {self.width}")

    @property
    def heads(self) -> tuple[int, ...]:
        return (self.num_coarse, self.num_fine)

    @property
    def coarse(self) -> SoftBins:
        return SoftBins(self.period, self.num_coarse, self.width)

    @property
    def fine(self) -> SoftBins:
        return SoftBins(self.period / self.multiple, self.num_fine, self.width)

    def encode(self, values: Values) -> Outputs:
        return torch.cat([self.coarse.encode(values), self.fine.encode(self._short(values))], dim=1)

    def loss(self, outputs: Outputs, values: Values) -> Float[Tensor, ""]:
        coarse, fine = outputs.split(list(self.heads), dim=1)
        return self.coarse.loss(coarse, values) + self.fine.loss(fine, self._short(values))

    def decode(self, outputs: Outputs) -> Reading:
        coarse, fine = (part.log_softmax(dim=1) for part in outputs.split(list(self.heads), dim=1))
        num = self.multiple * self.num_fine
        places = torch.arange(num, device=outputs.device)
        scores = fine[:, places % self.num_fine] + _between(coarse, num)
        values, confidence = mean_near_peak(scores.softmax(dim=1), self.period, reach=math.ceil(3 * self.width))
        return Reading(values, confidence)

    def _short(self, values: Values) -> Values:
        return torch.remainder(values, self.period / self.multiple)


SURE = 30.0  # a logit, or an arrow's length, that leaves no doubt


def points(values: Values, period: float) -> Float[Tensor, "batch 2"]:
    """(sine, cosine) of the angle that a value is."""
    turned = values * (math.tau / period)
    return torch.stack([turned.sin(), turned.cos()], dim=1)


def angles(pairs: Float[Tensor, "batch 2"], period: float) -> Values:
    """The value whose (sine, cosine) a pair points to, in [0, period)."""
    return on_circle(torch.atan2(pairs[:, 0], pairs[:, 1]) * (period / math.tau), period)


def on_circle(values: Values, period: float) -> Values:
    """Values in [0, period); rounding never leaves the period itself."""
    values = torch.remainder(values, period)
    return torch.where(values >= period, torch.zeros_like(values), values)


def mean_near_peak(
    shares: Float[Tensor, "batch classes"], period: float, *, reach: int
) -> tuple[Values, Float[Tensor, " batch"]]:
    """The mean of the classes no further than `reach` from the likeliest one, and the share that they have together."""
    num = shares.shape[1]
    reach = min(reach, (num - 1) // 2)
    peak = shares.argmax(dim=1, keepdim=True)
    steps = torch.arange(-reach, reach + 1, device=shares.device)
    near = shares.gather(1, torch.remainder(peak + steps, num))
    together = near.sum(dim=1)
    off = (near * steps).sum(dim=1) / together
    return on_circle((peak[:, 0] + off) * (period / num), period), together


def _between(scores: Float[Tensor, "batch classes"], num: int) -> Float[Tensor, "batch num"]:
    """Scores at `num` places round the circle, linear between the classes."""
    places = torch.arange(num, device=scores.device) * (scores.shape[1] / num)
    low = places.floor().long()
    share = (places - low).to(scores.dtype)
    high = torch.remainder(low + 1, scores.shape[1])
    return scores[:, low] * (1 - share) + scores[:, high] * share
