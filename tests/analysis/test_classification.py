"""Confusion, precision, recall and mistakes of a classifier, by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from linear_run import some_images
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from papilio.analysis.classification import classify, confused_pairs, confusion_of, surest_mistakes
from papilio.kinds.options import ClassificationOptions


def test_counts_and_scores_of_every_class() -> None:
    images = some_images(classes=3)
    labels = images.labels[images.test]
    predicted = np.where(labels == 2, 1, labels)  # 2 is never predicted
    predicted[np.flatnonzero(labels == 0)[0]] = 1
    run = SimpleNamespace(
        probabilities=lambda given: np.eye(3, dtype=np.float32)[predicted], refuse_other_images=lambda given: None
    )
    arrays = classify(run, images, ClassificationOptions(mistakes=4))  # pyright: ignore[reportArgumentType]
    zeros, ones, twos = (int((labels == label).sum()) for label in range(3))
    assert arrays["confusion"].tolist() == [[zeros - 1, 1, 0], [0, ones, 0], [0, twos, 0]]
    np.testing.assert_allclose(arrays["precision"], [1, ones / (ones + twos + 1), 0])
    np.testing.assert_allclose(arrays["recall"], [(zeros - 1) / zeros, 1, 0])
    assert arrays["f1"][2] == 0 and arrays["support"].tolist() == [zeros, ones, twos]
    assert arrays["mistake_images"].shape == (4, *images.image_shape)
    assert arrays["pairs"].tolist() == [[2, 1, twos], [0, 1, 1]]


def test_pairs_come_most_frequent_first() -> None:
    confusion = np.array([[9, 2, 0], [0, 9, 5], [1, 2, 9]])
    assert confused_pairs(confusion).tolist() == [[1, 2, 5], [0, 1, 2], [2, 1, 2], [2, 0, 1]]


def test_mistakes_come_surest_first() -> None:
    labels, predicted = np.array([0, 1, 1, 0]), np.array([1, 1, 0, 1])
    assert surest_mistakes(labels, predicted, np.array([0.5, 1.0, 0.9, 0.5])).tolist() == [2, 0, 3]


def test_scores_are_those_of_scikit_learn() -> None:
    """It takes more than a second to import, for a few divisions."""
    images = some_images(classes=3)
    labels = images.labels[images.test]
    predicted = np.random.default_rng(0).integers(0, 2, len(labels))  # class 2 is never predicted
    run = SimpleNamespace(
        probabilities=lambda given: np.eye(3, dtype=np.float32)[predicted], refuse_other_images=lambda given: None
    )
    arrays = classify(run, images, ClassificationOptions())  # pyright: ignore[reportArgumentType]
    theirs = precision_recall_fscore_support(labels, predicted, labels=np.arange(3), zero_division=0)  # pyright: ignore
    for name, expected in zip(("precision", "recall", "f1", "support"), theirs, strict=True):
        np.testing.assert_array_equal(arrays[name], expected)
    expected = confusion_matrix(labels, predicted, labels=np.arange(3))
    np.testing.assert_array_equal(confusion_of(labels, predicted, num_classes=3), expected)
