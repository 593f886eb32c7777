"""How well a net reads a quantity off images: errors, what is taken for what, and the best, median and worst pictures."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch

from papilio.data.imageset import ImageSet, SplitName
from papilio.data.quantities import Quantity
from papilio.errors import DataError
from papilio.files import open_atomic
from papilio.runs.run import Run
from papilio.targets.quantity import scores

NUM_BINS = 48  # of the circle, for what depends on the true value


@dataclass(frozen=True)
class QuantityReading:
    """Arrays over n images; errors in the quantity's units, signed the short way round (positive: read too late)."""

    run: str
    stage: str
    trial: str
    split: str
    name: str  # of the images, where they are not the study's
    asked_pictures: int  # how many of the best, of the median and of the worst
    period: float
    unit: str
    is_time: bool
    values: np.ndarray  # float64 (n,): true ones
    predicted: np.ndarray  # float64 (n,)
    confidence: np.ndarray  # float32 (n,)
    errors: np.ndarray  # float64 (n,), signed, in [-period / 2, period / 2)
    by_value: np.ndarray  # float64 (b,): mean absolute error of each stretch of the circle, NaN where it has no image
    shown: np.ndarray  # int (3, m): indices into the above, of the best, the median and the worst
    shown_images: np.ndarray  # uint8 (3, m, channel, height, width)


def read_quantity(
    run: Run, images: ImageSet, *, split: SplitName = "test", num_pictures: int = 8, name: str = ""
) -> QuantityReading:
    """Let a trained run read a split of an image set.

    Raises DataError where the image set overlaps with the one that the run was trained on, or shows something else.
    """
    run.refuse_other_images(images)
    quantity = images.quantity
    if quantity is None:
        raise DataError(f"{images.name}: its images have classes; there is no quantity to read")
    chosen = images.indices(split)
    values = images.labels[chosen]
    predicted, confidence = run.read(images.images[chosen])
    errors = circular_difference(predicted, values, quantity.period)
    shown = extremes(np.abs(errors), min(num_pictures, len(errors)))
    return QuantityReading(
        run=run.facts.run,
        stage=run.facts.stage,
        trial=run.facts.trial,
        split=split,
        name=name,
        asked_pictures=num_pictures,
        period=quantity.period,
        unit=quantity.unit,
        is_time=quantity.is_time,
        values=values,
        predicted=predicted.astype(np.float64),
        confidence=confidence,
        errors=errors,
        by_value=mean_by_value(np.abs(errors), values, quantity.period, num_bins=NUM_BINS),
        shown=shown,
        shown_images=images.images[chosen[shown.ravel()]].reshape(*shown.shape, *images.image_shape),
    )


def circular_difference(predicted: np.ndarray, values: np.ndarray, period: float) -> np.ndarray:
    """predicted - values the short way round, in [-period / 2, period / 2)."""
    return np.remainder(predicted.astype(np.float64) - values + period / 2, period) - period / 2


def mean_by_value(errors: np.ndarray, values: np.ndarray, period: float, *, num_bins: int) -> np.ndarray:
    """The mean error of each of `num_bins` equal stretches of the circle; NaN where a stretch has no value."""
    places = np.minimum((values * (num_bins / period)).astype(int), num_bins - 1)
    counts = np.bincount(places, minlength=num_bins)
    sums = np.bincount(places, weights=errors, minlength=num_bins)
    return np.divide(sums, counts, out=np.full(num_bins, np.nan), where=counts > 0)


def extremes(errors: np.ndarray, num: int) -> np.ndarray:
    """Indices (3, num): of the smallest errors, of those about the median, of the largest (largest first)."""
    order = np.argsort(errors, kind="stable")
    middle = max(0, (len(order) - num) // 2)
    return np.stack([order[:num], order[middle : middle + num], order[::-1][:num]])


def error_summary(predicted: np.ndarray, values: np.ndarray, quantity: Quantity) -> dict[str, float]:
    """Of absolute errors `mean`, `median` and `p90`, and the shares that training records, by their names there."""
    found = scores(torch.from_numpy(predicted), torch.from_numpy(values), quantity)
    sizes = found.pop("error").numpy()
    quantiles = {"median": float(np.median(sizes)), "p90": float(np.quantile(sizes, 0.9))}
    return {"mean": float(sizes.mean())} | quantiles | {name: share.item() for name, share in found.items()}


def save_reading(found: QuantityReading, path: Path) -> None:
    """Write the arrays as npz, atomically."""
    with open_atomic(path) as file:
        np.savez_compressed(file, allow_pickle=False, **{one.name: getattr(found, one.name) for one in fields(found)})


def is_saved(path: Path, *, num_pictures: int, of: str = "") -> bool:
    """Whether a whole file of `save_reading` with that many pictures asked for is at `path`."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            is_asked = int(arrays["asked_pictures"]) == num_pictures and str(arrays["name"]) == of
            is_whole = {one.name for one in fields(QuantityReading)} <= set(arrays)  # not of an earlier version
            return is_asked and is_whole and all(arrays[name].ndim < 6 for name in arrays)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return False
