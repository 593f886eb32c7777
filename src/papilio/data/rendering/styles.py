"""What clocks look like: one plain wall clock, or as many kinds of clocks as a seed is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from papilio.data.rendering.dials import FONTS, DialStyle, Numerals
from papilio.data.rendering.shapes import Hand

NUMERALS: tuple[Numerals, ...] = ("arabic", "roman", "quarters", "none")


@dataclass(frozen=True)
class ClockStyle:
    """A clock. Lengths in dial radii, tones from 0 (black) to 1 (white)."""

    dial: DialStyle = field(default=DialStyle())
    hour_hand: Hand = field(default=Hand(length=0.46, tail=0.12, root=0.040, tip=0.028))
    minute_hand: Hand = field(default=Hand(length=0.74, tail=0.15, root=0.028, tip=0.018))
    second_hand: Hand | None = None
    hands: float = 0.07  # their tone
    second: float = 0.35
    cap: float = 0.05  # radius of what covers the axis
    face: float = 0.93  # where the rim begins
    rim: tuple[float, float] = (0.06, 0.2)  # its tone


def varied_styles(num: int, rng: np.random.Generator) -> list[ClockStyle]:
    """Kinds of clocks that differ in all that real ones differ in: numerals, fonts, ticks, hands, dark dials, second hands."""
    return [_drawn_style(rng) for _ in range(num)]


def _drawn_style(rng: np.random.Generator) -> ClockStyle:
    is_dark = rng.random() < 0.2
    paper, ink = (
        (rng.uniform(0.02, 0.25), rng.uniform(0.8, 1.0)) if is_dark else (rng.uniform(0.75, 1.0), rng.uniform(0.0, 0.3))
    )
    has_ticks = rng.random() < 0.85
    tick_end = rng.uniform(0.84, 0.93)
    numeral_height = rng.uniform(0.11, 0.24)
    numerals = NUMERALS[int(rng.choice(len(NUMERALS), p=[0.6, 0.2, 0.1, 0.1]))]
    dial = DialStyle(
        numerals=numerals,
        font=str(rng.choice(FONTS)),
        numeral_height=numeral_height * (0.8 if numerals == "roman" else 1.0),
        numeral_radius=tick_end - rng.uniform(0.02, 0.12) - 0.5 * numeral_height,
        tick_end=tick_end,
        hour_tick=rng.uniform(0.04, 0.16) if has_ticks or numerals == "none" else 0.0,
        hour_width=rng.uniform(0.012, 0.05),
        minute_tick=rng.uniform(0.02, 0.07) if rng.random() < 0.75 else 0.0,
        minute_width=rng.uniform(0.006, 0.014),
        has_track=rng.random() < 0.25,
        has_brand=rng.random() < 0.5,
        has_date=rng.random() < 0.12,
        paper=paper,
        ink=ink,
    )
    minute_length = rng.uniform(0.66, 0.88)
    hour_root, minute_root = rng.uniform(0.022, 0.065), rng.uniform(0.016, 0.045)
    shape = rng.uniform(0.15, 1.1)  # from needles to bars and clubs
    has_second = rng.random() < 0.4
    return ClockStyle(
        dial=dial,
        hour_hand=Hand(minute_length * rng.uniform(0.52, 0.72), rng.uniform(0.02, 0.2), hour_root, hour_root * shape),
        minute_hand=Hand(minute_length, rng.uniform(0.02, 0.22), minute_root, minute_root * shape),
        second_hand=Hand(rng.uniform(0.7, 0.9), rng.uniform(0.05, 0.3), 0.009, 0.006) if has_second else None,
        hands=float(np.clip(ink + rng.uniform(-0.1, 0.1), 0, 1)),
        second=float(rng.choice([ink, 0.35, 0.5])),
        cap=rng.uniform(0.025, 0.075),
        face=rng.uniform(0.88, 0.985),
        rim=(low := rng.uniform(0.03, 0.75), low + 0.15),
    )
