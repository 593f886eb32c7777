"""Arrays by name in `.npz` files."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from papilio.data.load import load_images
from papilio.errors import DataError

RNG = np.random.default_rng(0)


def part(num: int, side: int = 6) -> tuple[np.ndarray, np.ndarray]:
    return RNG.integers(0, 255, (num, side, side), dtype=np.uint8), np.arange(num) % 3 + 1


TRAIN, VALIDATION, TEST = part(30), part(9), part(12)


@pytest.mark.parametrize("names", ["x_{0} y_{0}", "X_{0} Y_{0}", "{0}_images {0}_labels", "{0}_x {0}_y"])
def test_splits_are_kept(tmp_path: Path, names: str) -> None:
    keys = [name.format(split) for split in ("train", "val", "test") for name in names.split()]
    arrays: dict[str, Any] = dict(zip(keys, [*TRAIN, *VALIDATION, *TEST], strict=True))
    np.savez_compressed(tmp_path / "set.npz", **arrays)
    images = load_images(tmp_path / "set.npz")
    assert images.class_names == ("1", "2", "3")
    for split, (pixels, labels) in zip(
        (images.train, images.validation, images.test), (TRAIN, VALIDATION, TEST), strict=True
    ):
        assert np.array_equal(images.images[split, 0], pixels) and np.array_equal(images.labels[split] + 1, labels)


def test_a_set_without_splits_is_split(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", images=TRAIN[0], labels=np.array(["a", "b", "c", "d"])[TRAIN[1]])
    images = load_images(tmp_path / "set.npz", test=0.2)
    assert images.class_names == ("b", "c", "d") and len(images.test) == 6
    assert load_images(tmp_path / "set.npz", labels="none").facts.shows == "nothing"


def test_values_on_a_circle(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", images=TRAIN[0], labels=np.linspace(0, 300, 30))
    assert load_images(tmp_path / "set.npz", period=360, unit="°").quantity is not None


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"a": TRAIN[0], "b": TRAIN[1]}, "its arrays are a, b; expected are images and labels, or x_train"),
        ({"x_train": TRAIN[0]}, 'no labels for x_train; .* or set labels = "none"'),
        ({"x_train": TRAIN[0], "y_train": TRAIN[1][1:]}, r"y_train has 29 labels for the 30 images of x_train"),
        (
            {"x_train": TRAIN[0], "y_train": TRAIN[1], "x_test": part(6, side=7)[0], "y_test": part(6)[1]},
            r"its splits differ in shape .*\(1, 6, 6\), \(1, 7, 7\)",
        ),
        ({"images": np.array([{}] * 9), "labels": TRAIN[1][:9]}, "holds Python objects, which are never unpacked"),
        ({}, "its arrays are none"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, arrays: dict[str, Any], complaint: str) -> None:
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(DataError, match=rf"set\.npz.*: .*{complaint}") as caught:
        load_images(tmp_path / "set.npz")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", [0, 10, 200, 900])
def test_damaged_files_are_refused(tmp_path: Path, length: int) -> None:
    np.savez_compressed(tmp_path / "set.npz", images=TRAIN[0], labels=TRAIN[1])
    (tmp_path / "set.npz").write_bytes((tmp_path / "set.npz").read_bytes()[:length])
    with pytest.raises(DataError, match=r"set\.npz: cannot be read as \.npz .*; write it again"):
        load_images(tmp_path / "set.npz")


def test_more_than_the_bytes_hold_is_not_allocated(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 1000, 1000)})
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as archive:
        archive.writestr("images.npy", header.getvalue())
        archive.writestr("labels.npy", header.getvalue())
    with pytest.raises(DataError, match="in its header, more than its 128 bytes"):
        load_images(tmp_path / "set.npz")


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "set.npz", images=np.zeros((300, 1000, 1000), np.uint8), labels=np.arange(300) % 2)
    with pytest.raises(DataError, match=r"unpacks to .* bytes or more, at most"):
        load_images(tmp_path / "set.npz")


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ({"y_val": range(20), "y_test": range(10)}, "y_val has 20 labels for the 10 images of x_val"),
        ({"y_val": np.zeros((10, 2), int), "y_test": range(20)}, "its labels differ in shape: y_train is (30,), y_val"),
        ({"y_val": range(10), "y_test": 3}, "y_test has one label for the 20 images of x_test"),
    ],
)
def test_labels_of_one_split_are_not_those_of_another(tmp_path: Path, labels: dict[str, Any], complaint: str) -> None:
    """Only their sum was checked: half of the test images had labels of validation images. Other shapes were a traceback."""
    images = {f"x_{split}": np.zeros((num, 8, 8), np.uint8) for split, num in SIZES.items()}
    arrays = {"y_train": np.arange(30) % 3} | {name: np.asarray(values) for name, values in labels.items()}
    np.savez(tmp_path / "a.npz", **images, **arrays)
    with pytest.raises(DataError) as caught:
        load_images(tmp_path / "a.npz")
    assert complaint in str(caught.value)


def test_labels_in_a_column_and_in_a_row_go_together(tmp_path: Path) -> None:
    images = {f"x_{split}": np.zeros((num, 8, 8), np.uint8) for split, num in SIZES.items()}
    labels = {f"y_{split}": np.arange(num) % 3 for split, num in SIZES.items()}
    np.savez(tmp_path / "UPPER.NPZ", **images, **(labels | {"y_train": labels["y_train"][:, None]}))
    (tmp_path / "UPPER.NPZ.npz").rename(tmp_path / "UPPER.NPZ")
    found = load_images(tmp_path / "UPPER.NPZ")
    assert found.labels.tolist() == np.concatenate(list(labels.values())).tolist() and len(found.test) == 20


SIZES = {"train": 30, "val": 10, "test": 20}
