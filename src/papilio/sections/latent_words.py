"""Words that the sections on latent spaces share."""

from __future__ import annotations

import numpy as np

from papilio.data.facts import ImageFacts

PRIOR = "the prior, a standard normal distribution"
FITTED = (
    "This kind of run has no prior: latents are drawn from a normal distribution with the mean and the covariance of"
    " training images’ latents"
)


def label_words(facts: ImageFacts | None, labels: np.ndarray) -> list[str]:
    """What each image shows, in a word or two: its class, its value, or nothing."""
    if facts is None or facts.shows == "nothing":
        return [""] * len(labels)
    if facts.quantity is not None:
        return [facts.quantity.words(float(label)) for label in labels]
    return [facts.class_names[int(label)] for label in labels]


def coordinate_words(row: str) -> str:
    """A row of a walk: which latent coordinates move.

    >>> coordinate_words("6"), coordinate_words("10,27"), coordinate_words("1,2,3")
    ('coordinate 6', 'coordinates 10 and 27', 'coordinates 1, 2 and 3')
    """
    *others, last = row.split(",")
    return f"coordinates {', '.join(others)} and {last}" if others else f"coordinate {last}"


def fewer(num: int, *, most: int) -> list[int]:
    """Up to `most` of so many steps, evenly spread, with both ends among them.

    >>> fewer(9, most=5), fewer(4, most=5)
    ([0, 2, 4, 6, 8], [0, 1, 2, 3])
    """
    return np.linspace(0, num - 1, min(num, most)).round().astype(int).tolist()


def file_words(context_name: str, kind: str) -> str:
    """Where the moving pictures of a section lie as files."""
    return f"As files: `figures/{context_name}-{kind}.webp` and `.gif`."
