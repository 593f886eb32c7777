"""Stratified splits that depend on the labels and a seed, and on nothing else.

The draws use the raw stream of NumPy's PCG64 (`np.random.default_rng`), whose numbers NumPy promises never to change
(NEP 19), and not `permutation`, which may: the same labels and seed give the same indices with every NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np

from papilio.errors import SettingError

SplitName = Literal["train", "validation", "test"]
FEWEST_TO_TELL, CLEARLY_RELATED = 30, 0.8  # images, and the rank correlation from which it is no chance
SPLITS: tuple[SplitName, ...] = get_args(SplitName)


def draw_splits(
    labels: np.ndarray,
    given: Mapping[SplitName, np.ndarray],
    *,
    validation: float,
    test: float,
    seed: int,
) -> dict[SplitName, np.ndarray]:
    """Sorted int64 indices of 'train', 'validation' and 'test': those given, the rest drawn from the training images.

    A test split that is not given is drawn first, `test` being its share of the training images (of all images where
    nothing is given); then, if it is not given, the validation split, `validation` being its share of the training
    images that are left. Both are stratified, and the last image of a class always stays in training. The same seed
    gives the same indices. Raises SettingError where `validation` or `test` is outside [0, 1).
    """
    check_shares(validation=validation, test=test)
    rng = np.random.default_rng(seed)
    splits: dict[SplitName, np.ndarray] = {"train": np.arange(len(labels)), **given}
    drawn: tuple[tuple[SplitName, float], ...] = (("test", test), ("validation", validation))
    for name, share in drawn:
        if name not in splits:
            splits[name] = _draw_held_out(labels, splits["train"], share=share, rng=rng)
            splits["train"] = np.setdiff1d(splits["train"], splits[name], assume_unique=True)
    return {name: np.sort(indices).astype(np.int64) for name, indices in splits.items()}


def follows_draw(values: np.ndarray, *, seed: int) -> bool:
    """Whether values rise or fall with the numbers that `draw_splits` sorts images by, so that a split has the lowest of them.

    That happens where whoever made the images drew the values with `np.random.default_rng` and the same seed.
    """
    if len(values) < FEWEST_TO_TELL:
        return False
    drawn = np.random.default_rng(seed).random(len(values))
    one, other = (np.argsort(np.argsort(numbers)) for numbers in (drawn, values))
    return bool(abs(np.corrcoef(one, other)[0, 1]) > CLEARLY_RELATED)


def check_shares(*, validation: float, test: float) -> None:
    """Raise SettingError unless both shares are inside [0, 1); 0 draws no such split."""
    for name, share in (("validation", validation), ("test", test)):
        if not 0.0 <= share < 1.0:
            raise SettingError(f"{name} = {share}: a split's share must be 0 or more and below 1")


def draw_share(labels: np.ndarray, indices: np.ndarray, *, share: float, rng: np.random.Generator) -> np.ndarray:
    """A stratified share of `indices`, sorted, with at least one index of every class among them."""
    chosen = [shuffled[: max(1, _rounded(share * len(shuffled)))] for shuffled in _by_class(labels, indices, rng)]
    return np.sort(np.concatenate([indices[:0], *chosen])).astype(np.int64)


def draw_number(labels: np.ndarray, indices: np.ndarray, *, num: int, seed: int) -> np.ndarray:
    """`num` of `indices`, sorted, in the classes' own proportions, with at least one of every class where num allows it.

    With the same seed a smaller number lies inside a larger one, but for classes that rounding moves by an image.
    Raises SettingError where there are fewer indices than that.
    """
    if not 1 <= num <= len(indices):
        raise SettingError(f"num_train = {num}: allowed are 1 to the number of training images, {len(indices)}")
    classes = _by_class(labels, indices, np.random.default_rng(seed))
    # every image gets its place in its class, from 0 to 1; the first of each class come first
    places = np.concatenate([(np.arange(len(one)) + 0.5) / len(one) * (np.arange(len(one)) > 0) for one in classes])
    chosen = np.concatenate(classes)[np.argsort(places, kind="stable")[:num]]
    return np.sort(chosen).astype(np.int64)


def draw_folds(labels: np.ndarray, indices: np.ndarray, *, num: int, seed: int) -> list[np.ndarray]:
    """`indices` dealt out into `num` stratified folds, each sorted: every index in exactly one of them.

    Each class is dealt out in a drawn order, continuing where the class before it ended, so that the folds' sizes differ
    by one at most, and so do the counts of each class. The same seed gives the same folds. Raises SettingError where
    there are fewer than two folds, or more than indices.
    """
    if not 2 <= num <= len(indices):
        raise SettingError(f"folds = {num}: allowed are 2 to the number of images, {len(indices)}")
    dealt = np.concatenate(_by_class(labels, indices, np.random.default_rng(seed)))
    return [np.sort(dealt[start::num]).astype(np.int64) for start in range(num)]


def fold_sizes(num_images: int, num_folds: int) -> list[int]:
    """How many indices each fold of `draw_folds` has.

    >>> fold_sizes(11, 3)
    [4, 4, 3]
    """
    return [len(range(start, num_images, num_folds)) for start in range(num_folds)]


def _draw_held_out(labels: np.ndarray, indices: np.ndarray, *, share: float, rng: np.random.Generator) -> np.ndarray:
    """Like `draw_share`, but a share of 0 is empty, and the last image of a class is left where it is."""
    if share == 0:
        return indices[:0]
    chosen = []
    for shuffled in _by_class(labels, indices, rng):
        count = min(max(1, _rounded(share * len(shuffled))), len(shuffled) - 1)
        chosen.append(shuffled[:count])
    return np.sort(np.concatenate([indices[:0], *chosen])).astype(np.int64)


def _by_class(labels: np.ndarray, indices: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """The indices of each class that is there, in a drawn order."""
    # a stable order of raw 64-bit draws: `permutation` may change between NumPy versions
    shuffled = indices[np.argsort(rng.bit_generator.random_raw(len(indices)), kind="stable")]
    return [shuffled[labels[shuffled] == label] for label in np.unique(labels[indices])]


def _rounded(value: float) -> int:
    # half up: Python's round sends 0.5 to the even neighbor, so that shares of small classes would alternate
    return int(np.floor(value + 0.5))
