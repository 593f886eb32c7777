"""Clocks: the set that R1's kind of task needs, and varied ones for reading photographs.

The default looks like the clock pictures that are known from teaching: one gray wall clock on wooden boards, turned in any
direction, seen at an angle, in uneven light. Which way is up can only be read from the numerals.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from papilio.data.quantities import CLOCK
from papilio.data.rendering.instruments import Instrument, aside_clocks, plain_clock, varied_clocks
from papilio.data.rendering.scene import Pixels, Scene
from papilio.data.rendering.varieties import SetRenderer, Variety

MINUTES = int(CLOCK.period)
NUM_KINDS = 320  # of varied clocks, each of which many pictures show
PLAIN_SCENE = Scene(radius=(56, 62), max_offset=4, cropped=0.02)
VARIED_SCENE = Scene(upright=0.5, radius=(34, 70), max_offset=20, blur=(0.0, 1.6), noise=(0.0, 0.05), glare=0.5)
MIXED_SCENE = Scene(upright=0.25, radius=(40, 68), max_offset=12, blur=(0.0, 1.2), noise=(0.0, 0.04), cropped=0.03)


def mixed_clocks(rng: np.random.Generator) -> list[Instrument]:
    """Varied clocks, and the plain one as often as all of them together."""
    return [*varied_clocks(NUM_KINDS, rng), *([plain_clock()] * NUM_KINDS)]


class ClockRenderer(SetRenderer):
    """Draws clocks.

    plain is one wall clock; varied many kinds of clocks on many kinds of walls; mixed is the plain one in half of the
    pictures and varied ones in the others; aside are kinds that none of them has, to measure on.
    """

    quantity = CLOCK
    varieties: ClassVar = {
        "plain": Variety(lambda rng: [plain_clock()], PLAIN_SCENE, has_varied_walls=False),
        "varied": Variety(lambda rng: varied_clocks(NUM_KINDS, rng), VARIED_SCENE),
        "mixed": Variety(mixed_clocks, MIXED_SCENE),
        "aside": Variety(lambda rng: aside_clocks(NUM_KINDS, rng), VARIED_SCENE),
    }

    def draw(self, number: int, value: float) -> Pixels:
        """Picture `number`, on which the clock shows minute `value` (0 is twelve o'clock); the same for the same seed."""
        return self.renderer.draw(number, (value / MINUTES, math.modf(value / 60)[0], None))

    @staticmethod
    def values(num: int, seed: int) -> Int[np.ndarray, " num"]:
        """`num` times in minutes from 0 to 719, ascending, each minute as often as the others (or once more)."""
        return np.arange(num, dtype=np.int64) * MINUTES // num

    @staticmethod
    def labels(values: Int[np.ndarray, " num"]) -> Int[np.ndarray, "num 2"]:
        """[hour 0-11, minute 0-59], as the clock images of Leiden are published."""
        return np.stack([values // 60, values % 60], axis=1)
