"""How well a net reads a quantity off images: errors, what is confused with what, and the best, median and worst pictures."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from papilio.data.imageset import ImageSet
from papilio.data.quantities import Quantity, circular_difference
from papilio.engine import Arrays
from papilio.kinds.options import ReadingOptions
from papilio.runs.run import Run

NUM_BINS = 48  # of the circle, for what depends on the true value


def read_quantity(run: Run, images: ImageSet, options: ReadingOptions) -> Arrays:
    """Let a trained run read the test images of a set.

    Arrays over n images, in the quantity's units: `values`, `predicted` float64 (n,); `confidence` float32 (n,); `errors`
    float64 (n,), signed the short way around, in [-period / 2, period / 2), positive where read too late; `by_value` float64
    (48,), the mean absolute error of each stretch of the circle, NaN where it has no image; `shown` int (3, m), indices of the
    best, the median and the worst, and `shown_images` uint8 (3, m, channel, height, width).

    Raises DataError where the image set overlaps with the one that the run was trained on, or shows something else.
    """
    run.refuse_other_images(images)
    quantity = images.facts.quantity_of(images.name)
    chosen = images.indices("test")
    values = images.labels[chosen]
    predicted, confidence = run.read(images.images[chosen])
    errors = circular_difference(predicted, values, quantity.period)
    shown = extremes(np.abs(errors), min(options.num_pictures, len(errors)))
    return {
        "values": values,
        "predicted": predicted.astype(np.float64),
        "confidence": confidence,
        "errors": errors,
        "by_value": mean_by_value(np.abs(errors), values, quantity.period, num_bins=NUM_BINS),
        "shown": shown,
        "shown_images": images.images[chosen[shown.ravel()]].reshape(*shown.shape, *images.image_shape),
    }


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


def error_summary(
    predicted: Float[np.ndarray, " n"], values: Float[np.ndarray, " n"], quantity: Quantity
) -> dict[str, float]:
    """Of absolute errors `mean`, `median` and `p90`, and the shares that training records, by their names there."""
    sizes = np.abs(circular_difference(predicted, values, quantity.period))
    found = {"mean": sizes.mean(), "median": np.median(sizes), "p90": np.quantile(sizes, 0.9)}
    for name, limit in quantity.small_errors.items():
        # a limit on a grid (1 minute) is meant to include its end, which rounding may push out
        found[name] = _share(sizes <= limit + 1e-4 * quantity.period / 720)
    if quantity.is_time:
        found["hour_accuracy"] = _share(_hour(predicted) == _hour(values))
    return {name: float(value) for name, value in found.items()}


def _share(are: np.ndarray) -> np.float32:
    """In float32, as training records it."""
    return np.float32(are.sum()) / np.float32(len(are))


def _hour(times: np.ndarray) -> np.ndarray:
    """Of times in minutes, once they are rounded to minutes."""
    return np.remainder(np.round(times), 720) // 60
