"""What a section of the page is made of: plain data, a template macro a block; nothing here knows what it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup


@dataclass(frozen=True)
class Text:
    """A paragraph, in which what stands between backticks is code, then a list; `is_note`: smaller and paler."""

    macro: ClassVar = "text"

    text: str = ""
    items: tuple[str, ...] = ()
    heading: str = ""
    is_note: bool = False


@dataclass(frozen=True)
class Figure:
    """A drawing with its caption, as `SectionContext.figure` makes it; `is_square`: not as wide as the page."""

    macro: ClassVar = "figure"

    svg: Markup
    caption: str = ""
    heading: str = ""
    is_square: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells in words; a row's first cell is its heading. `numbers` names the columns that are set to the right."""

    macro: ClassVar = "table"

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str
    numbers: tuple[str, ...] = ()
    heading: str = ""


@dataclass(frozen=True)
class Picture:
    """A small image and the words below it: a line `above` the `name`, which is set off, something `beside` it, a line `below`.

    `address` is what papilio.drawing.figure_files.data_uri makes of an image, or papilio.drawing.animations.moving_uri of
    several; `still` is shown instead of these where a reader wants no motion, and on paper. `words` are for who cannot see it.
    """

    address: str
    words: str
    name: str = ""
    above: str = ""
    beside: str = ""
    below: str = ""
    still: str = ""


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side, as many in a row as there is room for; `is_wide`: each in a row of its own, as wide as it is."""

    macro: ClassVar = "gallery"

    pictures: tuple[Picture, ...]
    heading: str = ""
    is_wide: bool = False


@dataclass(frozen=True)
class MovingPlane:
    """A plane of decoded images to move over with the pointer: one shows large, and in words what lies around it.

    `sprite` is the address of a picture of all images, `facts` is JSON for templates/plane.js: the latents' values at each
    column and row, and places and classes of images that lie in the plane. Where no script runs, and on paper, there is the
    `still` figure alone.
    """

    macro: ClassVar = "moving_plane"

    sprite: str
    facts: str
    words: str
    still: Figure
    heading: str = ""


Block = Text | Table | Figure | Gallery | MovingPlane


@dataclass(frozen=True)
class Section:
    """A part of the page: its title, a line on what it is of (backticks are code), and blocks in their order.

    Of a stage it stands within the stage's own section, where it may go without a title.
    """

    title: str
    note: str = ""
    blocks: tuple[Block, ...] = ()
