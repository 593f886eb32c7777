"""Arrays in `.npy` files, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from image_files import some_images

from papilio.data.load import load_images
from papilio.errors import DataError

NUM = 12


def write(folder: Path, images: np.ndarray, labels: np.ndarray) -> dict[str, Path]:
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)
    return {"name_or_path": folder / "images.npy", "labels": folder / "labels.npy"}


GREY = some_images(NUM, (1, 4, 5), num_classes=3, seed=0)[0][:, 0]
LABELS = np.arange(NUM) % 3


def test_all_orders_of_axes_give_the_same_images(tmp_path: Path) -> None:
    images, labels = some_images(NUM, (3, 4, 5), num_classes=3, seed=0)
    orders = [images, images.transpose(0, 2, 3, 1), np.asfortranarray(images)]
    sets = []
    for number, order in enumerate(orders):
        (tmp_path / str(number)).mkdir()
        sets.append(load_images(**write(tmp_path / str(number), order, labels)))
    assert all(np.array_equal(one.images, images) for one in sets)
    assert len({one.checksum for one in sets}) == 1


def test_grey_images_stay_in_the_file(tmp_path: Path) -> None:
    images = load_images(**write(tmp_path, GREY, LABELS))
    assert isinstance(images.images, np.memmap) and not images.images.flags.writeable
    assert images.class_names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("images", "labels", "complaint"),
    [
        (GREY.astype(np.float32), LABELS, r"images are float32 \(12, 4, 5\), expected uint8"),
        (GREY[0], LABELS, r"images are uint8 \(4, 5\), expected uint8 \(num, height, width\)"),
        (GREY[:, None, None], LABELS, r"images are uint8 \(12, 1, 1, 4, 5\)"),
        (np.zeros((NUM, 4, 5, 2), np.uint8), LABELS, "no axis has 1 or 3 channels"),
        (np.zeros((NUM, 3, 5, 3), np.uint8), LABELS, "either axis 1 or axis 3 may be the channels"),
        (GREY[:0], LABELS[:0], r"images are uint8 \(0, 4, 5\)"),
        (GREY, LABELS[:-1], r"labels are int64 \(11,\) for the 12 images"),
        (GREY, LABELS.astype(float), "labels are float64"),
        (GREY, LABELS - 1, "labels go from -1 to 1"),
        (GREY, LABELS * 0, "labels go from 0 to 0"),
        (GREY, LABELS * 1000, "labels go from 0 to 2000 for 12 images"),
        (GREY, np.stack([LABELS] * 3, axis=1), r"expected integers \(12,\), or \(12, 2\) for \[hour, minute\]"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, images: np.ndarray, labels: np.ndarray, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        load_images(**write(tmp_path, images, labels))
    assert "\n" not in str(caught.value) and ".npy" in str(caught.value)


@pytest.mark.parametrize("which", ["images.npy", "labels.npy"])
@pytest.mark.parametrize("length", [0, 5, 30, 130, 140])
def test_arrays_cut_short_are_refused(tmp_path: Path, which: str, length: int) -> None:
    given = write(tmp_path, GREY, LABELS)
    (tmp_path / which).write_bytes((tmp_path / which).read_bytes()[:length])
    with pytest.raises(DataError, match=rf"{which}: cannot be read as \.npy .*write it again"):
        load_images(**given)


@pytest.mark.parametrize("position", [0, 6, 8, 20, 40, 60])
def test_damaged_headers_are_refused(tmp_path: Path, position: int) -> None:
    given = write(tmp_path, GREY, LABELS)
    content = bytearray((tmp_path / "images.npy").read_bytes())
    content[position] ^= 0x5A
    (tmp_path / "images.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"images\.npy"):
        load_images(**given)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "labels.npy", LABELS)
    with pytest.raises(DataError, match=r"images\.npy: cannot be read as \.npy"):
        load_images(tmp_path / "images.npy", labels=tmp_path / "labels.npy")


def test_labels_that_are_not_there_are_refused(tmp_path: Path) -> None:
    given = write(tmp_path, GREY, LABELS)
    with pytest.raises(DataError, match="are not there"):
        load_images(given["name_or_path"], labels=tmp_path / "none.npy")
