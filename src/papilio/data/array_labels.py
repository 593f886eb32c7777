"""Labels as people keep them in arrays: integers, words, one-hot rows, [hour, minute], numbers on a circle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from papilio.data.facts import NO_LABELS
from papilio.data.quantities import CLOCK, Quantity
from papilio.errors import DataError

EXPECTED = "integers or words ({num},), one-hot rows ({num}, classes), or [hour, minute] ({num}, 2)"


@dataclass(frozen=True)
class Labels:
    """`values` is int64 (num,), indices into `class_names`, or, with a `quantity`, float64 (num,)."""

    values: np.ndarray
    class_names: tuple[str, ...] = ()
    quantity: Quantity | None = None
    notes: tuple[str, ...] = ()


def read_labels(labels: np.ndarray, quantity: Quantity | None, *, num_images: int, where: str) -> Labels:
    """What an array of labels says, one row per image; `where` begins every message.

    With a `quantity` they are its numbers, (num,), or [hour, minute], (num, 2), where its period is 720 (minutes).
    Without, they are the classes: the values that occur, in order, as integers, words or booleans (num,) or (num, 1); or the
    columns of one-hot rows (num, classes). Integers (num, 2) that are not one-hot are [hour, minute], unless no minute is
    above 11. Raises DataError for anything else, saying shape and type.
    """
    found = f"{where}: labels are {labels.dtype} {labels.shape}"
    if not labels.ndim or len(labels) != num_images:
        raise DataError(f"{found} for {num_images} images; one label per image is needed")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.shape[1] == 2 and labels.dtype.kind in "iu" and not _is_one_hot(labels):
        return _times(labels, quantity, found=found)
    if quantity is not None:
        return Labels(as_values(labels, quantity, found=found), quantity=quantity)
    if labels.ndim == 2 and labels.shape[1] > 1 and labels.dtype.kind in "biuf":
        return _columns(labels, found=found)
    if labels.ndim == 1 and labels.dtype.kind == "f":
        raise DataError(
            f"{found}; for classes, give integers (labels.astype(int));"
            " for numbers on a circle, set its length: period = 360 for degrees"
        )
    if labels.ndim != 1 or labels.dtype.kind not in "biuUS":
        raise DataError(f"{found}, expected {EXPECTED.format(num=num_images)}")
    return _values(labels, found=found)


def as_values(values: np.ndarray, quantity: Quantity, *, found: str) -> np.ndarray:
    """Numbers as values of the quantity, float64, brought into [0, period). Raises DataError, beginning with `found`."""
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise DataError(f"{found}, expected one number per image")
    if not np.all(np.isfinite(values)):
        raise DataError(f"{found}, and some are not numbers (NaN or infinite)")
    values = np.remainder(values.astype(np.float64), quantity.period)
    return np.where(values < quantity.period, values, 0.0)  # a tiny negative number rounds up to the period itself


def _is_one_hot(labels: np.ndarray) -> bool:
    return bool(np.all((labels == 0) | (labels == 1)) and np.all((labels == 1).sum(axis=1) == 1))


def _columns(labels: np.ndarray, *, found: str) -> Labels:
    if not _is_one_hot(labels):
        wrong = int(np.argmax(((labels != 0) & (labels != 1)).any(axis=1) | ((labels == 1).sum(axis=1) != 1)))
        raise DataError(
            f"{found}, but row {wrong} is not one-hot (one 1, the rest 0); give one class per image"
            f' (labels.argmax(axis=1) takes the largest), or labels = "{NO_LABELS}"'
        )
    seen = labels.any(axis=0)
    if seen.sum() < 2:
        raise DataError(f"{found}: all images have the same class; at least two classes are needed")
    return Labels(labels.argmax(axis=1).astype(np.int64), tuple(map(str, range(labels.shape[1]))))


def _values(labels: np.ndarray, *, found: str) -> Labels:
    if labels.dtype.kind == "S":
        try:
            labels = np.char.decode(labels, "utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{found} whose bytes are not UTF-8; give text (labels.astype(str))") from None
    values, indices = np.unique(labels, return_inverse=True)
    if len(values) < 2:
        raise DataError(
            f'{found}: all are {_short(values[0])}; at least two classes are needed; labels = "{NO_LABELS}" ignores the labels'
        )
    if len(values) > max(2, len(labels) // 2):
        raise DataError(
            f"{found}: {len(values)} different values for {len(labels)} images are not classes;"
            f' for numbers on a circle, set its length: period = 360 for degrees; labels = "{NO_LABELS}" ignores the labels'
        )
    names = tuple(str(value).strip() for value in values)
    if len(set(names)) < len(names) or "" in names:
        raise DataError(f"{found}: two class names differ only in whitespace, or one is empty; strip the labels")
    return Labels(indices.reshape(-1).astype(np.int64), names)


def _times(labels: np.ndarray, quantity: Quantity | None, *, found: str) -> Labels:
    hours, minutes = labels.astype(np.int64).T
    if quantity is not None and quantity.period != 720:
        raise DataError(f"{found}; two numbers per image are [hour, minute], whose period is 720: leave out period")
    if not np.all((hours >= 0) & (hours <= 12) & (minutes >= 0) & (minutes < 60)):
        raise DataError(
            f"{found}; two numbers per image are [hour 0-11, minute 0-59], and some of these are out of range"
        )
    if quantity is None and minutes.max() < 12:
        raise DataError(
            f"{found}, all from {min(hours.min(), minutes.min())} to {max(hours.max(), minutes.max())}:"
            " set period = 720 if they are [hour, minute]; for classes, give one number per image"
        )
    return Labels(
        np.remainder(hours * 60 + minutes, 720).astype(np.float64),
        quantity=CLOCK,
        notes=("labels of two numbers are read as [hour, minute]",),
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
