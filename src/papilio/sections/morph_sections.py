"""From one image to another: the arrays of papilio.analysis.morphs in, a section out."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.drawing.animations import moving_uri, save_moving
from papilio.drawing.canvas import WIDE
from papilio.drawing.figure_files import data_uri
from papilio.drawing.sheets import sheet
from papilio.engine import Arrays
from papilio.results.words import counted
from papilio.sections.blocks import Block, Figure, Gallery, Picture, Section, Text
from papilio.sections.context import SectionContext
from papilio.sections.latent_words import fewer, file_words, label_words

WAYS = ("linear", "spherical")


def morph_section(arrays: Arrays, context: SectionContext) -> Section | None:
    """Two rows per pair, one straight, one on the arc about the origin, and the straight ones in motion."""
    if not arrays:
        return None
    return Section(
        title=f"Morphs of {context.trial}",
        note=f"Through the latent space of {context.run_words}.",
        blocks=(Text(_words(arrays, context)), _rows(arrays, context), *_motion(arrays, context)),
    )


def _words(arrays: Arrays, context: SectionContext) -> str:
    angles = arrays["angles"]
    if "ends" in arrays:
        text = f"Between the latents of two {context.split} images, in equal steps"
        ends = "the images themselves are at both ends, next to their reconstructions"
    else:
        text, ends = "Between two draws from the prior, in equal steps", ""
        if "classes" in arrays:
            text = f"Between two draws from the prior, of the classes {', '.join(arrays['classes'].tolist())}, in equal steps"
    text += ": linear along the straight line, spherical along the arc about the origin of latent space"
    text += f"; {ends}." if ends else "."
    known = angles[np.isfinite(angles)]
    if not len(known):
        return text
    low, high = round(float(known.min())), round(float(known.max()))
    between = f"{low}°" if low == high else f"{low}° to {high}°"
    return f"{text} The latents are {between} apart, seen from the origin; the smaller the angle, the more alike the two ways."


def _rows(arrays: Arrays, context: SectionContext) -> Figure:
    every = int(arrays["every"])
    ways = np.stack([arrays[way][:, ::every] for way in WAYS], axis=1)  # (pairs, 2, steps, c, h, w)
    num, steps = ways.shape[0], ways.shape[2]
    names = _end_names(arrays, context)

    def draw(width: float) -> Drawing:
        chosen = fewer(steps, most=steps if width >= WIDE else 5)
        images = ways[:, :, chosen].reshape(2 * num, len(chosen), *ways.shape[3:])
        columns = [f"{100 * step / (steps - 1):.3g}%" for step in chosen]
        breaks = range(2, 2 * num, 2)
        if "ends" not in arrays:
            return sheet(images, row_names=WAYS * num, column_names=columns, width=width, row_breaks=breaks)
        ends = np.repeat(arrays["ends"], 2, axis=0)
        images = np.concatenate([ends[:, :1], images, ends[:, 1:]], axis=1)
        titles = [row for first, last in names for row in ([first, *[""] * len(chosen), last], [])]
        return sheet(
            images,
            row_names=WAYS * num,
            column_names=["image", *columns, "image"],
            titles=titles if any(map(any, names)) else None,
            width=width,
            row_breaks=breaks,
            column_breaks=(1, len(chosen) + 1),
        )

    label = f"{counted(num, 'pair')} of images with {steps} steps between them, linear and spherical"
    return context.figure(draw, name="rows", label=label)


def _motion(arrays: Arrays, context: SectionContext) -> list[Block]:
    images = arrays["linear"]
    names = [" → ".join(filter(None, pair)) for pair in _end_names(arrays, context)]
    names = [name or f"pair {number}" for number, name in enumerate(names, start=1)]
    save_moving(images, names=names, folder=context.pictures.folder, name=f"{context.name}-moving")
    pictures = tuple(
        Picture(moving_uri(frames), f"A morph: {name}", name, still=data_uri(frames[len(frames) // 2]))
        for frames, name in zip(images, names, strict=True)
    )
    note = f"Along the straight line, and back. {file_words(context.name, 'moving')}"
    return [Text(note, heading="In motion", is_note=True), Gallery(pictures)]


def _end_names(arrays: Arrays, context: SectionContext) -> list[tuple[str, str]]:
    """What the first and the last image of each pair show."""
    if "labels" not in arrays:
        return [("", "")] * len(arrays["linear"])
    first, last = (label_words(context.facts, arrays["labels"][:, end]) for end in (0, 1))
    return list(zip(first, last, strict=True))
