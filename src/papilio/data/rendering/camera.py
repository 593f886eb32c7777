"""A camera that looks at a wall: which point of the wall each pixel shows, and where a point of the wall is seen.

The wall has coordinates (u, v), u to the right and v up as the dial on it is read, in dial radii from the dial's center.
Pixels have (x, y), x to the right and y down, from the picture's center.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

Plane = Float[np.ndarray, "height width"]
Planes = Float[np.ndarray, "number height width"]
Affine = tuple[float, float, float]  # of (u, v): what each is multiplied with, and a constant
Points = Float[np.ndarray, "*shapes 2"]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera. Angles are in radians.

    `tilt` is the angle between its axis and the wall's normal, towards `azimuth` (0 is the dial's right, a quarter turn its
    top); `roll` turns the picture. The dial's center is seen `offset` (x, y) pixels from the picture's, at `distance` dial
    radii, and a dial looked at squarely has a radius of `radius` pixels.
    """

    tilt: float
    azimuth: float
    roll: float
    distance: float
    radius: float
    offset: tuple[float, float] = (0.0, 0.0)

    @cached_property
    def homography(self) -> Float[np.ndarray, "3 3"]:
        """From (u, v, 1) to (x, y, 1), up to a factor."""
        # the camera looks at the dial's center; its axes are right, up and forward
        sin, cos = math.sin(self.tilt), math.cos(self.tilt)
        forward = (-sin * math.cos(self.azimuth), -sin * math.sin(self.azimuth), -cos)
        up = (math.sin(self.roll), math.cos(self.roll), 0.0)
        lean = sum(one * other for one, other in zip(up, forward, strict=True))
        up = tuple(one - lean * other for one, other in zip(up, forward, strict=True))
        length = math.hypot(*up)
        up = tuple(one / length for one in up)
        right = (
            forward[1] * up[2] - forward[2] * up[1],
            forward[2] * up[0] - forward[0] * up[2],
            forward[0] * up[1] - forward[1] * up[0],
        )
        focal, (shift_x, shift_y) = self.radius * self.distance, self.offset
        return np.array(
            [
                [focal * right[0] + shift_x * forward[0], focal * right[1] + shift_x * forward[1], shift_x * self.distance],
                [shift_y * forward[0] - focal * up[0], shift_y * forward[1] - focal * up[1], shift_y * self.distance],
                [forward[0], forward[1], self.distance],
            ]
        )  # fmt: skip

    def project(self, points: Points) -> Points:
        """Where points (u, v) of the wall are seen."""
        seen = points @ self.homography[:, :2].T + self.homography[:, 2]
        return seen[..., :2] / seen[..., 2:]

    def view(self, size: int) -> View:
        """What the pixels of a square picture show."""
        back = np.linalg.inv(self.homography).tolist()
        places = np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2)
        (depth,) = _planes([back[2]], places, places)
        return View(back, places, places, np.reciprocal(depth))

    def windows(self, outlines: Float[np.ndarray, "shapes corners 2"], *, size: int) -> list[tuple[slice, slice]]:
        """For each shape, given by the corners of a convex outline, the rows and columns of a picture that show it."""
        seen = self.project(outlines) + (size + 1) / 2
        corners = np.concatenate([seen.min(axis=1) - 1, seen.max(axis=1) + 1], axis=1).clip(0, size).astype(int)
        return [(slice(top, bottom), slice(left, right)) for left, top, right, bottom in corners.tolist()]


@dataclass(frozen=True)
class View:
    """What the pixels of a picture, or of a window of it, show of the wall."""

    back: list[list[float]]  # the matrix from (x, y, 1) to (u, v, 1), up to a factor
    xs: Float[np.ndarray, " width"]
    ys: Float[np.ndarray, " height"]
    scale: Plane  # that factor

    def part(self, window: tuple[slice, slice]) -> View:
        """What a window, rows and columns, shows."""
        rows, columns = window
        return View(self.back, self.xs[columns], self.ys[rows], self.scale[rows, columns])

    def linear(self, *sums: Affine) -> Planes:
        """of_u * u + of_v * v + constant at every pixel, float32, for each of some (of_u, of_v, constant)."""
        back = list(zip(*self.back, strict=True))
        rows = [[of_u * u + of_v * v + constant * one for u, v, one in back] for of_u, of_v, constant in sums]
        planes = _planes(rows, self.xs, self.ys)
        planes *= self.scale
        return planes


def _planes(rows: list[list[float]], xs: Float[np.ndarray, " width"], ys: Float[np.ndarray, " height"]) -> Planes:
    """row @ (x, y, 1) at every pixel, for each row."""
    of_x, of_y, constant = np.array(rows, dtype=np.float32).T[..., None]
    down = np.empty((len(rows), len(ys), 2), dtype=np.float32)
    down[..., 0] = 1
    np.multiply(of_y, ys, out=down[..., 1])
    across = np.empty((len(rows), 2, len(xs)), dtype=np.float32)
    np.multiply(of_x, xs, out=across[:, 0])
    across[:, 0] += constant
    across[:, 1] = 1
    return down @ across  # several times as fast as adding them to each other
