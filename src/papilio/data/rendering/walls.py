"""What clocks hang on: wooden boards; and, for varied pictures, plaster, bricks, stripes and plain paint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from papilio.data.rendering.instruments import RGB, drawn_tint
from papilio.data.rendering.textures import Texture

SIDE = 1024  # of a texture
BOARDS = (4, 5, 7)  # in a texture: broad and narrow ones
WOOD: RGB = (1.16, 0.98, 0.76)


@dataclass(frozen=True)
class Wall:
    """A texture, and its color where pictures have colors."""

    texture: Texture
    tint: RGB


def make_boards(rng: np.random.Generator) -> list[Texture]:
    """One texture for each number of boards, their grain along the rows; the brightness of each is about 1/2."""
    return [Texture(_boards(num, rng)) for num in BOARDS]


def make_walls(rng: np.random.Generator) -> list[Wall]:
    """Walls that are no boards."""
    paints = [
        np.full((SIDE, SIDE), tone) + 0.02 * _noise((SIDE, SIDE), (60, 60), rng) for tone in (0.35, 0.6, 0.8, 1.0)
    ]
    plasters = [0.6 + amount * _noise((SIDE, SIDE), (grain, grain), rng) for amount, grain in ((0.05, 3), (0.09, 9))]
    stripes = [_stripes(num, rng) for num in (8, 20)]
    bricks = [_bricks(rows, rng) for rows in (8, 12)]
    textures = [np.clip(wall, 0.02, 1) for wall in (*paints, *plasters, *stripes, *bricks)]
    return [Wall(Texture(texture), drawn_tint(rng, strength=0.12)) for texture in textures]


def _stripes(num: int, rng: np.random.Generator) -> Float[np.ndarray, "side side"]:
    """Wallpaper."""
    places = np.arange(SIDE) * num / SIDE % 1
    profile = np.where(places < rng.uniform(0.2, 0.6), rng.uniform(0.3, 0.5), rng.uniform(0.6, 0.8))
    return profile[:, None] + 0.02 * _noise((SIDE, SIDE), (2, 2), rng)


def _bricks(rows: int, rng: np.random.Generator) -> Float[np.ndarray, "side side"]:
    """Stretcher bond: each row is moved by half a brick."""
    height, columns = SIDE // rows, rows // 2
    width = SIDE // columns
    wall = 0.5 + 0.05 * _noise((SIDE, SIDE), (3, 3), rng)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    row = y // height
    moved = x + (row % 2) * (width // 2)
    tones = rng.uniform(-0.1, 0.1, (rows + 1, columns + 1))
    wall += tones[np.minimum(row, rows), moved // width % columns]
    is_joint = (y % height < height * 0.12) | (moved % width < height * 0.12)
    return np.where(is_joint, 0.75, wall)


def _boards(num: int, rng: np.random.Generator) -> Float[np.ndarray, "side side"]:
    edges = np.round((np.arange(num + 1) + np.concatenate([[0], rng.uniform(-0.12, 0.12, num - 1), [0]])) * SIDE / num)
    wall = np.empty((SIDE, SIDE), dtype=np.float32)
    for top, bottom in zip(edges[:-1].astype(int), edges[1:].astype(int), strict=True):
        board = _grain(bottom - top, rng) + rng.uniform(-0.13, 0.13)
        butt = rng.integers(SIDE)  # where the board's end meets the next one's
        board[:, butt:] += rng.uniform(-0.08, 0.08)
        board[:, butt - 2 : butt + 2] -= 0.25
        gap = rng.integers(3, 7)
        shade = np.minimum(np.arange(len(board)), np.arange(len(board))[::-1])
        board -= (0.34 * np.exp(-shade / gap))[:, None]
        wall[top:bottom] = board
    return np.clip(0.5 + wall, 0.02, 1)


def _grain(height: int, rng: np.random.Generator) -> Float[np.ndarray, "height side"]:
    """Year rings cut lengthwise, with a knot here and there, and fine pores; mean about 0."""
    # what the rings look like depends on how far a place is from the heart of the tree, which wanders slowly
    wander = _noise((height, SIDE), (height / 3, SIDE / 5), rng) * 0.35
    depth = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None] + rng.uniform(-0.4, 0.4) + wander
    for _ in range(rng.integers(0, 3)):
        depth = depth + _knot(height, rng)
    rings = rng.uniform(7, 15)
    tone = np.sin(2 * np.pi * rings * (depth + 0.1 * depth**2)) * 0.5
    tone = np.sign(tone) * np.abs(tone) ** 0.8
    fine = _noise((height, SIDE), (0.7, 26), rng) * 0.11 + _noise((height, SIDE), (1.4, 90), rng) * 0.09
    return (tone * rng.uniform(0.05, 0.13) + fine).astype(np.float32)


def _knot(height: int, rng: np.random.Generator) -> Float[np.ndarray, "height side"]:
    row, column = rng.uniform(0, height), rng.uniform(0, SIDE)
    rows, columns = np.mgrid[0:height, 0:SIDE].astype(np.float32)
    apart = np.abs(columns - column)
    apart = np.minimum(apart, SIDE - apart)
    radius = height * rng.uniform(0.08, 0.2)
    near = np.exp(-(((rows - row) / radius) ** 2 + (apart / (2.2 * radius)) ** 2))
    return near * rng.choice([-0.35, 0.35])


def _noise(
    shape: tuple[int, int], sigma: tuple[float, float], rng: np.random.Generator
) -> Float[np.ndarray, "height width"]:
    """Smooth noise of variance 1 that continues at the other end of each row."""
    coarse = (max(2, round(shape[0] / max(1, sigma[0] / 2))), max(2, round(shape[1] / max(1, sigma[1] / 2))))
    field = _blurred(rng.standard_normal(coarse), sigma[0] * coarse[0] / shape[0], axis=0, mode="edge")
    field = _blurred(field, sigma[1] * coarse[1] / shape[1], axis=1, mode="wrap")
    tall = _between(field / field.std(), np.linspace(0, coarse[0] - 1, shape[0]), axis=0)
    return _between(tall, np.arange(shape[1]) * coarse[1] / shape[1], axis=1).astype(np.float32)


# SciPy's ndimage has both, but takes longer to import than a thousand pictures take to draw


def _blurred(field: np.ndarray, sigma: float, *, axis: int, mode: Literal["edge", "wrap"]) -> np.ndarray:
    """Along an axis convolved with a Gaussian of `sigma` places, cut off after four; `mode` is that of np.pad."""
    reach = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    margin = [(0, 0), (0, 0)]
    margin[axis] = (reach, reach)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(field, margin, mode=mode), len(weights), axis=axis)
    return windows @ (weights / weights.sum())


def _between(field: np.ndarray, places: np.ndarray, *, axis: int) -> np.ndarray:
    """The field at fractional `places` along an axis, linear in between; after the last comes the first."""
    before = np.floor(places).astype(int)
    share = np.expand_dims(places - before, 1 - axis)
    after = (before + 1) % field.shape[axis]
    return field.take(before, axis) * (1 - share) + field.take(after, axis) * share
