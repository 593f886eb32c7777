"""A user's pictures, as a trained run is shown them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from papilio.data.decoding import Seen
from papilio.data.held import Held
from papilio.data.pictures import read_each
from papilio.data.progress import Progress
from papilio.data.scaling import size_words
from papilio.runs.run import Run
from papilio.runs.train import rim_brightness

MOST_SCALED = 2.0  # by what factor a side may be longer or shorter than those of the images that a run knows
MOST_OTHER = 1.1  # the same for width over height


def counted(pictures: Sequence[Path | Held], progress: Progress | None) -> Iterator[Path | Held]:
    """Each picture; `progress` is told how many have been taken."""
    for num, picture in enumerate(pictures, start=1):
        yield picture
        if progress:
            progress(num, len(pictures), "reading pictures")


def shown_to(
    run: Run, pictures: Sequence[Path | Held], *, is_inverted: bool, progress: Progress | None
) -> tuple[np.ndarray, list[str | None]]:
    """Pictures as uint8 (num, channel, height, width) of the run's images, and of each what may be wrong with it."""
    bits = run.facts.run_settings.data.bits
    seen = read_each(pictures, shape=run.image_shape, bits=bits, progress=progress)
    images = np.stack([one.values for one in seen]) if seen else np.empty((0, *run.image_shape), np.uint8)
    images = 255 - images if is_inverted else images
    return images, [_hint(run, one, image) for one, image in zip(seen, images, strict=True)]


def _hint(run: Run, seen: Seen, image: np.ndarray) -> str | None:
    """Where the picture differs from what the run was trained on: in size, in color, or in how light its rim is."""
    hints = [hint for hint in (_about_size(run, seen), _about_colors(run, seen), _about_the_rim(run, image)) if hint]
    return "; ".join(hints) or None


def _about_size(run: Run, seen: Seen) -> str | None:
    # where `size` brought its own pictures to one, they were scaled and cropped likewise
    if run.facts.run_settings.data.size is not None:
        return None
    _, height, width = run.image_shape
    scale = math.sqrt(seen.size[0] * seen.size[1] / (height * width))
    proportions = seen.size[1] * height / (seen.size[0] * width)
    how, done = [], []
    if not 1 / MOST_SCALED < scale < MOST_SCALED:
        how.append("much larger" if scale > 1 else "much smaller")
        done.append("scaled down" if scale > 1 else "enlarged")
    if not 1 / MOST_OTHER < proportions < MOST_OTHER:
        how.append("differently proportioned")
        done.append("center-cropped")
    if not how:
        return None
    return (
        f"this run was trained on images of {size_words((height, width))} pixels; this picture is {' and '.join(how)}, so it"
        f" was {' and '.join(done)}"
    )


def _about_colors(run: Run, seen: Seen) -> str | None:
    # where `color` made its pictures gray, it has learned from pictures in color
    if not seen.lost_colors or run.facts.run_settings.data.color is not None:
        return None
    return "this run was trained on gray images; the colors of this picture are ignored"


def _about_the_rim(run: Run, image: np.ndarray) -> str | None:
    usual, here = run.facts.rim_brightness, rim_brightness(image[None])
    if usual is None or abs(here - usual) < 0.5:
        return None
    kinds = ("dark", "light") if usual < here else ("light", "dark")
    return (
        f"this run was trained on images with a {kinds[0]} border, but this picture has a {kinds[1]} one; try --invert"
    )
