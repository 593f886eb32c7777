"""The runs that come with Papilio: made by a bundled study, small, found by name, and as good as they are said to be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import papilio as product
from in_process import papilio
from papilio.data.rendering.clocks import ClockRenderer
from papilio.data.scaling import Color, convert_images
from papilio.errors import RunError
from papilio.offers.dials import QuantityPrediction
from papilio.runs.run import Run
from papilio.runs.shipped import find_run, shipped_runs
from papilio.search.expected import plan_runs
from papilio.studies.study import load_study

STUDIES = {
    "clock": "clock-best",
    "fashion-features": "features",
    "mnist-features": "features",
}  # stages are named alike
MOST_BYTES = 8e6


@pytest.fixture(scope="module")
def clock() -> Run:
    return product.load_run("clock")


@pytest.mark.parametrize("name", list(shipped_runs()))
def test_a_bundled_study_makes_it_again(name: str) -> None:
    run = product.load_run(name)
    (plan,) = [plan for plan in plan_runs(load_study(STUDIES[name])) if plan.stage == name]
    assert run.facts.run == plan.name  # which has the fingerprint of all settings
    assert run.facts.settings == plan.settings.plain()
    assert run.facts.status == "done" and len(run.records) == run.facts.epochs
    assert sum(file.stat().st_size for file in run.folder.iterdir()) < MOST_BYTES


def drawn(variety: str, num: int, *, size: int = 150, color: Color = "grey") -> tuple[list[np.ndarray], np.ndarray]:
    """Freshly drawn clocks, uint8, and the minutes that they show; no such seed was trained on."""
    renderer = ClockRenderer(variety, size=size, seed=4711, color=color)
    minutes = np.random.default_rng(0).integers(0, 720, num)
    return [renderer.draw(number, float(minute)) for number, minute in enumerate(minutes)], minutes


def apart(values: np.ndarray, minutes: np.ndarray) -> np.ndarray:
    return np.abs((values - minutes + 360) % 720 - 360)


def test_the_clock_reads_its_default_set(clock: Run) -> None:
    """docs/results has the whole measurement; this is that the weights in the package are those."""
    pictures, minutes = drawn("plain", 150)
    images = convert_images(np.stack(pictures)[:, None], size=(75, 75), color="grey")
    errors = apart(clock.read(images)[0], minutes)
    assert np.median(errors) < 1
    assert np.mean(errors < 30) > 0.97


def test_nine_in_ten_intervals_hold_also_on_kinds_of_clocks_kept_aside(clock: Run, tmp_path: Path) -> None:
    pictures, minutes = drawn("aside", 40, size=200, color="rgb")
    found = []
    for number, picture in enumerate(pictures):
        # of another shape, with a border that belongs to no clock
        canvas = np.full((230 + 20 * (number % 3), 260, 3), 120, dtype=np.uint8)
        canvas[10:210, 40:240] = picture
        Image.fromarray(canvas).save(tmp_path / f"{number}.jpg", quality=90)
        (one,) = clock.predict([tmp_path / f"{number}.jpg"])
        assert isinstance(one, QuantityPrediction)
        found.append(one)
    errors = apart(np.array([one.value for one in found]), minutes)
    is_within = errors <= np.array([one.within for one in found]) + 0.5
    is_sure = np.array([one.is_sure for one in found])
    assert is_sure.mean() > 0.3  # many are small, blurred, dark, without numerals
    assert np.mean(errors[is_sure] < 5) > 0.85
    assert is_within.mean() > 0.7  # of 40


def test_predict_needs_no_training_and_a_folder_of_that_name_can_be_named(tmp_path: Path) -> None:
    (picture,), (minute,) = drawn("plain", 1, size=480)
    Image.fromarray(picture).save(tmp_path / "photo.png")
    done = papilio("predict", "clock", "photo.png", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (read,) = json.loads(done.stdout)
    assert apart(np.array(read["value"]), minute) < 5
    (tmp_path / "clock").mkdir()
    own = papilio("predict", "./clock", "photo.png", folder=tmp_path)
    assert (own.returncode, own.stderr.count("\n")) == (2, 1)
    assert "clock: not a run folder" in own.stderr


def test_a_run_that_is_nowhere_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"^nothing: no such folder.*: clock, fashion-features, mnist-features$"):
        find_run("nothing")
    with pytest.raises(RunError, match=r"^clocks: no such folder.* did you mean clock\?$"):
        find_run("clocks")
    assert find_run(tmp_path) == tmp_path
