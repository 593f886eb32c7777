"""What the page shows of the quality of made images: the arrays of papilio.analysis.quality in, a section out."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.drawing import quality_figures
from papilio.engine import Arrays
from papilio.results.words import plain_number
from papilio.sections.blocks import Block, Section, Table, Text
from papilio.sections.context import SectionContext

SETS = {
    "samples": "Samples",
    "reconstructions": "Reconstructions of test images",
    "real": "Real test images: no model is expected to do better",
    "mean": "The mean training image, repeated: knows nothing",
}
MOST_CLASSES = 40
RARE, FREQUENT = 0.5, 2.0  # of a class's share among real images


def quality_section(arrays: Arrays, context: SectionContext) -> Section | None:
    """Distances of samples and reconstructions to training images beside two floors, and the classes of samples."""
    if not arrays:
        return None
    title = f"How real the images of {context.trial} look"
    if not str(arrays["classifier"]):
        return Section(title, blocks=(Text(_missing(context)),))
    num = int(arrays["num"])
    note = f"{num:,} images of each sort against {num:,} training images: {context.run_words}."
    blocks: list[Block] = [_table(arrays)]
    if arrays["is_fitted"]:
        words = "A plain autoencoder has no prior to sample from: its samples are decoded from a normal distribution with the"
        blocks.append(Text(f"{words} mean and covariance of training images’ latents."))
    if "classes" in arrays:
        blocks += _classes(arrays, context)
    return Section(title, note, tuple(blocks))


def class_words(names: list[str], real: np.ndarray, made: np.ndarray) -> str:
    """Which classes are rare or frequent among samples, by their shares (k,) among real images and samples.

    >>> class_words(["cat", "dog"], np.array([0.5, 0.5]), np.array([0.1, 0.9]))
    'Rare among samples: cat (10 %, of real images 50 %).'
    """
    found = []
    for word, is_far in (("Rare", made < RARE * real), ("Frequent", made > FREQUENT * real)):
        ones = [
            f"{names[place]} ({made[place]:.0%}, of real images {real[place]:.0%})" for place in np.flatnonzero(is_far)
        ]
        if ones:
            found.append(f"{word} among samples: {', '.join(ones)}.".replace("%", " %"))
    return (
        " ".join(found)
        or "No class is less than half or more than twice as frequent among samples as among real images."
    )


def _missing(context: SectionContext) -> str:
    shape = context.facts.shape if context.facts is not None else ()
    text = f"Not measured: no classifier of images like those of `{context.images_name}`"
    text += (
        f" ({' × '.join(map(str, shape))}: channel, height, width) comes with Papilio. Give the folder of a run that"
    )
    return f'{text} classifies such images: `features = "RUN"` in an `[[analysis]]` table with `kind = "quality"`.'


def _table(arrays: Arrays) -> Table:
    rows = tuple(
        (
            SETS[str(name)],
            plain_number(float(arrays["frechet"][row])),
            plain_number(float(arrays["kernel"][row])),
            f"{arrays['precision'][row]:.3f}",
            f"{arrays['recall'][row]:.3f}",
        )
        for row, name in enumerate(arrays["sets"])
    )
    columns = ("Images", "Fréchet distance", "Kernel distance", "Precision", "Recall")
    accuracy = float(arrays["accuracy"])
    score = "" if math.isnan(accuracy) else f" (test accuracy {accuracy:.3f})"
    caption = (
        f"In the {int(arrays['num_features'])} features of the last hidden layer of `{arrays['classifier']}`{score};"
    )
    caption += " comparable only within the same features and number of images. Distances: lower is better."
    caption += (
        " Precision: share of the images that lie among real ones. Recall: share of real images that lie among these."
    )
    return Table(columns, rows, caption, numbers=columns[1:])


def _classes(arrays: Arrays, context: SectionContext) -> list[Block]:
    names, (real, made) = arrays["classes"].tolist(), arrays["shares"]

    def draw(width: float) -> Drawing:
        return quality_figures.class_shares(names, real=real, made=made, width=width)

    words = class_words(names, real, made)
    if len(names) > MOST_CLASSES:
        return [Text(words, heading="Classes of samples")]
    caption = "What the classifier takes training images and samples for."
    heading = "Classes of samples"
    figure = context.figure(
        draw, name="classes", label=f"Classes of samples. {words}", caption=caption, heading=heading
    )
    return [figure, Text(words)]
