"""Runs that are done but learned nothing are named, with what their trial comes to without them."""

from __future__ import annotations

from pathlib import Path

import study_folders

from papilio.analysis.stuck import is_stuck, stuck_trials
from papilio.drawing.figure_files import Pictures
from papilio.results.results import StudyResults
from papilio.sections.page import render_page
from papilio.sections.sentences import stuck_note


def study(folder: Path, losses: dict[tuple[str, int], list[float]]) -> StudyResults:
    """Runs of these training losses, each epoch's, by trial and seed; each one's test accuracy is 1 - its last loss / 4."""
    plans = [study_folders.plan(stage="nets", trial=trial, seed=seed) for trial, seed in losses]
    for plan, run_losses in zip(plans, losses.values(), strict=True):
        records = [{"epoch": number, "train_loss": loss} for number, loss in enumerate(run_losses, start=1)]
        accuracy = 1 - run_losses[-1] / 4
        metrics = {"val_accuracy": accuracy, "test_accuracy": accuracy}
        study_folders.write_run(folder, plan, metrics=metrics, records=records)
    return study_folders.write_study(folder, plans)


def test_a_stuck_run_is_named_and_told_from_the_others(tmp_path: Path) -> None:
    learned, stuck = [2.0, 1.5, 1.0, 0.8, 0.4], [3.18, 3.178, 3.178, 3.178, 3.178]
    results = study(tmp_path, {("a", 0): learned, ("a", 1): stuck, ("a", 2): learned, ("b", 0): learned})
    assert [is_stuck(run) for run in results.runs] == [False, True, False, False]
    (note,) = map(stuck_note, stuck_trials(results, results.trials("nets")))
    assert note == (
        "1 of 3 runs of a learned nothing after the first epoch (seed 1; training loss 3.1800 in the first epoch, "
        "3.1780 in the last). "
        "The table includes it; without it, test accuracy is 0.9000 ± 0.0000."
    )
    assert f'<p class="note">{note}</p>' in render_page(results, Pictures(tmp_path / "figures"))


def test_autoencoders_are_left_out(tmp_path: Path) -> None:
    """Their cross entropy of gray pixels hardly falls where their error falls to a tenth."""
    train = {"objective": "autoencoder", "objective_settings": {"error": "bernoulli"}}
    plan = study_folders.plan(stage="nets", trial="a", seed=0, train=train)
    records = [{"epoch": number, "train_loss": 0.69 - number / 1000} for number in range(1, 9)]
    study_folders.write_run(tmp_path, plan, metrics={"val_loss": 0.68}, records=records)
    assert not is_stuck(study_folders.write_study(tmp_path, [plan]).runs[0])


def test_where_no_run_learned_there_is_nothing_to_go_without(tmp_path: Path) -> None:
    results = study(tmp_path, {("a", 0): [6.58] * 40, ("a", 1): [6.58] * 40})
    (note,) = map(stuck_note, stuck_trials(results, results.trials("nets")))
    assert "2 of 2 runs of a learned nothing after the first epoch (seed 0, seed 1; " in note
    assert note.endswith("The table includes them; there are no other runs.")


def test_slow_or_short_or_getting_worse(tmp_path: Path) -> None:
    losses = {
        ("slow", 0): [1.2, 1.0, 1.0, 1.0, 0.98],
        ("short", 0): [1.0, 1.0, 1.0, 1.0],
        ("worse", 0): [1.0] * 5 + [1.3],
        ("thrown back", 0): [1.0, 0.5, 0.4, 1.0, 1.0, 1.0],
        ("noisy start", 0): [0.52, 0.5, 0.5001, 0.5, 0.5],
    }
    results = study(tmp_path, losses)
    assert [is_stuck(run) for run in results.runs] == [False, False, True, False, True]
