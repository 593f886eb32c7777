"""Pictures of a wall clock, as a camera sees it: a function of the seed, nothing is downloaded.

The default looks like the clock pictures that are known from teaching: one grey wall clock on wooden boards, turned in any
direction, seen at an angle, in uneven light. Which way is up can only be read from the numerals.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, UInt8

from papilio.data.rendering.boards import make_boards
from papilio.data.rendering.camera import Camera
from papilio.data.rendering.dials import draw_dial
from papilio.data.rendering.shapes import Plane, ramp, window
from papilio.data.rendering.styles import ClockStyle, varied_styles
from papilio.data.rendering.textures import Texture
from papilio.errors import SettingError

MINUTES = 720  # of a dial: twelve hours
SIDE = 150  # of a picture, in pixels, for which everything is scaled
RIM = 1.0  # where a clock ends, in dial radii
NUM_STYLES = 96  # of varied clocks, each of which many pictures show
ROLL_WITHOUT_NUMERALS = math.radians(10)  # an hour is 30 degrees
HEIGHTS = (0.035, 0.055, 0.065)  # of the hands above the dial, in dial radii
NOISE = 2**20  # numbers of sensor noise, of which each picture takes a stretch


@dataclass(frozen=True)
class ClockScene:
    """How clocks are seen: ranges from which each picture draws, angles in radians, lengths in dial radii."""

    max_tilt: float = math.radians(45)
    max_roll: float = math.pi
    radius: tuple[float, float] = (42, 66)  # pixels of a picture with a side of 150
    max_offset: float = 16  # pixels of such a picture
    blur: tuple[float, float] = (0.0, 1.1)  # pixels of such a picture
    noise: tuple[float, float] = (0.008, 0.035)
    glare: float = 0.55  # the share of pictures with spots of light


def spread_times(num: int) -> Int[np.ndarray, " num"]:
    """`num` times of day in minutes from 0 to 719, ascending, each minute as often as the others (or once more)."""
    return np.arange(num, dtype=np.int64) * MINUTES // num


Variety = Literal["plain", "varied"]


class ClockRenderer:
    """Draws clocks. What does not differ between pictures, boards and dials, is drawn once.

    `variety` is "plain", one wall clock, or "varied", many kinds of clocks; or the styles themselves.
    """

    def __init__(
        self,
        scene: ClockScene | None = None,
        *,
        variety: Variety | Sequence[ClockStyle] = "plain",
        size: int = SIDE,
        seed: int = 0,
    ) -> None:
        if not 16 <= size <= 1024:
            raise SettingError(f"size = {size}: clocks are drawn with sides from 16 to 1024 pixels")
        if isinstance(variety, str) and variety not in ("plain", "varied"):
            raise SettingError(f"variety = {variety}: allowed are plain and varied")
        self.scene = scene or ClockScene()
        self.size = size
        self.seed = seed
        fixed = np.random.default_rng([seed, 0])
        self.boards: Sequence[Texture] = make_boards(fixed)
        if variety == "varied":
            self.styles = varied_styles(NUM_STYLES, np.random.default_rng([seed, 2]))
        else:
            self.styles = [ClockStyle()] if isinstance(variety, str) else list(variety)
        self.dials = [draw_dial(style.dial) for style in self.styles]
        self.noise = fixed.standard_normal(NOISE, dtype=np.float32)

    def draw(self, number: int, minute: float) -> UInt8[np.ndarray, "size size"]:
        """Picture `number`, on which the clock shows `minute` (0 is twelve o'clock); the same for the same seed."""
        rng = np.random.default_rng([self.seed, 1, number])
        chosen = int(rng.integers(len(self.styles)))
        style = self.styles[chosen]
        camera = self._camera(rng, style)
        u, v = camera.wall(self.size)
        pixel = 1 / camera.radius
        light = _Light.drawn(rng)
        picture = self._wall(u, v, pixel, light, rng)
        self._draw_clock(picture, u, v, pixel, light, style, self.dials[chosen], rng)
        self._draw_hands(picture, u, v, camera, light, style, (minute / MINUTES, minute / 60, rng.random()))
        return self._photograph(picture, rng)

    def draw_all(self, times: Sequence[float] | np.ndarray, first: int = 0) -> Iterator[UInt8[np.ndarray, "size size"]]:
        """Pictures `first`, `first` + 1, ... of the times given."""
        for number, minute in enumerate(times, start=first):
            yield self.draw(number, float(minute))

    def _camera(self, rng: np.random.Generator, style: ClockStyle) -> Camera:
        scene, scale = self.scene, self.size / SIDE
        # where no numeral says which way is up, the time can be read only of a clock that hangs about upright
        max_roll = min(scene.max_roll, ROLL_WITHOUT_NUMERALS) if style.dial.numerals == "none" else scene.max_roll
        # uniform over the cap of directions: few pictures are taken from straight ahead, few from far aside
        tilt = math.acos(1 - rng.random() * (1 - math.cos(scene.max_tilt)))
        return Camera(
            tilt=tilt,
            azimuth=rng.uniform(0, math.tau),
            roll=rng.uniform(-max_roll, max_roll),
            distance=rng.uniform(3.5, 9),
            radius=scale * rng.uniform(*scene.radius),
            offset=(scale * rng.uniform(-1, 1) * scene.max_offset, scale * rng.uniform(-1, 1) * scene.max_offset),
        )

    def _wall(self, u: Plane, v: Plane, pixel: float, light: _Light, rng: np.random.Generator) -> Plane:
        board = self.boards[int(rng.integers(len(self.boards)))]
        angle, scale = rng.uniform(0, math.tau), rng.uniform(0.22, 0.42)  # sides of the texture to a dial radius
        sin, cos = np.float32(scale * math.sin(angle)), np.float32(scale * math.cos(angle))
        s = u * cos
        s += v * sin
        s += np.float32(8 + rng.random())  # never negative: places are cut off, not rounded down
        t = v * cos
        t -= u * sin
        t += np.float32(8 + rng.random())
        wall = board.sample(s, t, pixel=pixel * scale)
        wall -= 0.5
        wall *= np.float32(rng.uniform(0.7, 1.25))
        wall += np.float32(rng.uniform(0.28, 0.62))
        # the clock's own shadow on the wall
        apart = np.hypot(u - np.float32(light.u * 0.16), v - np.float32(light.v * 0.16))
        shadow = ramp(np.float32(RIM + 0.02) - apart, 0.16)
        shadow *= np.float32(-light.depth)
        shadow += 1
        wall *= shadow
        return wall

    def _draw_clock(
        self,
        picture: Plane,
        u: Plane,
        v: Plane,
        pixel: float,
        light: _Light,
        style: ClockStyle,
        dial: Texture,
        rng: np.random.Generator,
    ) -> None:
        """Rim and face, onto the wall."""
        apart = u * u
        apart += v * v
        np.sqrt(apart, out=apart)
        s = u * np.float32(0.5)
        s += np.float32(0.5)
        t = v * np.float32(-0.5)
        t += np.float32(0.5)
        face = dial.sample(s, t, pixel=pixel / 2)
        # the rim's shadow on the face: the face's edge on the side of the light is dark
        shaded = np.hypot(u - np.float32(light.u * 0.09), v - np.float32(light.v * 0.09))
        shaded -= np.float32(style.face - 0.015)
        shade = ramp(shaded, 0.07)
        shade *= np.float32(-0.75 * light.depth)
        shade += 1
        face *= shade
        # a rounded rim: bright where it is turned to the light
        rim = u * np.float32(-light.u)
        rim -= v * np.float32(light.v)
        middle = (style.face + RIM) / 2
        rim *= apart - np.float32(middle)
        rim *= np.float32(rng.uniform(1.0, 3.0))
        rim += np.float32(rng.uniform(*style.rim))
        _lay(face, rim, ramp(apart - np.float32(style.face), pixel))
        _lay(picture, face, ramp(np.float32(RIM) - apart, pixel))

    def _draw_hands(
        self,
        picture: Plane,
        u: Plane,
        v: Plane,
        camera: Camera,
        light: _Light,
        style: ClockStyle,
        turns: tuple[float, float, float],
    ) -> None:
        """Hour, minute and second hand, each with its shadow, turned clockwise from the top."""
        pixel = 1 / camera.radius
        hands = (style.hour_hand, style.minute_hand, style.second_hand)
        tones = (style.hands, style.hands, style.second)
        for hand, tone, turn, height in zip(hands, tones, turns, HEIGHTS, strict=True):
            if hand is None:
                continue
            angle = math.tau * turn
            shift = np.array([light.u, light.v], dtype=np.float32) * np.float32(height)
            corners = hand.corners(angle, margin=2 * pixel + 0.02)
            rows, columns = window(camera, np.vstack([corners, corners + shift]), size=self.size)
            if rows.start >= rows.stop or columns.start >= columns.stop:
                continue
            part, u_part, v_part = picture[rows, columns], u[rows, columns], v[rows, columns]
            shadow = hand.cover(u_part - shift[0], v_part - shift[1], angle, softness=0.02 + 1.2 * pixel)
            shadow *= np.float32(-0.6 * light.depth)
            shadow += 1
            part *= shadow
            _lay(part, np.float32(tone), hand.cover(u_part, v_part, angle, softness=pixel))
        corners = (style.cap + 0.01) * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
        rows, columns = window(camera, corners, size=self.size)
        apart = np.hypot(u[rows, columns], v[rows, columns])
        if apart.size:
            _lay(
                picture[rows, columns],
                np.float32(min(1.0, style.hands + 0.1)),
                ramp(np.float32(style.cap) - apart, pixel),
            )

    def _photograph(self, picture: Plane, rng: np.random.Generator) -> UInt8[np.ndarray, "size size"]:
        """Uneven light, spots of glare, the lens and the sensor."""
        scene, size = self.scene, self.size
        places = np.linspace(-1, 1, size, dtype=np.float32)
        direction, strength = rng.uniform(0, math.tau), rng.uniform(0, 0.4)
        level = rng.uniform(0.62, 1.08)
        across = np.float32(level * strength * math.cos(direction)) * places + np.float32(level)
        down = np.float32(level * strength * math.sin(direction)) * places
        picture *= across[None, :] + down[:, None]
        if rng.random() < scene.glare:
            for _ in range(rng.integers(1, 3)):
                self._add_glare(picture, places, rng)
        sigma = rng.uniform(*scene.blur) * size / SIDE
        for _ in range(round(sigma**2 / 0.5)):  # each pass of 1/4, 1/2, 1/4 adds a variance of 1/2
            picture = _smoothed(picture)
        begin = int(rng.integers(NOISE - size * size))
        noise = self.noise[begin : begin + size * size].reshape(size, size) * np.float32(rng.uniform(*scene.noise))
        picture = picture + noise
        picture *= 255
        np.clip(picture, 0, 255, out=picture)
        return picture.astype(np.uint8)

    def _add_glare(self, picture: Plane, places: Float[np.ndarray, " size"], rng: np.random.Generator) -> None:
        """A spot of reflected light, an ellipse with a soft edge."""
        x, y = rng.uniform(-0.7, 0.7, 2)
        wide, high = rng.uniform(0.06, 0.3, 2)
        spot = (((places - x) / wide) ** 2).astype(np.float32)[None, :] + (((places - y) / high) ** 2).astype(
            np.float32
        )[:, None]
        spot += 1
        spot *= spot
        np.reciprocal(spot, out=spot)
        spot *= np.float32(rng.uniform(0.15, 0.75))
        picture += spot


@dataclass(frozen=True)
class _Light:
    """Where shadows fall, in dial radii for an object one dial radius above the wall, and how dark they are."""

    u: float
    v: float
    depth: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> _Light:
        angle, length = rng.uniform(0, math.tau), rng.uniform(0.25, 1.3)
        return cls(length * math.cos(angle), length * math.sin(angle), rng.uniform(0.25, 0.75))


def _lay(below: Plane, above: Plane | np.float32, cover: Plane) -> None:
    """Lay one picture onto another where it covers, in place."""
    difference = above - below
    difference *= cover
    below += difference


def _smoothed(picture: Plane) -> Plane:
    """A pass of (1/4, 1/2, 1/4) both ways; the border is repeated."""
    padded = np.pad(picture, 1, mode="edge")
    rows = padded[:-2] + padded[2:]
    rows += 2 * padded[1:-1]
    both = rows[:, :-2] + rows[:, 2:]
    both += 2 * rows[:, 1:-1]
    both *= np.float32(1 / 16)
    return both
