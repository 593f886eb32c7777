"""How a classifier does on test images: confusion, precision and recall, the mistakes that it was surest of."""

from __future__ import annotations

from typing import Any

import numpy as np

from papilio.data.imageset import ImageSet
from papilio.engine import Arrays
from papilio.kinds.options import ClassificationOptions
from papilio.runs.run import Run

MAX_PAIRS = 10  # of classes that are taken for each other


def classify(run: Run, images: ImageSet, options: ClassificationOptions) -> Arrays:
    """Run a trained classifier over the test images of a set and count.

    Arrays over n images, k classes and m mistakes: `labels`, `predicted` int (n,); `confidence` float32 (n,), the probability
    of the predicted class; `confusion` int (k, k), rows are true classes; `precision`, `recall`, `f1` float (k,), 0 where
    there is nothing to divide by; `support` int (k,), images of each class; `pairs` int (p, 3), true, predicted, how often,
    most frequent first; `mistake_images` uint8 (m, channel, height, width), surest first, with `mistake_true`,
    `mistake_predicted`, `mistake_confidence` (m,).

    Raises DataError where the image set overlaps with the one that the run was trained on, or has other classes.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support  # takes a second

    run.refuse_other_images(images)
    chosen = images.indices("test")
    labels = images.labels[chosen]
    probabilities = run.probabilities(images.images[chosen])
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities[np.arange(len(chosen)), predicted]
    classes = np.arange(images.num_classes)
    confusion = confusion_matrix(labels, predicted, labels=classes)
    mistakes = surest_mistakes(labels, predicted, confidence)[: options.mistakes]
    # its annotations lack the number as `zero_division`
    scores: Any = precision_recall_fscore_support(labels, predicted, labels=classes, zero_division=0)  # pyright: ignore
    precision, recall, f1, support = scores
    return {
        "labels": labels,
        "predicted": predicted,
        "confidence": confidence,
        "confusion": confusion,
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "support": support,
        "pairs": confused_pairs(confusion)[:MAX_PAIRS],
        "mistake_images": images.images[chosen[mistakes]],
        "mistake_true": labels[mistakes],
        "mistake_predicted": predicted[mistakes],
        "mistake_confidence": confidence[mistakes],
    }


def confused_pairs(confusion: np.ndarray) -> np.ndarray:
    """Every pair of classes of which the first was taken for the second, with the count, most frequent first: (p, 3)."""
    mistakes = confusion - np.diag(np.diag(confusion))
    true, predicted = np.nonzero(mistakes)
    counts = mistakes[true, predicted]
    order = np.argsort(-counts, kind="stable")
    return np.stack([true, predicted, counts], axis=1)[order]


def surest_mistakes(labels: np.ndarray, predicted: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Indices of the wrong predictions, the most confident first."""
    wrong = np.nonzero(labels != predicted)[0]
    return wrong[np.argsort(-confidence[wrong], kind="stable")]
