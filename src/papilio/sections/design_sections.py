"""What the page shows of the target designs of a stage whose nets read a quantity."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from papilio.data.quantities import Quantity
from papilio.drawing import reading_figures
from papilio.drawing.figure_files import FigureBox, Pictures
from papilio.results.results import StudyResults
from papilio.results.words import value_words
from papilio.sections.curve_sections import best_first
from papilio.sections.result_tables import short_names, study_quantity
from papilio.targets.costs import costs_of_mistakes
from papilio.targets.periodic import PeriodicTarget
from papilio.targets.quantity import DEFAULT_DESIGN, make_design
from papilio.training.catalogue import SUPERVISED

MOST_DESIGNS = 12


def costs_section(results: StudyResults, stage: str, *, name: str, pictures: Pictures) -> FigureBox | None:
    """What each design makes a mistake cost, in the order of the best trial that has it.

    None where there is nothing to tell: no design, or one whose cost grows smoothly all round the circle.
    """
    quantity = study_quantity(results)
    if quantity is None:
        return None
    found = _designs(results, stage, quantity.period)
    designs = dict(list(found.items())[:MOST_DESIGNS])
    jumps = [title for title, design in designs.items() if not design.is_continuous]
    if len(designs) < 2 and not jumps:
        return None
    panels = [reading_figures.Costs(title, *costs_of_mistakes(design)) for title, design in designs.items()]

    def draw(width: float) -> Figure:
        return reading_figures.costs_by_design(panels, quantity, width=width)

    label = f"Loss of a sure reading by how far it is off: {', '.join(designs)}"
    return FigureBox(pictures.keep(draw, name=f"{name}-costs", label=label), _caption(quantity, jumps, len(found)))


def _designs(results: StudyResults, stage: str, period: float) -> dict[str, PeriodicTarget]:
    """A stage's different designs by title: its trial's name, or the design's own where many trials have it."""
    titles: dict[PeriodicTarget, str] = {}
    every = best_first(results, stage)
    names = short_names(results, stage, every)
    for trial in every:
        train = next((run.settings["train"] for run in trial.runs if run.settings), None)  # none yet where all wait
        if train is None or train.get("loss") or train.get("objective", SUPERVISED) != SUPERVISED:
            continue
        target = train.get("target") or DEFAULT_DESIGN
        design = make_design(target, period)
        titles[design] = names[trial.name].removeprefix("target ") if design not in titles else _design_name(target)
    return {title: design for design, title in titles.items()}


def _design_name(target: str | dict[str, Any]) -> str:
    return target if isinstance(target, str) else value_words(target)


def _caption(quantity: Quantity, jumps: list[str], num: int) -> str:
    text = f"What a target makes a mistake cost, as a share of the most: where {quantity.words(0)} is right (line) and where"
    text += f" {quantity.words(quantity.period / 2)} is (dashed)."
    if jumps:
        text += f" Across a jump the same picture, a moment later, has another loss: {', '.join(jumps)}."
    return text + (f" Drawn: {MOST_DESIGNS} of {num} targets." if num > MOST_DESIGNS else "")
