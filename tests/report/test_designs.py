"""What the target designs of a stage make a mistake cost, in one figure."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import study_folders

from papilio.analysis.analyse import add_missing_of_stages
from papilio.analysis.store import read_analyses
from papilio.data.quantities import CLOCK
from papilio.drawing.figure_files import Pictures
from papilio.kinds.ranking import Ranking
from papilio.results.results import StudyResults
from papilio.sections.analyses import stage_sections
from papilio.sections.blocks import Figure
from papilio.sections.page import render_page


def study(folder: Path, trials: dict[str, dict[str, Any]]) -> StudyResults:
    """Finished runs with these train settings, by trial, the first the best; the last trial waits."""
    plans = []
    for number, (trial, train) in enumerate(trials.items()):
        plan = study_folders.plan(stage="designs", trial=trial, seed=0, train=train)
        metrics = {"val_error": 10.0 + number, "test_error": 10.0 + number}
        study_folders.write_run(folder, plan, metrics=metrics, ranking=Ranking("val_error", "min"), quantity=CLOCK)
        plans.append(plan)
    plans.append(study_folders.plan(stage="designs", trial="waits", seed=0))
    return study_folders.write_study(folder, plans)


def costs(results: StudyResults) -> Figure | None:
    add_missing_of_stages(results)
    found = read_analyses(results.folder)
    sections = stage_sections(results, found, Pictures(results.folder / "figures")).get("designs", [])
    assert {one.path.name for one in found if not one.header.run} == ({"costs-designs.npz"} if sections else set())
    (box,) = sections[0].blocks if sections else [None]
    assert box is None or isinstance(box, Figure)
    return box


def titles(box: Figure) -> list[str]:
    found = re.search(r'aria-label="Loss of a confident reading by its error: ([^"]*)"', box.svg)
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
    box = costs(study(tmp_path, trials))
    assert box is not None
    assert titles(box) == ["sine", "classes num=24", "one number"]
    assert "changes the loss abruptly: classes num=24, one number." in box.caption
    assert "for a true value of 12:00 (solid)" in box.caption
    assert (tmp_path / "figures" / "1-designs-costs.png").exists()


def test_of_very_many_the_best_are_drawn(tmp_path: Path) -> None:
    trials = {f"{num} classes": {"target": {"name": "classes", "num": num}} for num in range(2, 16)}
    box = costs(study(tmp_path, trials))
    assert box is not None
    assert titles(box) == [f"{num} classes" for num in range(2, 14)]
    assert box.caption.endswith("Drawn: 12 of 14 targets.")


def test_where_nothing_jumps_and_nothing_differs_there_is_no_figure(tmp_path: Path) -> None:
    smooth = study(tmp_path / "a", {"a": {"target": "sin_cos"}, "b": {}})  # which is the default
    assert costs(smooth) is None
    one = costs(study(tmp_path / "b", {"a": {"target": "regression"}}))
    assert one is not None and titles(one) == ["a"]
    assert costs(study_folders.classification_study(tmp_path / "c")) is None


def test_an_earlier_folder_is_shown_with_its_costs_and_without_a_framework_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = study(tmp_path, {"a": {"target": "regression"}, "b": {}})
    monkeypatch.setitem(sys.modules, "papilio.targets.quantity", None)  # whose import then is an error
    add_missing_of_stages(results)
    assert "Loss of a confident reading" not in render_page(results, Pictures(tmp_path / "figures"))
    assert not (tmp_path / "analyses").exists()
    monkeypatch.undo()
    add_missing_of_stages(results)
    monkeypatch.setitem(sys.modules, "papilio.targets.quantity", None)
    assert "Loss of a confident reading" in render_page(results, Pictures(tmp_path / "figures"))
