"""Figures of what representations are worth: accuracy by labels used, and by seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from papilio.drawing.canvas import WIDE, clean_label, drawing, new_figure
from papilio.drawing.palette import LIGHT, LINES

MARKERS = "osD^vP*X"
LEGEND_ROW = 0.2  # inches


@dataclass(frozen=True)
class LabelLine:
    """One design: its accuracy at each number of labels, and the standard deviation there (NaN for one value)."""

    name: str
    labels: Float[np.ndarray, " n"]
    accuracy: Float[np.ndarray, " n"]
    spread: Float[np.ndarray, " n"]
    is_baseline: bool = False


@dataclass(frozen=True)
class TimedPoint:
    """One trial: its accuracy, the seconds of its own training, and those of what it begins with (0 for nothing)."""

    name: str
    accuracy: float
    seconds: float
    before: float = 0.0
    is_baseline: bool = False


def accuracy_by_labels(lines: Sequence[LabelLine], *, width: float = WIDE) -> Figure:
    """Test accuracy by the number of labels, on a logarithmic axis; baselines dashed and gray."""
    with drawing():
        figure = new_figure(width=width, height=(3.1 if width >= WIDE else 2.7) + _legend_height(len(lines), width))
        axes = figure.subplots()
        for line, color, marker in _styled(lines):
            style = (0, (4, 2)) if line.is_baseline else "-"
            axes.errorbar(
                line.labels,
                line.accuracy,
                yerr=np.nan_to_num(line.spread),
                color=color,
                marker=marker,
                linestyle=style,
                linewidth=1.6,
                markersize=4.5,
                elinewidth=1,
            )
        axes.set_xscale("log")
        ticks = np.unique(np.concatenate([line.labels for line in lines]))
        _plain_ticks(axes, ticks, words=lambda value: f"{value:,.0f}")
        axes.set_xlabel("labeled training images", loc="right")
        _finish(axes, figure, lines, width=width)
    return figure


def accuracy_by_seconds(points: Sequence[TimedPoint], *, width: float = WIDE) -> Figure:
    """Test accuracy by training time: a dot each, and for what was pretrained a line to a ring with that time added.

    Baselines are gray.
    """
    with drawing():
        figure = new_figure(width=width, height=(3.1 if width >= WIDE else 2.7) + _legend_height(len(points), width))
        axes = figure.subplots()
        for point, color, marker in _styled(points):
            axes.plot(point.seconds, point.accuracy, marker=marker, color=color, markersize=6, linestyle="none")
            if point.before > 0:
                total = point.seconds + point.before
                axes.plot([point.seconds, total], [point.accuracy] * 2, color=color, linewidth=1, alpha=0.7)
                axes.plot(
                    total,
                    point.accuracy,
                    marker=marker,
                    markerfacecolor=LIGHT["paper"],
                    markeredgecolor=color,
                    markersize=6,
                    linestyle="none",
                )
        axes.set_xlim(left=0)
        axes.set_xlabel("seconds of training", loc="right")
        _finish(axes, figure, points, width=width)
    return figure


def _styled(shown: Sequence[LabelLine] | Sequence[TimedPoint]) -> list[tuple]:
    """Each with a color and a marker of its own; more than there are colors differ by their markers."""
    number, styled = 0, []
    for one in shown:
        color = LIGHT["muted"] if one.is_baseline else LINES[number % len(LINES)]
        styled.append((one, color, MARKERS[len(styled) % len(MARKERS)]))
        number += not one.is_baseline
    return styled


def _legend_height(num: int, width: float) -> float:
    return LEGEND_ROW * -(-num // (2 if width >= WIDE else 1))


def _plain_ticks(axes: Axes, ticks: np.ndarray, *, words) -> None:
    axes.xaxis.set_major_locator(FixedLocator(ticks.tolist()))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words(value)))


def _finish(axes: Axes, figure: Figure, shown: Sequence[LabelLine] | Sequence[TimedPoint], *, width: float) -> None:
    axes.set_title("Test accuracy", pad=8)
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    handles = [
        Line2D(
            [],
            [],
            color=color,
            marker=marker,
            markersize=5,
            linewidth=1.6 if isinstance(one, LabelLine) else 0,
            linestyle=(0, (4, 2)) if isinstance(one, LabelLine) and one.is_baseline else "-",
        )
        for one, color, marker in _styled(shown)
    ]
    names = [clean_label(one.name, limit=44 if width >= WIDE else 40) for one in shown]
    columns = 2 if width >= WIDE else 1
    figure.legend(handles, names, loc="outside lower left", ncols=columns, fontsize=8.5, handlelength=2.2)
