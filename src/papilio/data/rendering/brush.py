"""Characters written with a brush: drawn from a font of the user's, each time with another stroke, ink and paper.

A stand-in for Kuzushiji-Kanji, which is cut out of old books: there, too, strokes are bent and slanted, ink runs dry, and paper
is stained and has a grain. As there, ink is light on a dark ground, unless the variety is "paper".
"""

from __future__ import annotations

import functools
import math
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image, ImageDraw, ImageFont

from papilio.data.rendering.drawn_sets import DrawnSet
from papilio.data.rendering.fonts import brush_fonts
from papilio.data.rendering.kanji import KANJI
from papilio.data.rendering.settings import RenderSettings
from papilio.files import checksum

FINE = 2  # times as large while it is written
GLYPH = 256  # pixels that a glyph is rendered with
MARGIN = 64  # of a rendered glyph, on each side
Page = Float[np.ndarray, "side side"]


class BrushRenderer(DrawnSet):
    """Writes characters; the class of a picture is its character.

    plain: light on dark, as the Kuzushiji sets are published; paper: dark on light, as it is written.
    """

    usual = RenderSettings(num=22_000, size=64)
    class_names = KANJI
    notes = ("a stand-in for Kuzushiji-Kanji: drawn from brush fonts, not cut out of old books",)
    varieties: ClassVar = {"plain": True, "paper": False}  # whether light and dark are swapped

    def __init__(self, variety: str = "plain", *, size: int = 64, color: str = "grey", seed: int = 0) -> None:
        self.refuse_unknown(variety)
        self.is_inverted, self.size, self.color, self.seed = self.varieties[variety], size, color, seed
        self.side = size * FINE

    @classmethod
    def made_from(cls) -> dict[str, str]:
        """The fonts' checksums, by their files' names."""
        return {path.name: checksum(path) for path in brush_fonts()}

    @classmethod
    def shown(cls, settings: RenderSettings) -> Int[np.ndarray, " num"]:
        """The number of each character, each as often as the others (or once more), in no order."""
        numbers = np.arange(settings.num, dtype=np.int64) * len(KANJI) // max(settings.num, len(KANJI))
        keys = np.random.default_rng([settings.seed, 6]).bit_generator.random_raw(settings.num)
        return numbers[np.argsort(keys, kind="stable")]

    @staticmethod
    def labels(values: Int[np.ndarray, " num"]) -> Int[np.ndarray, " num"]:
        """The characters' numbers, which are the values themselves."""
        return values

    @classmethod
    def words(cls, value: float) -> str:
        """The character's code point: what captions are written with has no such characters."""
        return f"U+{ord(KANJI[int(value)]):04X}"

    def draw(self, number: int, value: float) -> UInt8[np.ndarray, "size size *rgb"]:
        """Picture `number`, of that character; the same for the same seed and the same fonts."""
        rng = np.random.default_rng([self.seed, 7, number])
        ink = self.ink(self.strokes(int(value), rng), rng)
        paper, darkness = self.paper(rng), rng.uniform(0.03, 0.16)
        page = paper * (1 - ink) + darkness * ink
        page = page.reshape(self.size, FINE, self.size, FINE).mean(axis=(1, 3))
        page += rng.normal(0, rng.uniform(0.004, 0.02), page.shape)
        picture = np.round(255 * (1 - page if self.is_inverted else page)).clip(0, 255).astype(np.uint8)
        return picture if self.color == "grey" else picture[..., None].repeat(3, axis=2)

    def strokes(self, value: int, rng: np.random.Generator) -> Page:
        """Where the brush was, 0 to 1: a glyph that is slanted, stretched, bent, moved, and thinner or thicker."""
        glyph = self._glyph(value, int(rng.integers(len(self.fonts))))
        columns, rows = self._bent(glyph.shape, rng)
        return self._pressed(sample(glyph, rows, columns), rng)

    def ink(self, strokes: Page, rng: np.random.Generator) -> Page:
        """How much ink is on each place, 0 to 1: uneven, here and there dry, so that the paper shows in streaks."""
        density = rng.uniform(0.78, 1.0) - 0.12 * np.abs(self._smooth(4, rng))
        if rng.random() < 0.45:
            dryness = np.clip(self._smooth(3, rng) * rng.uniform(0.6, 1.4) - 0.25, 0, 1)
            density = density * (1 - dryness * self._streaks(rng))
        return strokes * np.clip(density, 0, 1)

    def paper(self, rng: np.random.Generator) -> Page:
        """Its lightness, 0 to 1: a tone, stains, a grain, now and then a shade at one side."""
        page = rng.uniform(0.80, 0.97) + rng.uniform(0.005, 0.03) * self._smooth(4, rng)
        page = page + rng.uniform(0.004, 0.02) * self._smooth(24, rng)
        if rng.random() < 0.2:
            turn, places = rng.uniform(0, math.tau), np.linspace(-1, 1, self.side)
            away = math.cos(turn) * places + math.sin(turn) * places[:, None]
            page = page - rng.uniform(0.03, 0.12) * np.clip(away, 0, None) ** 2
        grain = rng.normal(0, rng.uniform(0.01, 0.045), (self.side, self.side))
        return np.clip(page + grain, 0, 1)

    @functools.cached_property
    def fonts(self) -> list[ImageFont.FreeTypeFont]:
        """Opened when the first picture is drawn."""
        return [ImageFont.truetype(str(path), GLYPH, layout_engine=ImageFont.Layout.BASIC) for path in brush_fonts()]

    def _glyph(self, value: int, font: int) -> Float[np.ndarray, "height width"]:
        """A character, ink 1 on 0, with a margin about it."""
        left, top, right, bottom = (round(edge) for edge in self.fonts[font].getbbox(KANJI[value]))
        picture = Image.new("L", (right - left + 2 * MARGIN, bottom - top + 2 * MARGIN))
        ImageDraw.Draw(picture).text((MARGIN - left, MARGIN - top), KANJI[value], font=self.fonts[font], fill=255)
        return np.asarray(picture, dtype=np.float32) / 255

    def _bent(self, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Page, Page]:
        """Column and row of the glyph that each place of the page shows."""
        height, width = (side - 2 * MARGIN for side in shape)
        across, down = np.meshgrid(*[np.linspace(-1, 1, self.side)] * 2)
        # it fills the page in its longer direction, and is stretched in the other one, not all the way
        fill = rng.uniform(0.74, 0.97)
        longer = max(height, width)
        half_width, half_height = (((longer**0.6) * side**0.4) / 2 / fill for side in (width, height))
        across = across - rng.uniform(-0.07, 0.07) + 0.06 * self._smooth(3, rng)
        down = down - rng.uniform(-0.07, 0.07) + 0.06 * self._smooth(3, rng)
        turn, slant = rng.normal(0, 0.06), rng.normal(0.0, 0.12)
        turned = math.cos(turn) * across + math.sin(turn) * down
        upright = math.cos(turn) * down - math.sin(turn) * across
        columns = (turned + slant * upright) * half_width * rng.uniform(0.92, 1.1) + shape[1] / 2 - 0.5
        rows = upright * half_height * rng.uniform(0.92, 1.1) + shape[0] / 2 - 0.5
        return columns, rows

    def _pressed(self, strokes: Page, rng: np.random.Generator) -> Page:
        """Eroded or dilated, more here and less there, with a soft edge: the level at which a blurred stroke is cut."""
        reach = rng.uniform(0.008, 0.02)
        level = rng.uniform(0.2, 0.52) + 0.08 * self._smooth(3, rng)
        softness = rng.uniform(0.1, 0.35)
        return np.clip((self._blurred(strokes, reach) - level) / softness + 0.5, 0, 1)

    def _blurred(self, page: Page, reach: float) -> Page:
        """A page through a Gaussian whose deviation is that share of its side."""
        places = np.arange(self.side) / self.side
        weights = np.exp(-0.5 * ((places[:, None] - places) / reach) ** 2).astype(np.float32)
        weights /= weights.sum(axis=1, keepdims=True)
        return weights @ page @ weights.T

    def _streaks(self, rng: np.random.Generator) -> Page:
        """Hairs of a dry brush: noise that is long in one direction, 0 to 1."""
        turn = rng.uniform(0.1, 1.3)
        across, down = np.meshgrid(*[np.linspace(0, 1, self.side)] * 2)
        along, beside = math.cos(turn) * across + math.sin(turn) * down, math.cos(turn) * down - math.sin(turn) * across
        noise = rng.uniform(-1, 1, (64, 8)).astype(np.float32)
        found = sample(noise, (beside + 1) / 2 * 63, along / math.sqrt(2) * 7)
        return np.clip(0.5 + 1.5 * found, 0, 1)

    def _smooth(self, num: int, rng: np.random.Generator) -> Page:
        """A smooth surface of about -1 to 1 through num x num random values."""
        weights = spread(num, self.side)
        return weights @ rng.uniform(-1.4, 1.4, (num, num)).astype(np.float32) @ weights.T


@functools.cache
def spread(num: int, side: int) -> Float[np.ndarray, "side num"]:
    """From `num` values along a side to smooth ones at each place of it."""
    places = np.linspace(0, num - 1, side, dtype=np.float32)[:, None] - np.arange(num, dtype=np.float32)
    weights = np.exp(-0.5 * (places / 0.6) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)


def sample(picture: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The picture's values between its pixels, bilinear; beyond its edges they are those at the edge."""
    height, width = picture.shape
    rows, columns = rows.clip(0, height - 1.001), columns.clip(0, width - 1.001)
    top, left = rows.astype(np.int64), columns.astype(np.int64)
    down, right = rows - top, columns - left
    upper = picture[top, left] * (1 - right) + picture[top, left + 1] * right
    lower = picture[top + 1, left] * (1 - right) + picture[top + 1, left + 1] * right
    return upper * (1 - down) + lower * down
