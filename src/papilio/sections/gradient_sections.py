"""What the page shows of gradients by layer: the arrays of papilio.analysis.gradients in, a section out."""

from __future__ import annotations

from matplotlib.figure import Figure as Drawing

from papilio.drawing import gradient_figures
from papilio.engine import Arrays
from papilio.sections.blocks import Section, Table
from papilio.sections.context import SectionContext


def gradient_section(arrays: Arrays, context: SectionContext) -> Section | None:
    """The gradient's size in each layer, before and after training; None where it could not be computed."""
    if not arrays:
        return None
    layers, begun, trained = arrays["layers"].tolist(), arrays["begun"], arrays["trained"]

    def draw(width: float) -> Drawing:
        return gradient_figures.gradient_sizes(layers, begun, trained, width=width)

    note = (
        f"Of the loss on {int(arrays['num']):,} {context.split} images: {context.run_words}. Steps of plain gradient descent"
        " are as large as this times the learning rate; where it falls towards the first layers, they hardly learn."
    )
    label = f"Gradients by layer; before training {begun[0]:.1e} in the first, {begun[-1]:.1e} in the last"
    rows = tuple(
        (name, f"{before:.2e}", f"{after:.2e}") for name, before, after in zip(layers, begun, trained, strict=True)
    )
    columns = ("Layer", "before training", "after training")
    table = Table(columns, rows, "The root mean square of the gradient over a layer’s weights.", numbers=columns[1:])
    figure = context.figure(draw, name="gradients", label=label, caption="On a logarithmic scale.")
    return Section(f"Gradients of {context.trial}, layer by layer", note, (figure, table))
