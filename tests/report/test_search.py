"""What the page says and draws of a search."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import study_folders
from pages import Page

from papilio.drawing import search_figures
from papilio.drawing.figure_files import Pictures
from papilio.drawing.palette import LINES
from papilio.drawing.scales import metric_scale, setting_scale
from papilio.kinds.ranking import Direction, Ranking, Standing
from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.sections.page import write_report
from papilio.sections.result_tables import best_first
from papilio.sections.search_sections import _most_epochs, comparison_words, search_section
from papilio.settings.train_settings import TrainSettings


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return study_folders.search_study(tmp_path_factory.mktemp("pruned"), num_trials=90, rungs=(2, 5))


@pytest.fixture(scope="module")
def page(pruned: StudyResults) -> Page:
    return Page(write_report(pruned).read_text())


def test_a_pruned_run_that_leaves_its_epochs_to_the_default_would_have_had_those(pruned: StudyResults):
    """It ended the report with a traceback."""
    settings = dict(pruned.runs[0].settings)
    settings["train"] = {name: value for name, value in settings["train"].items() if name != "epochs"}
    assert _most_epochs(settings) == TrainSettings().epochs


def test_each_setting_has_a_column(page: Page):
    header = page.all("thead")[0].text.split()
    assert header[:7] == ["Rank", "learning", "rate", "dropout", "filters", "optimizer", "momentum"]
    rows = [row for row in page.all("tr") if row.inside[-1] == "tbody" and row.text.split()[0].isdigit()]
    assert [row.text.split()[0] for row in rows[:3]] == ["1", "2", "3"]
    assert "adam –" in re.sub(r"\s+", " ", rows[0].text)  # no momentum
    assert len(rows[0].text.split()) == len(rows[1].text.split()) + 1  # the tag, best


def test_what_all_trials_have_alike_has_no_column_but_a_sentence(page: Page):
    """Columns that say the same in every row pushed the metrics out of sight."""
    assert re.search(r"Each trial has 1 run and [\d,]+ parameters\.", re.sub(r"\s+", " ", page.text))
    header = page.all("thead")[0].text.split()
    assert "Runs" not in header and "Parameters" not in header and header[-1] == "Time"


def test_trials_that_were_cut_are_not_in_the_table_and_are_not_unfinished(page: Page, pruned: StudyResults):
    num_ranked = len(pruned.ranked("search"))
    assert num_ranked == 10
    assert f"{90 - num_ranked} more trials in results.csv" in page.text
    assert not page.with_class("banner")
    assert "10 of 90 done, 80 pruned" in page.text


def test_trials_that_were_pruned_last_come_before_the_others(pruned: StudyResults):
    """The curves color the best ones: in the study's order, a trial pruned at once had a color, and a better one had none."""
    behind = best_first(pruned, "search")[10:]
    epochs = [max(run.epochs for run in trial.runs) for trial in behind]
    assert epochs == [5] * 20 + [2] * 60
    reached = [max(record["val_accuracy"] for record in trial.runs[0].records) for trial in behind]
    assert reached[:20] == sorted(reached[:20], reverse=True) and reached[20:] == sorted(reached[20:], reverse=True)


def test_what_cutting_saved(page: Page):
    # 60 trials of 2 epochs, 20 of 5, 10 of 12, in place of 90 of 12
    assert "80 of 90 trials were pruned: 340 epochs trained instead of 1,080, 69% fewer." in page.text


def test_the_survivors_are_counted_epoch_by_epoch(
    pruned: StudyResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    drawn = {}
    original = search_figures.survivors

    def spy(epochs: np.ndarray, num_left: np.ndarray, *, width: float):
        drawn.update(zip(epochs.tolist(), num_left.tolist(), strict=True))
        return original(epochs, num_left, width=width)

    monkeypatch.setattr(search_figures, "survivors", spy)
    search_section(pruned, "search", name="search", pictures=Pictures(tmp_path))
    assert [drawn[epoch] for epoch in (0, 1, 2, 4, 5, 12)] == [90, 90, 30, 30, 10, 10]


def test_importance_slices_and_parallel_coordinates_are_there(page: Page, pruned: StudyResults):
    names = {path.stem for path in (pruned.folder / "figures").glob("*.svg")}
    assert {f"1-search-{kind}" for kind in ("importance", "parallel", "slices", "pruning")} < names
    labels = [str(one.attributes.get("aria-label")) for one in page.all("svg") if one.attributes.get("aria-label")]
    (importance, _) = [label for label in labels if label.startswith("Importance")]
    assert importance.startswith("Importance of settings: learning rate")
    assert "functional ANOVA over 90 trials. Pruned trials count with the value they had reached." in page.text


def test_a_few_trials_are_no_search(tmp_path: Path):
    results = study_folders.search_study(tmp_path, num_trials=3, num_seeds=3, keys=("train.learning_rate",))
    found = search_section(results, "search", name="search", pictures=Pictures(tmp_path / "figures"))
    assert (found.importance, found.without_importance, found.parallel, found.slices, found.pruning) == (None,) * 5
    assert found.comparison is not None


def test_trials_without_a_search_have_none_of_it(tmp_path: Path):
    page = Page(write_report(study_folders.classification_study(tmp_path)).read_text())
    assert "Which settings matter" not in page.text
    assert "Pruned trials" not in page.text


def test_too_few_trials_for_importance_are_said(tmp_path: Path):
    results = study_folders.search_study(tmp_path, num_trials=7, keys=("train.learning_rate", "model.dropout"))
    page = Page(write_report(results).read_text())
    assert "Importance was not estimated: it needs at least 8 finished trials (there are 7)." in page.text


def test_thousands_of_trials_stay_a_small_page(tmp_path: Path):
    results = study_folders.search_study(tmp_path, num_trials=1500, rungs=(1, 3), epochs=6)
    page = Page(write_report(results).read_text())
    assert len(page.source) < 2_000_000
    assert "Drawn: 300 of 1,500 trials" in page.text
    assert "functional ANOVA over 500 trials" in page.text


class TestComparison:
    """Of the best trial with the next one."""

    def words(
        self, values: dict[str, list[float]], *, num_folds: int | None = None, direction: Direction = "max"
    ) -> str | None:
        runs = tuple(
            self.run(trial, value, index=index, num_folds=num_folds, direction=direction)
            for trial, given in values.items()
            for index, value in enumerate(given)
        )
        results = StudyResults(Path(), {"stage": [{"name": "s"}]}, {}, runs)
        return comparison_words(results, "s")

    def run(
        self, trial: str, value: float, *, index: int, num_folds: int | None, direction: Direction = "max"
    ) -> RunResult:
        seed, fold = (index // num_folds, index % num_folds + 1) if num_folds else (index, None)
        return RunResult(
            name=f"{trial}-{index}", stage="s", trial=trial, seed=seed, fold=fold, varied={}, status="done", reason=None,
            epochs=1, best_epoch=1, metrics={"val_accuracy": value}, parameters=None, seconds=1.0, folder=Path(), settings={},
            standing=Standing(Ranking("val_accuracy", direction)),
        )  # fmt: skip

    def test_one_run_a_trial_cannot_tell(self):
        text = self.words({"a": [0.9], "b": [0.8]})
        assert text == "One run per trial cannot tell a and b apart by validation accuracy: set seeds = 3 or more."

    def test_a_clear_lead(self):
        text = self.words({"a": [0.91, 0.93, 0.92], "b": [0.81, 0.82, 0.82]})
        assert text is not None
        assert text.startswith("Over 3 paired runs, a beats b by 0.1033 in validation accuracy (95% interval ")
        assert "biased" not in text

    def test_a_lead_that_may_be_chance(self):
        text = self.words({"a": [0.91, 0.83, 0.92], "b": [0.86, 0.90, 0.82], "c": [0.1, 0.1, 0.1]})
        assert text is not None
        assert text.startswith("Over 3 paired runs, a and b are not significantly different: they differ by 0.0267")
        assert text.endswith("The best of 3 was selected on these numbers, so its lead is biased upwards.")

    def test_less_can_be_better(self):
        text = self.words({"a": [0.31, 0.33, 0.32], "b": [0.41, 0.42, 0.42]}, direction="min")
        assert text is not None
        assert text.startswith("Over 3 paired runs, a beats b by 0.0967")

    def test_folds_are_corrected_for(self):
        values = {"a": [0.91, 0.93, 0.92, 0.90, 0.93], "b": [0.90, 0.925, 0.90, 0.897, 0.91]}
        folds, seeds = self.words(values, num_folds=5), self.words(values)
        assert folds is not None
        assert seeds is not None
        assert "a beats b" in seeds
        assert "are not significantly different" in folds
        assert "overlapping training sets" in folds

    def test_equal_differences_allow_no_test(self):
        assert "have the same validation accuracy" in str(self.words({"a": [0.9, 0.8], "b": [0.9, 0.8]}))
        text = str(self.words({"a": [0.91, 0.81], "b": [0.9, 0.8]}))
        assert "a is ahead of b by 0.0100 in validation accuracy in every pair: equal differences allow no test" in text

    def test_runs_are_paired_by_seed(self):
        runs = [self.run("a", value, index=index, num_folds=None) for index, value in enumerate((0.91, 0.84, 0.88))]
        others = [self.run("b", value, index=index, num_folds=None) for index, value in enumerate((0.90, 0.80, 0.87))]
        lost = replace(others[1], status="diverged", metrics={})
        results = StudyResults(Path(), {}, {}, (*runs, others[0], lost, others[2]))
        assert isinstance(results.ranked("s")[0], TrialResult)
        assert "Over 2 paired runs" in str(comparison_words(results, "s"))

    def test_there_must_be_two(self):
        assert self.words({"a": [0.9, 0.8]}) is None


class TestScales:
    """Where values lie on an axis."""

    def test_wide_ranges_are_logarithmic(self):
        scale = setting_scale("rate", [1e-4, 1e-3, 1e-2])
        assert scale.places.tolist() == pytest.approx([-4, -3, -2])
        assert [text for _, text in scale.ticks] == ["0.0001", "0.001", "0.01"]
        assert setting_scale("rate", [0.2, 0.1, 0.4]).places.tolist() == [0.2, 0.1, 0.4]

    def test_the_study_says_what_is_logarithmic(self):
        space = {"low": 0.01, "high": 0.1, "log": True}
        assert setting_scale("rate", [0.01, 0.1], space=space).places.tolist() == pytest.approx([-2, -1])
        assert setting_scale("rate", [0.001, 0.5], space={"low": 0.0, "high": 0.6}).places.tolist() == [0.001, 0.5]

    def test_names_stand_in_the_studys_order(self):
        values = [[64, 128], [16, 32], [32, 64]]
        scale = setting_scale("filters", values, space=[[16, 32], [32, 64], [64, 128]])
        assert scale.places.tolist() == [2, 0, 1]
        assert [text for _, text in scale.ticks] == ["16-32", "32-64", "64-128"]

    def test_booleans_are_names(self):
        assert [text for _, text in setting_scale("batch_norm", [True, False]).ticks] == ["false", "true"]

    @pytest.mark.parametrize("values", [[0.5, None, 0.9], ["a", None, "b"]])
    def test_what_is_not_set_lies_below(self, values: list[object]):
        scale = setting_scale("momentum", values)
        assert scale.ticks[0][1] == "not set"
        assert scale.places[1] == scale.places.min() == scale.ticks[0][0]
        assert scale.places[1] < scale.places[0] < scale.places[2]

    def test_few_bad_trials_do_not_take_the_metrics_axis(self):
        values = [0.98 - index / 2000 for index in range(30)] + [0.1]
        scale = metric_scale("accuracy", values, higher_is_better=True)
        assert scale.ends[0] > 0.9
        assert scale.places[-1] == scale.ends[0]
        assert metric_scale("loss", [1 - value for value in values], higher_is_better=False).ends[1] < 0.1

    @pytest.mark.parametrize("values", [[0.5], ["a"], [0.5, 0.5, None]])
    def test_shares_stay_within_the_axis(self, values: list[object]):
        shares = setting_scale("one", values).shares()
        assert ((shares >= 0) & (shares <= 1)).all()


def test_the_best_trials_have_the_colors_of_the_curves(page: Page, pruned: StudyResults):
    for kind in ("parallel", "slices", "val-accuracy"):
        svg = (pruned.folder / "figures" / f"1-search-{kind}.svg").read_text()
        assert all(color in svg for color in LINES[:5])
        assert LINES[5] not in svg
