"""The figure of how large the gradient is in each layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from papilio.drawing.canvas import WIDE, drawing, new_figure
from papilio.drawing.palette import LINES

MOST_STEPS = 300  # times as large: more than that is numbered by powers of ten alone


def gradient_sizes(
    layers: Sequence[str],
    begun: Float[np.ndarray, " layer"],
    trained: Float[np.ndarray, " layer"],
    *,
    width: float = WIDE,
) -> Figure:
    """A line over the layers, from the first to the last, for the weights before training, and one for those after it."""
    places = np.arange(len(layers))
    with drawing():
        figure = new_figure(width=width, height=2.6)
        axes = figure.subplots()
        for number, (name, sizes) in enumerate((("before training", begun), ("after training", trained))):
            seen = np.where(sizes > 0, sizes, np.nan)  # a gradient of exactly nothing has no logarithm
            axes.plot(places, seen, marker="o", markersize=4, color=LINES[number], label=name)
        axes.set_yscale("log")
        shown = np.concatenate([one[one > 0] for one in (begun, trained)])
        is_short = shown.max(initial=0) < MOST_STEPS * shown.min(initial=np.inf)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if is_short else (1,)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())  # its numbers would be formulas, which are not set here
        axes.set_xticks(places, layers, rotation=0 if len("".join(layers)) < 40 else 30)
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        axes.set_title("root mean square of the gradient", pad=8)
        axes.set_xlabel("layer, the first on the left", loc="right")
        axes.legend()
    return figure
