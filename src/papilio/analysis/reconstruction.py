"""What comes back of test images: some of each class, the worst, and the error of all."""

from __future__ import annotations

import numpy as np

from papilio.analysis.latent_scale import stratified
from papilio.data.imageset import ImageSet
from papilio.engine import Arrays
from papilio.kinds.options import ReconstructionOptions
from papilio.runs.run import Run

CHUNK = 1000  # images at a time


def reconstruct(run: Run, images: ImageSet, options: ReconstructionOptions) -> Arrays:
    """Encode and decode the test images of a set, and see how far they are off.

    Arrays over n test images: `errors` float32 (n,), each image's mean squared error per pixel, on a scale from 0 to 1;
    `labels` (n,). Shown are `images` and `again`, both uint8 (m, channel, height, width), with `places` int (m,), where
    they stand among the n; `worst_images`, `worst_again` and `worst_places` in the same way, the worst first. `floor` is
    the error of the training images' mean in place of every test image. Empty where the run does not encode and decode.
    """
    if not {"encode", "decode"} <= set(run.kind.offers):
        return {}
    chosen = images.indices("test")
    errors = np.concatenate(
        [_errors(run, images.images[chosen[start : start + CHUNK]]) for start in range(0, len(chosen), CHUNK)]
    )
    places = some_of_each_class(images, chosen, num=options.pictures, seed=options.seed)
    worst = np.argsort(-errors, kind="stable")[: options.worst]
    return {
        "errors": errors,
        "labels": images.labels[chosen],
        "floor": np.array(error_of_mean(images)),
        "places": places,
        "images": images.images[chosen[places]],
        "again": _again(run, images.images[chosen[places]]),
        "worst_places": worst,
        "worst_images": images.images[chosen[worst]],
        "worst_again": _again(run, images.images[chosen[worst]]),
    }


def some_of_each_class(images: ImageSet, chosen: np.ndarray, *, num: int, seed: int) -> np.ndarray:
    """Places in `chosen` of up to `num` images, in turn one of each class: int (m,). Without classes any images.

    Of more classes than `num` those are taken that are spread evenly over all of them.
    """
    shuffled = np.random.default_rng(seed).permutation(len(chosen))
    strata = images.strata[chosen[shuffled]]
    classes = np.unique(strata)
    if len(classes) > num:
        classes = classes[np.linspace(0, len(classes) - 1, num).round().astype(int)]
    queues = [shuffled[strata == one].tolist() for one in classes]
    rounds = [queue[turn] for turn in range(max(map(len, queues), default=0)) for queue in queues if turn < len(queue)]
    return np.array(rounds[:num], dtype=np.int64)


def error_of_mean(images: ImageSet) -> float:
    """The mean squared error per pixel of the mean of up to 2,000 training images in place of each test image."""
    known = images.images[stratified(images, images.train, most=2000)]
    mean = known.mean(axis=0, dtype=np.float64) / 255
    chosen = images.indices("test")
    total = sum(
        float(np.square(images.images[chosen[start : start + CHUNK]] / 255 - mean).sum())
        for start in range(0, len(chosen), CHUNK)
    )
    return total / max(len(chosen) * mean.size, 1)


def _again(run: Run, images: np.ndarray) -> np.ndarray:
    return run.decode(run.encode(images)) if len(images) else images


def _errors(run: Run, images: np.ndarray) -> np.ndarray:
    """As the run measured them: of what the network gives back, not of that rounded to whole levels."""
    exact = run.reconstruct(images) if "reconstruct" in run.kind.offers else _again(run, images) / np.float32(255)
    return np.square(images / np.float32(255) - exact).mean(axis=(1, 2, 3))
