"""Shapes on the wall, and how much of each pixel they cover."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from papilio.data.rendering.camera import Planes, View

OCTAGON = np.array([[math.cos(turn), math.sin(turn)] for turn in np.arange(8) * math.tau / 8]) / math.cos(math.pi / 8)
SQUARE = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
HERE = (0.0, 0.0)

Shift = tuple[float, float]  # (u, v), in dial radii
Look = tuple[float, Shift]  # how wide a shape's edge is, in dial radii, and where it is moved to


@dataclass(frozen=True)
class Hand:
    """A hand of a dial, in dial radii: a bar that narrows from `root` to `tip` half widths, with a `tail` behind the axis."""

    length: float
    tail: float
    root: float
    tip: float

    @property
    def hollow(self) -> Hand:
        """What is cut out of it, where it is hollow."""
        return Hand(0.9 * self.length, -0.35 * self.length, 0.55 * self.root, 0.55 * self.tip)

    def corners(self, angle: float, *shifts: Shift, margin: float) -> list[Shift]:
        """The corners of boxes around it, turned clockwise from the top by `angle` and moved by each of `shifts`."""
        half = max(self.root, self.tip) + margin
        back, front = -self.tail - margin, self.length + margin
        sin, cos = math.sin(angle), math.cos(angle)
        box = [
            (along * sin + across * cos, along * cos - across * sin)
            for along, across in ((back, -half), (back, half), (front, half), (front, -half))
        ]
        return [(u + of_u, v + of_v) for of_u, of_v in shifts for u, v in box]

    def covers(self, view: View, angle: float, *looks: Look) -> Planes:
        """How much of each place it covers, in [0, 1], a plane for each of `looks`."""
        sin, cos = math.sin(angle), math.cos(angle)
        planes = view.linear(
            *((sin, cos, -sin * u - cos * v) for _, (u, v) in looks),
            *((cos, -sin, -cos * u + sin * v) for _, (u, v) in looks),
        )
        along, across = planes[: len(looks)], planes[len(looks) :]
        np.abs(across, out=across)
        inside = along * np.float32((self.tip - self.root) / self.length)
        (np.minimum if self.tip < self.root else np.maximum)(inside, 0, out=inside)  # the tail is as wide as the root
        inside += np.float32(self.root)
        inside -= across
        np.minimum(inside, np.float32(self.length) - along, out=inside)
        along += np.float32(self.tail)
        np.minimum(inside, along, out=inside)
        return ramp(inside, np.array([[[softness]] for softness, _ in looks]))


def ramp(distance: np.ndarray, softness: float | np.ndarray) -> np.ndarray:
    """0 to 1 over an edge `softness` wide about distance 0, in place."""
    distance *= np.float32(1 / softness)
    distance += np.float32(0.5)
    return distance.clip(0, 1, out=distance)
