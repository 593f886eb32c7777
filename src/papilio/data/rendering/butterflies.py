"""Butterflies: pictures that differ in six known factors, to find out what the coordinates of a latent space stand for.

A butterfly rests with open wings on a blurred meadow. Its factors are independent of each other, or, in the variety
"correlated", hue and wing width go together. The meadow differs a little from picture to picture, and is no factor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image, ImageDraw

from papilio.data.rendering.drawn_sets import DrawnSet
from papilio.data.rendering.settings import RenderSettings
from papilio.data.rendering.wings import SHAPES, Points, closed_curve
from papilio.data.splits import SplitName
from papilio.errors import SettingError

FINE = 4  # times as large while it is drawn
CORRELATION = 0.8  # of hue and wing width, in the variety "correlated"
MOST_SPOTS = 4  # on each side
RGB = tuple[float, float, float]
ROOT = np.array([0.03, 0.03])  # where wings begin: their patterns are drawn about it
DARK, CREAM, INK = (38.0, 26.0, 24.0), (255.0, 246.0, 222.0), (24.0, 18.0, 22.0)
# by hue in degrees: colors that look well side by side, and are about as strong as each other
HUES = (0.0, 32.0, 58.0, 110.0, 175.0, 215.0, 270.0)
COLORS = np.array(
    [(206, 44, 52), (238, 122, 30), (246, 196, 44), (92, 168, 62), (28, 160, 158), (52, 112, 214), (132, 74, 190)]
)
MARGIN = 0.84  # of a wing, from its root: what is farther out is its dark margin
RINGS = 9  # of a wing's gradient
SPOTS = ((0.36, -0.15), (0.42, 0.33), (0.25, -0.34), (0.42, 0.10))  # where they are: the first, the first two, ...
SPOT_RINGS = ((0.092, (250.0, 226.0, 150.0)), (0.07, INK), (0.034, (150.0, 196.0, 246.0)))  # radius and color


class Butterfly(NamedTuple):
    """The factors of a picture."""

    hue: float  # degrees, from 0 (red) by way of yellow, green and blue to 270 (violet)
    wing_width: float  # from 0.65 to 1.15, times the usual one; wings are as high as ever
    wing_shape: float  # the number of one of SHAPES
    spots: float  # 0 to 4 eyespots on each side
    angle: float  # degrees by which it is turned to the left, from -40 to 40
    body: float  # thickness of the body, from 0.5 to 2 times the usual one


RANGES = {"hue": (0.0, 270.0), "wing_width": (0.65, 1.15), "angle": (-40.0, 40.0), "body": (0.5, 2.0)}


class ButterflyRenderer(DrawnSet):
    """Draws butterflies; the class of a picture is the shape of the wings.

    plain: the factors are independent; correlated: hue and wing width have a correlation of 0.8.
    """

    usual = RenderSettings(num=12_000, size=64, color="rgb")
    class_names = tuple(SHAPES)
    varieties: ClassVar = {"plain": 0.0, "correlated": CORRELATION}

    def __init__(self, variety: str = "plain", *, size: int = 64, color: str = "rgb", seed: int = 0) -> None:
        self.refuse_unknown(variety)
        if color not in ("grey", "rgb"):
            raise SettingError(f"color = {color}: allowed are gray and rgb")
        self.size, self.color, self.seed = size, color, seed
        self.spread = _spread(size)
        self.shadow = _shadow(size)

    @classmethod
    def shown(cls, settings: RenderSettings) -> Float[np.ndarray, "num 6"]:
        """Factors, each with evenly spread values, a row per picture."""
        rng = np.random.default_rng([settings.seed, 4])
        num = settings.num
        hue, width = correlated_pair(num, cls.varieties[settings.variety], rng)
        drawn = {"hue": hue, "wing_width": width, "angle": rng.random(num), "body": rng.random(num)}
        values = {name: low + (high - low) * drawn[name] for name, (low, high) in RANGES.items()}
        values["wing_shape"] = np.floor(rng.random(num) * len(SHAPES))
        values["spots"] = np.floor(rng.random(num) * (MOST_SPOTS + 1))
        return np.stack([values[name].round(4) for name in Butterfly._fields], axis=1)

    @staticmethod
    def labels(values: Float[np.ndarray, "num 6"]) -> Int[np.ndarray, " num"]:
        """The number of each wing shape."""
        return values[:, Butterfly._fields.index("wing_shape")].astype(np.int64)

    @classmethod
    def words(cls, value: Sequence[float]) -> str:
        """The name of the wings' shape."""
        return cls.class_names[int(Butterfly(*value).wing_shape)]

    @classmethod
    def factors(cls, values: Float[np.ndarray, "num 6"]) -> dict[str, np.ndarray]:
        """By name, numbers and shapes as int64 (num,), the others as float64 (num,); see Butterfly."""
        is_count = ("wing_shape", "spots")
        columns = zip(Butterfly._fields, values.T, strict=True)
        return {name: column.astype(np.int64 if name in is_count else np.float64) for name, column in columns}

    @staticmethod
    def splits(num: int) -> dict[SplitName, np.ndarray]:
        """A twelfth each for validation and test: pictures are in no order."""
        held_out = num // 12
        ends = (0, num - 2 * held_out, num - held_out, num)
        names = ("train", "validation", "test")
        return {name: np.arange(*ends[index : index + 2]) for index, name in enumerate(names)}

    def draw(self, number: int, value: Sequence[float]) -> UInt8[np.ndarray, "size size *rgb"]:
        """Picture `number`, of a butterfly with these factors; the same for the same seed."""
        colors, cover = self.cut_out(Butterfly(*value))
        meadow = self.meadow(np.random.default_rng([self.seed, 5, number]))
        meadow *= 1 - 0.38 * (self.shadow[0] @ cover @ self.shadow[1])[..., None]
        picture = np.round(colors + meadow * (1 - cover[..., None])).clip(0, 255).astype(np.uint8)
        return picture if self.color == "rgb" else np.asarray(Image.fromarray(picture).convert("L"))

    def cut_out(self, butterfly: Butterfly) -> tuple[Float[np.ndarray, "size size 3"], Float[np.ndarray, "size size"]]:
        """The butterfly alone: colors, 0 to 255, times how much of each pixel it covers; and that, 0 to 1."""
        drawing = _Drawing(butterfly, self.size)
        mask = drawing.mask.reduce(FINE)
        # what a pattern has beyond the outline of its wing is cut away
        colors = Image.composite(drawing.picture, Image.new("RGB", drawing.picture.size), drawing.mask).reduce(FINE)
        return np.asarray(colors, dtype=np.float32), np.asarray(mask, dtype=np.float32) / 255

    def meadow(self, rng: np.random.Generator) -> Float[np.ndarray, "size size 3"]:
        """What is behind it, far out of focus: pale, so that every hue stands out."""
        top, bottom = np.array([228.0, 230.0, 212.0]), np.array([192.0, 206.0, 178.0])
        down = np.linspace(0, 1, self.size)[:, None, None]
        blobs = self.spread @ rng.uniform(-1, 1, (5, 5)) @ self.spread.T
        tints = self.spread @ rng.uniform(-1, 1, (5, 5)) @ self.spread.T
        picture = top + (bottom - top) * down + 11 * blobs[..., None] + tints[..., None] * np.array([5.0, 0.0, -5.0])
        return picture.astype(np.float32)


def correlated_pair(num: int, correlation: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two samples (num,), each spread evenly over (0, 1), with that correlation on average.

    The ranks of two normal variables: their correlation is 6 / pi asin(r / 2), with r that of the variables (Pearson 1907).
    """
    r = 2 * math.sin(math.pi * correlation / 6)
    one, other = rng.standard_normal((2, num))
    both = one, r * one + math.sqrt(1 - r**2) * other
    first, second = ((np.argsort(np.argsort(values)) + 0.5) / num for values in both)
    return first, second


class _Drawing:
    """A butterfly, FINE times as large as its picture: colors on nothing, and what it covers."""

    def __init__(self, butterfly: Butterfly, size: int) -> None:
        self.butterfly, self.side = butterfly, size * FINE
        self.picture = Image.new("RGB", (self.side, self.side))
        self.mask = Image.new("L", (self.side, self.side))
        self.pen, self.mask_pen = ImageDraw.Draw(self.picture), ImageDraw.Draw(self.mask)
        turn = math.radians(butterfly.angle)
        # y goes down in a picture
        self.matrix = np.array([[math.cos(turn), -math.sin(turn)], [-math.sin(turn), -math.cos(turn)]]).T
        shape = SHAPES[tuple(SHAPES)[int(butterfly.wing_shape)]]
        color = wing_color(butterfly.hue)
        for outline, veins, light in ((shape.hind, shape.hind_veins, 0.5), (shape.fore, shape.fore_veins, 0.32)):
            for mirror in (1, -1):
                self.wing(outline, veins, color, light=light, mirror=mirror)
        for spot in SPOTS[: int(butterfly.spots)]:
            for mirror in (1, -1):
                self.spot(np.array([spot]), mirror)
        self.body()

    def wing(self, outline: Points, veins: Points, color: np.ndarray, *, light: float, mirror: int) -> None:
        """Dark at its margin, with a row of dots there, then lighter towards the root, and dusky at the root itself."""
        margin = _mixed(color * 0.35, DARK, 0.72)
        self.fill(outline, margin, mirror, is_outline=True)
        for share in np.linspace(0, 1, RINGS):
            scale = MARGIN - share * (MARGIN - 0.12)
            tone = _mixed(color * (0.9 + 0.1 * share), CREAM, light * math.sin(math.pi * min(share * 1.1, 1)) ** 2)
            self.fill(ROOT + scale * (outline - ROOT), _mixed(tone, DARK, 0.5 * max(0.0, share - 0.72)), mirror)
        dark = _rounded(_mixed(color * 0.55, DARK, 0.35))
        for end in veins:
            line = self.placed(np.array([ROOT, ROOT + 0.5 * (end - ROOT), ROOT + 0.9 * (end - ROOT)]), mirror)
            self.pen.line([tuple(point) for point in line.tolist()], fill=dark, width=max(1, self.side // 140))
        for end in (veins[:-1] + veins[1:]) / 2:
            self.dot(self.placed((ROOT + 0.91 * (end - ROOT))[None], mirror)[0], 0.02, CREAM)

    def spot(self, place: Points, mirror: int) -> None:
        (middle,) = self.placed(place, mirror)
        for radius, color in SPOT_RINGS:
            self.dot(middle, radius, color)

    def body(self) -> None:
        """Antennae, abdomen, thorax and head, over the wings."""
        thick = 0.06 * self.butterfly.body
        for mirror in (1, -1):
            line = self.placed(closed_curve([(0.01, 0.2), (0.05, 0.34), (0.13, 0.5), (0.2, 0.56)])[:18], mirror, 1.0)
            points = [tuple(point) for point in line.tolist()]
            for pen, fill in ((self.pen, _rounded(DARK)), (self.mask_pen, 255)):
                pen.line(points, fill=fill, width=max(2, self.side // 85))
            self.dot(line[-1], 0.022, DARK, is_outline=True)
        abdomen = closed_curve([(0, 0.05), (0.8 * thick, -0.06), (0.7 * thick, -0.24), (0.3 * thick, -0.38), (0, -0.42),
                                (-0.3 * thick, -0.38), (-0.7 * thick, -0.24), (-0.8 * thick, -0.06)])  # fmt: skip
        thorax = closed_curve(
            [(0, 0.2), (thick, 0.1), (0.8 * thick, -0.04), (0, -0.08), (-0.8 * thick, -0.04), (-thick, 0.1)]
        )
        self.fill(abdomen, (70, 50, 40), 1, width=1.0, is_outline=True)
        for place in np.linspace(-0.12, -0.36, 5):
            half = 0.6 * thick * (1 - (place + 0.1) ** 2 * 6)
            ends = self.placed(np.array([(-half, place), (half, place)]), 1, 1.0)
            self.pen.line([tuple(end) for end in ends.tolist()], fill=(126, 96, 70), width=max(1, self.side // 110))
        self.fill(thorax, (52, 38, 34), 1, width=1.0, is_outline=True)
        self.fill(thorax * (0.5, 0.6) + (0, 0.03), (96, 74, 60), 1, width=1.0)
        self.dot(self.placed(np.array([(0.0, 0.2)]), 1, 1.0)[0], 0.75 * thick, (40.0, 30.0, 30.0), is_outline=True)

    def placed(self, points: Points, mirror: int, width: float | None = None) -> Points:
        """Where points of the butterfly are in the picture; wings by the width of wings."""
        width = self.butterfly.wing_width if width is None else width
        return (points * (width * mirror, 1.0)) @ self.matrix * (self.side / 2 * 0.98) + self.side / 2

    def fill(
        self,
        outline: Points,
        color: Sequence[float] | np.ndarray,
        mirror: int,
        *,
        width: float | None = None,
        is_outline: bool = False,
    ) -> None:
        points = self.placed(outline, mirror, width).ravel().tolist()
        self.pen.polygon(points, fill=_rounded(color))
        if is_outline:
            self.mask_pen.polygon(points, fill=255)

    def dot(self, middle: np.ndarray, radius: float, color: RGB, *, is_outline: bool = False) -> None:
        x, y = middle.tolist()
        reach = radius * self.side / 2
        box = (x - reach, y - reach, x + reach, y + reach)
        self.pen.ellipse(box, fill=_rounded(color))
        if is_outline:
            self.mask_pen.ellipse(box, fill=255)


def wing_color(hue: float) -> Float[np.ndarray, " 3"]:
    """The color of wings of that hue, in degrees: from 0 to 255."""
    return np.array([np.interp(hue, HUES, channel) for channel in COLORS.T])


def _mixed(color: Sequence[float] | np.ndarray, other: RGB, share: float) -> np.ndarray:
    return np.asarray(color) * (1 - share) + np.asarray(other) * share


def _rounded(color: Sequence[float] | np.ndarray) -> tuple[int, int, int]:
    red, green, blue = (round(float(one)) for one in color)
    return red, green, blue


def _spread(size: int) -> Float[np.ndarray, "size 5"]:
    """From 5 values along a side to smooth ones at every pixel."""
    places = np.linspace(-0.5, 4.5, size)[:, None] - np.arange(5)
    weights = np.exp(-0.5 * (places / 0.6) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)


def _shadow(size: int) -> tuple[Float[np.ndarray, "size size"], Float[np.ndarray, "size size"]]:
    """What is multiplied with a cover from the left and from the right, to blur it and move it down and to the right."""
    places = np.arange(size)
    apart = (places[:, None] - places) / size
    down, right = (np.exp(-0.5 * ((apart - shift) / 0.03) ** 2) for shift in (0.05, 0.03))
    norm = down[size // 2].sum()
    return (down / norm).astype(np.float32), (right / norm).T.astype(np.float32)
