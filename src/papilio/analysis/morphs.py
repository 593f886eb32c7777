"""From one image to another: the images along the way between their latents, straight or on a sphere."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from papilio.analysis.walk import MOST_BYTES, drawn_latents
from papilio.data.imageset import ImageSet
from papilio.engine import Arrays
from papilio.errors import DataError, SettingError, did_you_mean, shown
from papilio.kinds.kind import Planned
from papilio.kinds.options import MorphOptions
from papilio.runs.run import Run, load_run
from papilio.settings.references import OwnFunctions

Way = Literal["linear", "spherical"]
WAYS: tuple[Way, ...] = ("linear", "spherical")
FLAT = 1e-4  # the sine of an angle below which an arc is a straight line, or there is none


def morph(
    run: Any,
    image_a: Any,
    image_b: Any,
    *,
    steps: int = 9,
    way: Way = "linear",
    own: OwnFunctions | None = None,
) -> np.ndarray:
    """The images between two images: both are encoded, and what lies between is decoded.

    `run` and `own` are as `load_run` takes them. Each image is a picture file, a PIL image or an array of one image, as
    `Run.predict` takes them. Returned is uint8 (steps, channel, height, width); the first and the last are reconstructions of
    the two. `way` is "linear", or "spherical": along the arc about the origin of latent space (see `spherical`), which keeps
    latents at the distance from it that those of a normal prior have.

    Raises RunError for a run that does not encode and decode, DataError for images that it does not take, SettingError for
    fewer than 2 steps or another way.
    """
    if not isinstance(steps, int | np.integer) or steps < 2:
        raise SettingError(f"steps = {shown(steps)}: must be a whole number from 2, the two ends")
    _refuse_other_way(way)
    run = load_run(run, own=own)
    images = np.concatenate([_one_image(one, run) for one in (image_a, image_b)])
    start, end = run.encode(images)
    return run.decode(between(start, end, np.linspace(0, 1, steps), way=way))


def between(start: np.ndarray, end: np.ndarray, shares: np.ndarray, *, way: Way) -> np.ndarray:
    """Latents between two, by shares of the way from 0 to 1: float32 (shares, latents). Raises SettingError for another way."""
    _refuse_other_way(way)
    return linear(start, end, shares) if way == "linear" else spherical(start, end, shares)


def linear(start: np.ndarray, end: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(1 - t) a + t b for each share t: float32 (shares, latents)."""
    weights = np.asarray(shares, dtype=np.float64)[:, None]
    return ((1 - weights) * start + weights * end).astype(np.float32)


def spherical(start: np.ndarray, end: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """sin((1 - t) θ) / sin θ a + sin(t θ) / sin θ b for each share t, θ the angle between a and b: float32 (shares, latents).

    Where a and b are equally long, so is all that is between them. Where there is no arc, or no single one, because one of
    them is 0 or both lie on a line through 0, this is `linear`. Shoemake, Animating rotation with quaternion curves (1985);
    for latents White, Sampling generative networks (2016), arXiv 1609.04468, section 2.1.
    """
    angle = angle_between(start, end)
    if np.isnan(angle) or np.sin(angle) < FLAT:
        return linear(start, end, shares)
    weights = np.asarray(shares, dtype=np.float64)[:, None]
    first, second = np.sin((1 - weights) * angle), np.sin(weights * angle)
    return ((first * start + second * end) / np.sin(angle)).astype(np.float32)


def angle_between(start: np.ndarray, end: np.ndarray) -> float:
    """The angle between two latents, seen from 0, in radians from 0 to π; not a number where one of them is 0."""
    one, other = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.arccos(np.clip(one @ other / lengths, -1, 1))) if lengths > 0 else float("nan")


def check_morphs(options: MorphOptions, planned: Planned) -> None:
    """Raises SettingError for test images that do not exist."""
    if isinstance(options.pairs, int) or "encode" not in planned.kind.offers:
        return
    last = max(max(pair) for pair in options.pairs)
    if last >= planned.num_test:
        raise SettingError(f"pairs: {_no_image(last, planned.num_test)}")


def morphs(run: Run, images: ImageSet, options: MorphOptions) -> Arrays:
    """Morphs between pairs of test images, or, of a run that does not encode, between draws from its prior.

    Arrays over p pairs: `linear` and `spherical` uint8 (p, f, channel, height, width), of which every `every`-th picture
    is a step and the others lie between; `classes` text (p,), of a conditional run, the class that each is of;
    `ends` uint8 (p, 2, ...), the images themselves, and their `labels` (p, 2), both
    not there where ends are draws; `angles` float64 (p,), between the two latents, in degrees. Empty where the run does not
    decode, or there are no two test images. Raises DataError for a test image that does not exist.
    """
    if "decode" not in run.kind.offers:
        return {}
    arrays: dict[str, np.ndarray] = {}
    if "encode" in run.kind.offers:
        chosen = images.indices("test")
        pairs = _pairs(images, chosen, options)
        if not len(pairs):
            return {}
        arrays["ends"] = images.images[chosen[pairs]]
        arrays["labels"] = images.labels[chosen[pairs]]
        latents = run.encode(arrays["ends"].reshape(-1, *run.image_shape)).reshape(len(pairs), 2, -1)
    else:
        num = options.pairs if isinstance(options.pairs, int) else len(options.pairs)
        latents = drawn_latents(run, images, num=2 * num, seed=options.seed).reshape(num, 2, run.latents)
    every = 2 if 4 * len(latents) * options.steps * np.prod(run.image_shape) <= MOST_BYTES else 1
    shares = np.linspace(0, 1, every * (options.steps - 1) + 1)
    labels: dict[str, np.ndarray] = {}
    if run.conditional_classes:
        classes = np.arange(len(latents)) % run.conditional_classes
        arrays["classes"] = np.array(run.class_names)[classes]
        labels["labels"] = np.repeat(classes, len(shares))
    for way in WAYS:
        steps = np.concatenate([between(start, end, shares, way=way) for start, end in latents])
        arrays[way] = run.decode(steps, **labels).reshape(len(latents), len(shares), *run.image_shape)
    angles = [np.degrees(angle_between(start, end)) for start, end in latents]
    return arrays | {"angles": np.array(angles), "every": np.array(every)}


def _refuse_other_way(way: str) -> None:
    if way not in WAYS:
        raise SettingError(f"way = {way!r} is not a way from one image to another; {did_you_mean(way, WAYS)}")


def _one_image(given: Any, run: Run) -> np.ndarray:
    """uint8 (1, channel, height, width)."""
    images = run.images_of(given)
    if len(images) != 1:
        raise DataError(
            f"{run.folder}: got {len(images):,} pictures in place of one; a morph is from one picture to another"
        )
    return images


def _no_image(number: int, num_test: int) -> str:
    there = f"test images are numbered from 0 to {num_test - 1}" if num_test else "there are no test images"
    return f"there is no test image {number}; {there}"


def _pairs(images: ImageSet, chosen: np.ndarray, options: MorphOptions) -> np.ndarray:
    """Numbers of test images: int (p, 2)."""
    if not isinstance(options.pairs, int):
        pairs = np.array(options.pairs, dtype=np.int64)
        if pairs.max() >= len(chosen):
            raise DataError(f"{images.name}: pairs: {_no_image(int(pairs.max()), len(chosen))}")
        return pairs
    return drawn_pairs(images.strata[chosen], num=options.pairs, seed=options.seed)


def drawn_pairs(labels: np.ndarray, *, num: int, seed: int) -> np.ndarray:
    """Up to `num` pairs of places in `labels`, of different labels where there are several: int (p, 2).

    No image comes twice as long as there are enough. No pairs where there is but one image.
    """
    rng = np.random.default_rng(seed)
    if len(labels) < 2:
        return np.zeros((0, 2), dtype=np.int64)
    kinds = np.unique(labels)
    is_left = np.ones(len(labels), dtype=bool)
    pairs, queue = [], []
    for _ in range(num):
        if len(kinds) < 2:
            one = _drawn(rng, is_left, among=np.ones(len(labels), dtype=bool))
            pairs.append([one, _drawn(rng, is_left, among=np.arange(len(labels)) != one)])
            continue
        if len(queue) < 2:  # all classes come by before one comes again
            queue = rng.permutation(kinds).tolist()
        first, second = queue.pop(), queue.pop()
        pairs.append([_drawn(rng, is_left, among=labels == one) for one in (first, second)])
    return np.array(pairs, dtype=np.int64)


def _drawn(rng: np.random.Generator, is_left: np.ndarray, *, among: np.ndarray) -> int:
    """The place of one of the images that are left; where none is left all of them come again."""
    if not (among & is_left).any():
        is_left[among] = True
    place = int(rng.choice(np.flatnonzero(among & is_left)))
    is_left[place] = False
    return place
