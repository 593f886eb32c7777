"""Reading a number off a user's own picture: which part is looked at, and how sure the answer is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from papilio.data.pictures import Window, read_picture, read_windows
from papilio.data.quantities import CLOCK, Quantity
from papilio.errors import DataError
from papilio.runs.reading import JITTERS, Calibration, agree, read_looks

ANGLE = Quantity(360.0, "°")


def ramp_picture(path: Path, *, width: int, height: int) -> Path:
    """Brightness grows from left to right."""
    values = np.broadcast_to(np.linspace(0, 255, width).round(), (height, width)).astype(np.uint8)
    Image.fromarray(values).save(path)
    return path


def test_windows_are_where_they_say(tmp_path: Path) -> None:
    picture = ramp_picture(tmp_path / "wide.png", width=200, height=100)
    shape = (1, 50, 50)
    windows = [Window(), Window(along=0.0), Window(along=1.0), Window(is_whole=True), Window(scale=0.5), Window(x=0.25)]
    found = [window.astype(int) for window in read_windows(picture, shape=shape, windows=windows)]
    middle, left, right, whole, closer, aside = found
    assert np.abs(middle - read_picture(picture, shape=shape)).max() <= 1
    assert (middle[0, 0, 0], middle[0, 0, -1]) == pytest.approx((64, 191), abs=3)
    assert (left[0, 0, 0], left[0, 0, -1]) == pytest.approx((0, 127), abs=3)
    assert (right[0, 0, 0], right[0, 0, -1]) == pytest.approx((128, 255), abs=3)
    assert (whole[0, 25, 0], whole[0, 25, -1]) == pytest.approx((0, 255), abs=5)
    assert np.array_equal(whole[0, 0], whole[0, 25])  # above and below, the rim goes on
    assert (closer[0, 0, 0], closer[0, 0, -1]) == pytest.approx((96, 159), abs=3)
    assert (aside[0, 0, 0], aside[0, 0, -1]) == pytest.approx((96, 223), abs=3)


def test_a_square_picture_has_no_ends(tmp_path: Path) -> None:
    square = read_looks(ramp_picture(tmp_path / "square.png", width=100, height=100), shape=(1, 40, 40))
    wide = read_looks(ramp_picture(tmp_path / "wide.png", width=200, height=100), shape=(1, 40, 40))
    assert len(square) == 2 and len(wide) == 5
    assert all(look.shape == (len(JITTERS), 1, 40, 40) and look.dtype == np.uint8 for look in wide)
    (tmp_path / "none.png").write_text("no picture")
    with pytest.raises(DataError, match=r"none\.png: not a picture that can be read"):
        read_looks(tmp_path / "none.png", shape=(1, 40, 40))


def test_nine_in_ten_are_within_what_a_calibration_says() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0, 1, 8000)
    errors = np.abs(rng.normal(0, 30 * (1.05 - confidence)))
    known = Calibration.of(confidence[:4000], errors[:4000])
    assert len(known.within) == 10 and known.within == sorted(known.within)
    told = np.array([known.error(one, period=360.0) for one in confidence[4000:]])
    assert np.mean(errors[4000:] <= told) == pytest.approx(0.9, abs=0.03)
    for low in (0.0, 0.5, 0.9):  # in every part of the range, not only on the whole
        part = (confidence[4000:] >= low) & (confidence[4000:] < low + 0.1)
        assert np.mean((errors[4000:] <= told)[part]) > 0.8
    assert known.error(-0.1, period=360.0) == 90.0  # less sure than the net ever was
    same = Calibration.of(np.ones(500), errors[:500])
    assert len(same.within) == 1 and same.error(1.0, period=360.0) == pytest.approx(np.quantile(errors[:500], 0.9))


def look(values: list[float], confidence: float) -> tuple[np.ndarray, np.ndarray]:
    return np.array(values), np.full(len(values), confidence)


def test_the_middle_is_read_unless_another_part_is_read_more_surely() -> None:
    known = {"confidence": [0.9, 0.5], "within": [2.0, 6.0]}
    middle, side = look([10, 11, 9, 10, 10], 0.9), look([50, 50, 51, 50, 49], 0.92)
    found = agree("photo.jpg", [middle, side], ANGLE, known)
    assert found.value == 10 and found.within == 2 and found.is_sure
    assert found.cells() == ["photo.jpg", "10.0° ± 2.0°", "0.90", ""]
    scattered = look([10, 100, 200, 300, 30], 0.9)
    assert agree("photo.jpg", [scattered, side], ANGLE, known).value == 50
    plain = found.as_plain()
    assert plain["label"] == "10.0°" and plain["is_sure"] and plain["within"] == 2.0


def test_what_is_not_known_is_said() -> None:
    known = {"confidence": [0.9, 0.5], "within": [1.0, 45.0]}
    unsure = agree("a.png", [look([100.0] * 5, 0.6)], CLOCK, known)
    assert not unsure.is_sure and unsure.cells() == ["a.png", "01:40 ± 0:45", "0.60", "not sure"]
    never_so_unsure = agree("a.png", [look([100.0] * 5, 0.3)], CLOCK, known)
    assert not never_so_unsure.is_sure and never_so_unsure.within == 180
    scattered = agree("a.png", [look([0.0, 700.0, 300.0, 500.0, 200.0], 0.99)], CLOCK, known)
    assert not scattered.is_sure and scattered.within > 150
    across_midnight = agree("a.png", [look([719.0, 1.0, 0.0, 0.0, 718.0], 0.99)], CLOCK, known)
    assert across_midnight.is_sure and across_midnight.label == "12:00" and across_midnight.within <= 2
