"""A figure of latent coordinates: how much each tells of each known factor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from papilio.drawing.canvas import WIDE, clean_label, drawing, new_figure
from papilio.drawing.palette import LIGHT, RIGHT

MOST_OPAQUE = 0.55  # of a cell: the number in it stays readable on light and on dark paper
LINE = 0.27  # inches a row


def information(
    shares: Float[np.ndarray, "rows factors"],
    *,
    row_names: Sequence[str],
    factor_names: Sequence[str],
    width: float = WIDE,
) -> Figure:
    """What each coordinate (row) tells of each factor (column), as shares of what there is to tell, from 0 to 1."""
    rows, columns = shares.shape
    with drawing():
        figure = new_figure(width=width, height=0.75 + LINE * rows)
        rest = max(width - (1.6 + 0.85 * columns), 1e-3)  # few columns stay as wide as those of other figures
        axes, blank = figure.subplots(1, 2, width_ratios=[width - rest, rest])
        blank.set_axis_off()
        corners = np.array([(0.015, 0.03), (0.985, 0.03), (0.985, 0.97), (0.015, 0.97)])
        places = np.array([(column, row) for row, column in np.ndindex(rows, columns)])
        for colors in (
            LIGHT["wash"],
            [to_rgba(RIGHT, MOST_OPAQUE * float(np.clip(one, 0, 1))) for one in shares.ravel()],
        ):
            squares = list(places[:, None] - 0.5 + corners)
            axes.add_collection(PolyCollection(squares, facecolors=colors, linewidths=0))
        for (column, row), share in zip(places.tolist(), shares.ravel().tolist(), strict=True):
            written = axes.text(column, row, f"{share:.2f}", ha="center", va="center", fontsize=8)
            written.set_in_layout(False)
        names = [clean_label(name.replace("_", " "), limit=18) for name in factor_names]
        is_wide = width >= WIDE or columns < 4
        axes.set_xticks(range(columns), names, color=LIGHT["ink"], rotation=0 if is_wide else 35)
        for text in () if is_wide else axes.get_xticklabels():
            text.set(ha="left", rotation_mode="anchor")
        axes.set_yticks(range(rows), row_names, color=LIGHT["ink"])
        axes.xaxis.tick_top()
        axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
        axes.set_ylabel("coordinate", loc="top")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure
