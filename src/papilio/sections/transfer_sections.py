"""What the page shows of encoders from elsewhere: the arrays of papilio.analysis.transfer in, a section out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.drawing import label_figures
from papilio.drawing.label_figures import LabelLine, TimedPoint
from papilio.engine import Arrays
from papilio.results.words import duration, mean_spread
from papilio.sections.blocks import Block, Section, Table
from papilio.sections.context import SectionContext

COLUMNS = ("Trial", "Labels", "Test accuracy", "Pretraining", "Training", "Together")


def transfer_section(arrays: Arrays, context: SectionContext) -> Section:
    """A table of all trials and baselines, accuracy by labels where these differ, and accuracy by seconds with all labels."""
    blocks: list[Block] = []
    lines = [line for line in [*_lines(arrays), *_baseline_lines(arrays)] if len(line.labels) > 1]
    if lines:
        best = max(lines, key=lambda line: line.accuracy[0])

        def draw_labels(width: float) -> Drawing:
            return label_figures.accuracy_by_labels(lines, width=width)

        caption = (
            "Bars are one standard deviation over runs. PCA: logistic regression on principal components of the pixels."
        )
        label = f"Test accuracy by labels; with the fewest labels {best.name} is the best"
        blocks.append(
            context.figure(draw_labels, name="labels", label=label, caption=caption, heading="By number of labels")
        )
    blocks.append(_timed(arrays, context))
    blocks.append(Table(COLUMNS, tuple(_rows(arrays)), _table_caption(arrays), numbers=COLUMNS[1:]))
    return Section("Encoders from other runs", blocks=tuple(blocks))


def _timed(arrays: Arrays, context: SectionContext) -> Block:
    most = int(arrays["labels"].max())
    points = [
        TimedPoint(row["designs"], row["accuracy"], row["seconds"], 0.0 if math.isnan(row["before"]) else row["before"])
        for row in _trials(arrays)
        if row["labels"] == most
    ]
    points += [
        TimedPoint(f"PCA, {num} components", accuracy, seconds, is_baseline=True)
        for num, accuracy, seconds in _baselines(arrays, most)
    ]

    def draw(width: float) -> Drawing:
        return label_figures.accuracy_by_seconds(points, width=width)

    label = f"Test accuracy by seconds with {most:,} labels: " + ", ".join(
        f"{point.name} {point.accuracy:.3f} in {point.seconds:.0f} s" for point in points
    )
    caption = f"With {most:,} labels. Filled: this training alone. Open: including the training of its encoder."
    caption += " PCA: the components and the logistic regression." if len(arrays["pca_labels"]) else ""
    return context.figure(draw, name="seconds", label=label, caption=caption, heading="By time")


def _lines(arrays: Arrays) -> list[LabelLine]:
    rows = _trials(arrays)
    designs = dict.fromkeys(row["designs"] for row in rows)
    lines = []
    for design in designs:
        own = sorted((row for row in rows if row["designs"] == design), key=lambda row: row["labels"])
        columns = [np.array([row[name] for row in own], dtype=float) for name in ("labels", "accuracy", "spread")]
        lines.append(LabelLine(design, columns[0], columns[1], columns[2]))
    return lines


def _baseline_lines(arrays: Arrays) -> list[LabelLine]:
    lines = []
    for num in np.unique(arrays["pca_components"]).tolist():
        chosen = arrays["pca_components"] == num
        labels, accuracy = arrays["pca_labels"][chosen].astype(float), arrays["pca_accuracy"][chosen]
        order = np.argsort(labels)
        spread = np.full(len(order), np.nan)
        lines.append(LabelLine(f"PCA, {num} components", labels[order], accuracy[order], spread, is_baseline=True))
    return lines


def _rows(arrays: Arrays) -> list[tuple[str, ...]]:
    """Trials by their number of labels, then in the study's order; the baselines of as many labels behind them."""
    rows = []
    for labels in sorted({*arrays["labels"].tolist(), *arrays["pca_labels"].tolist()}):
        for row in _trials(arrays):
            if row["labels"] == labels:
                spread = None if math.isnan(row["spread"]) else row["spread"]
                accuracy = mean_spread(row["accuracy"], spread, row["num_runs"])
                rows.append((row["designs"], f"{labels:,}", accuracy, *_times(row)))
        for num, accuracy, seconds in _baselines(arrays, labels):
            name = f"PCA, {num} components, logistic regression"
            rows.append((name, f"{labels:,}", f"{accuracy:.4f}", "–", duration(seconds), duration(seconds)))
    return rows


def _baselines(arrays: Arrays, labels: int) -> list[tuple[int, float, float]]:
    columns = [arrays[name].tolist() for name in ("pca_components", "pca_accuracy", "pca_seconds", "pca_labels")]
    return [(num, accuracy, seconds) for num, accuracy, seconds, one in zip(*columns, strict=True) if one == labels]


def _times(row: dict[str, Any]) -> tuple[str, str, str]:
    if not row["sources"]:
        return "–", duration(row["seconds"]), duration(row["seconds"])
    if math.isnan(row["before"]):
        return "not known", duration(row["seconds"]), "not known"
    return duration(row["before"]), duration(row["seconds"]), duration(row["before"] + row["seconds"])


def _table_caption(arrays: Arrays) -> str:
    taken = dict.fromkeys(row["sources"].partition(" of ")[0] for row in _trials(arrays) if row["sources"])
    text = "Mean over runs; time is training and validation per run."
    return f"{text} Taken from other runs: {', '.join(taken)}. Without pretraining: from scratch." if taken else text


def _trials(arrays: Arrays) -> list[dict[str, Any]]:
    names = ("designs", "sources", "labels", "accuracy", "spread", "num_runs", "seconds", "before")
    columns = [arrays[name].tolist() for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
