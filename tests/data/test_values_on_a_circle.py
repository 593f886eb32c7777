"""Sets that show numbers on a circle: what is wrong with a table of them, and what is told of their values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from in_process import papilio
from papilio.data.check import check_images
from papilio.data.load import load_images
from papilio.errors import DataError, SettingError
from papilio.targets.quantity import make_design

RNG = np.random.default_rng(7)


def dials(folder: Path, values: list[str], *, repeated: bool = False) -> Path:
    """A folder of pictures, and its table of values; with `repeated` the last picture has the pixels of the first."""
    folder.mkdir()
    pixels = RNG.integers(0, 255, (len(values), 8, 8), dtype=np.uint8)
    pixels[-1] = pixels[0] if repeated else pixels[-1]
    for number, one in enumerate(pixels):
        Image.fromarray(one).save(folder / f"{number}.png")
    table = folder / "labels.csv"
    table.write_text("".join(f"{number}.png,{value}\n" for number, value in enumerate(values)))
    return folder


@pytest.mark.parametrize(("seed", "is_told"), [(0, True), (1, False)])
def test_values_drawn_as_the_splits_are_told_of(seed: int, is_told: bool) -> None:
    """The usual generator with the usual seed gave the lowest values to the test split, and a test error of 30 beside 2."""
    values = np.random.default_rng(0).uniform(0, 360, 200)
    images = load_images(np.zeros((200, 8, 8), np.uint8), values, period=360, seed=seed)
    assert any("set data.seed to a value other than 0" in note for note in images.notes) is is_told
    gap = abs(float(np.median(images.labels[images.test]) - np.median(images.labels[images.train])))
    assert (gap > 100) is is_told


def test_one_mistyped_time_makes_no_classes(tmp_path: Path) -> None:
    folder = dials(tmp_path / "set", ["5:15", "6:30", "5.30", "7:45"])
    with pytest.raises(
        DataError, match=r"line 3: .*5\.30.* is not a time, although most values in the table are; write times as 5:30"
    ):
        load_images(folder, folder / "labels.csv")


@pytest.mark.parametrize("value", ["nan", "1e400", "-inf"])
def test_numbers_that_are_none_are_named_by_their_line(tmp_path: Path, value: str) -> None:
    folder = dials(tmp_path / "set", ["10", value, "20"])
    with pytest.raises(DataError, match=f"line 2: .*{value}.* is not a number"):
        load_images(folder, folder / "labels.csv", period=360)


def test_one_picture_with_two_values_is_found(tmp_path: Path) -> None:
    """With few images all values were in one stretch of the circle, so that nothing could contradict anything."""
    folder = dials(tmp_path / "set", [*map(str, range(0, 180, 6)), "180"], repeated=True)
    findings = {one.kind: one for one in check_images(folder, labels=folder / "labels.csv", period=360)}
    assert findings["labels"].severity == "warning"
    assert findings["labels"].message == "1 picture has more than one value, 0.0 and 180.0"
    assert "imbalance" not in findings and "missing classes" not in findings
    sound = dials(tmp_path / "sound", [*map(str, range(0, 180, 6)), "360"], repeated=True)
    findings = {one.kind: one for one in check_images(sound, labels=sound / "labels.csv", period=360)}
    assert findings["labels"].message == "no picture has two values"


def test_a_unit_without_a_period_is_refused(tmp_path: Path) -> None:
    """It stood in the study, and nowhere else."""
    with pytest.raises(SettingError, match=r"unit = .*bar.*: is for numbers on a circle: set period, too"):
        load_images("gauges", unit="bar", render={"num": 20})
    np.savez(tmp_path / "a.npz", x=np.zeros((9, 8, 8), np.uint8), y=np.arange(9))
    with pytest.raises(DataError, match="leave out one of the two"):
        load_images(tmp_path / "a.npz", labels="none", period=360)


def test_what_a_set_shows_is_told_in_words() -> None:
    said = papilio("data", "info", "gauges").stdout
    assert "a number on a circle, from 0 to below 133.333" in said and "is_time" not in said


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ({"name": "harmonics", "weights": [1, -1]}, "weights: must be 0 or more, and one of them above 0"),
        (
            {"name": "two_heads", "coarse_weight": 0, "fine_weight": 0},
            "weights: must be 0 or more, and one of them above 0",
        ),
        ({"num": 3}, "a table needs a name; one of regression"),
    ],
)
def test_designs_that_cannot_be_learned_are_refused(target: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SettingError, match=complaint):
        make_design(target, 720.0)
