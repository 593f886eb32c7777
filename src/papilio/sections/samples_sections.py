"""New images, and whether they are copies: the arrays of papilio.analysis.samples in, a section out."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.drawing import latent_figures
from papilio.drawing.canvas import WIDE
from papilio.drawing.latent_figures import columns_for
from papilio.drawing.sheets import in_rows, sheet
from papilio.engine import Arrays
from papilio.errors import agreed
from papilio.results.words import counted
from papilio.sections.blocks import Block, Figure, Section, Text
from papilio.sections.context import SectionContext
from papilio.sections.latent_words import FITTED, PRIOR


def samples_section(arrays: Arrays, context: SectionContext) -> Section | None:
    """A grid of samples, and those nearest to a training image next to it."""
    if not arrays:
        return None
    beside: tuple[Block, ...] = ()
    if len(arrays["shown"]):
        beside = (Text(copy_words(arrays), heading="Are they copies?"), _nearest(arrays, context))
    return Section(
        title=f"Samples of {context.trial}",
        note=f"New images by {context.run_words}.",
        blocks=(Text(_origin(arrays, context)), _grid(arrays, context), *beside),
    )


def _grid(arrays: Arrays, context: SectionContext) -> Figure:
    samples = arrays["samples"]
    label = counted(len(samples), "sample")
    if "rows" in arrays:
        return _by_class(arrays, context, label=label)
    if "real" in arrays:
        return _beside_real(arrays["real"], samples, context, label=label)

    def draw(width: float) -> Drawing:
        cells, shown = in_rows(samples, columns=columns_for(width, wide=12, narrow=8))
        return sheet(cells, shown=shown, width=width)

    return context.figure(draw, name="grid", label=label)


def _by_class(arrays: Arrays, context: SectionContext, *, label: str) -> Figure:
    """A row per class; where there are training images they stand at the left of each."""
    names = arrays["rows"].tolist()
    parts = [arrays[name] for name in ("real", "samples") if name in arrays]
    parts = [one.reshape(len(names), -1, *one.shape[1:]) for one in parts]

    def draw(width: float) -> Drawing:
        most = parts[0].shape[1] if width >= WIDE else 6 // len(parts)
        cells = np.concatenate([one[:, :most] for one in parts], axis=1)
        breaks = [min(most, parts[0].shape[1])] if len(parts) > 1 else []
        return sheet(cells, row_names=names, column_breaks=breaks, width=width)

    caption = "One row per class that the generator was conditioned on."
    if len(parts) > 1:
        caption += " Left: training images of the class. Right: new ones."
    return context.figure(draw, name="grid", label=f"{label}, one row per class: {', '.join(names)}", caption=caption)


def _beside_real(real: np.ndarray, samples: np.ndarray, context: SectionContext, *, label: str) -> Figure:
    """Training images at the left, samples at the right; on phones below them."""

    def draw(width: float) -> Drawing:
        (left, shown_left), (right, shown_right) = (in_rows(images, columns=8) for images in (real, samples))
        axis = 1 if width >= WIDE else 0
        cells, shown = np.concatenate([left, right], axis=axis), np.concatenate([shown_left, shown_right], axis=axis)
        column_breaks, row_breaks = ([left.shape[1]], []) if axis == 1 else ([], [len(left)])
        return sheet(cells, shown=shown, width=width, row_breaks=row_breaks, column_breaks=column_breaks)

    caption = (
        f"Left: {len(real)} training images. Right: {len(samples)} new ones. On narrow screens the new ones are below."
    )
    return context.figure(draw, name="grid", label=f"{label} next to as many training images", caption=caption)


def _origin(arrays: Arrays, context: SectionContext) -> str:
    num, seed = len(arrays["samples"]), context.options["seed"]
    if "rows" in arrays:
        words = f"`run.sample({num}, seed={seed}, labels=...)`: decoded draws from {PRIOR}, not cherry-picked,"
        return f"{words} {num // len(arrays['rows'])} of each class."
    if arrays["is_fitted"]:
        return f"Decoded random latents, not cherry-picked. {FITTED} (seed {seed})."
    return f"`run.sample({num}, seed={seed})`: decoded draws from {PRIOR}, not cherry-picked."


def copy_words(arrays: Arrays) -> str:
    """What distances to training images say."""
    distances, usual, limit = arrays["distances"], arrays["usual"], float(arrays["limit"])
    num_close, num_copied = int((distances < limit).sum()), int(arrays["looks_copied"].sum())
    text = f"The distance from a sample to the nearest of {int(arrays['num_train']):,} training images, Euclidean over"
    text += f" pixels from 0 to 1, is {distances.min():.2f} at least and {np.median(distances):.2f} in the median of"
    text += f" {len(distances):,} samples. Of {len(usual):,} test images, which cannot be copies, the median is"
    text += f" {np.median(usual):.2f}, and 1% are nearer than {limit:.2f}."
    if not num_close:
        return f"{text} No sample is that near, so none looks like a copy of a training image."
    text += f" {counted(num_close, 'sample')} {'is' if num_close == 1 else 'are'} nearer than that. Blurred pictures are near"
    text += " to all images; a copy is also much nearer to one than to the next 50."
    if not num_copied:
        return f"{text} No sample looks like a copy of a training image."
    close = agreed(num_copied, "{} sample is suspiciously close", "{} samples are suspiciously close")
    compare = agreed(
        num_copied, "compare the framed one with its neighbor", "compare the framed ones with their neighbors"
    )
    return f"{text} {close} to one training image (closer than 99% of test images, by both measures): {compare}."


def _nearest(arrays: Arrays, context: SectionContext) -> Figure:
    shown = arrays["shown"]
    distances = arrays["distances"][shown]
    marked = np.flatnonzero(arrays["looks_copied"][shown]).tolist()

    def draw(width: float) -> Drawing:
        return latent_figures.blocks(
            (arrays["samples"][shown], arrays["nearest"]),
            names=("sample", "training image"),
            columns=columns_for(width, wide=12, narrow=6),
            width=width,
            captions=[f"{distance:.2f}" for distance in distances],
            marked=marked,
        )

    label = (
        f"The {len(shown)} samples that are nearest to a training image, above it; distances from {distances[0]:.2f}"
    )
    caption = f"The {len(shown)} samples that are nearest to a training image, that image, and the distance."
    return context.figure(draw, name="nearest", label=label, caption=caption)
