"""Figures of what a latent space holds: rows of images that belong together, and the plane of two latents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from papilio.drawing.canvas import NARROW, WIDE, clean_label, drawing, new_figure
from papilio.drawing.class_figures import displayable
from papilio.drawing.palette import LIGHT, LINES
from papilio.drawing.sheets import PHOTOGRAPHS, in_rows, sheet

MARKERS = "osD^vP"  # of classes, eight at a time: colors alone end there
MOST_CLASSES = len(MARKERS) * len(LINES)


def columns_for(width: float, *, wide: int, narrow: int) -> int:
    """How many images stand side by side in a figure of that many inches."""
    return wide if width >= WIDE else narrow


def blocks(
    rows: Sequence[UInt8[np.ndarray, "m c h w"]],
    *,
    names: Sequence[str],
    columns: int,
    width: float = WIDE,
    titles: Sequence[str] = (),
    captions: Sequence[str] = (),
    marked: Sequence[int] = (),
) -> Figure:
    """Images of several sorts, m of each, one sort below the other: originals above reconstructions.

    After `columns` images a new block of rows begins. `titles` stand above the first sort, `captions` below the last;
    `marked` are numbers of the first sort's images that get a frame.
    """
    num_sorts, num = len(rows), len(rows[0])
    cells = [in_rows(one, columns=columns) for one in rows]
    images = np.stack([one for one, _ in cells], axis=1)
    num_blocks, _, columns = images.shape[:3]
    shown = np.stack([filled for _, filled in cells], axis=1)
    frames = np.isin(np.arange(num_blocks * columns), marked).reshape(num_blocks, 1, columns)
    is_first = np.arange(num_sorts)[None, :, None] == 0
    return sheet(
        images.reshape(-1, *images.shape[2:]),
        row_names=[*names] * num_blocks,
        width=width,
        titles=_dealt(titles, num, num_blocks, columns, num_sorts, at=0),
        captions=_dealt(captions, num, num_blocks, columns, num_sorts, at=num_sorts - 1),
        shown=shown.reshape(-1, columns),
        marked=(frames & is_first).reshape(-1, columns),
        row_breaks=range(num_sorts, num_blocks * num_sorts, num_sorts),
    )


def _dealt(
    texts: Sequence[str], num: int, num_blocks: int, columns: int, num_sorts: int, *, at: int
) -> list[list[str]] | None:
    """A text per image, as `sheet` wants them: in the row of each block that is counted as `at`."""
    if not any(texts):
        return None
    padded = [*texts, *[""] * (num_blocks * columns - num)]
    rows: list[list[str]] = [[""] * columns for _ in range(num_blocks * num_sorts)]
    for block in range(num_blocks):
        rows[block * num_sorts + at] = padded[block * columns : (block + 1) * columns]
    return rows


def plane(
    images: UInt8[np.ndarray, "side side c h w"],
    *,
    ticks: Float[np.ndarray, "2 t"],
    tick_places: Float[np.ndarray, "2 t"],
    width: float = WIDE,
) -> Figure:
    """The decoded plane as one picture, without gaps.

    `ticks` are values of the first and the second latent, `tick_places` where they lie, from 0 to 1 to the right and up.
    """
    rows = [np.concatenate([displayable(image) for image in row], axis=1) for row in images]
    picture = np.concatenate(rows, axis=0)
    with drawing():
        figure, axes = _square(width, shape=picture.shape[:2], ticks=ticks, tick_places=tick_places)
        axes.set_gid(PHOTOGRAPHS)
        limits: dict[str, Any] = {"vmin": 0, "vmax": 255, "cmap": "gray"} if picture.ndim == 2 else {}
        axes.imshow(picture, extent=(0, 1, 0, 1), interpolation="none", aspect="auto", **limits)
    return figure


def plane_points(
    places: Float[np.ndarray, "n 2"],
    labels: Shaped[np.ndarray, " n"],
    class_names: Sequence[str],
    *,
    ticks: Float[np.ndarray, "2 t"],
    tick_places: Float[np.ndarray, "2 t"],
    shape: tuple[int, int],
    width: float = WIDE,
) -> Figure:
    """Where images lie in the plane, on the axes of `plane`: each class in its color, its name at its median.

    `places` are from 0 to 1 to the right and up. `shape` is height and width of an image: the plane has their proportions. Of
    more than 48 classes, or none, all points are alike.
    """
    has_colors = 0 < len(class_names) <= MOST_CLASSES
    with drawing():
        figure, axes = _square(width, shape=shape, ticks=ticks, tick_places=tick_places)
        for number in range(len(class_names)) if has_colors else [0]:
            chosen = places[labels == number] if has_colors else places
            marker, color = MARKERS[number // len(LINES)], LINES[number % len(LINES)]
            axes.plot(*chosen.T, marker, color=color, markersize=2.6, markeredgewidth=0, alpha=0.75, clip_on=False)
        for number, name in enumerate(class_names if has_colors else ()):
            if np.any(labels == number):
                place = np.median(places[labels == number], axis=0).tolist()
                _name_class(axes, place, name, LINES[number % len(LINES)], size=9 if width > NARROW else 8)
    return figure


def _square(width: float, *, shape: Sequence[int], ticks: np.ndarray, tick_places: np.ndarray) -> tuple[Figure, Axes]:
    """A figure of the plane with nothing in it: both axes go from 0 to 1, and are labeled with latents."""
    across = min(width, 6.0) - 0.75
    figure = new_figure(width=min(width, 6.0), height=min(across * shape[0] / shape[1], 8.0) + 0.6)
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="first latent", ylabel="second latent")
    for axis, values, places in zip((axes.xaxis, axes.yaxis), ticks.tolist(), tick_places, strict=True):
        axis.set_ticks(places, [f"{value:.3g}".replace("-", "−") for value in values])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=2.5)
    return figure, axes


def _name_class(axes: Axes, place: Sequence[float], name: str, color: str, *, size: float) -> None:
    halo = withStroke(linewidth=2.5, foreground=LIGHT["paper"])
    axes.text(
        place[0],
        place[1],
        clean_label(name, limit=16),
        color=color,
        fontsize=size,
        weight="bold",
        ha="center",
        va="center",
        path_effects=[halo],
    )
