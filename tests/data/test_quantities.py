"""Numbers on a circle as labels: read from arrays and tables, split evenly, refused in one line where they are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from papilio.data.load import load_images
from papilio.data.quantities import CLOCK, Quantity
from papilio.errors import DataError, SettingError


def save(folder: Path, labels: np.ndarray, *, side: int = 8) -> dict[str, Path]:
    images = np.random.default_rng(0).integers(0, 256, (len(labels), side, side), dtype=np.uint8)
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)
    return {"name_or_path": folder / "images.npy", "labels": folder / "labels.npy"}


def test_hours_and_minutes_are_minutes_on_a_dial(tmp_path: Path) -> None:
    """As the clock images of Leiden are published: (18000, 2), [hour 0-11, minute 0-59]."""
    times = np.arange(720)
    images = load_images(**save(tmp_path, np.stack([times // 60, times % 60], axis=1)))
    assert images.quantity == CLOCK and images.num_classes == 0
    assert images.labels.dtype == np.float64 and np.array_equal(images.labels, times)
    noon = load_images(**save(tmp_path, np.array([[12, 0], [0, 30], [11, 59]])))
    assert noon.labels.tolist() == [0, 30, 719]


def test_numbers_with_a_period_are_brought_onto_the_circle(tmp_path: Path) -> None:
    images = load_images(**save(tmp_path, np.array([-90.0, 0.0, 359.5, 360.0, 725.0, -1e-20])), period=360, unit="°")
    assert images.quantity == Quantity(360.0, "°")
    assert images.labels.tolist() == [270, 0, 359.5, 0, 5, 0]
    whole = load_images(**save(tmp_path, np.arange(24)), period=24)
    assert whole.labels.dtype == np.float64 and whole.labels.max() == 23


def test_splits_take_as_much_of_every_stretch_of_the_circle(tmp_path: Path) -> None:
    values = np.random.default_rng(1).uniform(0, 360, 6000)
    images = load_images(**save(tmp_path, values, side=1), period=360, test=0.2, validation=0.1)
    for chosen, share in ((images.test, 0.2), (images.validation, 0.08), (images.train, 0.72)):
        counts, _ = np.histogram(images.labels[chosen], bins=12, range=(0, 360))
        everything, _ = np.histogram(values, bins=12, range=(0, 360))
        assert np.abs(counts / everything - share).max() < 0.03
    part = images.fraction(0.1)
    assert len(part.labels) == pytest.approx(600, abs=60)
    folds = [images.fold(number, of=4, seed=0) for number in range(1, 5)]
    assert sorted(np.concatenate([fold.validation for fold in folds])) == sorted(
        np.concatenate([images.train, images.validation])
    )


def test_the_same_values_with_another_period_are_another_set(tmp_path: Path) -> None:
    files = save(tmp_path, np.array([0.1, 0.2, 0.3, 0.4, 0.5]))
    assert load_images(**files, period=1).checksum != load_images(**files, period=2).checksum


@pytest.mark.parametrize(
    ("labels", "settings", "complaint"),
    [
        (
            np.array([0.5, 1.5]),
            {},
            r"labels are float64 \(2,\); for classes, give integers .* set its length: period = 360",
        ),
        (
            np.array([[12, 60], [0, 0]]),
            {},
            r"two numbers per image are \[hour 0-11, minute 0-59\], and some of these are out of range",
        ),
        (np.array([[1, 15], [0, 0]]), {"period": 360}, "whose period is 720: leave out period"),
        (np.array([[1, 5], [0, 0]]), {}, r"all from 0 to 5: set period = 720 if they are \[hour, minute\]"),
        (np.array([[0.5, 1.0], [1.0, 0.0]]), {"period": 2}, "expected one number per image"),
        (np.array([0.5, np.nan]), {"period": 2}, "some are not numbers"),
        (np.array([0.5]), {"period": 2}, "for 2 images"),
    ],
)
def test_wrong_labels_are_one_line(tmp_path: Path, labels: np.ndarray, settings: dict, complaint: str) -> None:
    files = save(tmp_path, np.zeros(2))
    np.save(tmp_path / "labels.npy", labels)
    with pytest.raises(DataError, match=complaint):
        load_images(**files, **settings)
    with pytest.raises(SettingError, match="period = 0: must be above 0"):
        load_images(**files, period=0)


def write_pictures(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        Image.new("L", (10, 8), 20 * number).save(folder / name)


def test_times_in_a_table_have_no_other_period(tmp_path: Path) -> None:
    """The period was ignored, and 17:00 the same as 05:00."""
    write_pictures(tmp_path / "clocks", ["a.png", "b.png"])
    table = tmp_path / "labels.csv"
    table.write_text("file,time\na.png,05:00\nb.png,17:00\n")
    with pytest.raises(DataError, match=r"times are on a dial of 720 minutes: leave out period = 1440"):
        load_images(tmp_path / "clocks", labels=table, period=1440)
    assert load_images(tmp_path / "clocks", labels=table, period=720).quantity == CLOCK


def test_a_folder_with_a_table_of_values(tmp_path: Path) -> None:
    write_pictures(tmp_path / "gauges", ["a.png", "b.png", "c.png"])
    table = tmp_path / "labels.csv"
    table.write_text("file,bearing\nb.png, 359.5\na.png,-10\n\nc.png,180\n")
    images = load_images(tmp_path / "gauges", labels=table, period=360, unit="°")
    assert images.images.shape == (3, 1, 8, 10)
    assert images.images[:, 0, 0, 0].tolist() == [20, 0, 40]
    assert images.labels.tolist() == [359.5, 350, 180]
    table.write_text("a.png,5:33\nb.png,17:00\nc.png,12:05\n")
    times = load_images(tmp_path / "gauges", labels=table)
    assert times.quantity == CLOCK and times.labels.tolist() == [333, 300, 5]


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("", "no rows; each row is a picture's file and its class or value"),
        ("file,value\na.png,ten\n", "line 2: 'ten' is not a number"),
        ("a.png\n", "line 1: 'a.png' has no value"),
        ("a.png,25:00\n", "line 1: 25:00 is not a time of day"),
        ("nowhere.png,3\n", r"gauges: 1 picture cannot be read: nowhere.png \(No such file"),
        ("a.png,inf\n", "line 1: 'inf' is not a number"),
    ],
)
def test_a_wrong_table_is_one_line_with_its_place(tmp_path: Path, table: str, complaint: str) -> None:
    write_pictures(tmp_path / "gauges", ["a.png"])
    (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(DataError, match=complaint):
        load_images(tmp_path / "gauges", labels=tmp_path / "labels.csv", period=360)


def test_numbers_without_a_period_say_what_to_add(tmp_path: Path) -> None:
    write_pictures(tmp_path / "gauges", ["a.png"])
    (tmp_path / "labels.csv").write_text("a.png,3.5\n")
    with pytest.raises(DataError, match="period = 360 for degrees"):
        load_images(tmp_path / "gauges", labels=tmp_path / "labels.csv")
    with pytest.raises(DataError, match="period needs numeric labels, but this set has classes; leave"):
        load_images("digits", period=360)


def test_values_in_words() -> None:
    assert CLOCK.words(0) == "12:00" and CLOCK.words(719.4) == "11:59" and CLOCK.words(61) == "01:01"
    assert Quantity(360, "°").words(7) == "7.0°"
    assert CLOCK.distance_words(0.44) == "0.4 min" and CLOCK.distance_words(182) == "3 h 2 min"


def test_small_errors_are_shares_of_the_period() -> None:
    assert Quantity(200.0).small_errors == {"within_1_percent": 2.0, "within_5_percent": 10.0}
    assert CLOCK.small_errors == {"within_1_min": 1.0, "within_5_min": 5.0, "within_15_min": 15.0}
