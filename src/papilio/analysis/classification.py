"""How a classifier does on test images: confusion, precision and recall, the mistakes that it was surest of."""

from __future__ import annotations

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
    run.refuse_other_images(images)
    chosen = images.indices("test")
    labels = images.labels[chosen]
    probabilities = run.probabilities(images.images[chosen])
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities[np.arange(len(chosen)), predicted]
    confusion = confusion_of(labels, predicted, num_classes=images.num_classes)
    mistakes = surest_mistakes(labels, predicted, confidence)[: options.mistakes]
    right, support, times = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        "labels": labels,
        "predicted": predicted,
        "confidence": confidence,
        "confusion": confusion,
        "precision": _shares(right, times),
        "recall": _shares(right, support),
        "f1": _shares(2 * right, support + times),
        "support": support,
        "pairs": confused_pairs(confusion)[:MAX_PAIRS],
        "mistake_images": images.images[chosen[mistakes]],
        "mistake_true": labels[mistakes],
        "mistake_predicted": predicted[mistakes],
        "mistake_confidence": confidence[mistakes],
    }


def confusion_of(labels: np.ndarray, predicted: np.ndarray, *, num_classes: int) -> np.ndarray:
    """How often images of each class (rows) were predicted as each (columns): int (k, k)."""
    return np.bincount(labels * num_classes + predicted, minlength=num_classes**2).reshape(num_classes, num_classes)


def _shares(parts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
    """Float64; 0 where there is nothing to divide by."""
    return np.divide(parts, wholes, out=np.zeros(len(parts)), where=wholes > 0)


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
