"""How sure a mean is, and whether one series of runs is really ahead of another: numbers in, numbers out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import ndtri, stdtr, stdtrit  # scipy.stats has the same, and takes a second to import


@dataclass(frozen=True)
class PairedComparison:
    """The first series minus the second, pair by pair.

    `half_width` (of the 95% interval of the mean difference) and `p_value` (two-sided) are None where the pairs cannot tell
    them: with fewer than two pairs, and where every pair differs by the same, so that nothing says how much chance does.
    """

    num_pairs: int
    difference: float
    half_width: float | None
    p_value: float | None


def mean_interval(values: Sequence[float], *, confidence: float = 0.95) -> float | None:
    """Half the width of the mean's confidence interval, None for fewer than two values.

    Student's t with n - 1 degrees of freedom, for values that are independent and about normal; the folds of a
    cross-validation are not independent, so that theirs comes out too narrow.
    """
    if len(values) < 2:
        return None
    return _quantile(len(values), confidence) * statistics.stdev(values) / math.sqrt(len(values))


def share_interval(share: float, num: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Both ends of the confidence interval of a share that was measured on `num` images; they lie in [0, 1].

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22.
    """
    z = float(ndtri((1 + confidence) / 2))
    middle = (share + z**2 / (2 * num)) / (1 + z**2 / num)
    half = z / (1 + z**2 / num) * math.sqrt(share * (1 - share) / num + z**2 / (4 * num**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def paired_comparison(first: Sequence[float], second: Sequence[float], *, test_share: float | None) -> PairedComparison:
    """Student's t test of the differences, for values that are paired by seed and fold.

    `test_share` is for folds, whose training sets overlap: the number of images held out over the number trained on,
    1 / (k - 1) for k folds. The variance of the mean is then s² (1/n + test_share) instead of s²/n. None: independent runs.
    Raises ValueError where there are no pairs, or the series differ in length.

    Source: Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52, section 3; for repeated
    folds Bouckaert and Frank (2004), Evaluating the replicability of significance tests for comparing learning algorithms.
    """
    differences = [one - other for one, other in zip(first, second, strict=True)]
    if not differences:
        raise ValueError("nothing to compare: no pairs")
    num, mean = len(differences), statistics.fmean(differences)
    if num < 2 or _are_equal(differences):
        return PairedComparison(num, mean, None, None)
    error = statistics.stdev(differences) * math.sqrt(1 / num + (test_share or 0.0))
    p_value = 2 * float(stdtr(num - 1, -abs(mean) / error))
    return PairedComparison(num, mean, _quantile(num, 0.95) * error, p_value)


def _are_equal(differences: Sequence[float]) -> bool:
    """Up to rounding: 0.91 - 0.9 and 0.81 - 0.8 differ in their last bits."""
    return max(differences) - min(differences) <= 1e-12 * max(1.0, *map(abs, differences))


def _quantile(num: int, confidence: float) -> float:
    return float(stdtrit(num - 1, (1 + confidence) / 2))
