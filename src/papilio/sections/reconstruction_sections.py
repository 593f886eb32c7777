"""What comes back of test images: the arrays of papilio.analysis.reconstruction in, a section out."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.analysis.store import StoredAnalysis
from papilio.drawing import latent_figures
from papilio.drawing.latent_figures import columns_for
from papilio.engine import Arrays
from papilio.sections.blocks import Figure, Section, Text
from papilio.sections.context import SectionContext
from papilio.sections.latent_words import label_words

NAMES = ("original", "reconstruction")
NEARLY = 0.01  # a share of the mean image's error, within which a network is no better than that image


def reconstruction_section(arrays: Arrays, context: SectionContext) -> Section | None:
    """Originals above what comes back of them, the worst ones, and the error of all."""
    if not arrays:
        return None
    worst = [_worst(arrays, context)] if len(arrays["worst_places"]) else []
    return Section(
        title=f"Reconstructions of {context.trial}",
        note=f"On {context.images_name}: {context.run_words}.",
        blocks=(Text(_error_words(arrays, context)), _some(arrays, context), *worst),
    )


def futile_reconstructions(found: Iterable[StoredAnalysis], stage: str) -> list[str]:
    """A sentence for each run of a stage that reconstructs its own test images no better than the mean training image would."""
    notes = []
    for stored in found:
        header, arrays = stored.header, stored.arrays
        is_of_own = header.analysis == "reconstruction" and header.stage == stage and not header.title
        if is_of_own and arrays and (verdict := _verdict(arrays)):
            mean, floor = _mean_and_floor(arrays)
            notes.append(
                f"{header.trial} (`{header.run}`) reconstructs {header.split} images {verdict} the mean training image does"
                f" (mean squared error per pixel {mean:.5f}; the mean image gives {floor:.5f}). It has not"
                " learned to reconstruct."
            )
    return notes


def _verdict(arrays: Arrays) -> str:
    """How reconstructions compare with the mean image, where they are no better; else empty."""
    mean, floor = _mean_and_floor(arrays)
    if not math.isfinite(floor) or mean < floor * (1 - NEARLY):
        return ""
    return "no better than" if mean <= floor * (1 + NEARLY) else "worse than"


def _mean_and_floor(arrays: Arrays) -> tuple[float, float]:
    """The mean squared error of all test images, and what the mean training image gives in place of each."""
    return float(arrays["errors"].astype(np.float64).mean()), float(arrays["floor"])


def _error_words(arrays: Arrays, context: SectionContext) -> str:
    errors = arrays["errors"].astype(np.float64)
    mean, floor = _mean_and_floor(arrays)
    text = (
        f"Mean squared error per pixel, on a scale from 0 to 1: {mean:.5f} over {len(errors):,} {context.split} images"
    )
    text += f" (median {np.median(errors):.5f}). Predicting the mean training image gives {floor:.5f}"
    if verdict := _verdict(arrays):
        text += f": these reconstructions are {verdict} that image."
    else:
        text += f", which is {floor / mean:.3g} times as large." if mean > 0 else "."
    if context.facts is None or context.facts.num_classes < 2:
        return text
    of_classes = {int(one): float(errors[arrays["labels"] == one].mean()) for one in np.unique(arrays["labels"])}
    names = context.facts.class_names
    best, worst = min(of_classes, key=of_classes.__getitem__), max(of_classes, key=of_classes.__getitem__)
    text += f" The class reconstructed best is {names[best]} ({of_classes[best]:.5f}),"
    return text + f" worst is {names[worst]} ({of_classes[worst]:.5f})."


def _some(arrays: Arrays, context: SectionContext) -> Figure:
    labels = label_words(context.facts, arrays["labels"][arrays["places"]])

    def draw(width: float) -> Drawing:
        columns = columns_for(width, wide=10, narrow=5)
        pair = (arrays["images"], arrays["again"])
        return latent_figures.blocks(pair, names=NAMES, columns=columns, width=width, titles=labels)

    label = f"{len(labels)} {context.split} images, and their reconstructions below"
    caption = "Images not used in training, with their reconstructions below."
    return context.figure(draw, name="some", label=label, caption=caption, heading="Original and reconstruction")


def _worst(arrays: Arrays, context: SectionContext) -> Figure:
    places = arrays["worst_places"]
    labels = label_words(context.facts, arrays["labels"][places])
    errors = [f"{arrays['errors'][place]:.4f}" for place in places]

    def draw(width: float) -> Drawing:
        columns = columns_for(width, wide=10, narrow=5)
        return latent_figures.blocks(
            (arrays["worst_images"], arrays["worst_again"]),
            names=NAMES,
            columns=columns,
            width=width,
            titles=labels,
            captions=errors,
        )

    label = f"The {len(places)} {context.split} worst reconstructions, with errors from {errors[0]} to {errors[-1]}"
    caption = f"The largest errors of {len(arrays['errors']):,} {context.split} images, with the mean squared error per"
    return context.figure(draw, name="worst", label=label, caption=f"{caption} pixel of each.", heading="The worst")
