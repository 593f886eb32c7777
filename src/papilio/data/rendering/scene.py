"""Pictures of dials on walls, as a camera sees them: a function of the seed, nothing is downloaded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8

from papilio.data.rendering.camera import Camera, Plane, View
from papilio.data.rendering.instruments import RGB, Instrument
from papilio.data.rendering.shapes import HERE, OCTAGON, SQUARE, ramp
from papilio.data.rendering.textures import Texture
from papilio.data.rendering.walls import WOOD, Wall, make_boards, make_walls
from papilio.errors import SettingError

SIDE = 150  # of a picture, in pixels, for which everything is scaled
RIM = 1.0  # where an instrument ends, in dial radii
SHADOW = 1.4  # how far its shadow on the wall may reach, in dial radii
ROLL_UPRIGHT = math.radians(10)  # of an instrument that hangs about upright
HEIGHTS = (0.035, 0.055, 0.065)  # of the hands above the dial, in dial radii
NOISE = 2**20  # numbers of sensor noise at least, of which each picture takes a stretch

Picture = Float[np.ndarray, "channel height width"]
Pixels = UInt8[np.ndarray, "height width *channel"]
Color = Literal["grey", "rgb"]


@dataclass(frozen=True)
class Scene:
    """How instruments are seen: ranges from which each picture draws, angles in radians, lengths in dial radii."""

    max_tilt: float = math.radians(45)
    max_roll: float = math.pi
    upright: float = 0.0  # the share of pictures of instruments that hang about upright all the same
    radius: tuple[float, float] = (54, 62)  # pixels of a picture with a side of 150
    max_offset: float = 5  # pixels of such a picture
    cropped: float = 0.03  # the share of pictures taken from so near, and so far aside, that they do not show all
    blur: tuple[float, float] = (0.0, 0.6)  # pixels of such a picture
    noise: tuple[float, float] = (0.005, 0.02)
    glare: float = 0.35  # the share of pictures with spots of light


class Renderer:
    """Draws instruments. What does not differ between pictures, walls and faces, is drawn once.

    `color` "rgb" gives the same scenes in color. Raises SettingError for a size or a color that cannot be drawn.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        scene: Scene,
        *,
        size: int = SIDE,
        color: Color = "grey",
        seed: int = 0,
        has_varied_walls: bool = False,
    ) -> None:
        if not 16 <= size <= 1024:
            raise SettingError(f"size = {size}: pictures are drawn with sides from 16 to 1024 pixels")
        if color not in ("grey", "rgb"):
            raise SettingError(f"color = {color}: allowed are gray and rgb")
        self.scene, self.size, self.color, self.seed = scene, size, color, seed
        self.instruments = instruments
        fixed = np.random.default_rng([seed, 0])
        self.walls: list[Wall] = [Wall(texture, WOOD) for texture in make_boards(fixed)]
        self.walls += make_walls(np.random.default_rng([seed, 4])) if has_varied_walls else []
        drawn = {face: face.draw() for face in {instrument.face: None for instrument in instruments}}
        self.faces = [drawn[instrument.face] for instrument in instruments]
        self.noise = fixed.standard_normal(max(NOISE, 6 * size * size), dtype=np.float32)
        self.places = np.linspace(-1, 1, size, dtype=np.float32)

    def draw(self, number: int, turns: Sequence[float | None]) -> Pixels:
        """Picture `number`, whose hands are turned clockwise from the top; the same for the same seed.

        `turns` are in full turns, one for each pointer; None is any direction.
        """
        rng = np.random.default_rng([self.seed, 1, number])
        chosen = int(rng.integers(len(self.instruments)))
        instrument = self.instruments[chosen]
        camera, light = self._camera(rng, instrument), _Light.drawn(rng)
        view, pixel = camera.view(self.size), 1 / camera.radius
        shaded, dial = camera.windows(OCTAGON * np.array([[[SHADOW]], [[RIM + 3 * pixel]]]), size=self.size)
        if instrument.is_square:
            (dial,) = camera.windows(SQUARE[None] * (RIM + 3 * pixel), size=self.size)
        picture = self._wall(view, pixel, rng)
        self._shade_wall(picture[:, *shaded], view.part(shaded), light)
        self._draw_case(picture[:, *dial], view.part(dial), pixel, light, instrument, self.faces[chosen], rng)
        directions = [math.tau * (rng.random() if turn is None else turn) for turn in turns]
        self._draw_pointers(picture, view, camera, light, instrument, directions)
        return self._photograph(picture, rng)

    def _camera(self, rng: np.random.Generator, instrument: Instrument) -> Camera:
        scene, scale = self.scene, self.size / SIDE
        # what does not say which way is up can be read only where it hangs about upright
        is_upright = rng.random() < scene.upright or not instrument.face.shows_up
        max_roll = min(scene.max_roll, ROLL_UPRIGHT) if is_upright else scene.max_roll
        nearer = rng.uniform(1.15, 1.4) if rng.random() < scene.cropped else 1.0
        max_offset = scale * scene.max_offset * (3 if nearer > 1 else 1)
        return Camera(
            tilt=rng.uniform(0, scene.max_tilt),
            azimuth=rng.uniform(0, math.tau),
            roll=rng.uniform(-max_roll, max_roll),
            distance=rng.uniform(3.5, 9),
            radius=nearer * scale * rng.uniform(*scene.radius),
            offset=(rng.uniform(-1, 1) * max_offset, rng.uniform(-1, 1) * max_offset),
        )

    def _tinted(self, plane: Plane, tint: RGB) -> Plane | Picture:
        """The plane in color, where the picture has colors."""
        return plane if self.color == "grey" else plane * _channels(tint)

    def _toned(self, tone: float, tint: RGB) -> np.ndarray | np.float32:
        return np.float32(tone) if self.color == "grey" else np.float32(tone) * _channels(tint)

    def _wall(self, view: View, pixel: float, rng: np.random.Generator) -> Picture:
        wall = self.walls[int(rng.integers(len(self.walls)))]
        angle, scale = rng.uniform(0, math.tau), rng.uniform(0.22, 0.42)  # sides of the texture to a dial radius
        sin, cos = scale * math.sin(angle), scale * math.cos(angle)
        shift_s, shift_t = rng.random(2)
        plane = wall.texture.sample(view, (cos, sin, shift_s), (-sin, cos, shift_t), pixel=pixel * scale, fineness=1)
        contrast, level = rng.uniform(0.45, 0.95), rng.uniform(0.28, 0.62)
        plane *= np.float32(contrast)
        plane += np.float32(level - 0.5 * contrast)
        return plane * _channels(wall.tint) if self.color == "rgb" else plane[None]

    def _shade_wall(self, picture: Picture, view: View, light: _Light) -> None:
        """The instrument's own shadow on the wall."""
        apart, other = squares = view.linear((1, 0, -0.16 * light.u), (0, 1, -0.16 * light.v))
        squares *= squares
        apart += other
        np.sqrt(apart, out=apart)
        shadow = ramp(np.subtract(np.float32(RIM + 0.02), apart, out=apart), 0.16)
        shadow *= np.float32(-light.depth)
        shadow += 1
        picture *= shadow

    def _draw_case(
        self,
        picture: Picture,
        view: View,
        pixel: float,
        light: _Light,
        instrument: Instrument,
        printed: Texture,
        rng: np.random.Generator,
    ) -> None:
        """Rim and face, onto the wall."""
        face = printed.sample(view, (0.5, 0, 0.5), (0, -0.5, 0.5), pixel=pixel / 2, fineness=2)
        if self.color == "rgb":
            # what is between ink and paper is between their colors
            ink, paper = instrument.face.ink, instrument.face.paper
            gain = (paper * _channels(instrument.paper_tint) - ink * _channels(instrument.ink_tint)) / (paper - ink)
            face = face * gain + (ink * _channels(instrument.ink_tint) - ink * gain)
        # |p - a|² = |p|² - 2 a p + |a|²
        squared = 0.0081 * (light.u**2 + light.v**2)
        u, v, shaded, rim = view.linear(
            (1, 0, 0), (0, 1, 0), (-0.18 * light.u, -0.18 * light.v, squared), (-light.u, -light.v, 0)
        )
        if instrument.is_square:
            apart = np.maximum(np.abs(u), np.abs(v))
            inside = apart - np.float32(instrument.face_end - 0.015)
        else:
            apart = u * u
            apart += np.multiply(v, v, out=v)
            shaded += apart
            inside = np.sqrt(np.maximum(shaded, 0, out=shaded), out=shaded)
            inside -= np.float32(instrument.face_end - 0.015)
            np.sqrt(apart, out=apart)
        # the rim's shadow on the face: the face's edge on the side of the light is dark
        shade = ramp(inside, 0.07)
        shade *= np.float32(-0.75 * light.depth)
        shade += 1
        face *= shade
        # a rounded rim: bright where it is turned to the light
        rim *= apart - np.float32((instrument.face_end + RIM) / 2)
        rim *= np.float32(rng.uniform(1.0, 3.0))
        rim += np.float32(rng.uniform(*instrument.rim))
        _lay(face, self._tinted(rim, instrument.rim_tint), ramp(apart - np.float32(instrument.face_end), pixel))
        _lay(picture, face, ramp(np.subtract(np.float32(RIM), apart, out=apart), pixel))

    def _draw_pointers(
        self,
        picture: Picture,
        view: View,
        camera: Camera,
        light: _Light,
        instrument: Instrument,
        directions: Sequence[float],
    ) -> None:
        """Each hand with its shadow, from the lowest to the highest; and what covers their axis."""
        pixel = 1 / camera.radius
        there = [
            (pointer, direction, (light.u * height, light.v * height))
            for pointer, direction, height in zip(instrument.pointers, directions, HEIGHTS, strict=False)
            if pointer is not None
        ]
        margin = 2 * pixel + 0.02
        outlines = [pointer.shape.corners(way, HERE, shift, margin=margin) for pointer, way, shift in there]
        outlines.append((OCTAGON * (instrument.cap + pixel)).tolist())
        *windows, middle = camera.windows(np.array(outlines), size=self.size)
        for window, (pointer, direction, shift) in zip(windows, there, strict=True):
            part, seen = picture[:, *window], view.part(window)
            if not part.size:
                continue
            shadow, cover = pointer.shape.covers(seen, direction, (0.02 + 1.2 * pixel, shift), (pixel, HERE))
            shadow *= np.float32(-0.6 * light.depth)
            shadow += 1
            part *= shadow
            _lay(part, self._toned(pointer.tone, pointer.tint), cover)
            if pointer.is_hollow:
                paper = self._toned(instrument.face.paper, instrument.paper_tint)
                _lay(part, paper, *pointer.shape.hollow.covers(seen, direction, (pixel, HERE)))
        part, seen = picture[:, *middle], view.part(middle)
        if part.size and there:
            apart = np.hypot(*seen.linear((1, 0, 0), (0, 1, 0)))
            tone = self._toned(min(1.0, there[0][0].tone + 0.1), there[0][0].tint)
            _lay(part, tone, ramp(np.float32(instrument.cap) - apart, pixel))

    def _photograph(self, picture: Picture, rng: np.random.Generator) -> Pixels:
        """Uneven light, spots of glare, the lens and the sensor."""
        scene, places = self.scene, self.places
        direction, strength = rng.uniform(0, math.tau), rng.uniform(0, 0.4)
        level = rng.uniform(0.62, 1.08)
        across = np.float32(level * strength * math.cos(direction)) * places + np.float32(level)
        picture *= np.add.outer(np.float32(level * strength * math.sin(direction)) * places, across)
        if rng.random() < scene.glare:
            for _ in range(rng.integers(1, 3)):
                picture += _glare(places, rng)
        sigma = rng.uniform(*scene.blur) * self.size / SIDE
        for _ in range(round(sigma**2 / 0.5)):  # each pass of 1/4, 1/2, 1/4 adds a variance of 1/2
            picture = _smoothed(picture)
        begin = int(rng.integers(len(self.noise) - picture.size))
        noise = self.noise[begin : begin + picture.size].reshape(picture.shape) * np.float32(rng.uniform(*scene.noise))
        if self.color == "rgb":
            warm = rng.uniform(-0.09, 0.09)  # the light's color, from a lamp's to the sky's
            picture *= _channels((1 + warm, 1.0, 1 - warm))
        noise += picture
        noise *= 255
        pixels = noise.clip(0, 255, out=noise).astype(np.uint8)
        return pixels[0] if self.color == "grey" else np.moveaxis(pixels, 0, 2)


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


def _channels(tint: RGB) -> Float[np.ndarray, "3 1 1"]:
    return np.array(tint, dtype=np.float32)[:, None, None]


def _lay(below: Plane | Picture, above: Plane | Picture | np.float32, cover: Plane) -> None:
    """Lay one picture onto another where it covers, in place."""
    difference = above - below
    difference *= cover
    below += difference


def _glare(places: Float[np.ndarray, " size"], rng: np.random.Generator) -> Plane:
    """A spot of reflected light, an ellipse with a soft edge."""
    x, y = rng.uniform(-0.7, 0.7, 2)
    wide, high = rng.uniform(0.06, 0.3, 2)
    across, down = (places - np.float32(x)) / np.float32(wide), (places - np.float32(y)) / np.float32(high)
    spot = np.add.outer(down * down, across * across + np.float32(1))
    spot *= spot
    return np.divide(np.float32(rng.uniform(0.15, 0.75)), spot, out=spot)


def _smoothed(picture: Picture) -> Picture:
    """A pass of (1/4, 1/2, 1/4) both ways; the border is repeated."""
    down = _smoothed_along(picture, (slice(None), slice(1, None)), (slice(None), slice(-1)))
    both = _smoothed_along(down, (..., slice(1, None)), (..., slice(-1)))
    both *= np.float32(1 / 16)
    return both


def _smoothed_along(picture: Picture, later: tuple, earlier: tuple) -> Picture:
    """Twice each pixel and once both its neighbors along an axis; `later` leaves its first place away, `earlier` its last."""
    total = picture + picture
    total[later] += picture[earlier]
    total[earlier] += picture[later]
    for edge in (0, -1):
        place = (*later[:-1], edge)
        total[place] += picture[place]
    return total
