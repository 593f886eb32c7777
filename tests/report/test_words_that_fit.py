"""What a report says at the edges of what studies bring: unfinished trials, ties, other kinds on numbers, perfect results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from papilio.data.quantities import Quantity
from papilio.drawing.figures import Curve, end_of
from papilio.drawing.reading_figures import with_readings
from papilio.drawing.scales import metric_scale
from papilio.files import without_places
from papilio.kinds.ranking import Ranking, Standing
from papilio.results.results import Published, RunResult, StudyResults
from papilio.results.units import shared_units
from papilio.sections.denoising_sections import verdict
from papilio.sections.kinds_of_runs import command_of_run
from papilio.sections.published_table import published_table
from papilio.sections.search_sections import comparison_words
from papilio.sections.study_sections import _mean_words, _stage_summary
from papilio.sections.transfer_sections import _table_caption

CLOCK = Quantity(720.0, "", True)


def a_run(trial: str, seed: int, accuracy: float | None, status: str = "done", **changes: Any) -> RunResult:
    run = RunResult(
        name=f"s-{trial}-{seed}",
        stage="s",
        trial=trial,
        seed=seed,
        fold=None,
        varied={"model.units": trial},
        folder=Path("/nowhere") / trial / str(seed),
        settings={"data": {"name": "digits"}, "model": {"family": "mlp"}, "train": {"objective": "supervised"}},
        status=status,  # pyright: ignore[reportArgumentType]
        epochs=3,
        metrics={} if accuracy is None else {"val_accuracy": accuracy},
        standing=Standing(Ranking("val_accuracy", "max")),
        parameters=10,
    )
    return replace(run, **changes)


def a_study(runs: list[RunResult]) -> StudyResults:
    return StudyResults(Path("/nowhere"), {"title": "t", "data": {}, "stage": [{"name": "s"}]}, {}, tuple(runs))


@pytest.mark.parametrize("is_noisy", [True, False])
def test_the_better_one_leads_though_one_of_its_runs_diverged(is_noisy: bool) -> None:
    """Whole trials come first: "A is ahead of B by -0.15" stood there, and "not significantly different", p below 0.0001."""
    noise = [0.001 * seed * is_noisy for seed in range(4)]
    whole = [a_run("A", seed, 0.80 + one) for seed, one in enumerate(noise)]
    partly = [a_run("B", seed, 0.95 + 1.1 * one) for seed, one in enumerate(noise[:3])]
    said = str(comparison_words(a_study([*whole, *partly, a_run("B", 3, None, "diverged")]), "s"))
    assert said.startswith(f"Over 3 paired runs, B {'beats' if is_noisy else 'is ahead of'} A by 0.15")


def test_seeds_that_were_set_are_not_asked_for() -> None:
    runs = [a_run("A", seed, 0.8 + 0.01 * seed) for seed in range(3)]
    few = [*runs, a_run("B", 0, 0.79), *(a_run("B", seed, None, "diverged") for seed in (1, 2))]
    said = comparison_words(a_study(few), "s")
    assert said == "By validation accuracy, A and B cannot be told apart: they have only 1 run in common."
    alone = comparison_words(a_study([a_run("A", 0, 0.8), a_run("B", 0, 0.79)]), "s")
    assert str(alone).endswith("set seeds = 3 or more.")


def test_ties_at_the_worst_are_not_beyond_the_axis() -> None:
    assert metric_scale("m", [0.9] * 4 + [0.8] * 4, higher_is_better=True).num_clipped == 0
    values = [0.9, 0.91, 0.92, 0.9, 0.93, 0.9, 0.91, 0.92, 0.9, 0.91, 0.9, 0.1]
    assert metric_scale("m", values, higher_is_better=True).num_clipped == 1


@pytest.mark.parametrize(("objective", "unit"), [("autoencoder", "squared error per pixel"), ("supervised", "minutes")])
def test_errors_are_minutes_only_where_times_are_read(objective: str, unit: str) -> None:
    settings = {"data": {"name": "clocks"}, "model": {"family": "mlp"}, "train": {"objective": objective}}
    run = a_run("A", 0, None, quantity=CLOCK, settings=settings, metrics={"test_error": 0.02})
    assert shared_units([run], ["test_error"]) == {"test_error": unit}
    published = Published("s", {}, {"test_error": 0.02}, "a paper")
    (row,) = published_table(replace(a_study([run]), published=(published,)))
    assert (row.in_hours is not None) is (unit == "minutes")


def test_a_trial_that_diverged_was_run() -> None:
    published = Published("s", {}, {"test_accuracy": 0.9}, "a paper")
    for status, said in (("diverged", "diverged"), ("waiting", "not run")):
        (row,) = published_table(replace(a_study([a_run("A", 0, None, status)]), published=(published,)))
        assert row.missing == said


def test_places_of_a_machine_with_spaces_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/J. Doe")
    assert "Doe" not in without_places("/home/J. Doe/My Data/cats")
    assert without_places("r1 is in /data/x/runs but y is in /data/z/w") == "r1 is in runs but y is in w"
    assert without_places("/mnt/ada/a.png and /mnt/ada/b.png differ") == "a.png and b.png differ"


@pytest.mark.parametrize(("shape", "expected"), [((1, 32, 96), (3, 43, 128)), ((3, 50, 50), (3, 128, 128))])
def test_pictures_with_readings_keep_their_proportions(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    drawn = with_readings(np.zeros(shape, np.uint8), value=3, predicted=400, quantity=CLOCK)
    assert drawn.shape == expected and drawn.max() > 0


def test_what_is_spoken_of_figures_is_what_they_show() -> None:
    trial = a_study([a_run("A", 0, 0.5)]).trials("s")[0]
    assert (_mean_words(trial, "test_accuracy"), _mean_words(trial, "val_accuracy")) == ("–", "0.5000")
    runs = tuple(np.array([0.1, last]) for last in (0.2, 0.4, 0.6))
    assert end_of(Curve("A", validation=runs)) == (2, pytest.approx(0.4))


def test_captions_at_the_edges() -> None:
    only_plain = {"trials": np.array(["plain"]), "noises": np.array(["none"]), "levels": np.array([0.2])}
    scores = {"psnr": np.array([[10.0], [12.0]]), "ssim": np.array([[0.1], [0.2]])}
    assert verdict(only_plain | scores)[0] == "PSNR: plain is best at 0.2; no trial learned to denoise."
    columns = {"designs": ["a"], "sources": [""], "labels": [10], "accuracy": [0.5], "spread": [0.1]}
    more = {"num_runs": [2], "seconds": [1.0], "before": [np.nan]}
    assert "other runs" not in _table_caption({name: np.array(one) for name, one in (columns | more).items()})
    uneven = [a_run(trial, seed, 0.5) for trial, num in (("A", 3), ("B", 1), ("C", 5)) for seed in range(num)]
    assert _stage_summary(a_study(uneven), "s").startswith("3 trials, 9 runs")


def test_no_command_is_suggested_that_would_fail() -> None:
    """Of a kind of the user's own that cannot be imported here, or offers nothing."""
    assert command_of_run(a_run("A", 0, 0.5)) is None
