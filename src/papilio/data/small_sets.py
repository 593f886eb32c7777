"""How uncertain scores are if few images choose."""

from __future__ import annotations

import math

ENOUGH = 100  # validation images, below which it is told how far a score can be off


def few_validation_images(num: int, *, has_classes: bool) -> str | None:
    """What a reader must know if few validation images choose epochs and trials; None if there are enough.

    The 95% interval of an accuracy is widest at one half: 1.96 * sqrt(0.25 / num).

    >>> few_validation_images(18, has_classes=True)
    'only 18 validation images choose epochs and trials: an accuracy on them can be off by 0.23 either way (95%)'
    """
    if not 0 < num < ENOUGH:
        return None
    who = f"only {num} validation image{'s' if num > 1 else ''} choose{'' if num > 1 else 's'} epochs and trials"
    if not has_classes:
        return f"{who}: a score on so few says little about others"
    return f"{who}: an accuracy on them can be off by {min(0.98 / math.sqrt(num), 1):.2g} either way (95%)"
