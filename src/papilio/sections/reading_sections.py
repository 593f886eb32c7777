"""What the page shows of a net that reads a quantity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from papilio.analysis.reading import error_summary
from papilio.data.quantities import Quantity
from papilio.drawing import reading_figures
from papilio.drawing.figure_files import FigureBox, Pictures, data_uri
from papilio.results.results import StudyResults
from papilio.sections.analyses import ReadingAnalysis
from papilio.studies.study import slug

GALLERIES = ("best", "median", "worst")


@dataclass(frozen=True)
class ReadPicture:
    """One picture with what it shows and what was read."""

    uri: str
    true: str
    predicted: str
    error: str


@dataclass(frozen=True)
class ReadingSection:
    """How a trained net reads."""

    kind = "reading"
    anchor: str
    analysis: ReadingAnalysis
    num_stages: int
    seed: int | None
    summary: str
    histogram: FigureBox
    polar: FigureBox
    confusion: FigureBox
    galleries: dict[str, list[ReadPicture]]


def reading_section(results: StudyResults, analysis: ReadingAnalysis, pictures: Pictures) -> ReadingSection:
    """Errors, where on the circle they are, what is taken for what, and pictures with what was read off them."""
    run = next((run for run in results.runs if run.name == analysis.run), None)
    name = slug(analysis.slug)[:60]
    return ReadingSection(
        anchor=f"analysis-{name}",
        analysis=analysis,
        num_stages=len(results.stages),
        seed=run.seed if run else None,
        summary=_summary(analysis),
        histogram=_histogram(analysis, name=name, pictures=pictures),
        polar=_polar(analysis, name=name, pictures=pictures),
        confusion=_confusion(analysis, name=name, pictures=pictures),
        galleries=_galleries(analysis),
    )


def _summary(analysis: ReadingAnalysis) -> str:
    quantity = analysis.quantity
    found = error_summary(analysis.predicted, analysis.values, quantity)
    parts = [f"{name} {quantity.distance_words(found[name])}" for name in ("mean", "median")]
    if quantity.is_time:
        parts[0] += f" ({found['mean'] / 60:.3f} h)"
    parts.append(f"nine in ten within {quantity.distance_words(found['p90'])}")
    shares = [f"{found[name]:.1%} {name.replace('_', ' ')}" for name in found if name.startswith("within")]
    shares += [f"the hour right in {found['hour_accuracy']:.1%}"] if quantity.is_time else []
    return f"Error over {len(analysis.errors):,} {analysis.split} images: {', '.join(parts)}. {', '.join(shares)}."


def _histogram(analysis: ReadingAnalysis, *, name: str, pictures: Pictures) -> FigureBox:
    quantity, errors = analysis.quantity, analysis.errors

    def draw(width: float) -> Figure:
        return reading_figures.error_histogram(errors, quantity, width=width)

    label = f"Errors of {len(errors):,} images. {_summary(analysis)}"
    caption = "How far the net is off, the short way round. Above each bar: the percentage that is off by no more."
    return FigureBox(pictures.keep(draw, name=f"{name}-errors", label=label), caption)


def _polar(analysis: ReadingAnalysis, *, name: str, pictures: Pictures) -> FigureBox:
    quantity, by_value = analysis.quantity, analysis.by_value

    def draw(width: float) -> Figure:
        return reading_figures.errors_round_the_circle(by_value, quantity, width=width)

    worst = (int(np.nanargmax(by_value)) + 0.5) * quantity.period / len(by_value)
    label = f"Mean error by the true value; it is largest about {quantity.words(worst)}"
    caption = "The mean error by " + ("time of day" if quantity.is_time else "the true value")
    caption += ", in minutes." if quantity.is_time else f", in {quantity.unit or 'its own units'}."
    return FigureBox(pictures.keep(draw, name=f"{name}-by-value", label=label), caption)


def _confusion(analysis: ReadingAnalysis, *, name: str, pictures: Pictures) -> FigureBox:
    quantity = analysis.quantity

    def draw(width: float) -> Figure:
        return reading_figures.circular_confusion(analysis.values, analysis.predicted, quantity, width=width)

    label = f"Predicted against true values of {len(analysis.values):,} images"
    caption = "True values across, predicted ones up; darker where there are more images (logarithmic). Blue: right, to"
    caption += " a cell or its neighbours."
    if quantity.is_time:
        caption += (
            " Lines beside the diagonal are slips of whole hours; steep and flat lines are hands taken for each other."
        )
    return FigureBox(pictures.keep(draw, name=f"{name}-confusion", label=label), caption)


def _galleries(analysis: ReadingAnalysis) -> dict[str, list[ReadPicture]]:
    return {
        name: [_picture(analysis, int(index), image) for index, image in zip(indices, images, strict=True)]
        for name, indices, images in zip(GALLERIES, analysis.shown, analysis.shown_images, strict=True)
    }


def _picture(analysis: ReadingAnalysis, index: int, image: np.ndarray) -> ReadPicture:
    quantity: Quantity = analysis.quantity
    value, predicted = float(analysis.values[index]), float(analysis.predicted[index])
    drawn = reading_figures.with_readings(image, value=value, predicted=predicted, quantity=quantity)
    return ReadPicture(
        uri=data_uri(drawn, is_exact=False),
        true=quantity.words(value),
        predicted=quantity.words(predicted),
        error=quantity.distance_words(abs(float(analysis.errors[index]))),
    )
