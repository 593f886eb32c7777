"""Faces of clocks: numerals, ticks, what is printed between; everything but hands and rim."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

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


Numerals = Literal["arabic", "roman", "quarters", "none"]


@dataclass(frozen=True)
class DialStyle:
    """What is printed on a dial. Lengths in dial radii, tones from 0 (black) to 1 (white)."""

    numerals: Numerals = "arabic"
    font: str = "DejaVuSans.ttf"
    numeral_height: float = 0.17
    numeral_radius: float = 0.66
    tick_end: float = 0.88
    hour_tick: float = 0.10  # length; 0 for none
    hour_width: float = 0.022
    minute_tick: float = 0.045  # 0 for none
    minute_width: float = 0.008
    has_track: bool = False  # a ring along the minute ticks
    has_brand: bool = True
    has_date: bool = False
    paper: float = 0.93
    ink: float = 0.07


def draw_dial(style: DialStyle) -> Texture:
    """The dial's face as a texture. Raises DataError for an unknown font."""
    side = SIDE * DRAWN
    picture = Image.new("L", (side, side), round(255 * style.paper))
    draw = ImageDraw.Draw(picture)
    ink = round(255 * style.ink)

    def place(angle: float, radius: float) -> tuple[float, float]:
        return (1 + radius * math.sin(angle)) * side / 2, (1 - radius * math.cos(angle)) * side / 2

    for minute in range(60):
        length, width = style.minute_tick, style.minute_width
        if minute % 5 == 0 and style.hour_tick:
            length, width = style.hour_tick, style.hour_width
        if length:
            angle = math.tau * minute / 60
            ends = [place(angle, style.tick_end), place(angle, style.tick_end - length)]
            draw.line(ends, fill=ink, width=max(1, round(width * side / 2)))
    if style.has_track:
        for radius in (style.tick_end, style.tick_end - style.minute_tick):
            low, high = (1 - radius) * side / 2, (1 + radius) * side / 2
            draw.ellipse((low, low, high, high), outline=ink, width=max(1, round(0.006 * side / 2)))
    _write_numerals(draw, style, place, ink)
    if style.has_brand:
        grey = round(255 * (0.55 * style.ink + 0.45 * style.paper))
        font = _font("DejaVuSans.ttf", 0.05 * side / 2)
        draw.text(place(0, 0.34), "PAPILIO", font=font, fill=grey, anchor="mm")
        draw.text(place(math.pi, 0.36), "QUARTZ", font=font, fill=grey, anchor="mm")
    if style.has_date:
        x, y = place(math.pi / 2, 0.44)
        wide, high = 0.085 * side / 2, 0.065 * side / 2
        draw.rectangle(
            (x - wide, y - high, x + wide, y + high), outline=ink, width=max(1, side // 400), fill=ink // 2 + 127
        )
        draw.text((x, y), "17", font=_font("DejaVuSans-Bold.ttf", 0.09 * side / 2), fill=ink, anchor="mm")
    small = picture.resize((SIDE, SIDE), Image.Resampling.BOX)
    return Texture(np.asarray(small, dtype=np.float32) / 255)


def _write_numerals(draw: ImageDraw.ImageDraw, style: DialStyle, place, ink: int) -> None:
    """Upright to the dial, each centred on its hour."""
    if style.numerals == "none":
        return
    font = _font(style.font, style.numeral_height * SIDE * DRAWN / 2 / 0.73)  # capitals are about 0.73 of a font's size
    for hour, text in enumerate(ROMAN if style.numerals == "roman" else ARABIC):
        if style.numerals != "quarters" or hour % 3 == 0:
            left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
            x, y = place(math.tau * hour / 12, style.numeral_radius)
            draw.text((x - (left + right) / 2, y - (top + bottom) / 2), text, font=font, fill=ink)


@cache
def _font(name: str, size: float) -> ImageFont.FreeTypeFont:
    """A font of matplotlib's, found without importing it."""
    found = importlib.util.find_spec("matplotlib")
    if name not in FONTS or found is None or found.origin is None:
        raise DataError(f"{name}: no such font; allowed are {', '.join(FONTS)}")
    return ImageFont.truetype(Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / name, size)
