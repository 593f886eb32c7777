"""What the page shows of a trained classifier: the arrays of papilio.analysis.classification in, a section out."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.drawing import class_figures
from papilio.drawing.figure_files import data_uri
from papilio.engine import Arrays
from papilio.results import words
from papilio.sections.blocks import Block, Figure, Gallery, Picture, Section, Table, Text
from papilio.sections.context import SectionContext

MOST_CLASSES = 30
MOST_MISTAKES = 24
MOST_PAIRS = 10
COLUMNS = ("Class", "Precision", "Recall", "F1", "Images")


def class_section(arrays: Arrays, context: SectionContext) -> Section:
    """Which classes are confused, each class by itself, and the most confident mistakes."""
    assert context.facts is not None  # images were looked at
    names = context.facts.class_names
    num_right, num_images = int(np.trace(arrays["confusion"])), int(arrays["support"].sum())
    return Section(
        title=f"Mistakes of {context.trial}",
        note=f"{num_right:,} of {num_images:,} {context.split} images correct: {context.run_words}.",
        blocks=(
            *_confusion(arrays, names, context),
            *_class_by_class(arrays, names, context),
            *_mistakes(arrays, names, context),
        ),
    )


def _confusion(arrays: Arrays, names: tuple[str, ...], context: SectionContext) -> list[Block]:
    counts = arrays["confusion"]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    largest = float((shares - np.diag(np.diag(shares))).max())
    pairs = _pairs(arrays, names)

    def draw(width: float) -> Drawing:
        return class_figures.confusion(counts, names, width=width)

    label = f"Confusion matrix of {len(counts)} classes; " + ("; ".join(pairs[:5]) or "no mistakes")
    caption = "Rows are true classes, columns predicted classes. Blue: correct, as a share of the row."
    if largest:
        caption += f" Orange: wrong, on its own scale, which ends at {100 * largest:.3g}% of the row."
    if len(counts) > class_figures.MOST_NAMED_CLASSES:
        caption += " Classes are counted from 0, in the order of the image set."
    heading = "Confusion matrix"
    figure = context.figure(draw, name="confusion", label=label, caption=caption, heading=heading, is_square=True)
    return [figure, Text(items=tuple(pairs))] if pairs else [figure]


def _pairs(arrays: Arrays, names: tuple[str, ...]) -> list[str]:
    return [
        words.pair_words(
            true=names[true], predicted=names[predicted], count=int(count), support=int(arrays["support"][true])
        )
        for true, predicted, count in arrays["pairs"][:MOST_PAIRS].tolist()
        if count
    ]


def _class_by_class(arrays: Arrays, names: tuple[str, ...], context: SectionContext) -> list[Block]:
    """The classes in their order; of very many, the worst by F1."""
    shown = np.arange(len(names))
    caption = f"Each class on {context.split} images."
    if len(names) > MOST_CLASSES:
        shown = np.argsort(arrays["f1"], kind="stable")[:MOST_CLASSES]
        caption = f"The {MOST_CLASSES} classes with the lowest F1 of {len(names)}."
    times = arrays["confusion"].sum(axis=0)  # how often each class was predicted
    rows = tuple(
        (
            names[index],
            f"{arrays['precision'][index]:.3f}" if times[index] else "–",
            *(f"{arrays[score][index]:.3f}" for score in ("recall", "f1")),
            f"{arrays['support'][index]:,}",
        )
        for index in shown.tolist()
    )
    return [_per_class(arrays, names, shown, context), Table(COLUMNS, rows, caption, numbers=COLUMNS[1:])]


def _per_class(arrays: Arrays, names: tuple[str, ...], shown: np.ndarray, context: SectionContext) -> Figure:
    shown_names = [names[index] for index in shown.tolist()]
    precision, recall, f1 = (arrays[score][shown] for score in ("precision", "recall", "f1"))

    def draw(width: float) -> Drawing:
        return class_figures.per_class(shown_names, precision=precision, recall=recall, width=width)

    label = f"Precision and recall of {len(shown)} classes; the lowest F1 is {shown_names[int(np.argmin(f1))]}'s"
    caption = "Precision: the share of the images predicted as a class that belong to it. Recall: the share of a class’s images"
    caption += " that were recognized."
    return context.figure(draw, name="per-class", label=label, caption=caption, heading="Class by class")


def _mistakes(arrays: Arrays, names: tuple[str, ...], context: SectionContext) -> list[Block]:
    """A gallery, which is kept as a file too; in the page it is made of single images, which flow with the width."""
    images, confidence = arrays["mistake_images"][:MOST_MISTAKES], arrays["mistake_confidence"]
    if not len(images):
        return []
    true = [names[index] for index in arrays["mistake_true"].tolist()]
    predicted = [names[index] for index in arrays["mistake_predicted"].tolist()]
    drawn = class_figures.mistakes(images, true=true, predicted=predicted, confidence=confidence)
    context.pictures.save(drawn, name=f"{context.name}-mistakes")
    pictures = tuple(
        Picture(
            data_uri(image), f"{one} predicted as {other}", name=other, above=f"{one} →", beside=f"{float(sure):.2f}"
        )
        for image, one, other, sure in zip(images, true, predicted, confidence.tolist(), strict=False)
    )
    note = "The true class, the predicted class, and its predicted probability."
    return [Text(note, heading="Most confident mistakes", is_note=True), Gallery(pictures)]
