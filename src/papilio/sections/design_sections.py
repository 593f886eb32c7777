"""What the page shows of the target designs of a stage: the arrays of papilio.analysis.costs in, a section out."""

from __future__ import annotations

import json

from matplotlib.figure import Figure as Drawing

from papilio.analysis.costs import MOST_DESIGNS
from papilio.data.quantities import Quantity
from papilio.drawing import reading_figures
from papilio.engine import Arrays
from papilio.results.words import value_words
from papilio.sections.blocks import Section
from papilio.sections.context import SectionContext
from papilio.sections.result_tables import best_first, short_names


def costs_section(arrays: Arrays, context: SectionContext) -> Section:
    """What each design charges for a mistake, in the order of the best trial that has it."""
    quantity = Quantity(float(arrays["period"]), str(arrays["unit"]), bool(arrays["is_time"]))
    titles = _titles(arrays, context)
    panels = [
        reading_figures.Costs(title, offsets, costs)
        for title, offsets, costs in zip(titles, arrays["offsets"], arrays["costs"], strict=True)
    ]
    jumps = [title for title, is_continuous in zip(titles, arrays["is_continuous"], strict=True) if not is_continuous]

    def draw(width: float) -> Drawing:
        return reading_figures.costs_by_design(panels, quantity, width=width)

    label = f"Loss of a confident reading by its error: {', '.join(titles)}"
    caption = _caption(quantity, jumps, int(arrays["num_designs"]))
    return Section("", blocks=(context.figure(draw, name="costs", label=label, caption=caption),))


def _titles(arrays: Arrays, context: SectionContext) -> list[str]:
    """Each design by its trial's name, or by its own where many trials have it."""
    names = short_names(context.results, context.stage, best_first(context.results, context.stage))
    return [
        (names.get(trial) or str(trial)).removeprefix("target ") if num == 1 else _design_name(target)
        for trial, target, num in zip(
            arrays["trials"].tolist(), arrays["targets"].tolist(), arrays["num_trials"].tolist(), strict=True
        )
    ]


def _design_name(target: str) -> str:
    found = json.loads(target)
    return found if isinstance(found, str) else value_words(found)


def _caption(quantity: Quantity, jumps: list[str], num: int) -> str:
    text = "Loss of each target design against the error, relative to its maximum, for a true value of"
    text += f" {quantity.words(0)} (solid) and {quantity.words(quantity.period / 2)} (dashed)."
    if jumps:
        text += " Discontinuous, so that a tiny change of the true value changes the loss abruptly:"
        text += f" {', '.join(jumps)}."
    return text + (f" Drawn: {MOST_DESIGNS} of {num} targets." if num > MOST_DESIGNS else "")
