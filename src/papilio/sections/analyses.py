"""The analyses of a study, read from DIR/analyses: plain arrays, no pickled objects."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8

from papilio.data.quantities import Quantity
from papilio.errors import RunError


@dataclass(frozen=True)
class ClassAnalysis:
    """How a trained classifier did on one split, class by class, and its most confident mistakes."""

    slug: str
    run: str
    stage: str
    trial: str
    split: str
    class_names: tuple[str, ...]
    labels: Int[np.ndarray, " n"]
    predicted: Int[np.ndarray, " n"]
    confidence: Float[np.ndarray, " n"]
    confusion: Int[np.ndarray, "k k"]  # rows are true classes
    precision: Float[np.ndarray, " k"]
    recall: Float[np.ndarray, " k"]
    f1: Float[np.ndarray, " k"]
    support: Int[np.ndarray, " k"]
    mistake_images: UInt8[np.ndarray, "m c h w"]
    mistake_true: Int[np.ndarray, " m"]
    mistake_predicted: Int[np.ndarray, " m"]
    mistake_confidence: Float[np.ndarray, " m"]
    pairs: Int[np.ndarray, "p 3"]  # true, predicted, count; most frequent first

    @property
    def num_right(self) -> int:
        """Images whose predicted class is the true one."""
        return int(np.trace(self.confusion))


@dataclass(frozen=True)
class ReadingAnalysis:
    """How a trained net read a quantity off one split."""

    slug: str
    run: str
    stage: str
    trial: str
    split: str
    name: str  # of the images, where they are not the study's
    quantity: Quantity
    values: Float[np.ndarray, " n"]
    predicted: Float[np.ndarray, " n"]
    confidence: Float[np.ndarray, " n"]
    errors: Float[np.ndarray, " n"]  # signed
    by_value: Float[np.ndarray, " b"]  # mean absolute error by the true value
    shown: Int[np.ndarray, "3 m"]  # the best, the median, the worst
    shown_images: UInt8[np.ndarray, "3 m c h w"]


READING_ARRAYS = (
    "values",
    "predicted",
    "confidence",
    "errors",
    "by_value",
    "shown",
    "shown_images",
)
TEXTS = ("run", "stage", "trial", "split")
ARRAYS = (
    "labels", "predicted", "confidence", "confusion", "precision", "recall", "f1", "support",
    "mistake_images", "mistake_true", "mistake_predicted", "mistake_confidence", "pairs",
)  # fmt: skip


def read_analyses(folder: Path) -> list[ClassAnalysis | ReadingAnalysis]:
    """Every analysis in a study's folder, by file name; none where there is no folder `analyses`.

    Raises RunError for a file that is damaged or lacks an array.
    """
    return [_read_analysis(path) for path in sorted((folder / "analyses").glob("*.npz"), key=lambda path: path.stem)]


def _read_analysis(path: Path) -> ClassAnalysis | ReadingAnalysis:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            texts = {name: str(file[name]) for name in TEXTS}
            if "period" in file:
                quantity = Quantity(float(file["period"]), str(file["unit"]), bool(file["is_time"]))
                arrays = {name: file[name] for name in READING_ARRAYS}
                return ReadingAnalysis(slug=path.stem, name=str(file["name"]), quantity=quantity, **texts, **arrays)
            arrays = {name: file[name] for name in ARRAYS}
            class_names = tuple(str(name) for name in file["class_names"])
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise RunError(
            f"{path}: not an analysis ({error}); delete it, and the study's command makes it again"
        ) from error
    return ClassAnalysis(slug=path.stem, class_names=class_names, **texts, **arrays)
