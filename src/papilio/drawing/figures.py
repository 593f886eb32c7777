"""Figures of a stage: arrays in, a matplotlib figure out. What they show is computed elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from papilio.drawing.canvas import WIDE, clean_label, drawing, new_figure, only_horizontal_axis
from papilio.drawing.palette import LIGHT, LINES

Series = Float[np.ndarray, " _"]  # one value per epoch; runs differ in length

MOST_COLORED = len(LINES)
NUM_HIGHLIGHTED = 5
MOST_BANDS = 3  # more lie over each other
CLIPPED = "values beyond the axis are clipped"
FEWEST_USUAL = 5  # trials, of which one may be an outlier
MOST_WITH_TRAINING = 5  # more dashed lines hide the others
LONGEST_DIRECT_LABEL = 22
DIGIT_WIDTH = 0.067  # inches, of the numbers below an axis
MOST_NAME_LETTERS = 48  # of a trial, next to a panel
MOST_GREY_POINTS = 40  # of a line that is not colored
DIAMOND: dict[str, Any] = {
    "linestyle": "none",
    "marker": "D",
    "markersize": 6,
    "markerfacecolor": LIGHT["paper"],
    "markeredgecolor": LINES[1],
    "markeredgewidth": 1.3,
}


@dataclass(frozen=True)
class Curve:
    """A trial's measurements by epoch, one array per run; runs may differ in length."""

    label: str
    validation: tuple[Series, ...]
    train: tuple[Series, ...] = ()
    is_pruned: bool = False  # it was cut before its end
    color: str = ""  # where it is colored; otherwise that of its place among the curves


@dataclass(frozen=True)
class Panel:
    """One metric of every trial: its value in each run, and what others published."""

    metric: str
    values: tuple[tuple[float, ...], ...]
    published: tuple[tuple[float, ...], ...]
    limits: tuple[float, float] = (-math.inf, math.inf)  # between which the metric lies


def learning_curves(
    curves: Sequence[Curve],
    *,
    metric: str,
    higher_is_better: bool | None,
    has_cut_ends: bool = False,
    width: float = WIDE,
) -> Figure:
    """A metric on validation images by epoch; `curves` come best first. `higher_is_better` is None where nobody says.

    A line is the mean over a trial's runs, bands (of the first three) their range, as far as all runs go; where some ended
    earlier, the others continue one by one, because a mean over fewer and fewer runs would bend for no reason. Dashed, up to
    five trials: training images. With more than eight trials the best five are colored. `has_cut_ends` keeps where trials were
    pruned within the axes, even if that leaves less height to those that ran to their end.
    """
    num_colored = len(curves) if len(curves) <= MOST_COLORED else NUM_HIGHLIGHTED
    with drawing():
        colored = curves[:num_colored]
        num_rows = -(-num_colored // _list_columns(colored, has_room=width >= WIDE))
        figure = new_figure(width=width, height=(3.2 if width >= WIDE else 2.6) + 0.18 * num_rows)
        axes = figure.subplots()
        _draw_grey(axes, curves[num_colored:])
        for place, (curve, color) in reversed(list(enumerate(zip(colored, _colors(colored), strict=True)))):
            if num_colored <= MOST_WITH_TRAINING:
                _draw_mean(axes, curve.train, color=color, width=0.9, style=(0.0, (3.0, 2.0)), alpha=0.65)
            _draw_runs(axes, curve.validation, color=color, has_band=place < MOST_BANDS)
        _finish_epochs(axes, metric=metric)
        shown = [*colored, *(curve for curve in curves if curve.is_pruned and has_cut_ends)]
        if higher_is_better is not None:
            _cut_early_epochs(axes, shown, num_colored=num_colored, higher_is_better=higher_is_better)
        _name_curves(axes, curves, num_colored=num_colored, has_room=width >= WIDE)
    return figure


def _colors(curves: Sequence[Curve]) -> list[str]:
    return [curve.color or color for curve, color in zip(curves, LINES, strict=False)]


def trial_comparison(labels: Sequence[str], panels: Sequence[Panel], *, width: float = WIDE) -> Figure:
    """Trials as rows, a panel per metric: runs as faint dots, their mean and standard deviation, published diamonds."""
    rows = np.arange(len(labels))
    stacked = 1 if width >= WIDE else len(panels)
    with drawing():
        row_height = 0.27 if width >= WIDE else 0.46
        figure = new_figure(width=width, height=0.35 + stacked * (0.6 + row_height * len(labels)))
        places = figure.subplots(stacked, len(panels) // stacked, sharey=True, squeeze=False).ravel()
        for axes, panel in zip(places, panels, strict=True):
            for row, values, published in zip(rows, panel.values, panel.published, strict=True):
                _draw_dots(axes, row=int(row), values=values, published=published, limits=panel.limits)
            axes.set_title(panel.metric, pad=10)
            axes.margins(x=0.06)
            _clip_outliers(axes, panel)
            _set_ticks(axes, inches=(width - _room_of_names(labels, width=width)) / (len(panels) // stacked))
            axes.set_ylim(len(labels) - 0.4, -0.7)
            only_horizontal_axis(axes)
            _name_rows(axes, labels, has_room=width >= WIDE)
        if any(any(panel.published) for panel in panels):
            _name_diamonds(figure)
    return figure


def _set_ticks(axes: Axes, *, inches: float) -> None:
    """Up to six numbers below an axis of that width, fewer where they are long; each in full, without an offset."""
    formatter = ScalarFormatter(useOffset=False)
    formatter.set_scientific(False)
    axes.xaxis.set_major_formatter(formatter)
    low, high = axes.get_xlim()
    for most in range(5, 0, -1):
        axes.xaxis.set_major_locator(MaxNLocator(most))
        ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
        longest = max(map(len, formatter.format_ticks(ticks)), default=0)
        apart = (ticks[1] - ticks[0]) / (high - low) * inches if len(ticks) > 1 else inches
        if (longest + 1.5) * DIGIT_WIDTH <= apart:
            return


def _room_of_names(labels: Sequence[str], *, width: float) -> float:
    """Inches to the left of the first panel, where the names of trials stand if there is room for them."""
    return min(max(map(len, labels), default=0), MOST_NAME_LETTERS) * DIGIT_WIDTH if width >= WIDE else 0.0


def _draw_runs(axes: Axes, runs: tuple[Series, ...], *, color: str, has_band: bool) -> None:
    """Mean and range as far as all runs go, then run by run, with a dot at each end."""
    _draw_mean(axes, runs, color=color, width=1.8)
    common = _common_epochs(runs)
    if has_band and len(runs) > 1 and common:
        stacked = np.stack([run[:common] for run in runs])
        epochs = np.arange(1, common + 1)
        axes.fill_between(epochs, stacked.min(0), stacked.max(0), color=color, alpha=0.16, linewidth=0)
    for run in runs:
        epochs = np.arange(max(common, 1), len(run) + 1)
        if len(run) > common:
            axes.plot(epochs, run[epochs - 1], color=color, linewidth=0.8, alpha=0.7)
        if len(run) > common or len(run) == 1:
            axes.plot(len(run), run[-1], "o", color=color, markersize=2.6)


def _draw_grey(axes: Axes, curves: Sequence[Curve]) -> None:
    """Means as thin lines, the fainter the more they are; a dot at the end of those that were pruned."""
    common = [_common_epochs(curve.validation) for curve in curves]
    means = [
        np.mean([run[:end] for run in curve.validation], axis=0) for curve, end in zip(curves, common, strict=True)
    ]
    lines = [_thinned(mean) for mean in means if len(mean)]
    opacity = float(np.clip(40 / max(len(lines), 1), 0.3, 0.9))
    axes.add_collection(LineCollection(lines, colors=LIGHT["faint"], linewidths=0.7, alpha=opacity))
    cut = [(len(mean), mean[-1]) for curve, mean in zip(curves, means, strict=True) if curve.is_pruned and len(mean)]
    axes.plot(*np.array(cut).reshape(-1, 2).T, "o", color=LIGHT["faint"], markersize=2.2, markeredgewidth=0)
    axes.autoscale_view()


def _thinned(mean: Series) -> Float[np.ndarray, "p 2"]:
    """Epoch and value at so many places as a thin line needs, the first and the last among them."""
    places = np.linspace(0, len(mean) - 1, min(len(mean), MOST_GREY_POINTS)).round().astype(int)
    return np.stack([places + 1, mean[places]], axis=1)


def _draw_mean(
    axes: Axes,
    runs: tuple[Series, ...],
    *,
    color: str,
    width: float,
    style: str | tuple[float, tuple[float, ...]] = "-",
    alpha: float = 1.0,
) -> None:
    """The mean over the runs, as far as all of them go."""
    common = _common_epochs(runs)
    if common:
        mean = np.mean([run[:common] for run in runs], axis=0)
        epochs = np.arange(1, common + 1)
        axes.plot(epochs, mean, color=color, linewidth=width, linestyle=style, alpha=alpha)


def _common_epochs(runs: tuple[Series, ...]) -> int:
    return min((len(run) for run in runs), default=0)


def _finish_epochs(axes: Axes, *, metric: str) -> None:
    axes.set_title(metric, pad=8)
    axes.set_xlabel("epoch", loc="right")
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.margins(x=0.01)


def _cut_early_epochs(axes: Axes, curves: Sequence[Curve], *, num_colored: int, higher_is_better: bool) -> None:
    """Leave out early epochs where they would take most of the height, and say so in the figure.

    What is kept: seven in ten of the colored curves' values, and the best of every curve that is passed here.
    """
    sign = 1 if higher_is_better else -1
    runs = [sign * run[np.isfinite(run)] for curve in curves for run in curve.validation]
    colored = [sign * run[np.isfinite(run)] for curve in curves[:num_colored] for run in curve.validation]
    runs, colored = [run for run in runs if len(run)], [run for run in colored if len(run)]
    if not colored:
        return
    has_training = num_colored <= MOST_WITH_TRAINING
    trained = [sign * run[np.isfinite(run)] for curve in curves[:num_colored] for run in curve.train if has_training]
    best = max(run.max() for run in [*runs, *trained] if len(run))
    kept = min(float(np.quantile(np.concatenate(colored), 0.3)), min(float(run.max()) for run in runs))
    edge = kept - (0.35 if len(runs) == len(colored) else 0.1) * (best - kept)
    if best == edge or best - min(run.min() for run in runs) <= 1.7 * (best - edge):
        return
    axes.set_ylim(*sorted((sign * edge, sign * (best + 0.06 * (best - edge)))))
    axes.set_xlabel(f"{CLIPPED}  ·  epoch", loc="right")


def _name_curves(axes: Axes, curves: Sequence[Curve], *, num_colored: int, has_room: bool) -> None:
    """Names at the ends of the lines; long names in a list below."""
    colored = curves[:num_colored]
    others = f"{len(curves) - num_colored} other trials" if len(curves) > num_colored else ""
    if not has_room or max((len(curve.label) for curve in colored), default=0) > LONGEST_DIRECT_LABEL:
        _list_names(axes, colored, others=others, has_room=has_room)
        return
    ends = [end_of(curve) for curve in colored]
    places = _spread_labels(axes, [value for _, value in ends])
    for curve, color, end, place in zip(colored, _colors(colored), ends, places, strict=True):
        _write_at_end(axes, clean_label(curve.label), color=color, end=end, place=place)
    if others:
        axes.text(1.04, -0.02, others, color=LIGHT["muted"], transform=axes.transAxes, va="center", fontsize=8.5)


def _list_names(axes: Axes, curves: Sequence[Curve], *, others: str, has_room: bool) -> None:
    handles = [Line2D([], [], color=color, linewidth=1.8) for color in _colors(curves)]
    if others:
        handles.append(Line2D([], [], color=LIGHT["faint"], linewidth=1))
    names = [*(curve.label for curve in curves), others]
    texts = [clean_label(name, limit=84 if has_room else 44) for name in names if name]
    columns = _list_columns(curves, has_room=has_room)
    figure = axes.get_figure(root=True)
    assert figure is not None  # the axes were made by a figure
    figure.legend(handles, texts, loc="outside lower left", ncols=columns, fontsize=8.5, handlelength=1.4)


def _list_columns(curves: Sequence[Curve], *, has_room: bool) -> int:
    return 2 if max((len(curve.label) for curve in curves), default=0) <= (42 if has_room else 16) else 1


def _write_at_end(axes: Axes, name: str, *, color: str, end: tuple[int, float], place: float) -> None:
    """A name right of the axes, and a dotted leader from a line that ended early."""
    last_epoch, value = end
    right = axes.get_xlim()[1]
    if np.isfinite(value) and last_epoch < 0.9 * right:
        axes.plot([last_epoch, right], [value, value], color=color, linewidth=0.9, linestyle=(0, (1, 4)), alpha=0.7)
        axes.set_xlim(right=right)
    start = axes.transAxes.inverted().transform(axes.transData.transform((0, value)))[1]
    start = float(np.clip(start, 0, 1)) if np.isfinite(start) else place
    axes.plot([1.0, 1.03], [start, place], color=color, linewidth=1.8, transform=axes.transAxes, clip_on=False)
    axes.text(1.04, place, name, transform=axes.transAxes, va="center", fontsize=8.5)


def end_of(curve: Curve) -> tuple[int, float]:
    """The last epoch that is drawn, and the mean of the runs that reach it."""
    last = max((len(run) for run in curve.validation), default=0)
    reached = [run[-1] for run in curve.validation if len(run) == last]
    return last, float(np.mean(reached)) if last else float("nan")


def _spread_labels(axes: Axes, ends: Sequence[float], *, gap: float = 0.068) -> list[float]:
    """Heights, as shares of the axes, for labels near the ends of their lines and clear of each other."""
    low, high = axes.get_ylim()
    wanted = [(end - low) / (high - low) if np.isfinite(end) else 0.0 for end in ends]
    order = sorted(range(len(wanted)), key=lambda index: -wanted[index])
    places = [0.0] * len(wanted)
    above = 1.0 + gap
    for index in order:
        above = places[index] = min(float(np.clip(wanted[index], 0, 1)), above - gap)
    lowest = -0.02 + gap  # the place below belongs to the other trials
    for index in reversed(order):
        places[index] = max(places[index], lowest)
        lowest = places[index] + gap
    return places


def _clip_outliers(axes: Axes, panel: Panel) -> None:
    """End the axis before few trials that would take most of it: an arrow at its end stands for each."""
    means = {row: float(np.mean(values)) for row, values in enumerate(panel.values) if values}
    ends = _usual_ends(list(means.values()))
    if ends is None:
        return
    known = [*ends, *(one for several in panel.published for one in several)]
    low, high = min(known), max(known)
    room = 0.06 * (high - low)
    outside = {row: mean for row, mean in means.items() if not low <= mean <= high}
    if not outside:
        return
    axes.set_xlim(low - room, high + room)
    for row, mean in outside.items():
        edge, marker = (low - room, "<") if mean < low else (high + room, ">")
        axes.plot(edge, row, marker, color=LINES[0], markersize=5, clip_on=False)
    axes.set_xlabel(CLIPPED, loc="right")


def _usual_ends(means: Sequence[float]) -> tuple[float, float] | None:
    """Where an axis ends so that an outlier does not take most of it; None where there is none."""
    if len(means) < FEWEST_USUAL:
        return None
    low, high = min(means), max(means)
    lower, upper = (float(np.quantile(means, share)) for share in (0.2, 0.8))
    is_low, is_high = high - low > 3 * (high - lower) > 0, high - low > 3 * (upper - low) > 0
    if is_low == is_high:  # of both there are many, or of neither any
        return None
    return (high - 1.3 * (high - lower), high) if is_low else (low, low + 1.3 * (upper - low))


def _draw_dots(
    axes: Axes, *, row: int, values: tuple[float, ...], published: tuple[float, ...], limits: tuple[float, float]
) -> None:
    if len(values) > 1:
        mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
        ends = [max(mean - spread, limits[0]), min(mean + spread, limits[1])]
        axes.plot(ends, [row, row], color=LINES[0], linewidth=1.4)
        axes.plot(values, [row] * len(values), "o", color=LINES[0], alpha=0.4, markersize=3.2, markeredgewidth=0)
    if values:
        axes.plot(np.mean(values), row, "o", color=LINES[0], markersize=6)
    axes.plot(published, [row] * len(published), **DIAMOND)


def _name_rows(axes: Axes, labels: Sequence[str], *, has_room: bool) -> None:
    """Names left of the rows, or above them where the figure is narrow."""
    if has_room:
        axes.set_yticks(
            range(len(labels)), [clean_label(one, limit=MOST_NAME_LETTERS) for one in labels], color=LIGHT["ink"]
        )
        return
    axes.set_yticks([])
    for row, label in enumerate(labels):
        place = axes.get_yaxis_transform()
        axes.text(0, row - 0.36, clean_label(label, limit=52), transform=place, va="center", fontsize=8.5)


def _name_diamonds(figure: Figure) -> None:
    ours = Line2D([], [], color=LINES[0], marker="o", markersize=6, linewidth=1.4)
    theirs = Line2D([], [], **DIAMOND)
    figure.legend([ours, theirs], ["measured", "published"], loc="outside lower right", ncols=2, fontsize=8.5)
