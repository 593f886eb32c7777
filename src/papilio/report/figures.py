"""Figures of a stage: arrays in, a matplotlib figure out; nothing is read or computed here but what drawing takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from papilio.report.canvas import clean_label, drawing, new_figure, only_horizontal_axis
from papilio.report.canvas import save_figure as save_figure
from papilio.report.class_figures import confusion as confusion
from papilio.report.class_figures import mistakes as mistakes
from papilio.report.class_figures import per_class as per_class
from papilio.report.palette import LIGHT, LINES

Series = Float[np.ndarray, " epochs"]

MOST_COLOURED = len(LINES)
NUM_HIGHLIGHTED = 5
LONGEST_DIRECT_LABEL = 22


@dataclass(frozen=True)
class Curve:
    """A trial's measurements by epoch, one array a run; runs may differ in length."""

    label: str
    validation: tuple[Series, ...]
    train: tuple[Series, ...] = ()


@dataclass(frozen=True)
class Panel:
    """One metric of every trial: its value in each run, and what others published."""

    metric: str
    values: tuple[tuple[float, ...], ...]
    published: tuple[tuple[float, ...], ...]


def learning_curves(curves: Sequence[Curve], *, metric: str, higher_is_better: bool) -> Figure:
    """A metric on validation images by epoch; `curves` come best first.

    A line is the mean over a trial's runs, its band their range, as far as all runs go; where some ended earlier the
    others go on one by one, because a mean over fewer and fewer runs would bend for no reason. Dashed: training images.
    With more than eight trials the best five are coloured.
    """
    num_coloured = len(curves) if len(curves) <= MOST_COLOURED else NUM_HIGHLIGHTED
    with drawing():
        figure = new_figure(height=3.7)
        axes = figure.subplots()
        for curve in reversed(curves[num_coloured:]):
            _draw_runs(axes, curve.validation, colour=LIGHT["faint"], width=0.7, has_band=False)
        for curve, colour in reversed(list(zip(curves[:num_coloured], LINES, strict=False))):
            _draw_mean(axes, curve.train, colour=colour, width=0.9, style=(0, (3, 2)), alpha=0.65)
            _draw_runs(axes, curve.validation, colour=colour, width=1.8, has_band=True)
        _finish_epochs(axes, metric=metric)
        _cut_early_epochs(axes, curves, higher_is_better=higher_is_better)
        _name_curves(axes, curves, num_coloured=num_coloured)
    return figure


def trial_comparison(labels: Sequence[str], panels: Sequence[Panel]) -> Figure:
    """Trials as rows, a panel a metric: every run a faint dot, the mean with its standard deviation, published diamonds."""
    rows = np.arange(len(labels))
    with drawing():
        figure = new_figure(height=0.95 + 0.27 * len(labels))
        for axes, panel in zip(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels, strict=True):
            for row, values, published in zip(rows, panel.values, panel.published, strict=True):
                _draw_dots(axes, row=int(row), values=values, published=published)
            axes.set_title(panel.metric, pad=10)
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.margins(x=0.06)
            axes.set_ylim(len(labels) - 0.4, -0.6)
            only_horizontal_axis(axes)
            axes.set_yticks(rows, [clean_label(label, limit=34) for label in labels], color=LIGHT["ink"])
        if any(any(panel.published) for panel in panels):
            _name_diamonds(figure)
    return figure


def _draw_runs(axes: Axes, runs: tuple[Series, ...], *, colour: str, width: float, has_band: bool) -> None:
    common = min((len(run) for run in runs), default=0)
    _draw_mean(axes, runs, colour=colour, width=width)
    if has_band and len(runs) > 1 and common:
        stacked = np.stack([run[:common] for run in runs])
        epochs = np.arange(1, common + 1)
        axes.fill_between(epochs, stacked.min(0), stacked.max(0), color=colour, alpha=0.16, linewidth=0)
    for run in runs if has_band else ():
        if len(run) > common:
            epochs = np.arange(max(common, 1), len(run) + 1)
            axes.plot(epochs, run[epochs - 1], color=colour, linewidth=0.8, alpha=0.7)
        if len(run) > common or common == 1:
            axes.plot(len(run), run[-1], "o", color=colour, markersize=2.6)


def _draw_mean(
    axes: Axes,
    runs: tuple[Series, ...],
    *,
    colour: str,
    width: float,
    style: str | tuple[float, tuple[float, ...]] = "-",
    alpha: float = 1.0,
) -> None:
    """The mean over the runs, as far as all of them go."""
    common = min((len(run) for run in runs), default=0)
    if common:
        mean = np.mean([run[:common] for run in runs], axis=0)
        axes.plot(np.arange(1, common + 1), mean, color=colour, linewidth=width, linestyle=style, alpha=alpha)


def _finish_epochs(axes: Axes, *, metric: str) -> None:
    axes.set_title(metric, pad=8)
    axes.set_xlabel("epoch", loc="right")
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.margins(x=0.01)


def _cut_early_epochs(axes: Axes, curves: Sequence[Curve], *, higher_is_better: bool) -> None:
    """Leave out the worst tenth of the values if it would take most of the height, and say so in the figure."""
    values = np.concatenate([run for curve in curves for run in curve.validation] or [np.zeros(0)])
    values = values[np.isfinite(values)]
    if not len(values):
        return
    sign = 1 if higher_is_better else -1
    worst, tenth, best = np.quantile(sign * values, [0, 0.1, 1])
    edge = tenth - 0.3 * (best - tenth)
    if best == tenth or worst >= edge:
        return
    limits = sorted((sign * edge, sign * (best + 0.06 * (best - edge))))
    axes.set_ylim(*limits)
    note = "early epochs lie below the axis" if higher_is_better else "early epochs lie above the axis"
    axes.set_xlabel(f"{note}  ·  epoch", loc="right")


def _name_curves(axes: Axes, curves: Sequence[Curve], *, num_coloured: int) -> None:
    """Names at the ends of the lines; long names in a list below."""
    names = [clean_label(curve.label, limit=64) for curve in curves[:num_coloured]]
    if max(map(len, names), default=0) > LONGEST_DIRECT_LABEL:
        handles = [Line2D([], [], color=colour, linewidth=1.8) for colour in LINES[:num_coloured]]
        if len(curves) > num_coloured:
            handles.append(Line2D([], [], color=LIGHT["faint"], linewidth=1))
            names.append(f"{len(curves) - num_coloured} other trials")
        columns = 2 if max(map(len, names)) <= 34 else 1
        axes.figure.legend(handles, names, loc="outside lower left", ncols=columns, fontsize=8.5)
        return
    ends = [_last_value(curve) for curve in curves[:num_coloured]]
    for name, colour, end, place in zip(names, LINES, ends, _spread_labels(axes, ends), strict=False):
        _write_at_end(axes, name, colour=colour, end=end, place=place)
    if len(curves) > num_coloured:
        text = f"{len(curves) - num_coloured} other trials"
        axes.text(1.035, -0.02, text, color=LIGHT["muted"], transform=axes.transAxes, va="center", fontsize=8.5)


def _write_at_end(axes: Axes, name: str, *, colour: str, end: float, place: float) -> None:
    start = axes.transAxes.inverted().transform(axes.transData.transform((0, end)))[1]
    start = float(np.clip(start, 0, 1)) if np.isfinite(start) else place
    axes.plot(
        [1.0, 1.03], [start, place], color=colour, linewidth=0.9, transform=axes.transAxes, clip_on=False,
        solid_capstyle="butt",
    )  # fmt: skip
    axes.text(1.04, place, name, color=colour, transform=axes.transAxes, va="center", fontsize=8.5)


def _last_value(curve: Curve) -> float:
    """Where the mean line ends."""
    common = min((len(run) for run in curve.validation), default=0)
    return float(np.mean([run[common - 1] for run in curve.validation])) if common else float("nan")


def _spread_labels(axes: Axes, ends: Sequence[float], *, gap: float = 0.068) -> list[float]:
    """Heights, as shares of the axes, at which labels stand near the ends of their lines and clear of each other."""
    low, high = axes.get_ylim()
    wanted = [(end - low) / (high - low) if np.isfinite(end) else 0.0 for end in ends]
    order = sorted(range(len(wanted)), key=lambda index: -wanted[index])
    places = [0.0] * len(wanted)
    above = 1.0 + gap
    for index in order:
        above = places[index] = min(float(np.clip(wanted[index], 0, 1)), above - gap)
    lowest = -0.02 + gap  # the last line below belongs to "other trials"
    for index in reversed(order):
        places[index] = max(places[index], lowest)
        lowest = places[index] + gap
    return places


def _draw_dots(axes: Axes, *, row: int, values: tuple[float, ...], published: tuple[float, ...]) -> None:
    if len(values) > 1:
        mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
        axes.plot(values, [row] * len(values), "o", color=LINES[0], alpha=0.35, markersize=3, markeredgewidth=0)
        axes.plot([mean - spread, mean + spread], [row, row], color=LINES[0], linewidth=1.4)
    if values:
        axes.plot(np.mean(values), row, "o", color=LINES[0], markersize=6)
    axes.plot(
        published, [row] * len(published), "D", markersize=6, markerfacecolor=LIGHT["paper"],
        markeredgecolor=LINES[1], markeredgewidth=1.3,
    )  # fmt: skip


def _name_diamonds(figure: Figure) -> None:
    ours = Line2D([], [], color=LINES[0], marker="o", markersize=6, linewidth=1.4)
    theirs = Line2D(
        [], [], color="none", marker="D", markersize=6, markerfacecolor=LIGHT["paper"], markeredgecolor=LINES[1],
        markeredgewidth=1.3,
    )  # fmt: skip
    figure.legend([ours, theirs], ["measured", "published"], loc="outside lower right", ncols=2, fontsize=8.5)
