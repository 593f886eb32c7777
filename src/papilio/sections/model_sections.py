"""What the page shows of autoencoders side by side: the arrays of papilio.analysis.model_comparison in, a section out."""

from __future__ import annotations

import math

from papilio.engine import Arrays
from papilio.results.words import duration, mean_spread, plain_number
from papilio.sections.blocks import Section, Table
from papilio.sections.context import SectionContext


def models_section(arrays: Arrays, context: SectionContext) -> Section:
    """One table: a row for each trial, and for as many principal components as there are latents."""
    labels = int(arrays["labels"])
    columns = (
        "Trial",
        "Latents",
        "Test error",
        "Fréchet, samples",
        "Fréchet, reconstructions",
        f"Probe, {labels:,} labels",
        "Time",
    )
    rows = [
        (
            trial,
            str(latents),
            mean_spread(error, None if math.isnan(spread) else spread, num_runs),
            *map(_number, (samples, reconstructions)),
            _share(accuracy),
            duration(seconds),
        )
        for trial, latents, error, spread, num_runs, samples, reconstructions, accuracy, seconds in zip(
            *(arrays[name].tolist() for name in NAMES), strict=True
        )
    ]
    rows += [
        (f"{num} principal components", str(num), plain_number(error), "–", "–", _share(accuracy), "–")
        for num, error, accuracy in zip(
            *(arrays[name].tolist() for name in ("pca_latents", "pca_error", "pca_accuracy")), strict=True
        )
    ]
    caption = (
        "Test error: the mean squared error per pixel of reconstructions, the mean over runs. Fréchet: the distance of samples"
        " and of reconstructions from real images, lower is better. Probe: the accuracy of a linear classifier on latents."
        " Time: training, a run."
    )
    used = [index for index in range(len(columns)) if index < 3 or any(row[index] != "–" for row in rows)]
    return Section(
        "Side by side",
        blocks=(
            Table(
                tuple(columns[index] for index in used),
                tuple(tuple(row[index] for index in used) for row in rows),
                caption,
                numbers=tuple(columns[index] for index in used[1:]),
            ),
        ),
    )


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
)


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.1f}"


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
