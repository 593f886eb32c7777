"""What clocks and gauges look like: a plain one of each, or as many kinds as a seed is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from papilio.data.rendering.faces import FONTS, FONTS_ASIDE, ClockFace, Face, GaugeFace, Numerals
from papilio.data.rendering.shapes import Hand

RGB = tuple[float, float, float]
NUMERALS: tuple[Numerals, ...] = ("arabic", "roman", "quarters", "none")
NEUTRAL: RGB = (1.0, 1.0, 1.0)
RED: RGB = (2.2, 0.4, 0.4)


@dataclass(frozen=True)
class Pointer:
    """A hand: its shape, its tone from 0 (black) to 1 (white), and its color where pictures have colors."""

    shape: Hand
    tone: float = 0.07
    tint: RGB = NEUTRAL
    is_hollow: bool = False  # the paper is seen through its outer half


@dataclass(frozen=True)
class Instrument:
    """A dial with hands, in a rim. Lengths in dial radii; tints are what tones are multiplied with in color."""

    face: Face
    pointers: Sequence[Pointer | None]  # from the lowest to the highest
    cap: float = 0.05  # radius of what covers the axis
    face_end: float = 0.93  # where the rim begins
    rim: tuple[float, float] = (0.06, 0.2)  # its tone
    is_square: bool = False
    paper_tint: RGB = (1.0, 0.98, 0.92)
    ink_tint: RGB = NEUTRAL
    rim_tint: RGB = NEUTRAL


def plain_clock(face: ClockFace | None = None) -> Instrument:
    """The clock of the default set."""
    hour = Pointer(Hand(length=0.44, tail=0.1, root=0.048, tip=0.036))
    minute = Pointer(Hand(length=0.74, tail=0.12, root=0.032, tip=0.022))
    return Instrument(face or ClockFace(), (hour, minute, None))


def plain_gauge() -> Instrument:
    """The gauge of the default set."""
    return Instrument(GaugeFace(), (Pointer(Hand(length=0.7, tail=0.22, root=0.035, tip=0.008)),), cap=0.09)


def varied_clocks(num: int, rng: np.random.Generator) -> list[Instrument]:
    """Kinds of clocks that differ in all that real ones differ in: numerals, fonts, ticks, hands, dark dials, second hands."""
    return [_drawn_clock(rng) for _ in range(num)]


def aside_clocks(num: int, rng: np.random.Generator) -> list[Instrument]:
    """Clocks unlike the varied ones, to measure on what was never trained on: other fonts, other shapes of hands.

    Hands are wedges that come to a point, or clubs, wider at their end than at the axis, with long tails.
    """
    return [_aside_clock(rng) for _ in range(num)]


def varied_gauges(num: int, rng: np.random.Generator) -> list[Instrument]:
    """Gauges of many kinds; all of them have the same scale."""
    return [_drawn_gauge(rng) for _ in range(num)]


def drawn_tint(rng: np.random.Generator, *, strength: float) -> RGB:
    """A color to multiply tones with, whose brightness is about 1."""
    red, green, blue = np.clip(rng.normal(1, strength, 3), 0.2, 2)
    mean = 0.299 * red + 0.587 * green + 0.114 * blue
    return float(red / mean), float(green / mean), float(blue / mean)


def _drawn_clock(rng: np.random.Generator) -> Instrument:
    case = _drawn_case(rng)
    if rng.random() < 0.15:
        case["face_end"] = rng.uniform(0.72, 0.88)  # a broad rim, within which all is smaller
    size = min(1.0, case["face_end"] / 0.9)
    face = _drawn_face(size, rng)
    minute_length = size * rng.uniform(0.66, 0.88)
    hour_root, minute_root = rng.uniform(0.022, 0.065), rng.uniform(0.016, 0.045)
    if rng.random() < 0.2:
        hour_root, minute_root = rng.uniform(0.05, 0.085), rng.uniform(0.035, 0.065)
    narrowing = rng.uniform(0.15, 1.2)  # from needles to bars and clubs
    hour = Hand(minute_length * rng.uniform(0.48, 0.72), rng.uniform(0.02, 0.2), hour_root, hour_root * narrowing)
    minute = Hand(minute_length, rng.uniform(0.02, 0.22), minute_root, minute_root * narrowing)
    second = Hand(size * rng.uniform(0.7, 0.9), rng.uniform(0.05, 0.3), 0.009, 0.006) if rng.random() < 0.4 else None
    tone, is_hollow = float(np.clip(face.ink + rng.uniform(-0.1, 0.1), 0, 1)), bool(rng.random() < 0.15)
    tint = drawn_tint(rng, strength=0.05 if rng.random() < 0.7 else 0.5)
    second_tone, second_tint = float(rng.choice([face.ink, 0.35, 0.5])), RED if rng.random() < 0.6 else tint
    return Instrument(
        face,
        (
            Pointer(hour, tone, tint, is_hollow),
            Pointer(minute, tone, tint, is_hollow),
            None if second is None else Pointer(second, second_tone, second_tint),
        ),
        cap=rng.uniform(0.025, 0.075),
        **case,
    )


def _drawn_face(size: float, rng: np.random.Generator) -> ClockFace:
    """A face that fills `size` of the usual one."""
    paper, ink = _drawn_tones(rng)
    has_ticks, has_bars, has_dots = rng.random() < 0.85, rng.random() < 0.15, rng.random() < 0.1
    tick_end = size * rng.uniform(0.84, 0.93)
    numerals = NUMERALS[int(rng.choice(len(NUMERALS), p=[0.5, 0.2, 0.12, 0.18]))]
    height = size * rng.uniform(0.11, 0.24) * (0.8 if numerals == "roman" else 1.0)
    # broad bars leave no room for numerals outside of them
    hour_tick = size * (rng.uniform(0.14, 0.24) if has_bars else rng.uniform(0.04, 0.16))
    room = rng.uniform(0.02, 0.12) if not has_bars else hour_tick + rng.uniform(0.02, 0.06)
    return ClockFace(
        numerals=numerals,
        font=str(rng.choice(FONTS)),
        numeral_height=height,
        numeral_radius=tick_end - room - 0.5 * height,
        has_turned_numerals=bool(rng.random() < (0.5 if numerals == "roman" else 0.1)),
        tick_end=tick_end,
        hour_tick=hour_tick if has_ticks or numerals == "none" else 0.0,
        hour_width=rng.uniform(0.04, 0.085)
        if has_bars
        else rng.uniform(0.02, 0.05)
        if has_dots
        else rng.uniform(0.012, 0.05),
        quarter=rng.uniform(1.2, 1.7) if rng.random() < 0.25 else 1.0,
        has_dots=has_dots,
        minute_tick=size * rng.uniform(0.02, 0.07) if rng.random() < 0.7 else 0.0,
        minute_width=rng.uniform(0.006, 0.014) * (2 if has_bars else 1),
        has_track=rng.random() < 0.25,
        has_brand=rng.random() < 0.5,
        has_date=rng.random() < 0.12,
        paper=paper,
        ink=ink,
    )


def _aside_clock(rng: np.random.Generator) -> Instrument:
    usual = _drawn_clock(rng)
    face, (hour, minute, second) = usual.face, usual.pointers
    assert isinstance(face, ClockFace) and hour is not None and minute is not None
    is_wedge = rng.random() < 0.5
    root, tip = (rng.uniform(0.07, 0.1), 0.002) if is_wedge else (0.014, rng.uniform(0.035, 0.05))
    shapes = [
        Hand(pointer.shape.length, tail, root * share, tip * share)
        for pointer, tail, share in ((hour, rng.uniform(0.0, 0.3), 1.0), (minute, rng.uniform(0.0, 0.35), 0.7))
    ]
    pointers = (
        replace(hour, shape=shapes[0], is_hollow=False),
        replace(minute, shape=shapes[1], is_hollow=False),
        second,
    )
    return replace(usual, face=replace(face, font=str(rng.choice(FONTS_ASIDE))), pointers=pointers)


def _drawn_gauge(rng: np.random.Generator) -> Instrument:
    paper, ink = _drawn_tones(rng)
    tick, tick_end, height = rng.uniform(0.09, 0.18), rng.uniform(0.82, 0.9), rng.uniform(0.09, 0.15)
    face = GaugeFace(
        font=str(rng.choice(FONTS)),
        numeral_height=height,
        numeral_radius=tick_end - tick - 0.75 * height,
        tick_end=tick_end,
        tick=tick,
        name=str(rng.choice(["bar", "kPa", "psi", "%", "°C"])),
        paper=paper,
        ink=ink,
    )
    needle = Hand(rng.uniform(0.55, 0.8), rng.uniform(0.1, 0.3), rng.uniform(0.02, 0.05), rng.uniform(0.005, 0.012))
    tint = RED if rng.random() < 0.3 else NEUTRAL
    tone = 0.35 if tint is RED else ink
    return Instrument(face, (Pointer(needle, tone, tint),), cap=rng.uniform(0.06, 0.14), **_drawn_case(rng))


def _drawn_tones(rng: np.random.Generator) -> tuple[float, float]:
    """Paper and ink: dark on bright, or, more seldom, bright on dark."""
    if rng.random() < 0.2:
        return rng.uniform(0.02, 0.25), rng.uniform(0.8, 1.0)
    return rng.uniform(0.75, 1.0), rng.uniform(0.0, 0.3)


def _drawn_case(rng: np.random.Generator) -> dict:
    """Rim and colors, as arguments of an Instrument."""
    low = rng.uniform(0.03, 0.75)
    return {
        "face_end": rng.uniform(0.88, 0.985),
        "rim": (low, low + 0.15),
        "is_square": bool(rng.random() < 0.12),
        "paper_tint": drawn_tint(rng, strength=0.05 if rng.random() < 0.7 else 0.25),
        "ink_tint": drawn_tint(rng, strength=0.05 if rng.random() < 0.6 else 0.4),
        "rim_tint": drawn_tint(rng, strength=0.15),
    }
