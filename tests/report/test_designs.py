"""What the target designs of a stage make a mistake cost, in one figure."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import study_folders

from papilio.drawing.figure_files import FigureBox, Pictures
from papilio.results.results import StudyResults
from papilio.sections.design_sections import costs_section

CLOCKS = {"data": [{"name": "clocks", "quantity": {"period": 720.0, "unit": "min", "is_time": True}}]}


def study(folder: Path, trials: dict[str, dict[str, Any]], **environment: Any) -> StudyResults:
    """Finished runs with these train settings, by trial, the first the best; the last trial waits."""
    plans = []
    for number, (trial, train) in enumerate(trials.items()):
        plan = study_folders.plan(stage="designs", trial=trial, seed=0)
        plan.settings["train"] |= train
        metrics = {"val_error": 10.0 + number, "test_error": 10.0 + number}
        study_folders.write_run(folder, plan, metrics=metrics, chosen_by="val_error", direction="min")
        plans.append(plan)
    plans.append(study_folders.plan(stage="designs", trial="waits", seed=0))
    return replace(study_folders.write_study(folder, plans), environment=environment)


def costs(results: StudyResults, folder: Path) -> FigureBox | None:
    return costs_section(results, "designs", name="designs", pictures=Pictures(folder / "figures"))


def titles(box: FigureBox) -> list[str]:
    found = re.search(r'aria-label="Loss of a sure reading by how far it is off: ([^"]*)"', box.svg)
    assert found
    return found[1].split(", ")


def test_each_design_has_a_panel_best_trial_first(tmp_path: Path) -> None:
    trials = {
        "sine": {"target": "sin_cos"},
        "fast": {"target": {"name": "classes", "num": 24}, "learning_rate": 0.1},
        "slow": {"target": {"name": "classes", "num": 24}, "learning_rate": 0.001},
        "one number": {"target": "regression"},
        "a loss of one's own": {"target": "sin_cos", "loss": "mine:loss"},
    }
    box = costs(study(tmp_path, trials, **CLOCKS), tmp_path)
    assert box is not None
    assert titles(box) == ["sine", "classes num=24", "one number"]
    assert "has another loss: classes num=24, one number." in box.caption
    assert "where 12:00 is right" in box.caption
    assert (tmp_path / "figures" / "designs-costs.png").exists()


def test_of_very_many_the_best_are_drawn(tmp_path: Path) -> None:
    trials = {f"{num} classes": {"target": {"name": "classes", "num": num}} for num in range(2, 16)}
    box = costs(study(tmp_path, trials, **CLOCKS), tmp_path)
    assert box is not None
    assert titles(box) == [f"{num} classes" for num in range(2, 14)]
    assert box.caption.endswith("Drawn: 12 of 14 targets.")


def test_where_nothing_jumps_and_nothing_differs_there_is_no_figure(tmp_path: Path) -> None:
    smooth = study(tmp_path / "a", {"a": {"target": "sin_cos"}, "b": {}}, **CLOCKS)  # which is the default
    assert costs(smooth, tmp_path) is None
    one = costs(study(tmp_path / "b", {"a": {"target": "regression"}}, **CLOCKS), tmp_path)
    assert one is not None and titles(one) == ["a"]
    assert costs(study_folders.classification_study(tmp_path / "c"), tmp_path) is None
