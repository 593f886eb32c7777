"""Shapes on the wall, and how much of each pixel they cover."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from papilio.data.rendering.camera import Camera, Points

Plane = Float[np.ndarray, "height width"]


@dataclass(frozen=True)
class Hand:
    """A hand of a dial, in dial radii: a bar that narrows from `root` to `tip` half widths, with a `tail` behind the axis."""

    length: float
    tail: float
    root: float
    tip: float

    def corners(self, angle: float, *, margin: float) -> Points:
        """The corners of a box around it, turned clockwise from the top by `angle`."""
        half = max(self.root, self.tip) + margin
        along = np.array([-self.tail - margin, -self.tail - margin, self.length + margin, self.length + margin])
        across = np.array([-half, half, half, -half])
        sin, cos = math.sin(angle), math.cos(angle)
        return np.column_stack([along * sin + across * cos, along * cos - across * sin])

    def cover(self, u: Plane, v: Plane, angle: float, *, softness: float) -> Plane:
        """How much of each place it covers, in [0, 1]; its edge is `softness` dial radii wide."""
        sin, cos = np.float32(math.sin(angle)), np.float32(math.cos(angle))
        along = u * sin
        along += v * cos
        across = u * cos
        across -= v * sin
        np.abs(across, out=across)
        inside = along * np.float32((self.tip - self.root) / self.length)
        (np.minimum if self.tip < self.root else np.maximum)(inside, 0, out=inside)  # the tail is as wide as the root
        inside += np.float32(self.root)
        inside -= across
        ends = np.minimum(np.float32(self.length) - along, along + np.float32(self.tail))
        np.minimum(inside, ends, out=inside)
        return ramp(inside, softness)


def ramp(distance: Plane, softness: float) -> Plane:
    """0 to 1 over an edge `softness` wide about distance 0, in place."""
    distance *= np.float32(1 / softness)
    distance += np.float32(0.5)
    return np.clip(distance, 0, 1, out=distance)


def window(camera: Camera, corners: Points, *, size: int) -> tuple[slice, slice]:
    """The rows and columns of a picture that show what lies between the corners."""
    seen = camera.project(corners) + (size - 1) / 2
    low = np.clip(np.floor(seen.min(axis=0)).astype(int), 0, size)
    high = np.clip(np.ceil(seen.max(axis=0)).astype(int) + 1, 0, size)
    return slice(low[1], high[1]), slice(low[0], high[0])
