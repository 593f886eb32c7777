"""Pictures on their way into the page: figures saved and inlined, images as data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from papilio.report.canvas import NARROW, WIDE, inline_svg, save_figure, to_svg
from papilio.report.class_figures import displayable

MOST_PIXELS = 128


@dataclass(frozen=True)
class FigureBox:
    """A figure with its caption."""

    svg: Markup
    caption: str


@dataclass
class Pictures:
    """Saves figures into a folder and hands out copies for the page, each with ids of its own."""

    folder: Path
    count: int = 0

    def keep(self, draw: Callable[[float], Figure], *, name: str, label: str) -> Markup:
        """Save a figure as `name`, SVG and PNG; two copies for the page, wide and for phones: CSS shows one of them.

        `draw` takes the width in inches; `label` is what a screen reader says.
        """
        svg_path, _ = save_figure(draw(WIDE), self.folder, name)
        self.count += 1
        copies = {"wide": svg_path.read_text(), "narrow": to_svg(draw(NARROW))}
        elements = [
            inline_svg(svg, prefix=f"figure{self.count}-{kind}-", label=label, kind=kind)
            for kind, svg in copies.items()
        ]
        return Markup("\n".join(elements))

    def save(self, figure: Figure, *, name: str) -> None:
        """Save a figure that the page shows in another way."""
        save_figure(figure, self.folder, name)


def data_uri(image: UInt8[np.ndarray, "c h w"]) -> str:
    """An image as a PNG inside an address; large ones are made smaller, to keep the page light."""
    picture = Image.fromarray(displayable(image))
    picture.thumbnail((MOST_PIXELS, MOST_PIXELS))
    file = io.BytesIO()
    picture.save(file, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
