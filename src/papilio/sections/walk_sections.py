"""Walks through a latent space: the arrays of papilio.analysis.walk in, a section out."""

from __future__ import annotations

from matplotlib.figure import Figure as Drawing

from papilio.drawing.animations import moving_uri, save_moving
from papilio.drawing.canvas import WIDE
from papilio.drawing.figure_files import data_uri
from papilio.drawing.sheets import sheet
from papilio.engine import Arrays
from papilio.results.words import counted
from papilio.sections.blocks import Block, Figure, Gallery, Picture, Section, Text
from papilio.sections.context import SectionContext
from papilio.sections.latent_words import coordinate_words, fewer, file_words

STARTS = {"prior": "a random draw (seed {seed})", "mean": "the mean of all latents"}


def walk_section(arrays: Arrays, context: SectionContext) -> Section | None:
    """A row of pictures per coordinate, and the same in motion."""
    if not arrays:
        return None
    if "coordinates" not in arrays:
        missing = " and ".join(coordinate_words(row) for row in arrays["missing"].tolist())
        text = f"Not shown: {missing}. This run has the coordinates 0 to {int(arrays['latents']) - 1}."
        return Section(title=f"Walks of {context.trial}", blocks=(Text(text),))
    names = _row_names(arrays)
    return Section(
        title=f"Walks of {context.trial}",
        note=f"Through the latent space of {context.run_words}.",
        blocks=(Text(_words(arrays, context)), _rows(arrays, names, context), *_motion(arrays, names, context)),
    )


def _row_names(arrays: Arrays) -> list[str]:
    """Which coordinates move in each row, and where rows show several classes, which."""
    names = [coordinate_words(row) for row in arrays["coordinates"].tolist()]
    classes = arrays["classes"].tolist() if "classes" in arrays else []
    if len(set(classes)) < 2:
        return names
    shown = [f"class {one}" if one.isdigit() else one for one in classes]
    return [f"{name}, {one}" for name, one in zip(names, shown, strict=True)]


def _class_words(arrays: Arrays) -> str:
    """Which classes the pictures are of; nothing of a run that is not conditional."""
    if "class" in arrays:  # of earlier versions
        return f" All pictures are of the class {arrays['class']}."
    classes = arrays["classes"].tolist() if "classes" in arrays else []
    if len(set(classes)) < 2:
        return f" All pictures are of the class {classes[0]}." if classes else ""
    return f" The rows are of the class {classes[0]}, and the last {len(set(classes)) - 1} of other classes."


def _words(arrays: Arrays, context: SectionContext) -> str:
    num = len(arrays["start"])
    start, seed = context.options["start"], context.options["seed"]
    begins = STARTS.get(str(start), f"{context.split} image {start}").format(seed=seed)
    text = "In each row the named coordinates of the latent move, and all others stay where they are at the start,"
    text += f" {begins}. Coordinates are counted from 0."
    text += _class_words(arrays)
    rows = len(set(arrays["coordinates"].tolist()))
    if "changes" in arrays and rows < num:
        text += f" Shown are the {rows} of {num:,} coordinates that change the picture most, the strongest first."
    elif "changes" in arrays:
        text += " The one that changes the picture most comes first."
    missing = " and ".join(coordinate_words(row) for row in arrays["missing"].tolist())
    return f"{text} Not there: {missing}, as this run has {counted(num, 'latent')}." if missing else text


def _rows(arrays: Arrays, names: list[str], context: SectionContext) -> Figure:
    images, offsets = arrays["images"][:, :: int(arrays["every"])], arrays["offsets"]

    def draw(width: float) -> Drawing:
        chosen = fewer(len(offsets), most=len(offsets) if width >= WIDE else 5)
        titles = [_signed(offsets[index]) for index in chosen]
        return sheet(images[:, chosen], row_names=names, column_names=titles, width=width)

    caption = "Above: how far from the start, in standard deviations of the coordinate"
    caption += " over training images." if arrays["is_fitted"] else " in the prior."
    label = f"{counted(len(names), 'row')} of pictures, along {', '.join(names)}"
    return context.figure(draw, name="rows", label=label, caption=caption)


def _motion(arrays: Arrays, names: list[str], context: SectionContext) -> list[Block]:
    images = arrays["images"]
    save_moving(images, names=names, folder=context.pictures.folder, name=f"{context.name}-moving")
    low, high = (_signed(arrays["offsets"][end]) for end in (0, -1))
    pictures = tuple(
        Picture(moving_uri(frames), f"A walk along {name}, from {low} to {high}", name, still=data_uri(frames[-1]))
        for frames, name in zip(images, names, strict=True)
    )
    note = f"From {low} to {high} standard deviations and back. {file_words(context.name, 'moving')}"
    return [Text(note, heading="In motion", is_note=True), Gallery(pictures)]


def _signed(offset: float) -> str:
    return f"{offset:+.3g}".replace("-", "−") if offset else "0"
