"""Laws of the splits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from papilio.data.imageset import ImageSet
from papilio.data.load import load_images
from papilio.data.splits import SPLITS, draw_folds, draw_number, draw_splits, fold_sizes
from papilio.errors import DataError, SettingError

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=80).map(lambda values: np.array(values, dtype=np.int64))
SHARES = st.floats(0.05, 0.45)


@given(LABELS, SHARES, SHARES, st.integers(0, 2**32))
def test_splits_are_disjoint_sorted_and_cover(labels: np.ndarray, validation: float, test: float, seed: int) -> None:
    splits = draw_splits(labels, {}, validation=validation, test=test, seed=seed)
    assert sorted(np.concatenate(list(splits.values()))) == list(range(len(labels)))
    assert all(np.all(np.diff(indices) > 0) and indices.dtype == np.int64 for indices in splits.values())


@given(LABELS, SHARES, SHARES, st.integers(0, 2**32))
def test_every_class_stays_in_training(labels: np.ndarray, validation: float, test: float, seed: int) -> None:
    splits = draw_splits(labels, {}, validation=validation, test=test, seed=seed)
    assert set(labels[splits["train"]]) == set(labels)


@given(LABELS, st.integers(0, 2**32))
def test_same_seed_same_splits(labels: np.ndarray, seed: int) -> None:
    first, second = (draw_splits(labels, {}, validation=0.2, test=0.3, seed=seed) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in SPLITS)


@given(LABELS, SHARES, st.integers(0, 2**32))
def test_given_splits_are_kept(labels: np.ndarray, validation: float, seed: int) -> None:
    half = len(labels) // 2
    given_splits = {"train": np.arange(half), "test": np.arange(half, len(labels))}
    splits = draw_splits(labels, given_splits, validation=validation, test=0.2, seed=seed)
    assert np.array_equal(splits["test"], given_splits["test"])
    assert sorted([*splits["train"], *splits["validation"]]) == list(range(half))


def test_indices_of_a_seed_never_change() -> None:
    # written down once: a NumPy that draws other numbers would give every study other splits
    splits = draw_splits(np.arange(20) % 2, {}, validation=0.25, test=0.2, seed=7)
    assert splits["test"].tolist() == [3, 6, 11, 12]
    assert splits["validation"].tolist() == [1, 4, 5, 16]


@given(LABELS.filter(lambda labels: len(labels) > 1), st.integers(2, 9), st.integers(0, 2**32))
def test_folds_are_disjoint_sorted_stratified_and_cover(labels: np.ndarray, num: int, seed: int) -> None:
    num = min(num, len(labels))
    indices = np.arange(len(labels)) * 3
    folds = draw_folds(np.repeat(labels, 3), indices, num=num, seed=seed)
    assert [len(fold) for fold in folds] == fold_sizes(len(indices), num)
    assert sorted(np.concatenate(folds)) == indices.tolist()
    assert all(np.all(np.diff(fold) > 0) and fold.dtype == np.int64 for fold in folds)
    sizes = [len(fold) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    for label in np.unique(labels):
        counts = [int((labels[fold // 3] == label).sum()) for fold in folds]
        assert max(counts) - min(counts) <= 1


@given(LABELS.filter(lambda labels: len(labels) > 1), st.integers(0, 2**32))
def test_same_seed_same_folds(labels: np.ndarray, seed: int) -> None:
    first, second = (draw_folds(labels, np.arange(len(labels)), num=2, seed=seed) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_indices_of_folds_never_change() -> None:
    folds = draw_folds(np.arange(12) % 2, np.arange(12), num=3, seed=7)
    assert [fold.tolist() for fold in folds] == [[0, 3, 6, 7], [2, 4, 5, 11], [1, 8, 9, 10]]


@pytest.mark.parametrize("num", [-1, 0, 1, 5])
def test_a_number_of_folds_out_of_range_is_refused(num: int) -> None:
    with pytest.raises(SettingError, match="allowed are 2 to the number of images, 4"):
        draw_folds(np.arange(4) % 2, np.arange(4), num=num, seed=0)


def test_folds_of_a_set_validate_each_image_once_and_leave_the_test_alone() -> None:
    images = an_image_set()
    folds = [images.fold(number, of=4, seed=0) for number in range(1, 5)]
    known = sorted([*images.train, *images.validation])
    assert sorted(np.concatenate([fold.validation for fold in folds])) == known
    for fold in folds:
        assert sorted([*fold.train, *fold.validation]) == known
        assert fold.test is images.test and fold.images is images.images
    assert len({fold.checksum for fold in [*folds, images]}) == 5


@pytest.mark.parametrize("number", [0, 4])
def test_a_fold_that_there_is_not_is_refused(number: int) -> None:
    with pytest.raises(SettingError, match=f"fold {number}: allowed are 1 to 3"):
        an_image_set().fold(number, of=3, seed=0)


@given(st.integers(0, 2**32), st.floats(0.01, 0.5), st.floats(0.5, 1.0))
def test_a_smaller_fraction_lies_inside_a_larger_one(seed: int, small: float, large: float) -> None:
    images = an_image_set()
    inner, outer = images.fraction(small, seed), images.fraction(large, seed)
    assert set(inner.images[:, 0, 0, 0]) <= set(outer.images[:, 0, 0, 0])


def test_a_fraction_is_drawn_from_each_split() -> None:
    images = an_image_set()
    part = images.fraction(0.5, 1)
    for name in SPLITS:
        assert set(part.split(name)[0].ravel()) <= set(images.split(name)[0].ravel())
        assert len(part.indices(name)) == round(len(images.indices(name)) / 2)


@pytest.mark.parametrize(("validation", "test"), [(0.1, 1.0), (-0.1, 0.2), (1.0, 0.0), (float("nan"), 0.2)])
def test_shares_out_of_range_are_refused(validation: float, test: float) -> None:
    with pytest.raises(SettingError, match=r"validation|test"):
        draw_splits(np.arange(4) % 2, {}, validation=validation, test=test, seed=0)


def test_shares_are_taken_one_after_the_other() -> None:
    """Shares that sum to 1 were refused, also of a set that brings a test split, where one of them is not used."""
    splits = draw_splits(np.arange(400) % 2, {}, validation=0.5, test=0.5, seed=0)
    assert {name: len(indices) for name, indices in splits.items()} == {"train": 100, "test": 200, "validation": 100}


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5, float("nan")])
def test_fractions_out_of_range_are_refused(share: float) -> None:
    with pytest.raises(SettingError, match="fraction"):
        an_image_set().fraction(share)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(SettingError, match="did you mean train"):
        an_image_set().split("trian")  # type: ignore[arg-type]


def test_splits_that_share_an_image_are_refused() -> None:
    labels = np.arange(4) % 2
    images = np.zeros((4, 1, 2, 2), dtype=np.uint8)
    with pytest.raises(DataError, match="1 image is in more than one split"):
        ImageSet("x", images, labels, ("a", "b"), np.array([0, 1]), np.array([1, 2]), np.array([3]), "here")


def test_checksum_tells_images_labels_and_splits_apart() -> None:
    images = an_image_set()
    moved = ImageSet(
        images.name,
        images.images,
        images.labels,
        images.class_names,
        images.train[:-1],
        np.sort(np.append(images.validation, images.train[-1])),
        images.test,
        images.origin,
    )
    changed = ImageSet(
        images.name,
        images.images ^ 1,
        images.labels,
        images.class_names,
        images.train,
        images.validation,
        images.test,
        images.origin,
    )
    assert len({images.checksum, moved.checksum, changed.checksum}) == 3


def an_image_set() -> ImageSet:
    """120 images of one pixel, each of another value."""
    labels = np.arange(120) % 2
    splits = draw_splits(labels, {}, validation=0.25, test=1 / 3, seed=0)
    return ImageSet(
        name="pixels",
        images=np.arange(120, dtype=np.uint8).reshape(-1, 1, 1, 1),
        labels=labels,
        class_names=("even", "odd"),
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        origin="made up",
    )


@given(LABELS, st.integers(0, 2**32), st.data())
def test_a_number_of_images_is_stratified_and_lies_inside_a_larger_one(
    labels: np.ndarray, seed: int, data: st.DataObject
) -> None:
    indices = np.arange(len(labels))
    num = data.draw(st.integers(1, len(labels)))
    smaller, larger = (
        draw_number(labels, indices, num=one, seed=seed) for one in (num, data.draw(st.integers(num, len(labels))))
    )
    assert len(smaller) == num and set(smaller) <= set(larger)
    counts = np.bincount(labels[smaller], minlength=5)
    present = np.bincount(labels, minlength=5)
    if num >= (present > 0).sum():
        assert np.all(counts[present > 0] > 0)
    # beyond the one that every class gets, shares are those of the labels
    assert np.all(counts <= np.ceil(num * present / len(labels)) + 1)


def test_more_training_images_than_there_are_is_refused() -> None:
    with pytest.raises(SettingError, match="num_train = 11: allowed are 1 to the number of training images, 10"):
        draw_number(np.zeros(10, dtype=np.int64), np.arange(10), num=11, seed=0)


def test_other_seeds_draw_other_training_images_and_other_shares() -> None:
    images = an_image_set()
    first, again, other = (images.with_training_images(5, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.train, again.train) and not np.array_equal(first.train, other.train)
    pixels = np.arange(200, dtype=np.uint8).repeat(4).reshape(200, 2, 2)
    one, two = (
        load_images(pixels, np.arange(200) % 2, validation=0, test=0, fraction=0.5, seed=seed).images for seed in (1, 2)
    )
    assert len(one) == len(two) == 100 and not np.array_equal(one, two)


def test_other_labels_make_another_checksum() -> None:
    images = an_image_set()
    swapped = images.labels.copy()
    swapped[[0, -1]] = swapped[[-1, 0]]
    assert not np.array_equal(swapped, images.labels)
    assert replace(images, labels=swapped).checksum != images.checksum


def uneven_set() -> ImageSet:
    """A class of 90 images, one of 30, and one of 3, one of them in each split."""
    labels = np.repeat([0, 1, 2], [90, 30, 3])
    pixels = np.arange(123, dtype=np.uint8).reshape(-1, 1, 1, 1)
    splits = [np.concatenate([np.arange(30) + 30 * k, np.arange(10) + 90 + 10 * k, [120 + k]]) for k in range(3)]
    return ImageSet("uneven", pixels, labels, ("many", "few", "rare"), *splits, origin="made up")


def test_a_fraction_has_the_same_share_of_each_class_and_one_image_at_least() -> None:
    for share, counts in ((0.5, [15, 5, 1]), (0.1, [3, 1, 1]), (0.01, [1, 1, 1])):
        part = uneven_set().fraction(share, seed=3)
        for name in SPLITS:
            assert np.bincount(part.split(name)[1]).tolist() == counts


def test_halves_of_an_image_are_rounded_up() -> None:
    """Python's round sends them to even numbers: shares of small classes would alternate."""
    sizes = [len(draw_splits(np.zeros(num, int), {}, validation=0, test=0.5, seed=0)["test"]) for num in (3, 5, 7, 9)]
    assert sizes == [2, 3, 4, 5]


def test_splits_of_a_loaded_set_are_stratified() -> None:
    """By class, and of values on a circle by equal stretches of it."""
    pixels, labels = np.zeros((400, 2, 2), np.uint8), np.repeat([0, 1], [380, 20])
    images = load_images(pixels, labels, validation=0.25, test=0.2, seed=1)
    assert [np.bincount(images.split(name)[1]).tolist() for name in SPLITS] == [[228, 12], [76, 4], [76, 4]]
    values = load_images(pixels, np.arange(400) * 0.9, period=360, validation=0, test=0.5, seed=1)
    assert np.bincount((values.labels[values.test] >= 180).astype(int)).tolist() == [100, 100]
