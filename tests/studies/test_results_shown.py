"""Results as a prompt and a notebook show them: short, escaped, with pictures; and as a DataFrame."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from tiny import tiny

import papilio as product
from papilio.data.imageset import ImageSet
from papilio.errors import RunError, SettingError, StudyError
from papilio.results.results import StudyResults

FINISHED = Path(__file__).parents[1] / "compatibility" / "folders" / "finished"
PROMPT_LETTERS = 400  # that a repr may have


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    folder = tmp_path_factory.mktemp("shown") / "finished"
    shutil.copytree(FINISHED, folder)
    return product.read_results(folder)


def elements(html: str) -> ElementTree.Element:
    """Raises where a tag is left open, or a text is not escaped."""
    return ElementTree.fromstring(html)


def test_every_object_that_users_meet_is_short_at_a_prompt(results: StudyResults) -> None:
    stage = results.stages[0]
    (trial, *_) = results.ranked(stage)
    assert results.best is not None
    shown = [results, trial, results.best, product.load_run(results.best.folder), product.load_images("digits")]
    for one in shown:
        assert len(repr(one)) < PROMPT_LETTERS and repr(one).startswith(f"<{type(one).__name__} ")
    assert results.title in repr(results) and trial.name in repr(trial) and stage in repr(trial)
    assert str(results.best.folder) in repr(results.best)


def test_html_is_whole_escaped_and_has_the_numbers(results: StudyResults) -> None:
    wild = replace(results, study={**results.study, "title": "<script>alert(1)</script> & more"})
    html = wild._repr_html_()
    assert "<script" not in html and "&lt;script&gt;" in html
    page = elements(html)
    (trial, *_) = results.ranked(results.stages[0])
    cells = [cell.text for cell in page.iter("td")]
    assert trial.name in cells
    assert any(f"{trial.mean('test_accuracy'):.4f}" in str(cell) for cell in cells)
    rows = list(elements(trial._repr_html_()).iter("tr"))
    assert len(rows) == 1 + len(trial.runs) + (len(trial.finished) > 1)


def test_a_run_shows_its_figures_small_and_an_image_set_its_classes(results: StudyResults) -> None:
    run = results.best
    assert run is not None
    assert not list(elements(run._repr_html_()).iter("img"))
    (results.folder / "figures").mkdir(exist_ok=True)
    Image.new("RGB", (3000, 2000), "white").save(results.folder / "figures" / f"mine-{run.name}-confusion.png")
    (results.folder / "figures" / f"mine-{run.name}-torn.png").write_bytes(b"torn")
    for shown in (run, product.load_run(run.folder)):
        (picture,) = elements(shown._repr_html_()).iter("img")
        assert picture.get("alt") == "confusion" and len(str(picture.get("src"))) < 20_000
    digits = product.load_images("digits")
    labels = [picture.get("alt") for picture in elements(digits._repr_html_()).iter("img")]
    assert labels == list(digits.class_names)  # in their order, whichever comes first among the images
    backwards = product.load_images(digits.images[::-1][:40], digits.labels[::-1][:40])
    names = [picture.get("alt") for picture in elements(backwards._repr_html_()).iter("img")]
    assert names == [name for name in backwards.class_names if name in names]
    assert len(digits._repr_html_()) < 20_000


def test_image_sets_of_every_kind_are_shown() -> None:
    colored = np.zeros((3, 3, 300, 200), np.uint8)
    order = np.arange(3)
    empty = np.array([], np.int64)
    nameless = ImageSet("<a>", colored, np.zeros(3, np.int64), (), order, empty, empty, "drawn")
    assert len(list(elements(nameless._repr_html_()).iter("img"))) == 3
    assert "no labels" in repr(nameless) and "300×200 RGB" in repr(nameless)
    none = ImageSet("none", colored[:0], np.zeros(0, np.int64), (), empty, empty, empty, "drawn")
    assert not list(elements(none._repr_html_()).iter("img"))


def test_a_data_frame_has_the_rows_and_columns_of_the_table(results: StudyResults) -> None:
    frame = results.to_frame()
    header = (results.folder / "results.csv").read_text().splitlines()[0].split(",")
    assert list(frame["run"]) == [run.name for run in results.runs]
    assert set(frame.columns) == set(header)
    assert list(frame["seed"]) == [run.seed for run in results.runs] and str(frame["seed"].dtype) == "Int64"
    by_trial = frame.groupby("trial")["test_accuracy"].mean()
    (best, *_) = results.ranked(results.stages[0])
    assert by_trial[best.name] == pytest.approx(best.mean("test_accuracy"))


def test_pandas_is_imported_by_to_frame_alone(results: StudyResults) -> None:
    script = f"import sys, papilio; r = papilio.read_results({str(results.folder)!r}); print('pandas' in sys.modules); "
    script += "r._repr_html_(); print('pandas' in sys.modules); r.to_frame(); print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "False", "True"], done.stderr


def test_misspelt_stages_and_metrics_are_refused_with_the_nearest(results: StudyResults) -> None:
    stage = results.stages[0]
    for ask in (results.trials, results.ranked, results.ranking, results.quantities):
        with pytest.raises(SettingError, match=f"did you mean {stage}"):
            ask(f"{stage}t")
    (trial, *_) = results.trials(stage)
    for ask in (trial.mean, trial.spread, trial.values):
        with pytest.raises(SettingError, match="did you mean test_accuracy"):
            ask("test_acuracy")
    with pytest.raises(SettingError, match=r"allowed are .*val_loss"):
        trial.mean("speed")


def test_a_stage_that_has_not_begun_has_no_trials_and_a_metric_of_other_trials_no_mean(tmp_path: Path) -> None:
    later = {"name": "later", "from": "first"}
    study = tiny(stage=[{"name": "first", "seeds": 1}, later], train__epochs=1)
    results = product.run_study(study, out=tmp_path / "out", is_silent=True)
    half = replace(results, runs=tuple(run for run in results.runs if run.stage == "first"))
    assert half.trials("later") == [] and half.ranked("later") == []
    (trial,) = half.trials("first")
    waiting = replace(trial, runs=tuple(replace(run, status="waiting", metrics={}) for run in trial.runs))
    assert waiting.mean("test_accuracy") is None


def test_compare_takes_folders_results_and_runs_and_shows_the_table_of_the_command(results: StudyResults) -> None:
    assert results.best is not None
    comparison = product.compare([results, str(results.folder), results.best])
    assert len(comparison.columns) == 3 and len(repr(comparison)) < PROMPT_LETTERS
    cells = [str(cell.text) for cell in elements(comparison._repr_html_()).iter("td")]
    assert any(cell.endswith("(n=1)") for cell in cells) and "training time" in cells
    with pytest.raises(RunError, match="a list of two or more"):
        product.compare(str(results.folder))  # pyright: ignore[reportArgumentType]


def test_a_plan_shows_its_trials_and_time() -> None:
    plan = product.plan_study(tiny(), is_silent=True)
    assert repr(plan).startswith("<StudyPreview 'Tiny': 4 of 4 runs to train: ") and len(repr(plan)) < PROMPT_LETTERS
    cells = [cell.text for cell in elements(plan._repr_html_()).iter("td")]
    assert cells[:6] == ["first", "dropout 0.0", "2", "0", "3", "1,210"]


def test_a_notebook_shows_of_an_error_the_users_own_lines_and_the_message() -> None:
    with pytest.raises(StudyError) as caught:
        product.run_study(tiny(train__epoch=3))
    lines = caught.value._render_traceback_()
    assert lines[-1] == "StudyError: the study: train.epoch is not a setting; did you mean epochs?"
    assert (
        "test_results_shown.py" in lines[0]
        and "product.run_study(tiny(train__epoch=3))" in lines[0]
        and len(lines) == 2
    )


def test_trials_of_all_stages_need_no_name(results: StudyResults) -> None:
    assert results.trials() == [one for stage in results.stages for one in results.trials(stage)] != []


def test_one_set_of_results_alone_is_not_compared(results: StudyResults) -> None:
    with pytest.raises(RunError, match="compare needs a list of two or more"):
        product.compare(results)  # pyright: ignore[reportArgumentType]
