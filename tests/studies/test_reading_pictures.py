"""Reading a number off a user's own picture: which part is looked at, and how sure the answer is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from papilio.data.pictures import read_picture, read_whole_picture
from papilio.data.quantities import CLOCK, Quantity
from papilio.data.scaling import Window, cut
from papilio.errors import DataError
from papilio.offers.dials import JITTERS, Calibration, Look, agree, look_at

ANGLE = Quantity(360.0, "°")


def ramp_picture(path: Path, *, width: int, height: int) -> Path:
    """Brightness grows from left to right."""
    values = np.broadcast_to(np.linspace(0, 255, width).round(), (height, width)).astype(np.uint8)
    Image.fromarray(values).save(path)
    return path


def test_windows_are_where_they_say(tmp_path: Path) -> None:
    file = ramp_picture(tmp_path / "wide.png", width=200, height=100)
    picture = read_whole_picture(file, channel=1)
    windows = [Window(), Window(x=-0.5), Window(x=0.5), Window(is_whole=True), Window(scale=0.5), Window(x=0.25)]
    middle, left, right, whole, closer, aside = (cut(picture, window, (50, 50)).astype(int) for window in windows)
    assert np.abs(middle - read_picture(file, shape=(1, 50, 50))).max() <= 1
    assert (middle[0, 0, 0], middle[0, 0, -1]) == pytest.approx((64, 191), abs=3)
    assert (left[0, 0, 0], left[0, 0, -1]) == pytest.approx((0, 127), abs=3)
    assert (right[0, 0, 0], right[0, 0, -1]) == pytest.approx((128, 255), abs=3)
    assert (whole[0, 25, 0], whole[0, 25, -1]) == pytest.approx((0, 255), abs=5)
    assert np.array_equal(whole[0, 0], whole[0, 25])  # above and below, the rim goes on
    assert (closer[0, 0, 0], closer[0, 0, -1]) == pytest.approx((96, 159), abs=3)
    assert (aside[0, 0, 0], aside[0, 0, -1]) == pytest.approx((96, 223), abs=3)


class Finder:
    """Reads 10 and is sure of it by how much of what it is shown is bright: it looks for the brightest part."""

    def __init__(self) -> None:
        self.shown: list[int] = []

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert images.dtype == np.uint8 and images.shape[1:] == (1, 40, 40)
        self.shown.append(len(images))
        return np.full(len(images), 10.0), images.mean(axis=(1, 2, 3)) / 255


def looks_at(path: Path, *, is_inverted: bool = False) -> list[Look]:
    """By one that reads and, at a glance, sees the same."""
    return look_at(path, Finder(), glance=Finder(), shape=(1, 40, 40), is_inverted=is_inverted)


@pytest.mark.parametrize(("width", "height", "x", "y"), [(200, 100, 170, 30), (90, 300, 40, 260), (120, 120, 20, 100)])
def test_a_small_thing_anywhere_is_found(tmp_path: Path, width: int, height: int, x: int, y: int) -> None:
    values = np.zeros((height, width), dtype=np.uint8)
    side = round(0.36 * min(width, height))
    top, left = min(max(0, y - side // 2), height - side), min(max(0, x - side // 2), width - side)
    values[top : top + side, left : left + side] = 255
    Image.fromarray(values).save(tmp_path / "spot.png")
    read, glance = Finder(), Finder()
    looks = look_at(tmp_path / "spot.png", read, glance=glance, shape=(1, 40, 40), is_inverted=False)
    middle, best = looks[0].confidence.mean(), max(looks, key=lambda look: look.confidence.mean())
    assert middle < 0.2
    assert best.confidence.mean() > 0.6  # the steps of the search do not meet it exactly
    assert (looks[0].scale, best.scale) == (1.0, 0.36)
    assert read.shown == [len(JITTERS)] * len(looks)
    assert len(glance.shown) == 1 and glance.shown[0] > 20  # all parts, seen at once
    inverted = looks_at(tmp_path / "spot.png", is_inverted=True)
    assert inverted[0].confidence.mean() > 0.8


def test_a_square_picture_is_its_own_middle(tmp_path: Path) -> None:
    square = looks_at(ramp_picture(tmp_path / "square.png", width=100, height=100))
    wide = looks_at(ramp_picture(tmp_path / "wide.png", width=200, height=100))
    assert len(wide) == len(square) + 1  # all of it
    (tmp_path / "none.png").write_text("no picture")
    with pytest.raises(DataError, match=r"none\.png: not a readable picture"):
        looks_at(tmp_path / "none.png")


def test_a_large_photo_and_a_tiny_picture_are_looked_at_in_color(tmp_path: Path) -> None:
    def read(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert images.shape[1:] == (3, 30, 40)
        return np.zeros(len(images)), np.ones(len(images))

    for number, size in enumerate([(1200, 1600), (5, 3), (1, 1), (9000, 2)]):
        Image.new("RGB", size, (200, 30, 30)).save(tmp_path / f"{number}.png")
        looks = look_at(tmp_path / f"{number}.png", read, glance=read, shape=(3, 30, 40), is_inverted=False)
        assert len(looks) >= 5


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


def look(values: list[float], confidence: float, scale: float = 1.0) -> Look:
    return Look(np.array(values), np.full(len(values), confidence), scale)


def test_the_middle_is_read_unless_another_part_is_read_more_surely() -> None:
    known = {"confidence": [0.9, 0.5], "within": [2.0, 6.0]}
    middle, side = look([10, 11, 9, 10, 10], 0.9), look([50, 50, 51, 50, 49], 0.92, scale=0.72)
    found = agree("photo.jpg", [middle, side], ANGLE, known)
    assert found.value == 10 and found.within == 2 and found.is_sure
    assert found.cells() == ["photo.jpg", "10.0° ± 2.0°", "0.90", ""]
    scattered = look([10, 100, 200, 300, 30], 0.9)
    assert agree("photo.jpg", [scattered, side], ANGLE, known).value == 50
    equal = look([50, 50, 51, 50, 49], 0.9)
    assert agree("photo.jpg", [look([10] * 5, 0.9), equal], ANGLE, known).value == 10
    plain = found.as_plain()
    assert plain["label"] == "10.0°" and plain["is_sure"] and plain["within"] == 2.0


def test_readings_that_agree_are_averaged_and_strays_left_out() -> None:
    known = {"confidence": [0.5], "within": [1.0]}
    found = agree("a.png", [look([718.0, 1.0, 2.0, 719.0, 300.0], 0.9)], CLOCK, known)
    assert found.value == pytest.approx(0.0)
    assert found.within > 100  # one of five is far off
    assert agree("a.png", [look([100.0, 101.0, 103.0], 0.9)], CLOCK, known).value == pytest.approx(101 + 1 / 3)


def test_a_small_part_has_to_be_read_more_surely() -> None:
    known = {"confidence": [0.95, 0.3], "within": [2.0, 6.0]}
    unsure, small, mark = look([10] * 5, 0.4), look([50] * 5, 0.95, scale=0.36), look([70] * 5, 0.65, scale=0.36)
    taken = agree("photo.jpg", [unsure, small, mark], ANGLE, known)
    assert taken.value == 50 and taken.is_sure
    kept = agree("photo.jpg", [unsure, mark], ANGLE, known)
    assert kept.value == 10 and not kept.is_sure
    alone = agree("photo.jpg", [look([0, 90, 180, 270, 300], 0.1), mark], ANGLE, known)
    assert alone.value == 70 and alone.within == 6 and not alone.is_sure  # where a larger part so read would be sure
    assert agree("photo.jpg", [look([70] * 5, 0.65)], ANGLE, known).is_sure


def test_how_sure_a_net_usually_is_counts_as_sure() -> None:
    """Of very many classes none is probable, even where the net is right."""
    known = {"confidence": [0.3, 0.25, 0.2, 0.1], "within": [2.0, 2.0, 2.5, 9.0]}
    assert agree("photo.jpg", [look([10] * 5, 0.25)], ANGLE, known).is_sure
    assert not agree("photo.jpg", [look([10] * 5, 0.12)], ANGLE, known).is_sure


def test_without_validation_images_no_reading_is_sure() -> None:
    """It was told as exact as five looks at the picture agree, ± 0."""
    found = agree("photo.jpg", [look([10] * 5, 0.9)], ANGLE, None)
    assert found.value == 10 and found.within == 90 and not found.is_sure


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


def test_who_is_less_sure_is_not_told_as_nearer() -> None:
    confidence = np.linspace(1, 0, 80).astype(np.float32)
    found = Calibration.of(confidence, np.where(confidence > 0.5, 5.0, 1.0))
    assert found.within == [5.0, 5.0]
