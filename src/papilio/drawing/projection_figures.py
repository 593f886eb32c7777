"""Figures of projections: points by class or value, a panel per layer and method, and the images at their points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from papilio.data.quantities import Quantity
from papilio.drawing.canvas import WIDE, clean_label, drawing, new_figure
from papilio.drawing.class_figures import displayable
from papilio.drawing.palette import LIGHT, POINTS

MOST_NAMED_CLASSES = 20
GOLDEN = (math.sqrt(5) - 1) / 2
DOTS = 170  # an inch, of the pictures of points
DOT_DIAMETER = 0.024  # inches
FEW_POINTS = 600  # of which each dot may be larger


@dataclass(frozen=True)
class Coloring:
    """A color a point, uint8 (n, 3), and what the legend says of them, if there is anything to say."""

    of_points: UInt8[np.ndarray, "n 3"]
    names: tuple[str, ...] = ()
    of_names: tuple[tuple[float, float, float], ...] = ()
    classes: Int[np.ndarray, " n"] | None = None  # for the names of groups within the picture


@dataclass(frozen=True)
class Panel:
    """A layer in one method's projection; `title` and `note` stand above it."""

    points: Float[np.ndarray, "n 2"]  # in the unit square
    title: str
    note: str


def coloring(labels: np.ndarray, class_names: Sequence[str], quantity: Quantity | None) -> Coloring:
    """Up to ten classes have the colors of the palette, up to 20 a circle of hues, more the same circle without a legend.

    Values are colored around the same circle; without either all points are alike.
    """
    if quantity is not None:
        marks = np.arange(4) * quantity.period / 4
        names = tuple(quantity.words(float(mark)) for mark in marks)
        return Coloring(_bytes(circle(labels / quantity.period)), names, _tuples(circle(np.arange(4) / 4)))
    if not class_names:
        return Coloring(np.tile(_bytes(_rgb([LIGHT["accent"]])), (len(labels), 1)))
    num = len(class_names)
    if num <= len(POINTS):
        colors = _rgb(POINTS[:num])
    elif num <= MOST_NAMED_CLASSES:
        colors = circle(np.arange(num) / num)
    else:  # neighbors in the list are far apart on the circle
        return Coloring(_bytes(circle(np.arange(num) * GOLDEN % 1))[labels])
    return Coloring(_bytes(colors)[labels], tuple(class_names), _tuples(colors), labels)


def circle(turns: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 3"]:
    """Colors around a circle, sRGB in [0, 1]: lightness goes from 48 to 76 while blue goes to yellow a quarter turn later.

    In CIE L*a*b*. Both are seen without red-green vision, so that no two places on the circle look alike.
    """
    angles = 2 * math.pi * np.asarray(turns, dtype=np.float64)
    lightness, a, b = 62 + 14 * np.cos(angles), 34 * np.cos(angles + 2.2), 52 * np.sin(angles)
    y = (lightness + 16) / 116
    f = np.stack([y + a / 500, y, y - b / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * [0.9505, 1.0, 1.089]
    linear = xyz @ np.array([[3.2406, -0.9689, 0.0557], [-1.5372, 1.8758, -0.2040], [-0.4986, 0.0415, 1.0570]])
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def projections(panels: Sequence[Sequence[Panel]], colors: Coloring, *, width: float = WIDE) -> Figure:
    """A row per layer and a column per method, on narrow paper two columns at most.

    Names of classes stand at the median of their points where there is room.
    """
    most = len(panels[0]) if width >= WIDE else min(len(panels[0]), 2)
    lines = [row[start : start + most] for row in panels for start in range(0, len(row), most)]
    rows, columns = len(lines), most
    legend_rows = _legend_rows(colors, width)
    side = min((width - 0.1) / columns, 3.6)
    with drawing():
        figure = new_figure(width=width, height=rows * (side + 0.5) + 0.2 * legend_rows + 0.14)
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes_row, line in zip(grid, lines, strict=True):
            for axes in axes_row[len(line) :]:
                axes.set_axis_off()
            for axes, panel in zip(axes_row, line, strict=False):
                _draw_points(axes, panel.points, colors, inches=side)
                _name_groups(axes, panel.points, colors, inches=side)
                axes.set_title(f"{panel.title}\n", fontsize=8.5 if side > 2.2 else 7.5)
                size = 7.5 if side > 2.2 else 6.5
                axes.text(
                    0, 1.02, panel.note, transform=axes.transAxes, fontsize=size, color=LIGHT["muted"], va="bottom"
                )
        _add_legend(figure, colors, width)
    return figure


def images_in_place(
    points: Float[np.ndarray, "n 2"],
    shown: Int[np.ndarray, " t"],
    images: UInt8[np.ndarray, "t c h w"],
    colors: Coloring,
    *,
    side: float,
    width: float = WIDE,
) -> Figure:
    """Images at their points, framed in their colors, among the others as dots; `side` is an image's share of the picture."""
    inches = min(width, 6.4)
    with drawing():
        figure = new_figure(width=inches, height=inches + 0.2 * _legend_rows(colors, inches) + 0.1)
        axes = figure.subplots()
        _draw_points(axes, points, colors, inches=inches)
        mosaic = _mosaic(points[shown], images, colors.of_points[shown], side=side)
        margin = side / 2
        axes.imshow(mosaic, extent=(-margin, 1 + margin, -margin, 1 + margin), interpolation="none", zorder=3)
        axes.set(xlim=(-margin, 1 + margin), ylim=(-margin, 1 + margin))
        _add_legend(figure, colors, inches)
    return figure


def _draw_points(axes: Axes, points: np.ndarray, colors: Coloring, *, inches: float) -> None:
    diameter = DOT_DIAMETER * (1.6 if len(points) <= FEW_POINTS else 1) * min(1.25, inches / 2.8)
    picture = _dots(points, colors.of_points, pixels=round(inches * DOTS), diameter=diameter * DOTS)
    axes.imshow(picture, extent=(-0.02, 1.02, -0.02, 1.02), interpolation="none")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(LIGHT["rule"])


def _dots(points: np.ndarray, colors: np.ndarray, *, pixels: int, diameter: float) -> UInt8[np.ndarray, "p p 4"]:
    """Discs on nothing, row 0 at the top: as a picture, for thousands of them as shapes would make the page heavy."""
    picture = np.zeros((pixels, pixels, 4), dtype=np.uint8)
    radius = max(diameter, 2) / 2
    reach = np.arange(-math.ceil(radius), math.ceil(radius) + 1)
    down, across = (one.ravel() for one in np.meshgrid(reach, reach, indexing="ij"))
    inside = down**2 + across**2 <= radius**2
    places = (points + 0.02) / 1.04 * (pixels - 1)
    for x, y, color in zip(np.round(places[:, 0]), np.round((pixels - 1) - places[:, 1]), colors, strict=True):
        rows = np.clip(int(y) + down[inside], 0, pixels - 1)
        columns = np.clip(int(x) + across[inside], 0, pixels - 1)
        picture[rows, columns, :3] = color
        picture[rows, columns, 3] = 255
    return picture


def _mosaic(places: np.ndarray, images: np.ndarray, colors: np.ndarray, *, side: float) -> np.ndarray:
    """All images in one transparent picture, at their places and with frames; one pixel of it is one of an image's."""
    longer = max(images.shape[2:]) if len(images) else 1
    cell = longer + 4  # a frame of two pixels
    pixels = round(cell * (1 + side) / (0.94 * side))
    picture = np.zeros((pixels, pixels, 4), dtype=np.uint8)
    for place, image, color in zip(places, images, colors, strict=True):
        height, width = image.shape[1:]
        x = round((place[0] + side / 2) / (1 + side) * pixels - (width + 4) / 2)
        y = round((1 - (place[1] + side / 2) / (1 + side)) * pixels - (height + 4) / 2)
        x, y = np.clip(x, 0, pixels - width - 4), np.clip(y, 0, pixels - height - 4)
        framed = picture[y : y + height + 4, x : x + width + 4]
        framed[..., :3] = color
        framed[..., 3] = 255
        plain = displayable(image)
        framed[2:-2, 2:-2, :3] = plain if plain.ndim == 3 else plain[..., None]
    return picture


def _name_groups(axes: Axes, points: np.ndarray, colors: Coloring, *, inches: float) -> None:
    """Each class's name at the median of its points, the largest classes first, unless it would lie on another name."""
    if colors.classes is None:
        return
    size = 7.5 if inches > 2.6 else 6.2
    counts = np.bincount(colors.classes, minlength=len(colors.names))
    taken: list[tuple[float, float, float, float]] = []
    for index in np.argsort(-counts, kind="stable").tolist():
        if not counts[index]:
            continue
        text = clean_label(colors.names[index], limit=16)
        half = np.array([0.29 * size * len(text), 0.75 * size]) / 72 / inches
        middle = np.clip(np.median(points[colors.classes == index], axis=0), half, 1 - half)
        box = (middle[0] - half[0], middle[0] + half[0], middle[1] - half[1], middle[1] + half[1])
        if any(box[0] < o[1] and o[0] < box[1] and box[2] < o[3] and o[2] < box[3] for o in taken):
            continue
        taken.append(box)
        written = axes.text(
            float(middle[0]), float(middle[1]), text, fontsize=size, ha="center", va="center", color=LIGHT["ink"]
        )
        written.set_bbox({"facecolor": LIGHT["paper"], "edgecolor": "none", "alpha": 0.75, "pad": 0.8})


def _legend_columns(colors: Coloring, width: float) -> int:
    longest = max(len(clean_label(name, limit=22)) for name in colors.names)
    return max(1, min(len(colors.names), int(width / (0.45 + 0.075 * longest))))


def _legend_rows(colors: Coloring, width: float) -> int:
    return -(-len(colors.names) // _legend_columns(colors, width)) if colors.names else 0


def _add_legend(figure: Figure, colors: Coloring, width: float) -> None:
    if not colors.names:
        return
    # dots as the points have them, in colors that are none of the page's own, so that they stay
    handles = [
        Line2D([], [], linestyle="none", marker="o", markersize=5.5, color=color, markeredgewidth=0)
        for color in colors.of_names
    ]
    names = [clean_label(name, limit=22) for name in colors.names]
    figure.legend(
        handles, names, loc="outside lower center", ncols=_legend_columns(colors, width), fontsize=8, handletextpad=0.1
    )


def _rgb(colors: Sequence[str]) -> Float[np.ndarray, "n 3"]:
    return np.array([[int(one[place : place + 2], 16) / 255 for place in (1, 3, 5)] for one in colors])


def _bytes(colors: Float[np.ndarray, "n 3"]) -> UInt8[np.ndarray, "n 3"]:
    return np.round(colors * 255).astype(np.uint8)


def _tuples(colors: Float[np.ndarray, "n 3"]) -> tuple[tuple[float, float, float], ...]:
    return tuple((r, g, b) for r, g, b in colors.tolist())
