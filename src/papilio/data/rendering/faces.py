"""Printed faces of clocks and gauges: numerals, ticks, what stands between; everything but hands and rim."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from papilio.data.rendering.textures import Texture
from papilio.errors import DataError

SIDE = 512  # of the texture, which shows the dial from -1 to 1
DRAWN = 2  # times as large while it is drawn
ROMAN = ("XII", "I", "II", "III", "IIII", "V", "VI", "VII", "VIII", "IX", "X", "XI")
ARABIC = ("12", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11")
FONTS = (
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSerif-Bold.ttf",
    "DejaVuSansMono.ttf",
    "STIXGeneral.ttf",
    "STIXGeneralBol.ttf",
    "cmss10.ttf",
    "cmr10.ttf",
)
FONTS_ASIDE = (
    "DejaVuSerif-Italic.ttf",
    "DejaVuSans-BoldOblique.ttf",
    "STIXGeneralItalic.ttf",
    "cmb10.ttf",
    "cmtt10.ttf",
)


Numerals = Literal["arabic", "roman", "quarters", "none"]
Place = tuple[float, float]


class Face(Protocol):
    """What is printed on a dial, from one tone, `ink`, on another, `paper`, both from 0 (black) to 1 (white)."""

    @property
    def paper(self) -> float: ...

    @property
    def ink(self) -> float: ...

    @property
    def shows_up(self) -> bool:
        """Whether it says which way is up."""
        ...

    def draw(self) -> Texture:
        """The face as a texture, which shows the dial from -1 to 1; raises DataError for an unknown font."""
        ...


@dataclass(frozen=True)
class ClockFace:
    """A clock's. Lengths in dial radii."""

    numerals: Numerals = "arabic"
    font: str = "DejaVuSans-Bold.ttf"
    numeral_height: float = 0.18
    numeral_radius: float = 0.665
    has_turned_numerals: bool = False  # each with its foot to the middle, in place of upright
    tick_end: float = 0.88
    hour_tick: float = 0.10  # length; 0 for none
    hour_width: float = 0.022
    quarter: float = 1.0  # how much larger the marks of 12, 3, 6 and 9 are
    has_dots: bool = False  # in place of the hours' ticks
    minute_tick: float = 0.045  # 0 for none
    minute_width: float = 0.008
    has_track: bool = False  # a ring along the minute ticks
    has_brand: bool = True
    has_date: bool = False
    paper: float = 0.93
    ink: float = 0.07

    @property
    def shows_up(self) -> bool:
        return self.numerals != "none"

    def draw(self) -> Texture:
        sheet = _Sheet(self.paper, self.ink)
        for minute in range(60):
            length, width = self.minute_tick, self.minute_width
            is_hour = minute % 5 == 0 and self.hour_tick
            if is_hour:
                size = self.quarter if minute % 15 == 0 else 1.0
                length, width = size * self.hour_tick, size * self.hour_width
            if is_hour and self.has_dots:
                sheet.dot(minute / 60, self.tick_end - width, radius=width)
            elif length:
                sheet.tick(minute / 60, self.tick_end, length=length, width=width)
        if self.has_track:
            for radius in (self.tick_end, self.tick_end - self.minute_tick):
                sheet.arc(radius, 0, 1)
        if self.numerals != "none":
            texts = ROMAN if self.numerals == "roman" else ARABIC
            step = 3 if self.numerals == "quarters" else 1
            for hour in range(0, 12, step):
                write = sheet.write_turned if self.has_turned_numerals else sheet.write
                write(texts[hour], hour / 12, self.numeral_radius, self.font, self.numeral_height)
        if self.has_brand:
            sheet.write("PAPILIO", 0, 0.34, "DejaVuSans.ttf", 0.0365, faint=0.45)
            sheet.write("QUARTZ", 0.5, 0.36, "DejaVuSans.ttf", 0.0365, faint=0.45)
        if self.has_date:
            sheet.box(0.25, 0.44, wide=0.085, high=0.065)
            sheet.write("17", 0.25, 0.44, "DejaVuSans-Bold.ttf", 0.066)
        return sheet.texture()


@dataclass(frozen=True)
class GaugeFace:
    """A pressure gauge's: a scale from 0 to 100 over three quarters of the circle, clockwise, with its gap below."""

    font: str = "DejaVuSans.ttf"
    numeral_height: float = 0.12
    numeral_radius: float = 0.6
    tick_end: float = 0.86
    tick: float = 0.14
    name: str = "bar"
    paper: float = 0.93
    ink: float = 0.07

    shows_up = True

    def draw(self) -> Texture:
        sheet = _Sheet(self.paper, self.ink)
        for mark in range(0, 101, 2):
            size = 1.0 if mark % 10 == 0 else 0.5
            sheet.tick(gauge_turn(mark), self.tick_end, length=size * self.tick, width=0.012 * (1 + size))
            if mark % 20 == 0:
                sheet.write(str(mark), gauge_turn(mark), self.numeral_radius, self.font, self.numeral_height)
        sheet.arc(self.tick_end, gauge_turn(0), gauge_turn(100))
        sheet.write(self.name, 0.5, 0.42, self.font, 0.08, faint=0.2)
        return sheet.texture()


def gauge_turn(value: float) -> float:
    """Where 0 to 100 stand on a gauge, in turns clockwise from the top."""
    return 0.75 * value / 100 - 0.375


class _Sheet:
    """A square of paper to print on; turns are clockwise from the top, lengths in dial radii."""

    def __init__(self, paper: float, ink: float) -> None:
        self.side = SIDE * DRAWN
        self.paper, self.ink = paper, ink
        self.picture = Image.new("L", (self.side, self.side), round(255 * paper))
        self.pen = ImageDraw.Draw(self.picture)
        self.fill = round(255 * ink)

    def tick(self, turn: float, end: float, *, length: float, width: float) -> None:
        """A stroke towards the middle."""
        ends = [self._place(turn, end), self._place(turn, end - length)]
        self.pen.line(ends, fill=self.fill, width=self._pixels(width))

    def dot(self, turn: float, place: float, *, radius: float) -> None:
        """A disc about a place."""
        (x, y), reach = self._place(turn, place), radius * self.side / 2
        self.pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=self.fill)

    def arc(self, radius: float, begin: float, end: float) -> None:
        """A thin line along a part of a circle."""
        low, high = (1 - radius) * self.side / 2, (1 + radius) * self.side / 2
        degrees = (begin * 360 - 90, end * 360 - 90)
        self.pen.arc((low, low, high, high), *degrees, fill=self.fill, width=self._pixels(0.006))

    def box(self, turn: float, radius: float, *, wide: float, high: float) -> None:
        """A framed window."""
        (x, y), half = self._place(turn, radius), self.side / 2
        frame = (x - wide * half, y - high * half, x + wide * half, y + high * half)
        self.pen.rectangle(frame, outline=self.fill, width=self._pixels(0.005), fill=self.fill // 2 + 127)

    def write(self, text: str, turn: float, radius: float, font: str, height: float, *, faint: float = 0.0) -> None:
        """Upright text, centered on its place; `height` is that of a capital."""
        letters = self._letters(font, height)
        left, top, right, bottom = self.pen.textbbox((0, 0), text, font=letters)
        x, y = self._place(turn, radius)
        tone = round(255 * (self.ink + faint * (self.paper - self.ink)))
        self.pen.text((x - (left + right) / 2, y - (top + bottom) / 2), text, font=letters, fill=tone)

    def write_turned(self, text: str, turn: float, radius: float, font: str, height: float) -> None:
        """Text with its foot to the middle of the dial."""
        letters = self._letters(font, height)
        left, top, right, bottom = self.pen.textbbox((0, 0), text, font=letters)
        room = 2 * math.ceil(math.hypot(right - left, bottom - top) / 2) + 2
        mask = Image.new("L", (room, room))
        ImageDraw.Draw(mask).text(((room - left - right) / 2, (room - top - bottom) / 2), text, font=letters, fill=255)
        mask = mask.rotate(-360 * turn, Image.Resampling.BICUBIC)
        x, y = self._place(turn, radius)
        self.picture.paste(self.fill, (round(x - room / 2), round(y - room / 2)), mask)

    def texture(self) -> Texture:
        """What was printed."""
        small = self.picture.resize((SIDE, SIDE), Image.Resampling.BOX)
        return Texture(np.asarray(small, dtype=np.float32) / 255)

    def _place(self, turn: float, radius: float) -> Place:
        angle = math.tau * turn
        return (1 + radius * math.sin(angle)) * self.side / 2, (1 - radius * math.cos(angle)) * self.side / 2

    def _letters(self, font: str, height: float) -> ImageFont.FreeTypeFont:
        return _font(font, height * self.side / 2 / 0.73)  # capitals are about 0.73 of a font's size

    def _pixels(self, width: float) -> int:
        return max(1, round(width * self.side / 2))


@cache
def _font(name: str, size: float) -> ImageFont.FreeTypeFont:
    """A font of matplotlib's, found without importing it."""
    found = importlib.util.find_spec("matplotlib")
    known = (*FONTS, *FONTS_ASIDE)
    if name not in known or found is None or found.origin is None:
        raise DataError(f"{name}: no such font; allowed are {', '.join(known)}")
    return ImageFont.truetype(Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / name, size)
