"""Figures of a search: what each setting does to the metric, which matter, and how many trials continued. Arrays in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from papilio.drawing.canvas import WIDE, clean_label, drawing, new_figure, only_horizontal_axis
from papilio.drawing.palette import LIGHT, LINES
from papilio.drawing.scales import Scale

NUM_HIGHLIGHTED = 5  # as many, and in the same colors, as the learning curves have
MOST_TICKS = 12
LETTER_WIDTH = 0.075  # inches, of the names above axes
PANELS_A_ROW = {True: 3, False: 2}  # where there is room, and on a phone
LABEL_BOX: dict[str, Any] = {"facecolor": LIGHT["paper"], "alpha": 0.75, "linewidth": 0, "pad": 0.8}


def importance_bars(labels: Sequence[str], shares: Sequence[float], *, width: float = WIDE) -> Figure:
    """A bar a setting, the most important first, with its share in per cent."""
    rows = np.arange(len(labels))
    with drawing():
        figure = new_figure(width=width, height=0.35 + 0.3 * len(labels))
        axes = figure.subplots()
        axes.barh(rows, shares, height=0.55, color=LINES[0])
        for row, share in zip(rows.tolist(), shares, strict=True):
            axes.text(share + 0.012, row, f"{100 * share:.0f}%", va="center", fontsize=8.5)
        limit = 34 if width >= WIDE else 20
        axes.set_yticks(rows, [clean_label(label, limit=limit) for label in labels], color=LIGHT["ink"])
        axes.set(xlim=(0, max(shares) * 1.14), ylim=(len(labels) - 0.5, -0.5))
        axes.set_xticks([])
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.tick_params(length=0)
    return figure


def parallel_coordinates(scales: Sequence[Scale], *, num_highlighted: int, width: float = WIDE) -> Figure:
    """An axis per setting and a line per trial, the metric last; trials come best first, and the best are colored.

    Where the figure is narrow the axes lie flat, one below the other, and the lines run down.
    """
    is_flat = width < WIDE
    across = np.arange(len(scales), dtype=float)
    places = np.stack([scale.shares() for scale in scales], axis=1) + _offsets(scales)
    lines = [np.stack([row, across] if is_flat else [across, row], axis=1) for row in places]
    best, others = lines[:num_highlighted], lines[num_highlighted:]
    opacity = float(np.clip(30 / max(len(others), 1), 0.25, 0.8))
    is_tight = max(len(scale.label) for scale in scales) * LETTER_WIDTH > width / len(scales)
    with drawing():
        figure = new_figure(width=width, height=0.5 + 0.72 * len(scales) if is_flat else 3.4)
        axes = figure.subplots()
        axes.add_collection(LineCollection(others, colors=LIGHT["faint"], linewidths=0.6, alpha=opacity))
        drawn = LineCollection(best[::-1], colors=LINES[: len(best)][::-1], linewidths=1.7, zorder=3)
        axes.add_collection(drawn)
        for place, scale in enumerate(scales):
            is_last = place == len(scales) - 1
            _draw_scale(axes, scale, place=place, is_flat=is_flat, is_last=is_last, step=0.075 * is_tight)
        _frame_coordinates(axes, len(scales), is_flat=is_flat)
    return figure


def slices(
    scales: Sequence[Scale],
    metric: Scale,
    *,
    pruned: Bool[np.ndarray, " n"],
    num_highlighted: int,
    has_medians: bool,
    width: float = WIDE,
) -> Figure:
    """A panel per setting: its value against the metric, a dot per trial; trials come best first, and the best are colored.

    Those that were pruned are rings.

    Where trials share few values, a short line is the median of the trials of a value.
    """
    columns = min(PANELS_A_ROW[width >= WIDE], len(scales))
    rows = -(-len(scales) // columns)
    with drawing():
        figure = new_figure(width=width, height=0.15 + 1.95 * rows)
        grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
        for axes, scale in zip(grid.ravel(), scales, strict=False):
            _draw_slice(axes, scale, metric, pruned=pruned, num_highlighted=num_highlighted)
            if has_medians and scale.has_named_places:
                _draw_medians(axes, scale, metric)
        for axes in grid.ravel()[len(scales) :]:
            axes.set_axis_off()
        for axes in grid[:, 0]:
            axes.set_yticks([place for place, _ in metric.ticks], [text for _, text in metric.ticks])
    return figure


def survivors(epochs: Int[np.ndarray, " e"], num_left: Int[np.ndarray, " e"], *, width: float = WIDE) -> Figure:
    """How many trials were not cut yet, by epoch: the number after each epoch, from 0 on."""
    with drawing():
        figure = new_figure(width=width, height=1.9)
        axes = figure.subplots()
        axes.fill_between(epochs, num_left, step="post", color=LINES[0], alpha=0.13, linewidth=0)
        axes.step(epochs, num_left, where="post", color=LINES[0], linewidth=1.6)
        drops = np.flatnonzero(np.diff(num_left, prepend=num_left[0]))
        places = [0, *_widely_spaced(drops.tolist(), among=len(epochs), most=8 if width >= WIDE else 5)]
        for place in places:
            text = f"{num_left[place]:,}"
            axes.annotate(text, (epochs[place], num_left[place]), (3, 2.5), textcoords="offset points", fontsize=8.5)
        axes.set_title("Trials that continue", pad=8)
        axes.set_xlabel("epoch", loc="right")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set(xlim=(0, max(int(epochs[-1]), 1)), ylim=(0, 1.18 * num_left[0]))
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    return figure


def _offsets(scales: Sequence[Scale]) -> Float[np.ndarray, "n s"]:
    """Small shifts within named places, the same for the same trial, so that lines through one place lie side by side."""
    number = np.arange(len(scales[0].places))
    shifts = [
        ((number * 0.618034 + 0.37 * index) % 1 - 0.5) * 0.05 * scale.has_named_places
        for index, scale in enumerate(scales)
    ]
    return np.stack(shifts, axis=1)


def _draw_scale(axes: Axes, scale: Scale, *, place: int, is_flat: bool, is_last: bool, step: float) -> None:
    """A line with ticks, named next to it, and the setting's name at its start, every second one a `step` higher."""
    ink = {"color": LIGHT["muted"], "linewidth": 0.8, "zorder": 2}
    axes.plot(*([(0, 1), (place, place)] if is_flat else [(place, place), (0, 1)]), **ink)
    ticks = scale.ticks[:: max(1, -(-len(scale.ticks) // MOST_TICKS))]
    limit = max(5, 44 // len(ticks)) if is_flat else 14
    for value, text in ticks:
        share = scale.share(value)
        x, y = (share, place + 0.12) if is_flat else (place + (0.03 if is_last else -0.03), share)
        side = "center" if is_flat else "left" if is_last else "right"
        shown = clean_label(text, limit=limit)
        axes.text(
            x, y, shown, ha=side, va="top" if is_flat else "center", fontsize=7.5, color=LIGHT["muted"], bbox=LABEL_BOX,
            zorder=4,
        )  # fmt: skip
    if is_flat:
        axes.text(
            0, place - 0.14, clean_label(scale.label, limit=40), ha="left", va="bottom", fontsize=8.5, bbox=LABEL_BOX
        )
    else:
        name = clean_label(scale.label, limit=24)
        axes.text(place, 1.09 + step * (place % 2), name, ha="center", va="bottom", fontsize=8.5, color=LIGHT["ink"])


def _frame_coordinates(axes: Axes, num_scales: int, *, is_flat: bool) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    if is_flat:
        axes.set(xlim=(-0.06, 1.06), ylim=(num_scales - 0.55, -0.5))
    else:
        axes.set(xlim=(-0.2, num_scales - 0.8), ylim=(-0.05, 1.06))


def _draw_slice(
    axes: Axes, scale: Scale, metric: Scale, *, pruned: Bool[np.ndarray, " n"], num_highlighted: int
) -> None:
    spread = (scale.ends[1] - scale.ends[0]) * (0.05 if scale.has_named_places else 0)
    across = scale.places + ((np.arange(len(scale.places)) * 0.618034) % 1 - 0.5) * spread
    is_other = np.arange(len(across)) >= num_highlighted
    ring = {"markerfacecolor": "none", "markeredgecolor": LIGHT["faint"], "markeredgewidth": 0.6, "markersize": 2.4}
    axes.plot(across[pruned], metric.places[pruned], "o", **ring)
    dot = {"color": LIGHT["muted"], "markersize": 2.8, "markeredgewidth": 0, "alpha": 0.55}
    axes.plot(across[is_other & ~pruned], metric.places[is_other & ~pruned], "o", **dot)
    best = range(min(num_highlighted, len(across)))
    for index in reversed(best):
        axes.plot(across[index], metric.places[index], "o", color=LINES[index], markersize=4.6, zorder=4)
    axes.set_title(clean_label(scale.label, limit=26), pad=6)
    ticks = scale.ticks[:: max(1, -(-len(scale.ticks) // 6))]
    limit = max(7, 30 // len(ticks))
    axes.set_xticks([place for place, _ in ticks], [clean_label(text, limit=limit) for _, text in ticks], fontsize=7.5)
    room = 0.06 * (scale.ends[1] - scale.ends[0])
    height = 0.06 * (metric.ends[1] - metric.ends[0])
    axes.set(xlim=(scale.ends[0] - room, scale.ends[1] + room), ylim=(metric.ends[0] - height, metric.ends[1] + height))
    only_horizontal_axis(axes)
    axes.grid(visible=False, axis="x")
    axes.grid(axis="y")


def _draw_medians(axes: Axes, scale: Scale, metric: Scale) -> None:
    half = 0.035 * (scale.ends[1] - scale.ends[0])
    for place in np.unique(scale.places).tolist():
        middle = float(np.median(metric.places[scale.places == place]))
        axes.plot([place - half, place + half], [middle, middle], color=LIGHT["ink"], linewidth=1.3, zorder=3)


def _widely_spaced(places: Sequence[int], *, among: int, most: int) -> list[int]:
    """Those of the places that lie at least a share 1 / `most` of all apart, from the first on."""
    kept: list[int] = []
    for place in places:
        if not kept or place - kept[-1] >= among / most:
            kept.append(place)
    return kept
