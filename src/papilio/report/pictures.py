"""Pictures on their way into the page: figures saved and inlined, images as data URIs."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from papilio.report.canvas import inline_svg, save_figure
from papilio.report.class_figures import displayable

MOST_PIXELS = 128


@dataclass
class Pictures:
    """Saves figures into a folder and hands out copies for the page, each with ids of its own."""

    folder: Path
    names: list[str] = field(default_factory=list)

    def keep(self, figure: Figure, *, name: str, label: str) -> Markup:
        """Save the figure as `name`, SVG and PNG; the SVG as an element of the page that a reader calls `label`."""
        svg_path, _ = save_figure(figure, self.folder, name)
        self.names.append(name)
        return Markup(inline_svg(svg_path.read_text(), prefix=f"figure{len(self.names)}-", label=label))


def data_uri(image: UInt8[np.ndarray, "c h w"]) -> str:
    """An image as a PNG inside an address; large ones are made smaller, to keep the page light."""
    picture = Image.fromarray(displayable(image))
    picture.thumbnail((MOST_PIXELS, MOST_PIXELS))
    file = io.BytesIO()
    picture.save(file, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
