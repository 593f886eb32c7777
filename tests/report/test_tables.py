"""Rows of the report's tables, its words and its colors."""

from __future__ import annotations

import doctest
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import study_folders

from papilio.analysis.spreads import Spread
from papilio.drawing import canvas, palette
from papilio.drawing.palette import DARK, LIGHT
from papilio.results import metrics, words
from papilio.results.compare import compare
from papilio.results.metrics import told_metric
from papilio.results.results import StudyResults
from papilio.sections import curve_sections, sentences, study_facts
from papilio.sections import result_tables as tables
from papilio.sections.published_table import published_table

# Machado, Oliveira and Fernandes (2009), severity 1: on linear RGB
VISIONS = {
    "full": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


@pytest.mark.parametrize("module", [canvas, curve_sections, metrics, palette, sentences, study_facts, words])
def test_examples_in_docstrings(module):
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_results_are_ranked_with_their_numbers(tmp_path: Path):
    table = tables.results_table(study_folders.classification_study(tmp_path), "dropout rate")
    assert table.metrics == ("val_accuracy", "test_accuracy", "test_loss")
    assert [row.trial for row in table.rows] == ["dropout 0.1", "dropout 0.3", "dropout 0.5"]
    assert [row.rank for row in table.rows] == [1, 2, 3]
    assert [row.num_runs for row in table.rows] == [3, 3, 1]
    assert table.rows[2].unfinished == {"diverged": 1, "waiting": 1}
    assert table.rows[0].varied == {"model.dropout": 0.1}
    accuracy = table.rows[0].metrics["test_accuracy"]
    assert accuracy.mean == pytest.approx(0.952)
    assert accuracy.sd == pytest.approx(0.002)
    assert str(accuracy) == "0.9520 ± 0.0020"
    assert table.rows[2].metrics["test_accuracy"] == Spread(pytest.approx(0.91), None, 1, limits=(0.0, 1.0))


def test_published_numbers_find_their_trials(tmp_path: Path):
    published = [
        {"stage": "dropout rate", "where": {"model.dropout": 0.3}, "test_accuracy": 0.9, "source": "varied"},
        {"stage": "dropout rate", "where": {"trial": "dropout 0.1"}, "test_loss": 0.3, "source": "name"},
        {"stage": "dropout rate", "where": {"model.family": "cnn"}, "test_accuracy": 0.9, "source": "setting"},
        {"stage": "dropout rate", "where": {"model.dropout": 0.7}, "test_accuracy": 0.9, "source": "nothing"},
        {"stage": "dropout rate", "where": {"model.dropout": 0.1}, "test_f1": 0.9, "source": "other metric"},
    ]
    rows = published_table(study_folders.classification_study(tmp_path, published=published))
    found = [(row.source, row.trial, row.ours is not None) for row in rows]
    assert found == [
        ("varied", "dropout 0.3", True),
        ("name", "dropout 0.1", True),
        ("setting", "dropout 0.1", True),
        ("setting", "dropout 0.3", True),
        ("setting", "dropout 0.5", True),
        ("nothing", None, False),
        ("other metric", "dropout 0.1", False),
    ]
    assert rows[0].difference == pytest.approx(0.032)
    assert rows[5].where == "dropout 0.7"


def test_environment_leaves_the_image_sets_to_their_section(tmp_path: Path):
    rows = dict(study_facts.environment_rows(study_folders.classification_study(tmp_path)))
    assert rows["Memory"] == "8.0 GiB"
    assert rows["Versions"] == "python 3.11.2, papilio 0.1.0, torch 2.13.0"
    assert "Data" not in rows


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_lines_can_be_read_on_their_paper(colors: dict[str, str]):
    pairs = [
        ("ink", "paper"),
        ("muted", "paper"),
        ("accent", "paper"),
        ("ink", "wash"),
        ("muted", "wash"),
        ("accent", "wash"),
    ]
    for text, paper in [*pairs, ("notice", "notice-wash"), ("ink", "notice-wash")]:
        assert contrast(colors[text], colors[paper]) >= 4.5, (text, paper)
    for number in range(1, 9):
        assert contrast(colors[f"line-{number}"], colors["paper"]) >= 3, number


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_lines_differ_for_every_eye(colors: dict[str, str], vision: str):
    seen = [lab(VISIONS[vision] @ linear(colors[f"line-{number}"])) for number in range(1, 9)]
    assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) >= 15


def linear(color: str) -> np.ndarray:
    """sRGB as linear light."""
    values = np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio."""
    darker, lighter = sorted(float(XYZ[1] @ linear(color)) for color in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def lab(light: np.ndarray) -> np.ndarray:
    """CIE 1976 L*a*b* for D65."""
    ratios = XYZ @ np.clip(light, 0, 1) / np.array([0.9505, 1, 1.089])
    f = np.where(ratios > 0.008856, np.cbrt(ratios), 7.787 * ratios + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def study(folder: Path, runs: dict[tuple[str, str, int], float], *, diverged: float | None = None) -> StudyResults:
    """Runs of these accuracies by stage, trial and seed; a last one of the last trial may have diverged, after a good epoch."""
    plans = [study_folders.plan(stage=stage, trial=trial, seed=seed) for stage, trial, seed in runs]
    for plan, accuracy in zip(plans, runs.values(), strict=True):
        metrics = {"val_accuracy": accuracy, "test_accuracy": accuracy - 0.01}
        study_folders.write_run(folder, plan, metrics=metrics, records=[{"epoch": 1}])
    if diverged is not None:
        plans.append(study_folders.plan(stage=plans[-1].stage, trial=plans[-1].trial, seed=9))
        metrics = {"val_accuracy": diverged}
        study_folders.write_run(folder, plans[-1], metrics=metrics, records=[{"epoch": 1}], status="diverged")
    return study_folders.write_study(folder, plans)


def test_the_best_is_that_of_the_last_stage(tmp_path: Path) -> None:
    results = study(tmp_path, {("first", "a", 0): 0.99, ("second", "b", 0): 0.8, ("second", "c", 0): 0.9})
    assert results.best_trial is not None and results.best is not None
    assert (results.best_trial.name, results.best.trial) == ("c", "c")


def test_a_run_that_diverged_counts_in_no_mean_and_is_not_the_best(tmp_path: Path) -> None:
    results = study(tmp_path, {("s", "a", 0): 0.8, ("s", "a", 1): 0.9}, diverged=0.95)
    (trial,) = results.trials("s")
    assert trial.values("val_accuracy") == [0.8, 0.9] and trial.mean("val_accuracy") == pytest.approx(0.85)
    assert trial.spread("val_accuracy") == pytest.approx(0.1 / 2**0.5)
    assert trial.best is not None and trial.best.seed == 1
    assert told_metric(results, trial) == "test_accuracy"


def test_a_comparison_has_the_time_of_all_runs_and_only_trials_that_several_studies_have(tmp_path: Path) -> None:
    one = study(tmp_path / "one", {("s", "a", 0): 0.8, ("s", "b", 0): 0.9}, diverged=0.1)
    other = study(tmp_path / "other", {("s", "b", 0): 0.7})
    comparison = compare([one, other])
    assert [column.seconds for column in comparison.columns] == [12.5 + 12.5 + 21.5, 12.5]
    assert [(stage, trial) for stage, trial, _ in comparison.shared_trials] == [("s", "b")]
