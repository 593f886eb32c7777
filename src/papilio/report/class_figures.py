"""Figures of a classifier: each class by itself, which it takes for which, and how sure it was when wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from papilio.report.canvas import WIDE, clean_label, drawing, new_figure, only_horizontal_axis
from papilio.report.palette import LIGHT, LINES, RIGHT, WRONG

MOST_COUNTED_CLASSES = 12
MOST_NAMED_CLASSES = 40
MOST_OPAQUE = 0.5  # of a cell: the count in it stays readable on light and on dark paper
HOLLOW: dict[str, Any] = {
    "linestyle": "none",
    "marker": "D",
    "markersize": 5,
    "markerfacecolor": LIGHT["paper"],
    "markeredgecolor": LINES[1],
    "markeredgewidth": 1.4,
}


def confusion(counts: Int[np.ndarray, "k k"], class_names: Sequence[str], *, width: float = WIDE) -> Figure:
    """How often each true class (row) was predicted as each class (column), as shares of the row.

    Right answers and mistakes have a colour each, and mistakes a scale of their own: on a common scale a good
    classifier's mistakes could not be seen.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    mistakes_only = shares * (1 - np.eye(len(counts)))
    strength = np.where(np.eye(len(counts)) > 0, shares, mistakes_only / max(mistakes_only.max(), 1e-9))
    alpha = strength * MOST_OPAQUE
    with drawing():
        figure = new_figure(width=min(width, 6.0), height=min(width, 6.0))
        axes = figure.subplots()
        if len(counts) <= MOST_COUNTED_CLASSES:
            _draw_cells(axes, alpha, counts, text_size=(8.5 if counts.max() < 1000 else 7.5) if width >= WIDE else 6.5)
        else:
            _draw_picture(axes, alpha)
        _name_both_sides(axes, class_names)
    return figure


def mistakes(
    images: UInt8[np.ndarray, "m c h w"],
    *,
    true: Sequence[str],
    predicted: Sequence[str],
    confidence: Float[np.ndarray, " m"],
) -> Figure:
    """A gallery of wrongly classified images: 'true → predicted 0.98' under each."""
    columns = min(6, max(len(images), 1))
    rows = -(-len(images) // columns)
    with drawing():
        figure = new_figure(width=WIDE, height=0.2 + 1.45 * max(rows, 1))
        grid = figure.subplots(max(rows, 1), columns, squeeze=False).ravel()
        for axes in grid:
            axes.set_axis_off()
        for index, (axes, image) in enumerate(zip(grid, images, strict=False)):
            axes.imshow(displayable(image), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            names = f"{clean_label(true[index], limit=18)} →\n{clean_label(predicted[index], limit=18)}"
            text = f"{names} {confidence[index]:.2f}"
            axes.text(0.5, -0.06, text, transform=axes.transAxes, ha="center", va="top", fontsize=7)
    return figure


def per_class(
    class_names: Sequence[str],
    *,
    precision: Float[np.ndarray, " k"],
    recall: Float[np.ndarray, " k"],
    width: float = WIDE,
) -> Figure:
    """Precision and recall of each class, a row each, in the order given."""
    rows = np.arange(len(class_names))
    low, high = np.minimum(precision, recall), np.maximum(precision, recall)
    with drawing():
        figure = new_figure(width=width, height=0.9 + 0.24 * len(rows))
        axes = figure.subplots()
        axes.hlines(rows, low, high, color=LIGHT["faint"], linewidth=1.6)
        axes.plot(precision, rows, "o", color=LINES[0], markersize=6, label="precision")
        axes.plot(recall, rows, **HOLLOW, label="recall")
        axes.set_ylim(len(rows) - 0.4, -0.6)
        limit = 30 if width >= WIDE else 16
        axes.set_yticks(rows, [clean_label(name, limit=limit) for name in class_names], color=LIGHT["ink"])
        only_horizontal_axis(axes)
        figure.legend(loc="outside upper right", ncols=2, fontsize=8.5)
    return figure


def displayable(image: UInt8[np.ndarray, "c h w"]) -> UInt8[np.ndarray, "h w *rgb"]:
    """An image as Pillow and matplotlib want it: (h, w), (h, w, 3) for colour; other channels as their mean."""
    if len(image) == 3:
        return np.ascontiguousarray(image.transpose(1, 2, 0))
    return image[0] if len(image) == 1 else image.mean(axis=0).astype(np.uint8)


def _draw_cells(
    axes: Axes, alpha: Float[np.ndarray, "k k"], counts: Int[np.ndarray, "k k"], *, text_size: float
) -> None:
    """One rectangle a cell: the colour follows the page, the count stays text."""
    for row, column in np.ndindex(*counts.shape):
        colour = RIGHT if row == column else WRONG
        place = (column - 0.48, row - 0.48)
        axes.add_patch(Rectangle(place, 0.96, 0.96, facecolor=LIGHT["wash"], linewidth=0))
        if counts[row, column]:
            opacity = float(alpha[row, column])
            axes.add_patch(Rectangle(place, 0.96, 0.96, facecolor=colour, alpha=opacity, linewidth=0))
            text = f"{counts[row, column]:,}"
            axes.text(column, row, text, ha="center", va="center", fontsize=text_size)
    axes.set_aspect("equal")


def _draw_picture(axes: Axes, alpha: Float[np.ndarray, "k k"]) -> None:
    """Many classes: one small picture whose transparency carries the shares, so that it suits any paper."""
    picture = np.empty((*alpha.shape, 4))
    picture[..., :3] = to_rgb(WRONG)
    picture[np.arange(len(alpha)), np.arange(len(alpha)), :3] = to_rgb(RIGHT)
    picture[..., 3] = alpha / MOST_OPAQUE
    axes.imshow(picture, interpolation="none")


def _name_both_sides(axes: Axes, class_names: Sequence[str]) -> None:
    count = len(class_names)
    names = [clean_label(name, limit=18) for name in class_names]
    size = 8.5 if count <= MOST_COUNTED_CLASSES else 6.5
    is_short = max(map(len, names)) <= 2
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(count - 0.5, -0.5)
    if count <= MOST_NAMED_CLASSES:
        axes.set_xticks(range(count), names, fontsize=size, color=LIGHT["ink"], rotation=0 if is_short else 45)
        axes.set_yticks(range(count), names, fontsize=size, color=LIGHT["ink"])
        for text in () if is_short else axes.get_xticklabels():
            text.set(ha="left", rotation_mode="anchor")
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("predicted", loc="left")
    axes.set_ylabel("true", loc="top")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
