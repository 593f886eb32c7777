"""How a classifier does on a split: confusion, precision and recall, the mistakes that it was surest of."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from papilio.data.imageset import ImageSet, SplitName
from papilio.files import open_atomic
from papilio.runs.run import Run

MAX_PAIRS = 10  # of classes that are taken for each other


@dataclass(frozen=True)
class Classification:
    """Arrays over n images and k classes; rows of `confusion` are true classes, its columns predicted ones."""

    run: str
    stage: str
    trial: str
    split: str
    asked_mistakes: int  # how many pictures of mistakes were wanted
    class_names: np.ndarray  # str (k,)
    labels: np.ndarray  # int (n,)
    predicted: np.ndarray  # int (n,)
    confidence: np.ndarray  # float32 (n,): the probability of the predicted class
    confusion: np.ndarray  # int (k, k)
    precision: np.ndarray  # float (k,), 0 where a class is never predicted
    recall: np.ndarray  # float (k,), 0 where a class has no images
    f1: np.ndarray  # float (k,)
    support: np.ndarray  # int (k,): images of each class
    pairs: np.ndarray  # int (p, 3): true, predicted, how often; most frequent first
    mistake_images: np.ndarray  # uint8 (m, channel, height, width), surest first
    mistake_true: np.ndarray  # int (m,)
    mistake_predicted: np.ndarray  # int (m,)
    mistake_confidence: np.ndarray  # float32 (m,)


def classify(run: Run, images: ImageSet, *, split: SplitName = "test", num_mistakes: int = 24) -> Classification:
    """Run a trained classifier over a split of an image set and count.

    Raises DataError where the image set overlaps with the one that the run was trained on, or has other classes.
    """
    run.refuse_other_images(images)
    chosen = images.indices(split)
    labels = images.labels[chosen]
    probabilities = run.probabilities(images.images[chosen])
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities[np.arange(len(chosen)), predicted]
    confusion = count_confusion(labels, predicted, num_classes=images.num_classes)
    mistakes = surest_mistakes(labels, predicted, confidence)[:num_mistakes]
    precision, recall, f1 = precision_recall_f1(confusion)
    return Classification(
        run=run.facts.run,
        stage=run.facts.stage,
        trial=run.facts.trial,
        split=split,
        asked_mistakes=num_mistakes,
        class_names=np.array(images.class_names),
        labels=labels,
        predicted=predicted,
        confidence=confidence,
        confusion=confusion,
        precision=precision,
        recall=recall,
        f1=f1,
        support=confusion.sum(axis=1),
        pairs=confused_pairs(confusion)[:MAX_PAIRS],
        mistake_images=images.images[chosen[mistakes]],
        mistake_true=labels[mistakes],
        mistake_predicted=predicted[mistakes],
        mistake_confidence=confidence[mistakes],
    )


def save_classification(found: Classification, path: Path) -> None:
    """Write the arrays as npz, atomically."""
    with open_atomic(path) as file:
        np.savez_compressed(file, allow_pickle=False, **{one.name: getattr(found, one.name) for one in fields(found)})


def is_saved(path: Path, *, num_mistakes: int) -> bool:
    """Whether a whole file of `save_classification` with that many pictures asked for is at `path`."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return int(arrays["asked_mistakes"]) == num_mistakes and all(len(arrays[name].shape) < 5 for name in arrays)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return False


def count_confusion(labels: np.ndarray, predicted: np.ndarray, *, num_classes: int) -> np.ndarray:
    """How often each true class (row) was taken for each class (column): int (k, k)."""
    flat = np.bincount(labels * num_classes + predicted, minlength=num_classes**2)
    return flat.reshape(num_classes, num_classes)


def precision_recall_f1(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each class: hits over predictions, hits over images, their harmonic mean; 0 where nothing is there to divide by."""
    hits = np.diag(confusion).astype(float)
    predictions, images = confusion.sum(axis=0), confusion.sum(axis=1)
    precision = np.divide(hits, predictions, out=np.zeros_like(hits), where=predictions > 0)
    recall = np.divide(hits, images, out=np.zeros_like(hits), where=images > 0)
    total = precision + recall
    return (
        precision,
        recall,
        np.divide(2 * precision * recall, total, out=np.zeros_like(hits), where=total > 0),
    )


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
