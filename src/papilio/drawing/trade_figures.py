"""The figure of numbers that a setting changes, one panel each, over the same values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from papilio.drawing.canvas import WIDE, clean_label, drawing, new_figure
from papilio.drawing.palette import LINES

MOST_NAMED = 8  # values below an axis


def against(
    labels: Sequence[str], panels: Sequence[tuple[str, Float[np.ndarray, " values"]]], *, axis: str, width: float = WIDE
) -> Figure:
    """A dot for each value, evenly spaced, joined by lines; `axis` is what the values are of."""
    places = np.arange(len(labels))
    stacked = 1 if width >= WIDE else len(panels)
    stride = -(-len(labels) // MOST_NAMED)
    with drawing():
        figure = new_figure(width=width, height=2.4 * stacked)
        for axes, (title, values) in zip(
            figure.subplots(stacked, len(panels) // stacked, squeeze=False).ravel(), panels, strict=True
        ):
            axes.plot(places, values, color=LINES[0], linewidth=1.2, marker="o", markersize=5)
            names = [clean_label(label, limit=10) if place % stride == 0 else "" for place, label in enumerate(labels)]
            axes.set_xticks(places, names)
            axes.set_xlim(-0.4, len(labels) - 0.6)
            axes.yaxis.set_major_locator(
                MaxNLocator(4, integer=bool(np.all(values == np.round(values))), min_n_ticks=1)
            )
            axes.ticklabel_format(axis="y", useOffset=False)
            axes.margins(y=0.12)
            axes.grid(axis="y")
            axes.set_axisbelow(True)
            axes.set_title(title, pad=8)
            axes.set_xlabel(axis, loc="right")
    return figure
