"""Learning rates over time: each a function from the share of training done, in [0, 1), to a factor on the rate."""

from __future__ import annotations

import math
from collections.abc import Callable

START = 1 / 25  # of the peak; and the end is START / 1000: the usual numbers of one-cycle training
END = START / 1000
WARM_UP = 0.3


def constant(done: float) -> float:
    """Always 1."""
    return 1.0


def cosine(done: float) -> float:
    """From 1 to 0 along half a cosine (Loshchilov and Hutter, SGDR, 2017, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * done))


def one_cycle(done: float) -> float:
    """Up to 1 over the first three tenths, then down to nearly nothing, both along cosines (Smith and Topin 2018)."""
    if done < WARM_UP:
        return START + (1 - START) * (1 - cosine(done / WARM_UP))
    return END + (1 - END) * cosine((done - WARM_UP) / (1 - WARM_UP))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "cosine": cosine,
    "one_cycle": one_cycle,
}
