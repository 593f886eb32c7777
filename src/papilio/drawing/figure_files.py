"""Pictures on their way into the page: figures saved and inlined, images as data URIs."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from papilio.drawing.canvas import NARROW, WIDE, inline_svg, save_figure, to_svg
from papilio.drawing.class_figures import displayable

MOST_PIXELS = 128
MOST_EXACT_BYTES = 60_000  # of a picture inside a figure; with more it loses what cannot be seen


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

        `draw` takes the width in inches; `label` is what a screen reader says. Of a figure that is no wider than phones
        there is one copy.
        """
        wide, narrow = draw(WIDE), draw(NARROW)
        is_small = tuple(wide.get_size_inches()) == tuple(narrow.get_size_inches())
        svg_path, _ = save_figure(wide, self.folder, name)
        self.count += 1
        svg = svg_path.read_text()
        copies = {"small": svg} if is_small else {"wide": svg, "narrow": to_svg(narrow)}
        elements = [
            inline_svg(lighter(svg), prefix=f"figure{self.count}-{kind}-", label=label, kind=kind)
            for kind, svg in copies.items()
        ]
        return Markup("\n".join(elements))

    def save(self, figure: Figure, *, name: str) -> None:
        """Save a figure that the page shows in another way."""
        save_figure(figure, self.folder, name)


def lighter(svg: str) -> str:
    """A figure's SVG with its pictures as WebP instead of PNG: exactly, or, of large ones, nearly the same pixels."""
    return re.sub(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)", _as_webp, svg)


def _as_webp(found: re.Match[str]) -> str:
    picture = Image.open(io.BytesIO(base64.b64decode(found[1])))
    file = io.BytesIO()
    picture.save(file, format="webp", lossless=True, quality=50, method=4)
    if len(file.getvalue()) > MOST_EXACT_BYTES:
        file = io.BytesIO()
        picture.save(file, format="webp", quality=90, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def data_uri(image: UInt8[np.ndarray, "c h w"], *, is_exact: bool = True, most_pixels: int = MOST_PIXELS) -> str:
    """An image as WebP inside an address; larger ones are made smaller, to keep the page light.

    One that need not be exact, pixel by pixel, takes half the room.
    """
    picture = Image.fromarray(displayable(image))
    picture.thumbnail((most_pixels, most_pixels))
    file = io.BytesIO()
    picture.save(file, format="webp", lossless=is_exact, quality=90, method=6)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
