"""What the target designs of a stage charges for a mistake."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from pydantic import BaseModel

from papilio.data.quantities import Quantity
from papilio.engine import Arrays
from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.settings.references import resolve_reference

MOST_DESIGNS = 12
DESIGN = "papilio.targets.quantity:make_design"
COSTS = "papilio.targets.costs:costs_of_mistakes"
DEFAULT = "papilio.targets.quantity:DEFAULT_DESIGN"


def costs_of_designs(results: StudyResults, stage: str, options: BaseModel) -> Arrays | None:
    """The loss of sure readings by how far they are off, of a stage's different designs, at most 12 of them.

    They come in the order of the best trial that has each. Arrays over k designs: `trials`, that trial's name; `targets`, the
    design as `train.target` names it, in JSON; `num_trials` int (k,), how many have it; `is_continuous` bool (k,), whether the
    loss passes without a jump from just below the period to 0; `offsets` (k, 241) and `costs` (k, 2, 241) as
    papilio.targets.costs has them; without dimensions `num_designs`, and the quantity: `period`, `unit`, `is_time`.

    None where there is nothing to tell: no design, or one whose cost grows smoothly all round the circle.
    """
    trials = [(trial, run) for trial in _best_first(results, stage) if (run := _reads(trial))]
    if not trials:
        return None
    quantity = trials[0][1].quantity
    assert quantity is not None  # the run reads one
    found = _designs([(trial, run) for trial, run in trials if run.quantity == quantity], quantity)
    drawn = dict(list(found.items())[:MOST_DESIGNS])
    if len(drawn) < 2 and all(design.is_continuous for design in drawn):
        return None
    offsets, costs = zip(*(resolve_reference(COSTS)(design) for design in drawn), strict=True)
    return {
        "trials": np.array([names[0] for names, _ in drawn.values()]),
        "targets": np.array([json.dumps(target) for _, target in drawn.values()]),
        "num_trials": np.array([len(names) for names, _ in drawn.values()]),
        "is_continuous": np.array([design.is_continuous for design in drawn]),
        "offsets": np.stack(offsets),
        "costs": np.stack(costs),
        "num_designs": np.array(len(found)),
        "period": np.array(quantity.period),
        "unit": np.array(quantity.unit),
        "is_time": np.array(quantity.is_time),
    }


def _best_first(results: StudyResults, stage: str) -> list[TrialResult]:
    """Every trial of the stage: those that have a rank, then the others; in the study's order where nothing ranks them."""
    if results.ranking(stage) is None:
        return results.trials(stage)
    places = {trial.name: place for place, trial in enumerate(results.ranked(stage))}
    return sorted(results.trials(stage), key=lambda trial: places.get(trial.name, len(places)))


def _reads(trial: TrialResult) -> RunResult | None:
    """A run of the trial that has begun, where its nets read a quantity with a loss of the design's own."""
    run = next((run for run in trial.runs if run.settings), None)  # none yet where all wait
    if run is None or not run.quantity:
        return None
    train = run.settings["train"]
    return None if train.get("loss") or train.get("objective", "supervised") not in ("supervised", "read") else run


def _designs(
    trials: list[tuple[TrialResult, RunResult]], quantity: Quantity
) -> dict[Any, tuple[list[str], str | dict[str, Any]]]:
    """The different designs, each with the names of its trials and how the last of them calls it."""
    designs: dict[Any, tuple[list[str], str | dict[str, Any]]] = {}
    for trial, run in trials:
        target = run.settings["train"].get("target") or resolve_reference(DEFAULT)
        design = resolve_reference(DESIGN)(target, quantity.period)
        names, _ = designs.get(design, ([], target))
        designs[design] = ([*names, trial.name], target)
    return designs
