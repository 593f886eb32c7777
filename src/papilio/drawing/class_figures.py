"""Figures of a classifier: each class by itself, which it takes for which, and how sure it was when wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.figure import Figure

from papilio.drawing.canvas import WIDE, clean_label, drawing, new_figure, only_horizontal_axis
from papilio.drawing.palette import LIGHT, LINES, RIGHT, WRONG

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

    Right answers and mistakes have a color each, and mistakes a scale of their own: on a common scale a good
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
    mosaic, (cell_height, cell_width) = _mosaic(images, columns=columns)
    with drawing():
        figure = new_figure(width=WIDE, height=0.2 + WIDE * mosaic.shape[0] / (6 * cell_width))
        axes = figure.subplots()
        axes.set_axis_off()
        height, width = mosaic.shape[:2]
        axes.imshow(mosaic, interpolation="nearest", extent=(0, width, height, 0))
        for index in range(len(images)):
            middle = (index % columns + 0.5) * cell_width
            below = index // columns * cell_height + 0.86 * cell_width
            names = f"{clean_label(true[index], limit=18)} →\n{clean_label(predicted[index], limit=18)}"
            text = f"{names} {confidence[index]:.2f}"
            written = axes.text(middle, below, text, ha="center", va="top", fontsize=7)
            written.set_in_layout(False)
        axes.set(xlim=(0, 6 * cell_width))
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
        axes.plot(precision, rows, "o", color=LINES[0], markersize=4.5, label="precision", zorder=4)
        axes.plot(recall, rows, **HOLLOW, label="recall")
        axes.set_ylim(len(rows) - 0.4, -0.6)
        limit = 30 if width >= WIDE else 16
        axes.set_yticks(rows, [clean_label(name, limit=limit) for name in class_names], color=LIGHT["ink"])
        only_horizontal_axis(axes)
        figure.legend(loc="outside upper right", ncols=2, fontsize=8.5)
    return figure


def displayable(image: UInt8[np.ndarray, "c h w"]) -> UInt8[np.ndarray, "h w *rgb"]:
    """An image as Pillow and matplotlib want it: (h, w), (h, w, 3) for color; other channels as their mean."""
    if len(image) == 3:
        return np.ascontiguousarray(image.transpose(1, 2, 0))
    return image[0] if len(image) == 1 else image.mean(axis=0).astype(np.uint8)


def _mosaic(
    images: UInt8[np.ndarray, "m c h w"], *, columns: int
) -> tuple[UInt8[np.ndarray, "height width 4"], tuple[int, int]]:
    """All images in one, each in the upper part of its cell, with nothing between them; a cell's height and width.

    One picture, because every further one costs a figure more time than all its text.
    """
    height, width = images.shape[2:] if len(images) else (1, 1)
    side = max(height, width)
    cell_width = round(1.25 * side)
    cell_height = round(1.2 * cell_width)
    rows = max(-(-len(images) // columns), 1)
    mosaic = np.zeros((rows * cell_height, columns * cell_width, 4), dtype=np.uint8)
    for index, image in enumerate(images):
        top = index // columns * cell_height + (side - height) // 2
        left = index % columns * cell_width + (cell_width - width) // 2
        picture = displayable(image)
        mosaic[top : top + height, left : left + width, :3] = picture if picture.ndim == 3 else picture[..., None]
        mosaic[top : top + height, left : left + width, 3] = 255
    return mosaic, (cell_height, cell_width)


def _draw_cells(
    axes: Axes, alpha: Float[np.ndarray, "k k"], counts: Int[np.ndarray, "k k"], *, text_size: float
) -> None:
    """One square a cell: the color follows the page, the count stays text."""
    places = [(column - 0.48, row - 0.48) for row, column in np.ndindex(*counts.shape)]
    filled = [place for place, count in zip(places, counts.ravel(), strict=True) if count]
    colors = [
        to_rgba(RIGHT if row == column else WRONG, float(alpha[row, column]))
        for row, column in np.argwhere(counts).tolist()
    ]
    for squares, color in ((places, LIGHT["wash"]), (filled, colors)):
        corners = np.array(squares)[:, None] + 0.96 * np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
        axes.add_collection(PolyCollection(list(corners), facecolors=color, linewidths=0))
    for row, column in np.argwhere(counts).tolist():
        text = f"{counts[row, column]:,}"
        written = axes.text(column, row, text, ha="center", va="center", fontsize=text_size)
        written.set_in_layout(False)  # it is inside its cell: measuring a hundred of them takes long
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
