"""Pressure gauges: a needle on a scale from 0 to 100 over three quarters of a circle."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from papilio.data.quantities import Quantity
from papilio.data.rendering.faces import gauge_turn
from papilio.data.rendering.instruments import plain_gauge, varied_gauges
from papilio.data.rendering.scene import Pixels, Scene
from papilio.data.rendering.varieties import SetRenderer, Variety

FULL_SCALE = 100.0
NUM_KINDS = 60
PLAIN = Scene(max_tilt=math.radians(30), max_roll=math.radians(15))
VARIED = Scene(
    max_tilt=math.radians(40), max_roll=math.radians(25), radius=(34, 70), blur=(0.0, 1.6), noise=(0.0, 0.05)
)


class GaugeRenderer(SetRenderer):
    """Draws gauges: plain, one gauge, or varied, many kinds of them; all have the same scale."""

    # the scale takes three quarters of the circle: a whole turn would be a third more
    quantity = Quantity(FULL_SCALE * 4 / 3)
    varieties: ClassVar = {
        "plain": Variety(lambda rng: [plain_gauge()], PLAIN, has_varied_walls=False),
        "varied": Variety(lambda rng: varied_gauges(NUM_KINDS, rng), VARIED),
    }

    def draw(self, number: int, value: float) -> Pixels:
        """Picture `number`, on which the gauge shows `value`, 0 to 100; the same for the same seed."""
        return self.renderer.draw(number, (gauge_turn(value),))

    @staticmethod
    def values(num: int, seed: int) -> Float[np.ndarray, " num"]:
        """`num` values drawn evenly from the scale."""
        return np.random.default_rng([seed, 3]).uniform(0, FULL_SCALE, num).round(2)

    @staticmethod
    def labels(values: Float[np.ndarray, " num"]) -> Float[np.ndarray, " num"]:
        """The values themselves."""
        return values
