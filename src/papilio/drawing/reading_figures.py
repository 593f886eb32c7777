"""Figures of a net that reads a quantity: how far it is off, where on the circle, and what it takes for what."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageDraw

from papilio.data.quantities import Quantity
from papilio.drawing.canvas import NARROW, WIDE, clean_label, drawing, new_figure
from papilio.drawing.palette import LIGHT, LINES, RIGHT, WRONG

NUM_CELLS = 72  # of the circular confusion, each way
MINUTES = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 180, 360)
GLYPH = 0.34  # the dial that is drawn into a picture, as a share of its side
LETTERS_PER_INCH = 12  # of a panel's title


def error_limits(quantity: Quantity) -> list[float]:
    """The ends of the classes of errors in a histogram, the last one half the period: no error is larger.

    >>> error_limits(Quantity(360.0)), error_limits(Quantity(1.0))
    ([0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 180.0], [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
    """
    if quantity.is_time:
        return list(MINUTES)
    half = quantity.period / 2
    series = [round(digit * 10.0**power, 9) for power in range(-9, 10) for digit in (1, 2, 5)]
    return [*(limit for limit in series if quantity.period / 1000 < limit < 0.95 * half), half]


def error_histogram(errors: Float[np.ndarray, " n"], quantity: Quantity, *, width: float = WIDE) -> Figure:
    """The share of images whose error lies between two limits, a bar each, with what all bars so far sum to above."""
    limits = error_limits(quantity)
    counts, _ = np.histogram(np.minimum(np.abs(errors), limits[-1]), [0.0, *limits])
    shares = counts / max(len(errors), 1)
    with drawing():
        figure = new_figure(width=width, height=2.6)
        axes = figure.subplots()
        places = np.arange(len(limits))
        axes.bar(places, 100 * shares, width=0.92, color=LINES[0])
        together = 100 * np.cumsum(shares)
        for place, share, total in zip(places, 100 * shares, together, strict=True):
            axes.annotate(
                f"{total:.3g}",
                (place, share),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=7.5,
                color=LIGHT["muted"],
            )
        axes.set_xticks(places + 0.5, [_limit_words(limit, quantity) for limit in limits])
        axes.set_xlim(-0.55, len(limits) - 0.3)
        axes.set_ylim(0, max(100 * shares.max() * 1.14, 1))
        axes.set_title("Share of images, %")
        axes.set_xlabel(_unit_words("error up to", quantity))
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
    return figure


def errors_round_the_circle(by_value: Float[np.ndarray, " b"], quantity: Quantity, *, width: float = WIDE) -> Figure:
    """The mean error by the true value, on a dial."""
    with drawing():
        figure = new_figure(width=min(width, NARROW), height=min(width, NARROW))
        axes = figure.add_subplot(projection="polar")
        assert isinstance(axes, PolarAxes)
        axes.set_theta_zero_location("N")
        axes.set_theta_direction(-1)
        step = math.tau / len(by_value)
        middles = (np.arange(len(by_value)) + 0.5) * step
        axes.bar(middles, np.nan_to_num(by_value), width=step * 0.94, color=LINES[0])
        angles, texts = _marks(quantity, 12)
        axes.set_xticks(angles * math.tau / quantity.period, texts)
        axes.tick_params(axis="y", labelsize=7.5)
        axes.set_rlabel_position(15)
        for label in axes.get_yticklabels():  # to be read on the bars, too
            label.set_bbox({"facecolor": LIGHT["paper"], "edgecolor": "none", "pad": 1.2})
        axes.spines["polar"].set_color(LIGHT["rule"])
    return figure


def circular_confusion(
    values: Float[np.ndarray, " n"], predicted: Float[np.ndarray, " n"], quantity: Quantity, *, width: float = WIDE
) -> Figure:
    """True values across, predicted ones up; how dark a cell is grows with the logarithm of how many images it has.

    Right answers lie on the diagonal. Lines next to it are slips of a twelfth (an hour); a second family of lines would be a
    swap of the hands.
    """
    scale = NUM_CELLS / quantity.period
    across, up = (np.minimum((one * scale).astype(int), NUM_CELLS - 1) for one in (values, predicted))
    counts = np.zeros((NUM_CELLS, NUM_CELLS))
    np.add.at(counts, (up, across), 1)
    strength = np.log1p(counts) / max(np.log1p(counts.max()), 1e-9)
    cells = np.arange(NUM_CELLS)
    apart = np.abs(cells[:, None] - cells[None, :])
    is_near = np.minimum(apart, NUM_CELLS - apart) <= 1
    picture = np.zeros((NUM_CELLS, NUM_CELLS, 4))
    for mask, color in ((is_near, RIGHT), (~is_near, WRONG)):
        picture[mask, :3] = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    picture[..., 3] = np.where(counts > 0, 0.12 + 0.88 * strength, 0)
    with drawing():
        figure = new_figure(width=min(width, 5.4), height=min(width, 5.4))
        axes = figure.subplots()
        axes.imshow(picture, origin="lower", extent=(0, quantity.period, 0, quantity.period), interpolation="nearest")
        marks, texts = _marks(quantity, 4)
        for axis, name in ((axes.xaxis, "true"), (axes.yaxis, "predicted")):
            axis.set_ticks([*marks, quantity.period], [*texts, texts[0]])
            axis.set_label_text(name)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.tick_params(length=0)
        axes.grid(color=LIGHT["rule"])
    return figure


@dataclass(frozen=True)
class Costs:
    """What a target charges for a mistake: shares of its largest loss by how far a sure reading is off."""

    title: str
    offsets: Float[np.ndarray, " k"]
    costs: Float[np.ndarray, "2 k"]  # where 0 is right, and where half the period is


def costs_by_design(panels: Sequence[Costs], quantity: Quantity, *, width: float = WIDE) -> Figure:
    """A small panel a target; the line is where the circle closes, dashed halfway around."""
    half = quantity.period / 2
    marks = np.array([-half, 0, half])
    rows = -(-len(panels) // (4 if width >= WIDE else 2))
    columns = -(-len(panels) // rows)
    letters = int(LETTERS_PER_INCH * width / columns)
    titles = [textwrap.fill(clean_label(panel.title, limit=2 * letters), letters) for panel in panels]
    num_lines = max(title.count("\n") + 1 for title in titles)
    with drawing():
        figure = new_figure(width=width, height=0.5 + (1.1 + 0.15 * num_lines) * rows)
        places = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, panel, title in zip(places, panels, titles, strict=False):
            axes.plot(panel.offsets, panel.costs[0], color=LINES[0])
            axes.plot(panel.offsets, panel.costs[1], color=WRONG, linestyle=(0, (4, 2)))
            axes.set_title(title)
            axes.set_yticks([0, 0.5, 1])
            axes.set_ylim(-0.06, 1.06)
            axes.set_xticks(marks, [_signed_words(mark, quantity) for mark in marks])
            axes.grid(axis="y")
        for number, axes in enumerate(places[len(panels) :], start=len(panels)):
            axes.set_visible(False)
            places[number - columns].tick_params(labelbottom=True)
        figure.supxlabel("how far a sure reading is off", fontsize=9, color=LIGHT["muted"])
    return figure


def with_readings(
    image: np.ndarray, *, value: float, predicted: float, quantity: Quantity, side: int = 128
) -> np.ndarray:
    """A picture (channel, height, width) with a small dial in its corner: the true hands and, over them, those that were read.

    Returned as uint8 (3, height, width), the longer of the two being `side`.
    """
    plain = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    picture = Image.fromarray(np.ascontiguousarray(plain)).convert("RGB")
    scale = side / max(picture.size)
    width, height = (max(1, round(scale * one)) for one in picture.size)
    picture = picture.resize((width, height))
    radius = GLYPH * min(width, height) / 2
    x, y = width - radius - 3, height - radius - 3
    draw = ImageDraw.Draw(picture)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill="white", outline=LIGHT["muted"])
    for one, color, wide in ((value, RIGHT, 4), (predicted, WRONG, 2)):
        for turns, length in _hands(one, quantity):
            end = (x + length * radius * math.sin(turns * math.tau), y - length * radius * math.cos(turns * math.tau))
            draw.line([(x, y), end], fill=color, width=wide)
    return np.asarray(picture).transpose(2, 0, 1)


def _hands(value: float, quantity: Quantity) -> list[tuple[float, float]]:
    """Each hand's turns and its length as a share of the radius."""
    if quantity.is_time:
        return [(value / quantity.period, 0.55), (value / 60, 0.85)]
    return [(value / quantity.period, 0.85)]


def _marks(quantity: Quantity, num: int) -> tuple[np.ndarray, list[str]]:
    values = np.arange(num) * quantity.period / num
    if quantity.is_time:
        return values, [f"{round(value) // 60 or 12}" for value in values]
    if quantity.period != 360:
        values = np.asarray(MaxNLocator(num, steps=[1, 2, 2.5, 5, 10]).tick_values(0, quantity.period))
        values = values[values < 0.97 * quantity.period]  # the period itself is 0
    return values, [f"{value:.4g}{quantity.unit}" for value in values]


def _signed_words(offset: float, quantity: Quantity) -> str:
    if quantity.is_time:
        return f"{offset / 60:+g} h" if offset else "0"
    return f"{offset:+.3g}{quantity.unit}" if offset else "0"


def _limit_words(limit: float, quantity: Quantity) -> str:
    if quantity.is_time and limit >= 60:
        return f"{limit / 60:g} h"
    return f"{limit:.3g}"


def _unit_words(text: str, quantity: Quantity) -> str:
    unit = "minutes" if quantity.is_time else quantity.unit
    return f"{text}, {unit}" if unit else text
