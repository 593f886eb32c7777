"""What the page shows of a linear classifier on latents: the arrays of papilio.analysis.probing in, a section out."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.drawing import label_figures
from papilio.engine import Arrays
from papilio.results.words import mean_spread
from papilio.sections.blocks import Section, Table
from papilio.sections.context import SectionContext


def probe_section(arrays: Arrays, context: SectionContext) -> Section | None:
    """Accuracy by the number of labels, on latents and on as many principal components."""
    if "labels" not in arrays:
        return None
    num, num_test = int(arrays["num_latents"]), int(arrays["num_test"])
    names = (f"{num} latents", f"{num} principal components")
    means, spreads = _means(arrays["accuracy"])
    lines = [
        label_figures.LabelLine(name, arrays["labels"], mean, spread, is_baseline=number == 1)
        for number, (name, mean, spread) in enumerate(zip(names, means, spreads, strict=True))
    ]

    def draw(width: float) -> Drawing:
        return label_figures.accuracy_by_labels(lines, width=width)

    note = f"Logistic regression on the encoder’s latents, on {num_test:,} {context.split} images: {context.run_words}."
    caption = (
        "Bars are one standard deviation over draws of labeled images. The components are of the same images’ pixels."
    )
    label = (
        f"Accuracy by labels; with {arrays['labels'][-1]:,} labels {means[0, -1]:.3f} on latents, {means[1, -1]:.3f} on"
    )
    label += " components"
    rows = tuple(
        (f"{labels:,}", *(_cell(arrays["accuracy"][which, column]) for which in range(2)))
        for column, labels in enumerate(arrays["labels"].tolist())
    )
    columns = ("Labels", *names)
    chance = 1 / int(arrays["num_classes"])
    table = Table(columns, rows, f"Accuracy; guessing gives {chance:.2f}.", numbers=columns[1:])
    title = f"Linear probe of the latents of {context.trial}"
    blocks = [table]
    if len(rows) > 1:
        blocks = [context.figure(draw, name="labels", label=label, caption=caption), table]
    return Section(title, note, tuple(blocks))


def _means(accuracy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean over draws, and their standard deviation: NaN for a single one."""
    counts = np.isfinite(accuracy).sum(axis=2)
    means = np.nanmean(accuracy, axis=2)
    squares = np.nansum((accuracy - means[..., None]) ** 2, axis=2)
    return means, np.sqrt(squares / np.where(counts > 1, counts - 1, np.nan))


def _cell(draws: np.ndarray) -> str:
    known = draws[np.isfinite(draws)]
    spread = float(known.std(ddof=1)) if len(known) > 1 else None
    return mean_spread(float(known.mean()), spread, len(known))
