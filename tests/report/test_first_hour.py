"""What readers of a report look for first: images, settings, effects, possible numbers, links, and no paths of a machine."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import study_folders
from pages import Page

from papilio.analysis.image_samples import read_image_samples, write_image_samples
from papilio.analysis.spreads import spread_of
from papilio.data.load import load_images
from papilio.drawing import figures
from papilio.files import without_places
from papilio.results.reading import read_results
from papilio.results.results import StudyResults, TrialResult
from papilio.sections.page import write_report
from papilio.sections.search_sections import effects_table
from papilio.sections.setting_rows import shared_settings

RATES = (0.0, 0.3)


def grid_study(folder: Path, **study: Any) -> StudyResults:
    """A grid of three filters, two dropouts and two rates with two seeds; dropout does nothing, the rate a lot."""
    plans = []
    for filters, dropout, rate, seed in itertools.product(([8], [16], [32]), RATES, (0.001, 0.01), (0, 1)):
        varied = {"model.filters": filters, "model.dropout": dropout, "train.learning_rate": rate}
        trial = f"filters {filters[0]}, dropout {dropout}, learning_rate {rate}"
        plan = study_folders.plan(stage="grid", trial=trial, seed=seed, varied=varied)
        end = 0.9 + 0.05 * (rate == 0.01) + 0.001 * seed + 0.002 * (filters == [16])
        study_folders.write_run(
            folder, plan,
            metrics={"val_accuracy": end, "test_accuracy": min(end + 0.045 + 0.004 * seed, 1.0), "test_loss": 0.3 * seed},
            records=study_folders.learning_records(end=end, epochs=4, seed=seed),
        )  # fmt: skip
        plans.append(plan)
    return study_folders.write_study(folder, plans, **study)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return grid_study(tmp_path_factory.mktemp("grid"))


@pytest.fixture(scope="module")
def page(results: StudyResults) -> Page:
    return Page(write_report(results).read_text())


def test_intervals_stay_possible(results: StudyResults):
    for trial in results.trials("grid"):
        for metric, (low, high) in {"test_accuracy": (0, 1), "val_accuracy": (0, 1), "test_loss": (0, 99)}.items():
            spread = spread_of(trial, metric)
            assert spread and spread.interval
            ends = [float(end) for end in spread.interval.split(" to ")]
            assert low <= ends[0] <= ends[1] <= high, f"{metric}: {spread.interval}"
    lowest = spread_of(results.trials("grid")[0], "test_loss")
    assert lowest and lowest.half_width and lowest.mean < lowest.half_width  # so it was cut


@pytest.mark.parametrize("train", [{"loss": "mine:loss"}, {"objective": "vae"}, {"objective": "read"}])
def test_some_losses_may_be_negative(results: StudyResults, train: dict[str, str]):
    """The user's own, and the negative logarithm of a density."""
    (trial, *_) = results.trials("grid")
    runs = []
    for run in trial.runs:
        settings = json.loads(json.dumps(run.settings))
        settings["train"] |= train
        runs.append(type(run)(**{**vars(run), "settings": settings}))
    spread = spread_of(TrialResult(trial.stage, trial.name, trial.varied, tuple(runs)), "test_loss")
    assert spread and spread.interval and spread.interval.startswith("−")


def test_best_is_marked_where_trials_have_columns_and_in_the_table_of_runs(results: StudyResults, page: Page):
    tags = page.with_class("tag")
    assert [tag.text for tag in tags] == ["best", "best"]
    ranks = [one for one in page.with_class("rank") if "best" in one.text]
    assert [one.text.split()[0] for one in ranks] == ["1"]


def test_settings_that_all_runs_share_are_told_with_their_defaults(results: StudyResults, page: Page):
    found = shared_settings(results)
    assert found
    first = dict(found.first)
    assert first["Epochs"] == "12" and first["Batch size"] == "128" and first["Augmentation"] == "none"
    assert first["Optimizer"].startswith("adam, betas 0.9 and 0.999") and first["Optimizer"].endswith(
        "; learning rate differs between trials"
    )
    assert first["Precision"] == "float32"
    assert dict(found.others)["data.unit"] == "none"  # not an empty cell
    assert "model.dropout" not in dict(found.others) and dict(found.others)["train.objective"] == "supervised"
    (section,) = [one for one in page.all("section") if one.attributes["id"] == "settings"]
    assert "128" in section.text and "data.seed" in section.text


def test_main_effects_say_whether_a_setting_helps(results: StudyResults, page: Page):
    table = effects_table(results, "grid")
    assert table
    rows = {row[:2]: row for row in table.rows}
    assert rows["learning rate", "0.01"][3] == "+0.0500" and rows["learning rate", "0.01"][-2] == "6"
    assert rows["dropout", "0.3"][3] == "0.0000" and rows["dropout", "0.3"][-1] == "no"
    assert rows["filters", "16"][3] == "+0.0020"
    assert "Main effects" in page.text


def test_named_trials_that_are_combined_with_what_varies_are_a_setting_of_the_main_effects(tmp_path: Path):
    plans = []
    for name, rate, seed in itertools.product(("plain", "deep"), (0.001, 0.01), (0, 1)):
        varied, trial = {"train.learning_rate": rate}, f"{name}, learning_rate {rate}"
        plan = study_folders.plan(stage="grid", trial=trial, seed=seed, varied=varied)
        end = 0.9 + 0.05 * (name == "deep") + 0.01 * (rate == 0.01) + 0.001 * seed
        study_folders.write_run(
            tmp_path,
            plan,
            metrics={"val_accuracy": end},
            records=study_folders.learning_records(end=end, epochs=2, seed=0),
        )
        plans.append(plan)
    table = effects_table(study_folders.write_study(tmp_path, plans), "grid")
    assert table
    rows = {row[:2]: row for row in table.rows}
    assert rows["trial", "deep"][3] == "+0.0500" and rows["trial", "deep"][-2] == "2"
    assert rows["learning rate", "0.01"][3] == "+0.0100"


def test_only_grids_have_main_effects(tmp_path: Path):
    stage = [
        {"name": "grid", "sampler": {"name": "random", "seed": 0}, "trials": 12, "vary": {"model.dropout": [0.0, 0.3]}}
    ]
    assert effects_table(grid_study(tmp_path, stage=stage), "grid") is None


def test_keys_are_spelled_out_and_numbers_have_one_form(page: Page):
    assert "learning_rate" not in page.with_class("headline")[0].text
    assert "learning rate 0.01" in re.sub(r"\s+", " ", page.with_class("headline")[0].text)
    ticks = [one.text.strip() for one in page.all("text")]
    assert "0.0" in ticks and "0.3" in ticks  # as in the table, not 0 here and 0.0 there


def test_the_page_links_to_the_files_next_to_it(page: Page):
    links = {one.attributes.get("href") for one in page.all("a")}
    assert links >= {"study.toml", "results.csv", "figures/", "runs/", "environment.json"}


def test_no_path_of_the_machine_is_on_the_page(tmp_path: Path):
    results = grid_study(tmp_path / "deep" / "grid")
    file = results.folder / "environment.json"
    facts = json.loads(file.read_text())
    facts["command"] = f"papilio run {tmp_path}/deep/grid.toml --out {results.folder}"
    facts["data"][0] |= {"name": str(tmp_path / "digits"), "origin": f"{tmp_path}/digits: 1,797 pictures"}
    file.write_text(json.dumps(facts))
    text = write_report(read_results(results.folder)).read_text()
    assert str(tmp_path) not in text
    assert "papilio run grid.toml --out grid" in text


@pytest.mark.parametrize("text", ["accuracy 1/2", "https://example.org/a/b", "Linux 6.1", "a and/or b", "runs/RUN/x"])
def test_what_is_no_path_of_a_machine_stays(text: str):
    assert without_places(text) == text


def test_training_time_is_said_to_be_a_sum(page: Page):
    (facts, *_) = page.with_class("facts")
    assert re.search(r"Training time\s.*sum over all runs", facts.text, re.DOTALL)


def test_the_switch_says_what_it_does(page: Page):
    (script,) = page.all("script")
    assert "Switch to light" in script.text and "Switch to dark" in script.text
    (button,) = page.all("button")
    assert "hidden" in button.attributes  # without scripts there is none


def test_images_are_shown_by_class(tmp_path: Path):
    results = grid_study(tmp_path)
    images = load_images("digits")
    file = results.folder / "environment.json"
    facts = json.loads(file.read_text())
    facts["data"][0] |= {"checksum": images.checksum}
    file.write_text(json.dumps(facts))
    write_image_samples(results.folder, [images])
    page = Page(write_report(read_results(results.folder)).read_text())
    shown = [one.attributes["alt"] for one in page.all("img")]
    assert shown == [f"9 training images of {name}" for name in images.class_names]


def test_image_samples_are_of_their_class_and_small(tmp_path: Path):
    images = load_images("digits")
    write_image_samples(tmp_path, [images])
    (arrays,) = read_image_samples(tmp_path).values()
    assert arrays["names"].tolist() == list(images.class_names) and arrays["shown"].all()
    for label, pixels in enumerate(arrays["images"]):
        of_class = images.images[images.train[images.labels[images.train] == label]]
        np.testing.assert_array_equal(pixels, of_class[: len(pixels)])
    large = load_images(np.zeros((12, 300, 200), dtype=np.uint8), np.arange(12) % 3)
    write_image_samples(tmp_path, [large])
    (arrays,) = read_image_samples(tmp_path).values()
    assert arrays["images"].shape[2:] == (1, 64, 43)


def test_sets_without_labels_and_with_numbers_have_samples_too(tmp_path: Path):
    pixels = np.arange(40 * 64, dtype=np.uint8).reshape(40, 8, 8)
    write_image_samples(tmp_path, [load_images(pixels), load_images(pixels, np.arange(40.0), period=360, unit="°")])
    without, numbers = read_image_samples(tmp_path).values()
    assert without["names"].tolist() == [""] * 12
    first = without["images"][:, 0, 0, 0, 0].astype(int)  # of a folder, files lie by name: the first ones look alike
    assert first.max() - first.min() > 100
    values = [float(name.removesuffix("°")) for name in numbers["names"]]
    assert values == sorted(values) and values[-1] - values[0] > 20


def test_damaged_samples_are_left_out(tmp_path: Path):
    (tmp_path / "image-samples.npz").write_bytes(b"damaged")
    assert read_image_samples(tmp_path) == {} and read_image_samples(tmp_path / "nowhere") == {}


def test_few_bands_are_drawn_and_outliers_are_clipped_and_said():
    curves = [figures.Curve(f"{number}", (np.linspace(0.1, 0.9, 5), np.linspace(0.2, 0.95, 5))) for number in range(6)]
    axes = figures.learning_curves(curves, metric="Accuracy", higher_is_better=True).axes[0]
    assert len([one for one in axes.collections if "Poly" in type(one).__name__]) == figures.MOST_BANDS
    means = [(0.95,), (0.94,), (0.93,), (0.92,), (0.91,), (0.1,)]
    panel = figures.Panel("Accuracy", tuple(means), ((),) * 6)
    axes = figures.trial_comparison(list("abcdef"), [panel]).axes[0]
    assert axes.get_xlim()[0] > 0.8 and axes.get_xlabel() == figures.CLIPPED
    usual = figures.Panel("Accuracy", tuple(means[:5]), ((),) * 5)
    assert figures.trial_comparison(list("abcde"), [usual]).axes[0].get_xlabel() == ""


def test_bars_end_where_the_metric_does():
    panel = figures.Panel("Accuracy", ((0.9, 1.0, 1.0),), ((),), limits=(0.0, 1.0))
    (axes,) = figures.trial_comparison(["a"], [panel]).axes
    assert max(float(np.max(line.get_xdata())) for line in axes.lines if len(line.get_xdata())) <= 1.0
