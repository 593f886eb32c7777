"""How uncertain scores are if few images choose."""

from __future__ import annotations

import math

ENOUGH = 100  # validation images, below which it is told how far a score can be off


def few_validation_images(num: int, *, has_classes: bool) -> str | None:
    """What a reader must know if few validation images choose epochs and trials; None if there are enough.

    The 95% interval of an accuracy is widest at one half: 1.96 * sqrt(0.25 / num).

    >>> few_validation_images(18, has_classes=True)
    'epochs and trials are selected on only 18 validation images: an accuracy has a 95% margin of error of up to ±0.23'
    """
    if not 0 < num < ENOUGH:
        return None
    few = f"epochs and trials are selected on only {num} validation image{'s' if num > 1 else ''}"
    if not has_classes:
        return f"{few}: such a score is unreliable"
    return f"{few}: an accuracy has a 95% margin of error of up to ±{min(0.98 / math.sqrt(num), 1):.2g}"
