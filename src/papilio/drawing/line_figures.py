"""Several measurements of one run in one figure, each a line: by epoch, or by batch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from papilio.drawing.canvas import WIDE, drawing, new_figure
from papilio.drawing.palette import LINES

Line = Float[np.ndarray, "points 2"]  # place and value

MOST_POINTS = 300  # of a line that is drawn as it is; of more their moving mean stands over faint ones
FAINT = 0.3
MOST_FAINT = 3000  # faint points: more are thinned, from the highest to the lowest of each stretch


def lines(
    series: Mapping[str, Line],
    *,
    title: str,
    place: str,
    limits: tuple[float, float] | None = None,
    width: float = WIDE,
) -> Figure:
    """Each of the series a line with its name; `place` says what is counted along the axis, `limits` are of the values."""
    with drawing():
        figure = new_figure(width=width, height=2.7 if width >= WIDE else 2.5)
        axes = figure.subplots()
        for (name, line), color in zip(series.items(), LINES, strict=False):
            points = line[np.isfinite(line).all(axis=1)]
            shown = points
            if len(points) > MOST_POINTS:
                axes.plot(*thinned(points).T, color=color, linewidth=0.5, alpha=FAINT)
                shown = moving_mean(points, window=len(points) // 60)
            axes.plot(*shown.T, color=color, linewidth=1.8, label=name, marker="o" if len(points) == 1 else None)
        axes.set_title(title, pad=8)
        axes.set_xlabel(place, loc="right")
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.margins(x=0.01)
        if limits is not None:
            axes.set_ylim(*limits)
        if len(series) > 1:
            figure.legend(
                loc="outside lower left", ncols=len(series) if width >= WIDE else 2, fontsize=8.5, handlelength=1.4
            )
    return figure


def moving_mean(line: Line, *, window: int) -> Line:
    """Means over so many points, with the place of the middle one."""
    kernel = np.full(window, 1 / window)
    return np.stack([np.convolve(column, kernel, mode="valid") for column in line.T], axis=1)


def thinned(line: Line) -> Line:
    """Of many points the lowest and the highest of each stretch: what is drawn looks the same."""
    if len(line) <= MOST_FAINT:
        return line
    stretches = np.array_split(np.arange(len(line)), MOST_FAINT // 2)
    kept = {int(stretch[find(line[stretch, 1])]) for stretch in stretches for find in (np.argmin, np.argmax)}
    return line[sorted(kept)]
