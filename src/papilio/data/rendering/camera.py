"""A camera that looks at a wall: which point of the wall each pixel shows, and where a point of the wall is seen.

The wall has coordinates (u, v), u to the right and v up as the dial on it is read, in dial radii from the dial's centre.
Pixels have (x, y), x to the right and y down, from the picture's centre.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

Points = Float[np.ndarray, "num 2"]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera. Angles are in radians.

    `tilt` is the angle between its axis and the wall's normal, towards `azimuth` (0 is the dial's right, a quarter turn its
    top); `roll` turns the picture. The dial's centre is seen `offset` (x, y) pixels from the picture's, at `distance` dial
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
        # the camera's place and axes; it looks at the dial's centre
        sin, cos = math.sin(self.tilt), math.cos(self.tilt)
        place = self.distance * np.array([sin * math.cos(self.azimuth), sin * math.sin(self.azimuth), cos])
        forward = -place / self.distance
        up = np.array([math.sin(self.roll), math.cos(self.roll), 0.0])
        up -= (up @ forward) * forward
        up /= np.linalg.norm(up)
        right = np.cross(forward, up)
        axes = np.stack([right, -up, forward])  # world to camera, y down
        focal = self.radius * self.distance
        shift_x, shift_y = self.offset
        lens = np.array([[focal, 0, shift_x], [0, focal, shift_y], [0, 0, 1]])
        return lens @ np.column_stack([axes[:, 0], axes[:, 1], -axes @ place])

    def project(self, points: Points) -> Points:
        """Where points (u, v) of the wall are seen."""
        seen = np.column_stack([points, np.ones(len(points))]) @ self.homography.T
        return seen[:, :2] / seen[:, 2:]

    def wall(self, size: int) -> tuple[Float[np.ndarray, "size size"], Float[np.ndarray, "size size"]]:
        """The (u, v) that the pixels of a square picture show, float32, each indexed [row, column]."""
        back = np.linalg.inv(self.homography)
        places = np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2)
        u, v, scale = (_plane(row.astype(np.float32), places) for row in back)
        np.reciprocal(scale, out=scale)
        u *= scale
        v *= scale
        return u, v


def _plane(row: Float[np.ndarray, " 3"], places: Float[np.ndarray, " size"]) -> Float[np.ndarray, "size size"]:
    """row @ (x, y, 1) at every pixel."""
    across = row[0] * places + row[2]
    down = row[1] * places
    return across[None, :] + down[:, None]
