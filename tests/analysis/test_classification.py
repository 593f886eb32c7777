"""Confusion, precision and recall, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from papilio.analysis.classification import confused_pairs, count_confusion, precision_recall_f1, surest_mistakes


def test_counts_and_scores_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 5, 300)
    predicted = np.where(random.random(300) < 0.6, labels, random.integers(0, 4, 300))  # 4 is seldom predicted
    confusion = count_confusion(labels, predicted, num_classes=6)  # 5 is never there
    np.testing.assert_array_equal(confusion, confusion_matrix(labels, predicted, labels=range(6)))
    expected = precision_recall_fscore_support(labels, predicted, labels=range(6), zero_division=0)  # pyright: ignore
    np.testing.assert_allclose(precision_recall_f1(confusion), expected[:3], rtol=1e-12)


def test_pairs_come_most_frequent_first() -> None:
    confusion = np.array([[9, 2, 0], [0, 9, 5], [1, 2, 9]])
    assert confused_pairs(confusion).tolist() == [[1, 2, 5], [0, 1, 2], [2, 1, 2], [2, 0, 1]]


def test_mistakes_come_surest_first() -> None:
    labels, predicted = np.array([0, 1, 1, 0]), np.array([1, 1, 0, 1])
    assert surest_mistakes(labels, predicted, np.array([0.5, 1.0, 0.9, 0.5])).tolist() == [2, 0, 3]
