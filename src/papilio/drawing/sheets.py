"""Pictures in rows and columns, as one mosaic with named rows and columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from papilio.drawing.canvas import WIDE, clean_label, drawing
from papilio.drawing.class_figures import displayable
from papilio.drawing.palette import LIGHT, WRONG

NAME_SIZE, COLUMN_SIZE, CAPTION_SIZE = 8.5, 8.0, 7.0  # points
LINE = 1.25 / 72  # inches between two lines of text, a point of its size
MOST_OF_WIDTH = 0.3  # of a figure, for the names of its rows
MOST_INCHES = 1.1  # an image's longer side: larger pixels show nothing more
PHOTOGRAPHS = "photographs"  # the style sheet finds them by it: on dark paper they stay as they are
BREAK = 4  # gaps, where rows or columns are set apart


def sheet(
    images: UInt8[np.ndarray, "rows columns c h w"],
    *,
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
    width: float = WIDE,
    gap: float = 0.07,
    titles: Sequence[Sequence[str]] | None = None,
    captions: Sequence[Sequence[str]] | None = None,
    shown: Bool[np.ndarray, "rows columns"] | None = None,
    marked: Bool[np.ndarray, "rows columns"] | None = None,
    row_breaks: Sequence[int] = (),
    column_breaks: Sequence[int] = (),
    most_inches: float = MOST_INCHES,
) -> Figure:
    """Images in rows and columns: one mosaic, unsmoothed, a gray value of one image the same in all others.

    Names of rows stand at the left, names of columns at the top, `titles[row][column]` above an image and
    `captions[row][column]` below it; what is too long is broken into two lines, then shortened. `width` is in inches, `gap` a
    share of an image's longer side. Cells that are not `shown` stay empty, `marked` ones get a frame. `row_breaks` and
    `column_breaks` are counted from 0: there is more room before these. No side of an image is drawn longer than `most_inches`.
    """
    with drawing():
        figure = Figure(figsize=(width, 1))
        ruler = _Ruler(figure)
        plan = _Plan.of(
            images,
            ruler=ruler,
            row_names=row_names,
            column_names=column_names,
            width=width,
            gap=gap,
            texts=(titles, captions),
            breaks=(row_breaks, column_breaks),
            most_inches=most_inches,
        )
        figure.set_size_inches(width, plan.height)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_gid(PHOTOGRAPHS)
        shown = np.ones(images.shape[:2], dtype=bool) if shown is None else shown
        mosaic = _mosaic(images, plan, shown)
        right, bottom = plan.left + mosaic.shape[1] * plan.scale, plan.top + mosaic.shape[0] * plan.scale
        # "none": SVG keeps the true pixels, which the browser enlarges without smoothing
        axes.imshow(mosaic, interpolation="none", extent=(plan.left, right, bottom, plan.top), aspect="auto")
        axes.set(xlim=(0, width), ylim=(plan.height, 0))
        _write(axes, plan)
        if marked is not None:
            _frame(axes, plan, marked)
    return figure


def in_rows(
    images: UInt8[np.ndarray, "m c h w"], *, columns: int
) -> tuple[UInt8[np.ndarray, "rows columns c h w"], Bool[np.ndarray, "rows columns"]]:
    """Any number of images, row by row, as `sheet` wants them, and which of its cells hold one."""
    columns = max(1, min(columns, len(images)))
    rows = max(1, -(-len(images) // columns))
    filled = np.zeros((rows * columns, *images.shape[1:]), dtype=np.uint8)
    filled[: len(images)] = images
    shown = (np.arange(rows * columns) < len(images)).reshape(rows, columns)
    return filled.reshape(rows, columns, *images.shape[1:]), shown


class _Ruler:
    """Measures text as it will be drawn; a tenth more, as a page has a font of its own."""

    def __init__(self, figure: Figure) -> None:
        self.dpi = figure.dpi
        self.renderer = FigureCanvasAgg(figure).get_renderer()

    def inches(self, text: str, size: float) -> float:
        wide = [
            self.renderer.get_text_width_height_descent(line, FontProperties(size=size), False)[0]
            for line in text.split("\n")
        ]
        return 1.1 * max(wide) / self.dpi

    def fitted(self, text: str, size: float, *, within: float) -> str:
        """The text in one line or two, shortened where it is still too wide."""
        text = clean_label(text, limit=60)
        if self.inches(text, size) <= within:
            return text
        words = re.split(r"(?<=[ /_])", text)
        halves = ["".join(words[:cut]).strip() + "\n" + "".join(words[cut:]) for cut in range(1, len(words))]
        lines = min(halves, key=lambda half: self.inches(half, size), default=text).split("\n")
        return "\n".join(self._shortened(line, size, within) for line in lines)

    def _shortened(self, line: str, size: float, within: float) -> str:
        if self.inches(line, size) <= within:
            return line
        while len(line) > 1 and self.inches(line + "…", size) > within:
            line = line[:-1]
        return line.rstrip() + "…"


@dataclass(frozen=True)
class _Plan:
    """Where everything stands: rows and columns in pixels of the mosaic, the rest in inches from the upper left corner."""

    tops: np.ndarray
    lefts: np.ndarray
    image: tuple[int, int]  # height and width of an image, in pixels
    shape: tuple[int, int]  # of the mosaic, in pixels
    scale: float  # inches a pixel
    left: float
    top: float
    height: float  # of the whole figure
    row_names: tuple[str, ...]
    column_names: tuple[str, ...]
    titles: tuple[tuple[str, ...], ...]
    captions: tuple[tuple[str, ...], ...]

    @classmethod
    def of(
        cls,
        images: np.ndarray,
        *,
        ruler: _Ruler,
        row_names: Sequence[str],
        column_names: Sequence[str],
        width: float,
        gap: float,
        texts: tuple[Sequence[Sequence[str]] | None, Sequence[Sequence[str]] | None],
        breaks: tuple[Sequence[int], Sequence[int]],
        most_inches: float,
    ) -> _Plan:
        rows, columns, _, height, wide = images.shape
        names = [ruler.fitted(name, NAME_SIZE, within=MOST_OF_WIDTH * width) for name in row_names]
        left = max((ruler.inches(name, NAME_SIZE) for name in names), default=-0.08) + 0.1
        space = round(gap * max(height, wide)) if gap else 0
        space = max(space, 1) if gap else 0
        lefts = _places(np.full(columns, wide), space, breaks[1])
        pixels = int(lefts[-1]) + wide
        scale = min((width - left - 0.02) / pixels, most_inches / max(height, wide))
        within = (wide + space) * scale
        headings = [ruler.fitted(name, COLUMN_SIZE, within=0.98 * within) for name in column_names]
        above, below = (
            [[ruler.fitted(text, CAPTION_SIZE, within=0.98 * within) for text in row] for row in text or ()]
            for text in texts
        )
        strips_above, strips_below = _strips(above, rows, scale), _strips(below, rows, scale)
        tops = strips_above + _places(strips_above + height + strips_below, space, breaks[0])
        num_lines = max(map(_num_lines, headings), default=0)
        top = num_lines * COLUMN_SIZE * LINE + (0.08 if num_lines else 0.02)
        mosaic_height = int(tops[-1]) + height + int(strips_below[-1])
        return cls(
            tops,
            lefts,
            (height, wide),
            (mosaic_height, pixels),
            scale,
            left,
            top,
            top + mosaic_height * scale + 0.03,
            tuple(names),
            tuple(headings),
            tuple(map(tuple, above)),
            tuple(map(tuple, below)),
        )


def _num_lines(text: str) -> int:
    return text.count("\n") + bool(text)


def _strips(texts: Sequence[Sequence[str]], rows: int, scale: float) -> np.ndarray:
    """How many pixels high the texts of each row are: int (rows,)."""
    lines = np.zeros(rows)
    lines[: len(texts)] = [max(map(_num_lines, row), default=0) for row in texts]
    return np.ceil(np.where(lines > 0, lines * CAPTION_SIZE * LINE + 0.06, 0) / scale).astype(int)


def _places(sides: np.ndarray, space: int, breaks: Sequence[int]) -> np.ndarray:
    """Where things of these lengths begin, one after another, with a space between them and a wider one at breaks."""
    spaces = [space * (BREAK if index in breaks else 1) for index in range(1, len(sides))]
    return np.cumsum([0, *(sides[:-1] + np.array(spaces, dtype=int))])


def _mosaic(images: np.ndarray, plan: _Plan, shown: np.ndarray) -> np.ndarray:
    """All images in one, with nothing where there is none: uint8 (height, width, 4)."""
    height, width = plan.image
    mosaic = np.zeros((*plan.shape, 4), dtype=np.uint8)
    for row, column in np.argwhere(shown).tolist():
        picture = displayable(images[row, column])
        cell = mosaic[plan.tops[row] : plan.tops[row] + height, plan.lefts[column] : plan.lefts[column] + width]
        cell[..., :3] = picture if picture.ndim == 3 else picture[..., None]
        cell[..., 3] = 255
    return mosaic


def _write(axes: Axes, plan: _Plan) -> None:
    height, width = plan.image
    middles = plan.left + (plan.lefts + width / 2) * plan.scale
    for place, name in zip(plan.top + (plan.tops + height / 2) * plan.scale, plan.row_names, strict=False):
        axes.text(plan.left - 0.08, place, name, ha="right", va="center", fontsize=NAME_SIZE)
    for middle, name in zip(middles, plan.column_names, strict=False):
        place = plan.top - 0.05
        axes.text(middle, place, name, ha="center", va="bottom", fontsize=COLUMN_SIZE, color=LIGHT["muted"])
    for texts, edge, away, side in ((plan.titles, 0, -0.04, "bottom"), (plan.captions, height, 0.03, "top")):
        for top, row in zip(plan.tops, texts, strict=False):
            place = plan.top + (top + edge) * plan.scale + away
            for middle, text in zip(middles, row, strict=False):
                axes.text(middle, place, text, ha="center", va=side, fontsize=CAPTION_SIZE, color=LIGHT["muted"])


def _frame(axes: Axes, plan: _Plan, marked: np.ndarray) -> None:
    """A line round each marked image."""
    height, width = (side * plan.scale for side in plan.image)
    corners = []
    for row, column in np.argwhere(marked).tolist():
        left, top = plan.left + plan.lefts[column] * plan.scale, plan.top + plan.tops[row] * plan.scale
        corners.append([(left, top), (left + width, top), (left + width, top + height), (left, top + height)])
    axes.add_collection(PolyCollection(corners, facecolors="none", edgecolors=WRONG, linewidths=1.8), autolim=False)
