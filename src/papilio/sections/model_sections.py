"""What the page shows of models side by side: the arrays of papilio.analysis.model_comparison in, a section out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.drawing.canvas import WIDE
from papilio.drawing.sheets import sheet
from papilio.engine import Arrays
from papilio.results.words import duration, mean_spread, plain_number
from papilio.sections.blocks import Block, Section, Table
from papilio.sections.context import SectionContext
from papilio.sections.quality_sections import SETS, kernel_words
from papilio.sections.result_tables import short_names

NAMES = (
    "trials",
    "latents",
    "error",
    "spread",
    "num_runs",
    "samples",
    "reconstructions",
    "accuracy",
    "seconds",
    "epoch_seconds",
)
EXPLAINED = {  # the caption's sentences, and the column without which each is left out
    "Test error: the mean squared error per pixel of reconstructions, averaged over runs.": "Test error",
    "Fréchet: the distance of samples and of reconstructions from real images in a classifier’s features, lower is better.": (
        "Fréchet"
    ),
    "Probe: the accuracy of a linear classifier on latents.": "Probe",
    "Time: training time per run.": "Time",
}
NARROW = 6  # samples of a trial on narrow screens


def models_section(arrays: Arrays, context: SectionContext) -> Section:
    """A row for each trial, and for as many principal components as there are latents; samples, measured and to be seen."""
    titles = {trial.name: trial.title for trial in context.results.trials(context.stage)}
    shown = [titles.get(name, name) for name in map(str, arrays["trials"])]
    blocks: list[Block] = [_models(arrays, shown)]
    if "precision" in arrays and not np.isnan(arrays["precision"]).all():
        blocks.append(_samples(arrays, shown))
    if "shown" in arrays:
        blocks.append(_pictures(arrays, context))
    return Section("Side by side", blocks=tuple(blocks))


def _models(arrays: Arrays, titles: Sequence[str]) -> Table:
    labels = int(arrays["labels"])
    columns = (
        "Trial",
        "Latents",
        "Test error",
        "Fréchet, samples",
        "Fréchet, reconstructions",
        f"Probe, {labels:,} labels",
        "An epoch",
        "Time",
    )
    unknown = np.full(len(arrays["trials"]), np.nan)  # of what earlier versions did not measure
    rows = [
        (
            title,
            str(latents),
            "–" if math.isnan(error) else mean_spread(error, None if math.isnan(spread) else spread, num_runs),
            *map(_number, (samples, reconstructions)),
            _share(accuracy),
            "–" if math.isnan(epoch_seconds) else duration(epoch_seconds),
            duration(seconds),
        )
        for title, (
            _,
            latents,
            error,
            spread,
            num_runs,
            samples,
            reconstructions,
            accuracy,
            seconds,
            epoch_seconds,
        ) in zip(titles, zip(*(arrays.get(name, unknown).tolist() for name in NAMES), strict=True), strict=True)
    ]
    rows += [
        (f"{num} principal components", str(num), plain_number(error), "–", "–", _share(accuracy), "–", "–")
        for num, error, accuracy in zip(
            *(arrays[name].tolist() for name in ("pca_latents", "pca_error", "pca_accuracy")), strict=True
        )
    ]
    used = [index for index in range(len(columns)) if index < 2 or any(row[index] != "–" for row in rows)]
    shown = {columns[index].partition(",")[0] for index in used}
    caption = " ".join(words for words, column in EXPLAINED.items() if column in shown)
    return Table(
        tuple(columns[index] for index in used),
        tuple(tuple(row[index] for index in used) for row in rows),
        caption,
        numbers=tuple(columns[index] for index in used[1:]),
    )


def _samples(arrays: Arrays, titles: Sequence[str]) -> Table:
    """Samples of each trial below real test images and the mean image."""
    columns = ("Images", "Fréchet", "Kernel", "Precision", "Recall")
    kinds = ("frechet", "kernel", "kernel_spread", "precision", "recall")
    floors = [
        _measured(SETS[str(name)], *(float(arrays[f"floor_{kind}"][row]) for kind in kinds))
        for row, name in enumerate(arrays.get("floors", np.array([])))
    ]
    made = [
        _measured(title, *(float(arrays["samples" if kind == "frechet" else kind][row]) for kind in kinds))
        for row, title in enumerate(titles)
    ]
    caption = (
        "Samples of each trial’s best run. Lower is better for distances, higher for precision and recall; real test"
    )
    caption += " images show the best that can be expected. A run without a prior is sampled from a normal distribution that is"
    caption += " fitted to the latents of training images."
    return Table(columns, (*floors, *made), caption, numbers=columns[1:], heading="Sample quality")


def _measured(
    name: str, frechet: float, kernel: float, spread: float, precision: float, recall: float
) -> tuple[str, ...]:
    if math.isnan(frechet):
        return (name, "–", "–", "–", "–")
    return (name, plain_number(frechet), kernel_words(kernel, spread), f"{precision:.3f}", f"{recall:.3f}")


def _pictures(arrays: Arrays, context: SectionContext) -> Block:
    trials = context.results.trials(context.stage)
    short = short_names(context.results, context.stage, trials)
    names = ["real test images", *(short.get(name, name) for name in map(str, arrays["trials"]))]
    images = np.concatenate([arrays["real"][None], arrays["shown"]])

    def draw(width: float) -> Drawing:
        most = images.shape[1] if width >= WIDE else NARROW
        return sheet(images[:, :most], row_names=names, row_breaks=[1], width=width)

    label = f"Rows of samples of {', '.join(names[1:])} below real test images"
    caption = "Samples of each trial, not cherry-picked, below real test images."
    return context.figure(draw, name="models-samples", label=label, caption=caption, heading="Samples side by side")


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.1f}"


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
