"""What the page shows of a net that reads a quantity: the arrays of papilio.analysis.reading in, a section out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure as Drawing

from papilio.analysis.reading import error_summary
from papilio.data.quantities import Quantity
from papilio.drawing import reading_figures
from papilio.drawing.figure_files import data_uri
from papilio.engine import Arrays
from papilio.sections.blocks import Block, Figure, Gallery, Picture, Section, Text
from papilio.sections.context import SectionContext

GALLERIES = ("best", "median", "worst")


def reading_section(arrays: Arrays, context: SectionContext) -> Section:
    """Errors, where on the circle they are, what is confused with what, and pictures with what was read off them."""
    assert context.facts is not None and context.facts.quantity is not None  # of images that show one
    quantity = context.facts.quantity
    summary = _summary(arrays, quantity, context)
    return Section(
        title=f"Readings of {context.trial}",
        blocks=(
            Text(summary),
            Text(f"{context.run_words[:1].upper()}{context.run_words[1:]}.", is_note=True),
            _histogram(arrays, quantity, context, summary=summary),
            _confusion(arrays, quantity, context),
            _polar(arrays, quantity, context),
            *_galleries(arrays, quantity),
        ),
    )


def _summary(arrays: Arrays, quantity: Quantity, context: SectionContext) -> str:
    found = error_summary(arrays["predicted"], arrays["values"], quantity)
    parts = [f"{name} {quantity.distance_words(found[name])}" for name in ("mean", "median")]
    if quantity.is_time:
        parts[0] += f" ({found['mean'] / 60:.3f} h)"
    parts.append(f"nine in ten within {quantity.distance_words(found['p90'])}")
    shares = [f"{found[name]:.1%} {name.replace('_', ' ')}" for name in found if name.startswith("within")]
    shares += [f"{found['hour_accuracy']:.1%} with the correct hour"] if quantity.is_time else []
    return f"Error over {len(arrays['errors']):,} {context.split} images: {', '.join(parts)}. {', '.join(shares)}."


def _histogram(arrays: Arrays, quantity: Quantity, context: SectionContext, *, summary: str) -> Figure:
    errors = arrays["errors"]

    def draw(width: float) -> Drawing:
        return reading_figures.error_histogram(errors, quantity, width=width)

    label = f"Errors of {len(errors):,} images. {summary}"
    caption = "Circular error. Above each bar: the percentage of images with at most this error."
    return context.figure(draw, name="errors", label=label, caption=caption)


def _polar(arrays: Arrays, quantity: Quantity, context: SectionContext) -> Figure:
    by_value = arrays["by_value"]

    def draw(width: float) -> Drawing:
        return reading_figures.errors_round_the_circle(by_value, quantity, width=width)

    worst = (int(np.nanargmax(by_value)) + 0.5) * quantity.period / len(by_value)
    label = f"Mean error by the true value; it is largest about {quantity.words(worst)}"
    caption = "The mean error by " + ("the time shown" if quantity.is_time else "the true value")
    caption += ", in minutes." if quantity.is_time else f", in {quantity.unit or 'its own units'}."
    return context.figure(
        draw, name="by-value", label=label, caption=caption, heading="Where the errors are", is_square=True
    )


def _confusion(arrays: Arrays, quantity: Quantity, context: SectionContext) -> Figure:
    def draw(width: float) -> Drawing:
        return reading_figures.circular_confusion(arrays["values"], arrays["predicted"], quantity, width=width)

    label = f"Predicted against true values of {len(arrays['values']):,} images"
    caption = "True values across, predicted ones up; darker where there are more images (logarithmic). Blue: right, to"
    caption += " a cell or its neighbors."
    if quantity.is_time:
        caption += " Lines parallel to the diagonal: the hour is off; steep or flat lines: the hands are confused."
    heading = "Predicted against true values"
    return context.figure(draw, name="confusion", label=label, caption=caption, heading=heading, is_square=True)


def _galleries(arrays: Arrays, quantity: Quantity) -> Iterator[Block]:
    note = "The true value and the reading. In the corner: true in blue, read in orange."
    for name, indices, images in zip(GALLERIES, arrays["shown"], arrays["shown_images"], strict=True):
        yield Text(note if name == GALLERIES[0] else "", heading=f"The {name} {len(indices)}", is_note=True)
        yield Gallery(
            tuple(
                _picture(arrays, index, image, quantity) for index, image in zip(indices.tolist(), images, strict=True)
            )
        )


def _picture(arrays: Arrays, index: int, image: np.ndarray, quantity: Quantity) -> Picture:
    value, predicted = float(arrays["values"][index]), float(arrays["predicted"][index])
    drawn = reading_figures.with_readings(image, value=value, predicted=predicted, quantity=quantity)
    true, read = quantity.words(value), quantity.words(predicted)
    return Picture(
        address=data_uri(drawn, is_exact=False),
        words=f"{true}, read as {read}",
        name=read,
        above=f"{true} →",
        below=quantity.distance_words(abs(float(arrays["errors"][index]))),
    )
