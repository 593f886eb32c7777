"""What the page shows of a trained classifier: an analysis in, plain data and drawn figures out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from papilio.drawing import class_figures
from papilio.drawing.figure_files import FigureBox, Pictures, data_uri
from papilio.results import words
from papilio.results.results import StudyResults
from papilio.sections.analyses import ClassAnalysis
from papilio.studies.study import slug

MOST_CLASSES = 30
MOST_MISTAKES = 24
MOST_PAIRS = 10


@dataclass(frozen=True)
class ClassRow:
    """One class of a classifier."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Mistake:
    """One wrongly classified image."""

    uri: str
    true: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class AnalysisSection:
    """What a trained classifier gets wrong."""

    kind = "classification"
    anchor: str
    analysis: ClassAnalysis
    num_stages: int
    seed: int | None
    num_images: int
    classes: list[ClassRow]
    num_hidden_classes: int
    pairs: list[str]
    per_class: FigureBox
    confusion: FigureBox
    mistakes: list[Mistake]


def analysis_section(results: StudyResults, analysis: ClassAnalysis, pictures: Pictures) -> AnalysisSection:
    """Each class by itself, which classes are taken for which, and the most confident mistakes."""
    run = next((run for run in results.runs if run.name == analysis.run), None)
    rows = _class_rows(analysis)
    name = slug(analysis.slug)[:60]
    _keep_gallery(analysis, name=name, pictures=pictures)
    return AnalysisSection(
        anchor=f"analysis-{name}",
        analysis=analysis,
        num_stages=len(results.stages),
        seed=run.seed if run else None,
        num_images=int(analysis.support.sum()),
        classes=rows,
        num_hidden_classes=len(analysis.class_names) - len(rows),
        pairs=_pairs(analysis),
        per_class=_per_class(analysis, rows, name=name, pictures=pictures),
        confusion=_confusion(analysis, name=name, pictures=pictures),
        mistakes=_mistakes(analysis),
    )


def _class_rows(analysis: ClassAnalysis) -> list[ClassRow]:
    """The classes in their order; of very many, the worst by F1."""
    order = range(len(analysis.class_names))
    if len(order) > MOST_CLASSES:
        order = [int(index) for index in np.argsort(analysis.f1, kind="stable")[:MOST_CLASSES]]
    return [
        ClassRow(
            name=analysis.class_names[index],
            precision=float(analysis.precision[index]),
            recall=float(analysis.recall[index]),
            f1=float(analysis.f1[index]),
            support=int(analysis.support[index]),
        )
        for index in order
    ]


def _pairs(analysis: ClassAnalysis) -> list[str]:
    return [
        words.pair_words(
            true=analysis.class_names[true],
            predicted=analysis.class_names[predicted],
            count=int(count),
            support=int(analysis.support[true]),
        )
        for true, predicted, count in analysis.pairs[:MOST_PAIRS].tolist()
        if count
    ]


def _per_class(analysis: ClassAnalysis, rows: Sequence[ClassRow], *, name: str, pictures: Pictures) -> FigureBox:
    names = [row.name for row in rows]
    precision, recall = np.array([row.precision for row in rows]), np.array([row.recall for row in rows])

    def draw(width: float) -> Figure:
        return class_figures.per_class(names, precision=precision, recall=recall, width=width)

    worst = min(rows, key=lambda row: row.f1)
    label = f"Precision and recall of {len(rows)} classes; the lowest F1 is {worst.name}'s"
    caption = "Precision: of the images taken for a class, the share that is of it. Recall: of a class’s images, the"
    caption += " share that was found."
    return FigureBox(pictures.keep(draw, name=f"{name}-per-class", label=label), caption)


def _confusion(analysis: ClassAnalysis, *, name: str, pictures: Pictures) -> FigureBox:
    counts = analysis.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    largest = float((shares - np.diag(np.diag(shares))).max())

    def draw(width: float) -> Figure:
        return class_figures.confusion(counts, analysis.class_names, width=width)

    label = f"Confusion matrix of {len(counts)} classes; " + ("; ".join(_pairs(analysis)[:5]) or "no mistakes")
    caption = (
        "A row is a true class, a column what was predicted. Blue: right, as a share of the row. Orange: wrong, on a"
    )
    caption += f" scale of its own that ends at {100 * largest:.3g} % of the row."
    if len(counts) > class_figures.MOST_NAMED_CLASSES:
        caption += " Classes are counted from 0, in the order of the image set."
    return FigureBox(pictures.keep(draw, name=f"{name}-confusion", label=label), caption)


def _mistakes(analysis: ClassAnalysis) -> list[Mistake]:
    names = analysis.class_names
    return [
        Mistake(data_uri(image), names[true], names[predicted], float(confidence))
        for image, true, predicted, confidence in zip(
            analysis.mistake_images[:MOST_MISTAKES],
            analysis.mistake_true.tolist(),
            analysis.mistake_predicted.tolist(),
            analysis.mistake_confidence.tolist(),
            strict=False,
        )
    ]


def _keep_gallery(analysis: ClassAnalysis, *, name: str, pictures: Pictures) -> None:
    """The gallery as files; in the page it is made of single images, which flow with the width."""
    if not len(analysis.mistake_images):
        return
    drawn = class_figures.mistakes(
        analysis.mistake_images[:MOST_MISTAKES],
        true=[analysis.class_names[index] for index in analysis.mistake_true.tolist()],
        predicted=[analysis.class_names[index] for index in analysis.mistake_predicted.tolist()],
        confidence=analysis.mistake_confidence,
    )
    pictures.save(drawn, name=f"{name}-mistakes")
