"""Clocks: the set that R1's kind of task needs, and varied ones for reading photographs.

The default looks like the clock pictures that are known from teaching: one grey wall clock on wooden boards, turned in any
direction, seen at an angle, in uneven light. Which way is up can only be read from the numerals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from papilio.data.quantities import CLOCK
from papilio.data.rendering.instruments import Instrument, plain_clock, varied_clocks
from papilio.data.rendering.pictures import SIDE, Color, Pixels, Renderer, Scene

MINUTES = int(CLOCK.period)
NUM_KINDS = 160  # of varied clocks, each of which many pictures show
PLAIN = Scene()
VARIED = Scene(upright=0.5, radius=(34, 70), max_offset=20, blur=(0.0, 1.6), noise=(0.0, 0.05))


class ClockRenderer:
    """Draws clocks: plain ones, or `is_varied`, or those given."""

    quantity = CLOCK

    def __init__(
        self,
        *,
        is_varied: bool = False,
        size: int = SIDE,
        color: Color = "grey",
        seed: int = 0,
        scene: Scene | None = None,
        clocks: Sequence[Instrument] | None = None,
    ) -> None:
        if clocks is None:
            clocks = varied_clocks(NUM_KINDS, np.random.default_rng([seed, 2])) if is_varied else [plain_clock()]
        scene = scene or (VARIED if is_varied else PLAIN)
        self.renderer = Renderer(clocks, scene, size=size, color=color, seed=seed, has_varied_walls=is_varied)

    def draw(self, number: int, minute: float) -> Pixels:
        """Picture `number`, on which the clock shows `minute` (0 is twelve o'clock); the same for the same seed."""
        return self.renderer.draw(number, (minute / MINUTES, math.modf(minute / 60)[0], None))

    @staticmethod
    def values(num: int, seed: int) -> Int[np.ndarray, " num"]:
        """`num` times in minutes from 0 to 719, ascending, each minute as often as the others (or once more)."""
        return np.arange(num, dtype=np.int64) * MINUTES // num

    @staticmethod
    def labels(values: Int[np.ndarray, " num"]) -> Int[np.ndarray, "num 2"]:
        """[hour 0-11, minute 0-59], as the clock images of Leiden are published."""
        return np.stack([values // 60, values % 60], axis=1)
