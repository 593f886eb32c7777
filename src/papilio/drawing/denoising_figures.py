"""Figures of noise and what is left of it: measures by level, and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from papilio.drawing.canvas import WIDE, clean_label, drawing, new_figure
from papilio.drawing.palette import LIGHT, LINES
from papilio.drawing.sheets import sheet

MARKERS = "osD^vP*X"
LEGEND_ROW = 0.2  # inches


@dataclass(frozen=True)
class Restored:
    """What is left of noise: `psnr` in dB and `ssim` at each level; `is_noisy`: nothing was done about it."""

    name: str
    psnr: Float[np.ndarray, " levels"]
    ssim: Float[np.ndarray, " levels"]
    is_noisy: bool = False


def measures_by_level(
    lines: Sequence[Restored], levels: Float[np.ndarray, " levels"], *, width: float = WIDE
) -> Figure:
    """PSNR and SSIM by level of noise, side by side (one above the other where it is narrow); the noisy images dashed."""
    is_wide = width >= WIDE
    rows = -(-len(lines) // (2 if is_wide else 1))
    with drawing():
        figure = new_figure(width=width, height=(2.9 if is_wide else 4.8) + LEGEND_ROW * rows)
        panels = figure.subplots(1, 2) if is_wide else figure.subplots(2, 1)
        for axes, title, name in zip(panels, ("PSNR, dB", "SSIM"), ("psnr", "ssim"), strict=True):
            for number, line in enumerate(lines):
                _draw_line(axes, levels, getattr(line, name), line, number)
            axes.set_title(title, pad=8)
            axes.set_xticks(levels, [f"{level:g}" for level in levels])
            axes.set_xlabel("level of noise", loc="right")
            axes.grid(axis="y")
            axes.set_axisbelow(True)
            axes.spines["left"].set_visible(False)
            axes.tick_params(axis="y", length=0)
        handles, _ = panels[0].get_legend_handles_labels()
        names = [clean_label(line.name, limit=44 if is_wide else 40) for line in lines]
        figure.legend(
            handles, names, loc="outside lower left", ncols=2 if is_wide else 1, fontsize=8.5, handlelength=2.2
        )
    return figure


def before_and_after(
    images: UInt8[np.ndarray, "rows levels m c h w"],
    *,
    names: Sequence[str],
    levels: Sequence[float],
    width: float = WIDE,
) -> Figure:
    """A row each for the clean images, the noisy ones and what was made of them; the levels side by side, set apart."""
    rows, num_levels, num = images.shape[:3]
    columns = [f"{level:g}" if place == num // 2 else "" for level in levels for place in range(num)]
    return sheet(
        images.reshape(rows, num_levels * num, *images.shape[3:]),
        row_names=names,
        column_names=columns,
        width=width,
        column_breaks=range(num, num_levels * num, num),
        row_breaks=(2,),
    )


def _draw_line(axes: Axes, levels: np.ndarray, values: np.ndarray, line: Restored, number: int) -> None:
    axes.plot(
        levels,
        values,
        color=LIGHT["muted"] if line.is_noisy else LINES[(number - 1) % len(LINES)],
        linestyle=(0, (4, 2)) if line.is_noisy else "-",
        marker=MARKERS[number % len(MARKERS)],
        markersize=4.5,
        linewidth=1.6,
        label=line.name,
    )
