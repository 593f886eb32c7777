"""The figure of which classes made images show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from papilio.drawing.canvas import WIDE, clean_label, drawing, new_figure, only_horizontal_axis
from papilio.drawing.class_figures import HOLLOW
from papilio.drawing.palette import LIGHT, LINES


def class_shares(
    class_names: Sequence[str],
    *,
    real: Float[np.ndarray, " k"],
    made: Float[np.ndarray, " k"],
    width: float = WIDE,
) -> Figure:
    """The share of each class among training images and among samples, a row each, in the order given."""
    rows, real, made = np.arange(len(class_names)), 100 * real, 100 * made
    with drawing():
        figure = new_figure(width=width, height=0.9 + 0.24 * len(rows))
        axes = figure.subplots()
        axes.hlines(rows, np.minimum(real, made), np.maximum(real, made), color=LIGHT["faint"], linewidth=1.6)
        axes.plot(made, rows, "o", color=LINES[0], markersize=6, label="samples", clip_on=False)
        axes.plot(real, rows, **HOLLOW, label="training images", clip_on=False)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(8 if width >= WIDE else 5, integer=True, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(PercentFormatter(100, decimals=0, symbol="%"))
        limit = 30 if width >= WIDE else 16
        axes.set_yticks(rows, [clean_label(name, limit=limit) for name in class_names], color=LIGHT["ink"])
        only_horizontal_axis(axes)
        axes.tick_params(axis="y", pad=8)  # a dot at 0 must not touch the name
        figure.legend(loc="outside upper right", ncols=2, fontsize=8.5)
    return figure
