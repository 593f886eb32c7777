"""What all figures share: their look, how they are saved, and how a copy goes into the page.

Figures are matplotlib's `Figure` objects without pyplot: no window, no figures that nobody closes. Every figure is made
and saved inside `drawing()`.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import io
import re
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image

from papilio.drawing.palette import LIGHT
from papilio.errors import shortened
from papilio.files import open_atomic, write_text

LOOK: dict[Any, Any] = {
    "axes.edgecolor": LIGHT["faint"],
    "axes.facecolor": "none",
    "axes.labelcolor": LIGHT["muted"],
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": LIGHT["ink"],
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "figure.facecolor": LIGHT["paper"],
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "grid.color": LIGHT["rule"],
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.labelcolor": LIGHT["ink"],
    "lines.solid_capstyle": "round",
    "savefig.facecolor": LIGHT["paper"],
    "svg.fonttype": "none",  # text stays text: it can be searched, copied, and takes the page's font
    "svg.hashsalt": "papilio",  # the same figure gives the same file
    "text.color": LIGHT["ink"],
    "text.hinting": "none",  # half the time that letters take, and their true distances
    "text.parse_math": False,  # a class called "$5 - $10" is not a formula
    "xtick.color": LIGHT["faint"],
    "xtick.labelcolor": LIGHT["muted"],
    "xtick.labelsize": 8.5,
    "ytick.color": LIGHT["faint"],
    "ytick.labelcolor": LIGHT["muted"],
    "ytick.labelsize": 8.5,
}


WIDE = 7.2  # inches: fills the page's column, and half a page of paper
NARROW = 4.4  # the same figure for a phone, where text must keep its size
DOTS_PER_INCH = 150  # of the PNG files


@contextlib.contextmanager
def drawing() -> Iterator[None]:
    """Draw in the report's look, whatever the user's matplotlibrc says."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(LOOK)
        # names in scripts that matplotlib's font lacks: the page shows them in the browser's font
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        yield


@contextlib.contextmanager
def rarely_collecting() -> Iterator[None]:
    """Let Python look for unused objects less often: it does nothing else for an eighth of the time that figures take.

    Figures are tens of thousands of objects that refer to each other, and all are in use until the figure is saved.
    """
    usual = gc.get_threshold()
    gc.set_threshold(100 * max(usual[0], 1), *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def new_figure(*, width: float, height: float) -> Figure:
    """An empty figure of that many inches; its layout leaves room for every label."""
    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `name`.svg and `name`.png (150 dots an inch), in plain colors on white; the two paths."""
    paths = folder / f"{name}.svg", folder / f"{name}.png"
    write_text(paths[0], to_svg(figure))
    with drawing(), open_atomic(paths[1]) as file:
        figure.set_dpi(DOTS_PER_INCH)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
        drawn.save(file, format="png", dpi=(DOTS_PER_INCH, DOTS_PER_INCH), compress_level=3)
    return paths


def to_svg(figure: Figure) -> str:
    """The figure as the text of an SVG file, the same for the same figure.

    Not by `Figure.savefig`, which draws everything twice, the first time for nothing but its layout.
    """
    file = io.StringIO()
    with drawing():
        _lay_out(figure)
        FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None, "Creator": "Papilio"})
    return re.sub(r"data:image/png;base64,\s*([\w+/=\s]+)", _lighter_png, file.getvalue())


def inline_svg(svg: str, *, prefix: str, label: str, kind: str) -> str:
    """A figure's SVG as an element of the page: its colors follow the page, its ids start with `prefix`.

    `label` is what a screen reader says in place of the picture, `kind` a class for the style sheet.
    """
    root = ElementTree.parse(io.StringIO(svg)).getroot()
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {_local(key): _inline_value(key, value, prefix) for key, value in element.attrib.items()}
    for parent in root.iter():
        # matplotlib's <style> would apply to the whole page; its metadata say nothing that the page does not
        for child in [child for child in parent if child.tag in ("metadata", "style")]:
            parent.remove(child)
    for attribute in ("width", "height", "version"):
        del root.attrib[attribute]
    root.attrib |= {"role": "img", "aria-label": label, "class": f"plot {kind}"}
    return ElementTree.tostring(root, encoding="unicode")


def clean_label(text: str, *, limit: int = 40) -> str:
    """Text that fits a figure: without control characters (XML cannot hold them), of long names the two ends.

    >>> clean_label("a" * 20 + "z" * 20, limit=11)
    'aaaaa…zzzzz'
    """
    visible = "".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in text)
    return shortened(visible, limit)


def only_horizontal_axis(axes: Axes) -> None:
    """The look of a dot plot: rows without a frame, a grid for reading values."""
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)


def _lay_out(figure: Figure) -> None:
    """Give every text and axes its place, once: a second time it would be found again, and to the same result."""
    engine = figure.get_layout_engine()
    if engine is not None:
        FigureCanvasAgg(figure)  # what measures the texts
        engine.execute(figure)
        figure.set_layout_engine("none")


def _lighter_png(found: re.Match[str]) -> str:
    """The same picture with a palette, where it has few colors: a third of the room, in pictures of points."""
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))).convert("RGBA"))
    colors, places = np.unique(np.ascontiguousarray(picture).view("<u4"), return_inverse=True)
    if len(colors) > 256:
        return found[0]
    four = colors.view(np.uint8).reshape(-1, 4)
    small = Image.fromarray(places.reshape(picture.shape[:2]).astype(np.uint8), mode="P")
    small.putpalette(four[:, :3].tobytes())
    file = io.BytesIO()
    small.save(file, format="png", transparency=four[:, 3].tobytes(), optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _local(name: str) -> str:
    """A tag or attribute without its namespace: in a page, SVG needs none."""
    return name.rpartition("}")[2]


def _inline_value(key: str, value: str, prefix: str) -> str:
    if key == "id":
        return prefix + value
    if _local(key) == "href" and value.startswith("#"):
        return f"#{prefix}{value[1:]}"
    value = re.sub(r"url\(#", f"url(#{prefix}", value)
    if key != "style":
        return value
    value = re.sub(r"(font:[^;']*?px)[^;]*", r"\1 var(--sans)", value)
    value = re.sub(r"font-family:[^;]*", "font-family: var(--sans)", value)
    for name, color in LIGHT.items():
        value = value.replace(color, f"var(--{name})")
    return value
