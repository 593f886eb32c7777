"""Shapes on the wall, and how much of each pixel they cover."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from papilio.data.rendering.camera import Plane, Points, View

OCTAGON = np.array([[math.cos(turn), math.sin(turn)] for turn in np.arange(8) * math.tau / 8]) / math.cos(math.pi / 8)
SQUARE = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])


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

    def corners(self, angle: float, *, margin: float) -> Points:
        """The corners of a box around it, turned clockwise from the top by `angle`."""
        half = max(self.root, self.tip) + margin
        back, front = -self.tail - margin, self.length + margin
        sin, cos = math.sin(angle), math.cos(angle)
        return np.array(
            [
                [along * sin + across * cos, along * cos - across * sin]
                for along, across in ((back, -half), (back, half), (front, half), (front, -half))
            ]
        )

    def cover(self, view: View, angle: float, *, softness: float, shift: tuple[float, float] = (0.0, 0.0)) -> Plane:
        """How much of each place it covers, in [0, 1], moved by `shift`; its edge is `softness` dial radii wide."""
        sin, cos = math.sin(angle), math.cos(angle)
        along = view.linear(sin, cos, -sin * shift[0] - cos * shift[1])
        across = view.linear(cos, -sin, -cos * shift[0] + sin * shift[1])
        np.abs(across, out=across)
        inside = along * np.float32((self.tip - self.root) / self.length)
        (np.minimum if self.tip < self.root else np.maximum)(inside, 0, out=inside)  # the tail is as wide as the root
        inside += np.float32(self.root)
        inside -= across
        np.minimum(inside, np.float32(self.length) - along, out=inside)
        along += np.float32(self.tail)
        np.minimum(inside, along, out=inside)
        return ramp(inside, softness)


def ramp(distance: Plane, softness: float) -> Plane:
    """0 to 1 over an edge `softness` wide about distance 0, in place."""
    distance *= np.float32(1 / softness)
    distance += np.float32(0.5)
    return np.clip(distance, 0, 1, out=distance)
