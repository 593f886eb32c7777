"""Arrays in `.npy` files, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import some_images

from papilio.data.handed_over import with_kept_arrays
from papilio.data.load import load_images
from papilio.data.quantities import CLOCK
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


def test_floats_may_leave_0_to_1_by_less_than_half_a_level(tmp_path: Path) -> None:
    images = (GREY / 255).astype(np.float32)
    images[0, 0, :3] = -1e-9, 1 + 1e-6, 1.0019
    assert load_images(**write(tmp_path, images, LABELS)).images[0, 0, 0, :3].tolist() == [0, 255, 255]
    images[0, 0, 1] = 1.003
    with pytest.raises(DataError, match="expected 0 to 1"):
        load_images(**write(tmp_path, images, LABELS))


def test_grey_images_stay_in_the_file(tmp_path: Path) -> None:
    images = load_images(**write(tmp_path, GREY, LABELS))
    assert isinstance(images.images, np.memmap) and not images.images.flags.writeable
    assert images.class_names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("images", "labels", "complaint"),
    [
        (
            GREY.astype(np.float32),
            LABELS,
            r"images are float32 \(12, 4, 5\), from \d+ to 2\d\d, expected 0 to 1; divide them by 255",
        ),
        (GREY - 3.0, LABELS, "expected 0 to 1; bring them to 0 to 1"),
        (GREY * np.uint16(300), LABELS, "expected 0 to 255; set bits = 16 for values up to 65,535"),
        (GREY.astype(int) - 300, LABELS, "expected 0 to 255; bring them to 0 to 255"),
        (np.where(GREY > 200, np.nan, 0.5), LABELS, "some values are not numbers"),
        (GREY.astype(complex), LABELS, "images are complex128"),
        (
            GREY[0],
            LABELS,
            r"images are uint8 \(4, 5\), expected \(num, height, width\), .*one image, pass images\[None\]",
        ),
        (np.zeros((NUM, 64)), LABELS, r"each row is an image, pass images\.reshape\(-1, 8, 8\); .*images\[None\]"),
        (np.zeros((NUM, 48)), LABELS, r"each row is an image, pass images\.reshape\(-1, 4, 4, 3\)"),
        (GREY[:, :, :] / 255 * 16, LABELS, r"from 0 to 1[56].*divide them by the value that is white in them"),
        (GREY / 255 * 2 - 1, LABELS, r"\(images \+ 1\) / 2"),
        (GREY[:, None, None], LABELS, r"images are uint8 \(12, 1, 1, 4, 5\)"),
        (np.zeros((NUM, 4, 5, 2), np.uint8), LABELS, "no axis has 1 or 3 channels"),
        (np.zeros((NUM, 3, 5, 3), np.uint8), LABELS, "either axis 1 or axis 3 may be the channels"),
        (GREY[:0], LABELS[:0], r"images are uint8 \(0, 4, 5\)"),
        (GREY, LABELS[:-1], r"labels are int64 \(11,\) for 12 images"),
        (GREY, LABELS.astype(float), "labels are float64"),
        (GREY, LABELS * 0, "all are 0; at least two classes are needed"),
        (GREY, np.arange(NUM), "12 different values for 12 images are not classes"),
        (GREY, np.stack([LABELS] * 3, axis=1), r"row 0 is not one-hot .*labels\.argmax"),
        (GREY, np.eye(3)[LABELS] * 0.9, "row 0 is not one-hot"),
        (GREY, np.eye(3)[LABELS * 0], "all images have the same class"),
        (GREY, LABELS[:, None, None], r"labels are int64 \(12, 1, 1\), expected integers or words"),
        (GREY, np.array(["a", " a", "b"])[LABELS], "two class names differ only in whitespace"),
        (GREY, np.array([b"a", b"\xff", b"b"])[LABELS], "bytes are not UTF-8"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, images: np.ndarray, labels: np.ndarray, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        load_images(**write(tmp_path, images, labels))
    assert "\n" not in str(caught.value) and ".npy" in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (LABELS + 1, "1 2 3"),
        (LABELS - 1, "-1 0 1"),
        (LABELS * 1000, "0 1000 2000"),
        (LABELS.astype(np.uint8)[:, None], "0 1 2"),
        (LABELS > 0, "False True"),
        (np.array(["eel", "cat", "dog"])[LABELS], "cat dog eel"),
        (np.array([b"cat", b"dog", b"eel"])[LABELS], "cat dog eel"),
        (np.eye(3, dtype=np.float32)[LABELS], "0 1 2"),
        (np.eye(2, dtype=int)[LABELS % 2], "0 1"),
        (np.eye(5, dtype=bool)[LABELS], "0 1 2 3 4"),
    ],
)
def test_classes_are_the_values_that_occur(tmp_path: Path, labels: np.ndarray, names: str) -> None:
    images = load_images(**write(tmp_path, GREY, labels))
    assert images.class_names == tuple(names.split()) and images.quantity is None
    one_a_row = labels.argmax(axis=1) if labels.shape[1:] > (1,) else labels.reshape(-1)
    wanted = [one.decode() if isinstance(one, bytes) else str(one) for one in one_a_row.tolist()]
    assert [images.class_names[label] for label in images.labels] == wanted


@pytest.mark.parametrize("kind", ["uint8", "int8", "int16", "int64"])
def test_times_are_read_from_integers_of_any_size(tmp_path: Path, kind: str) -> None:
    images = load_images(**write(tmp_path, GREY, np.stack([np.arange(NUM), np.arange(NUM) * 5], axis=1).astype(kind)))
    assert images.quantity == CLOCK and images.labels.tolist() == [65 * hour for hour in range(NUM)]
    assert "labels of two numbers are read as [hour, minute]" in images.notes


def test_pairs_of_small_numbers_are_times_only_where_that_is_said(tmp_path: Path) -> None:
    files = write(tmp_path, GREY, np.stack([LABELS, LABELS], axis=1))
    with pytest.raises(DataError, match=r"labels\.npy: .* all from 0 to 2: set period = 720 if they are"):
        load_images(**files)
    assert load_images(**files, period=720).quantity == CLOCK


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "bool", "int64", "uint16"])
def test_images_of_other_numbers_are_rounded(tmp_path: Path, kind: str) -> None:
    given = GREY > 100 if kind == "bool" else (GREY / 255 if "float" in kind else GREY).astype(kind)
    images = load_images(**write(tmp_path, given, LABELS))
    wanted = np.where(GREY > 100, 255, 0) if kind == "bool" else GREY
    assert images.images.dtype == np.uint8 and np.array_equal(images.images[:, 0], wanted)
    assert any("rounded to 256 levels" in note for note in images.notes) == ("float" in kind)


def test_arrays_are_taken_as_they_are() -> None:
    images = load_images(GREY, ["eel" if label else "cat" for label in LABELS], validation=0.2, test=0.0)
    assert images.class_names == ("cat", "eel") and np.array_equal(images.images[:, 0], GREY)
    assert load_images(torch.from_numpy(GREY), torch.from_numpy(LABELS)).num_classes == 3
    assert load_images(GREY, size=8).facts.shows == "nothing"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (([[1, 2], [3]], None), "images: a list cannot be converted to a NumPy array"),
        ((np.array([{}] * NUM), LABELS), r"images: object \(12,\), expected an array of numbers"),
        ((GREY, np.array([None] * NUM)), r"labels: object \(12,\); number 0 is None; expected words alone"),
        ((GREY, "labels.npy"), "the images are in memory, so labels must be"),
        (("digits", LABELS), "the images are a file, so labels must be"),
        ((np.zeros((NUM, 2, 2), "U900"), LABELS), r"images are <U900 \(12, 2, 2\)"),
    ],
)
def test_arrays_that_are_refused_are_not_printed(given: tuple, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        load_images(*given)
    assert len(str(caught.value)) < 250


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
    with pytest.raises(DataError, match="are missing"):
        load_images(given["name_or_path"], labels=tmp_path / "none.npy")


def test_advice_about_arrays_in_memory_speaks_of_nothing_stored() -> None:
    for wrong in (GREY.astype(float), GREY - 3.0, GREY.astype(int) - 300):
        with pytest.raises(DataError) as caught:
            load_images(wrong, LABELS)
        assert "store" not in str(caught.value)


def test_words_that_pandas_keeps_as_objects_are_labels() -> None:
    import pandas as pd

    names = np.array(["cat", "dog", "owl"])[LABELS]
    for words in (names.astype(object), pd.Series(names), pd.Series(names, dtype="category"), list(names)):
        images = load_images(GREY, words)
        assert images.class_names == ("cat", "dog", "owl") and np.array_equal(images.labels, LABELS)
    assert load_images(GREY, (LABELS + 1).astype(object)).class_names == ("1", "2", "3")


@pytest.mark.parametrize("odd", [None, float("nan"), 7, True])
def test_objects_of_several_types_are_no_labels_and_the_first_is_named(odd: object) -> None:
    labels = np.array(["cat", "dog", "owl"])[LABELS].astype(object)
    labels[4] = odd
    with pytest.raises(DataError, match=rf"labels: object \(12,\); number 4 is {odd!r}; expected words alone"):
        load_images(GREY, labels)


def test_arrays_of_a_study_are_called_by_their_place_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPILIO_CACHE", str(tmp_path))
    kept = with_kept_arrays({"images": GREY, "labels": np.array(["a", "b", "c"])[LABELS]})
    assert load_images(kept["path"], kept["labels"]).name == "arrays"
    wrong = with_kept_arrays({"images": np.full((NUM, 4, 5), 300), "labels": LABELS.astype(float)})
    with pytest.raises(DataError, match=r"^data\.images: images are int64 .* from 300 to 300, expected 0 to 255"):
        load_images(wrong["path"], kept["labels"])
    with pytest.raises(DataError, match=r"^data\.labels: labels are float64"):
        load_images(kept["path"], wrong["labels"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((0, 4, 5), np.uint8)}, r"^data\.images: images are uint8 \(0, 4, 5\), expected"),
        ({"images": np.full((NUM, 4, 5), np.nan)}, r"^data\.images: images are float64 .*NaN"),
        ({"images": np.full((NUM, 4, 5), 16.0)}, r"^data\.images: images are float64 .*divide them by"),
        ({"labels": np.full(NUM, np.inf)}, r"^data\.labels: labels are float64 .*NaN or infinite"),
    ],
)
def test_arrays_that_are_refused_leave_nothing_in_the_cache(
    change: dict[str, np.ndarray], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPILIO_CACHE", str(tmp_path))
    with pytest.raises(DataError, match=message):
        with_kept_arrays({"images": GREY, "labels": LABELS} | change)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
