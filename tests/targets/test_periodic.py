"""Target designs for values on a circle: one contract for all of them, and what each is known for."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from papilio.targets.periodic import (
    Bins,
    CoarseToFine,
    Harmonics,
    PeriodicTarget,
    Regression,
    SinCos,
    SoftBins,
    TwoHeads,
    VonMises,
    circular_error,
    share_within,
    wrapped,
)

# how far decode(encode(t)) may be from t, as a share of the period
DESIGNS: dict[str, tuple[Callable[[float], PeriodicTarget], float]] = {
    "regression": (Regression, 1e-6),
    "24 classes": (lambda period: Bins(period, 24), 0.5 / 24 + 1e-6),
    "7 classes": (lambda period: Bins(period, 7), 0.5 / 7 + 1e-6),
    "720 classes": (lambda period: Bins(period, 720), 0.5 / 720 + 1e-6),
    "two heads": (TwoHeads, 1e-6),
    "sin cos": (SinCos, 1e-6),
    "von Mises": (VonMises, 1e-6),
    "soft classes": (lambda period: SoftBins(period, 72), 0.05 / 72),
    "few soft classes": (lambda period: SoftBins(period, 12, 1.0), 0.1 / 12),
    "harmonics": (Harmonics, 1e-5),
    "three harmonics": (lambda period: Harmonics(period, (1, 3, 12), (1.0, 0.5, 0.25)), 1e-5),
    "coarse to fine": (CoarseToFine, 0.1 / 720),
}
PERIODS = [720.0, 360.0, 1.0, math.tau, 12.0]


def values_of(shares: list[float], period: float) -> Tensor:
    return torch.tensor(shares, dtype=torch.float64) * period


@pytest.mark.parametrize("name", DESIGNS)
@settings(max_examples=60, deadline=None)
@given(shares=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=8), period=st.sampled_from(PERIODS))
def test_what_is_encoded_is_decoded(name: str, shares: list[float], period: float) -> None:
    make, allowed = DESIGNS[name]
    target, values = make(period), values_of(shares, period)
    outputs = target.encode(values)
    assert outputs.shape == (len(shares), sum(target.heads))
    decoded = target.decode(outputs.double())
    assert circular_error(decoded.values, values, period).max() <= allowed * period
    assert decoded.values.min() >= 0 and decoded.values.max() < period
    assert decoded.confidence.min() > 0.5 and decoded.confidence.max() <= 1 + 1e-6


@pytest.mark.parametrize("name", DESIGNS)
@settings(max_examples=30, deadline=None)
@given(share=st.floats(0.001, 0.999), turns=st.integers(-3, 3), seed=st.integers(0, 99))
def test_a_value_and_the_value_a_period_later_are_the_same(name: str, share: float, turns: int, seed: int) -> None:
    target = DESIGNS[name][0](720.0)
    # away from the edges of classes, which rounding may fall on either side of
    value = torch.tensor([round(share * 720 * 4) / 4 + 0.06], dtype=torch.float64)
    outputs = torch.randn(1, sum(target.heads), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    one, other = target.loss(outputs, value), target.loss(outputs, value + 720 * turns)
    assert one.item() == pytest.approx(other.item(), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", DESIGNS)
def test_the_loss_jumps_at_midnight_exactly_where_a_design_says_so(name: str) -> None:
    """It is R1's point: whatever a net says, a picture of 11:59 must not be scored quite differently from one of 12:01."""
    target = DESIGNS[name][0](720.0)
    outputs = torch.randn(1, sum(target.heads), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    around = torch.linspace(-1e-3, 1e-3, 21, dtype=torch.float64)

    def jump(middle: float) -> float:
        losses = torch.stack([target.loss(outputs, (middle + step).reshape(1)) for step in around])
        return losses.diff().abs().max().item()

    edges = [0.0] + ([360.0 / target.num] if isinstance(target, Bins) else [])  # classes are centered on midnight
    worst = max(jump(edge) for edge in edges)
    assert (worst < 1e-3) == target.is_continuous


@pytest.mark.parametrize("name", DESIGNS)
def test_every_output_is_learnt(name: str) -> None:
    target = DESIGNS[name][0](720.0)
    outputs = torch.zeros(64, sum(target.heads)).normal_(generator=torch.Generator().manual_seed(0)).requires_grad_()
    target.loss(outputs, torch.arange(64) * 11.25).backward()
    assert outputs.grad is not None
    assert torch.isfinite(outputs.grad).all()
    assert (outputs.grad.abs().sum(dim=0) > 0).all()


@pytest.mark.parametrize("name", DESIGNS)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9999), scale=st.sampled_from([0.0, 1.0, 50.0]))
def test_whatever_a_net_puts_out_is_a_value_and_a_confidence(name: str, seed: int, scale: float) -> None:
    target = DESIGNS[name][0](360.0)
    outputs = torch.randn(16, sum(target.heads), generator=torch.Generator().manual_seed(seed)) * scale
    values, confidence = target.decode(outputs)
    assert values.min() >= 0 and values.max() < 360
    assert confidence.min() >= 0 and confidence.max() <= 1 + 1e-5


def test_each_class_has_as_many_minutes() -> None:
    """Halves went to even numbers: of 72 classes every other one had 11 minutes, the next one 9."""
    for num in (72, 180, 360):
        assert torch.bincount(Bins(720.0, num).classes(torch.arange(720.0))).tolist() == [720 // num] * num


@pytest.mark.parametrize("num", [2, 12, 24, 72, 720])
def test_classes_go_round_the_whole_circle(num: int) -> None:
    """With a period of 59 for 60 minutes the last class and the first would be the same one."""
    target = Bins(60.0, num)
    centers = torch.arange(num) * (60.0 / num)
    assert target.classes(centers).tolist() == list(range(num))
    assert torch.allclose(target.decode(target.encode(centers)).values, centers)
    just_below_the_end = torch.tensor([60.0 - 60.0 / num * 0.49])
    assert target.classes(just_below_the_end).tolist() == [0]


def test_the_last_minute_is_a_minute_away_from_the_first() -> None:
    minutes = torch.tensor([719.0, 0.0, 360.0])
    assert circular_error(minutes, torch.tensor([0.0, 719.0, 0.0]), 720.0).tolist() == [1, 1, 360]
    assert wrapped(torch.tensor([719.0, -719.0, 361.0]), 720.0).tolist() == [-1, 1, -359]


def test_two_heads_scale_the_remainder_to_a_share_of_its_class() -> None:
    """R1's trap: the squared error of minutes would be thousands of times the hour's cross entropy."""
    target = TwoHeads(720.0)
    hour, remainder = target.parts(torch.tensor([0.0, 59.0, 60.0, 719.0]))
    assert hour.tolist() == [0, 0, 1, 11]
    assert remainder.tolist() == pytest.approx([0, 59 / 60, 0, 59 / 60])
    outputs = torch.zeros(1, 13)
    coarse = TwoHeads(720.0, fine_weight=0.0).loss(outputs, torch.tensor([59.0]))
    fine = TwoHeads(720.0, coarse_weight=0.0).loss(outputs, torch.tensor([59.0]))
    assert coarse.item() == pytest.approx(math.log(12)) and fine.item() == pytest.approx((59 / 60) ** 2)
    both = TwoHeads(720.0, coarse_weight=2.0, fine_weight=3.0).loss(outputs, torch.tensor([59.0]))
    assert both.item() == pytest.approx(2 * math.log(12) + 3 * (59 / 60) ** 2)


def test_the_von_mises_loss_is_the_negative_log_likelihood() -> None:
    target, arrow = VonMises(math.tau), torch.tensor([[0.6, 0.8]], dtype=torch.float64) * 3
    places = torch.linspace(0, math.tau, 2001, dtype=torch.float64)[:-1]
    density = torch.stack([(-target.loss(arrow, place.reshape(1))).exp() for place in places])
    assert density.mean().item() * math.tau == pytest.approx(1)
    likeliest = places[density.argmax()]
    assert likeliest.item() == pytest.approx(target.decode(arrow).values.item(), abs=0.004)


def test_the_finer_hand_corrects_the_coarser_one() -> None:
    """The hour hand stands a little off: the minute hand says what the minute is, and the hour follows from both."""
    target, value = Harmonics(720.0), torch.tensor([5 * 60 + 58.0], dtype=torch.float64)
    outputs = target.encode(value)
    outputs[:, :2] = target.encode(value + 9)[:, :2]  # as if it were 6:07
    assert target.decode(outputs).values.item() == pytest.approx(358, abs=1e-3)
    soft = CoarseToFine(720.0)
    outputs = soft.encode(value)
    outputs[:, :72] = soft.encode(value + 9)[:, :72]
    assert soft.decode(outputs).values.item() == pytest.approx(358, abs=0.6)


def test_metrics_are_in_units_of_the_value() -> None:
    predicted = torch.tensor([0.0, 719.0, 10.0, 100.0, 360.0])
    values = torch.tensor([1.0, 1.0, 10.0, 100.0, 0.0])
    assert circular_error(predicted, values, 720.0).tolist() == [1, 2, 0, 0, 360]
    assert share_within(predicted, values, 720.0, 1.0).item() == pytest.approx(0.6)


def test_soft_classes_are_a_normal_of_their_width() -> None:
    shares = SoftBins(720.0, 72, width=2.0).shares(torch.tensor([0.0]))[0]
    expected = [math.exp(-0.5 * (steps / 2) ** 2) for steps in (0, 1, 2, 4)]
    assert (shares[[0, 1, -2, 4]] / shares[0]).tolist() == pytest.approx(expected, rel=1e-5)


def test_harmonics_are_as_sure_as_the_least_sure_hand() -> None:
    target = Harmonics(720.0)
    outputs = target.encode(torch.tensor([100.0, 100.0]))
    outputs[0, :2] *= 0.2
    outputs[1, 2:] *= 0.3
    assert target.decode(outputs).confidence.tolist() == pytest.approx([0.2, 0.3], rel=1e-5)
