"""How close images that a run makes are to real ones, in the features of a classifier, next to two floors."""

from __future__ import annotations

import numpy as np

from papilio.analysis.denoising import psnr, ssim
from papilio.analysis.distances import frechet_distance, kernel_distance, kernel_spread, precision_recall
from papilio.analysis.features import features_of, find_classifier
from papilio.analysis.samples import sample_images
from papilio.data.imageset import ImageSet
from papilio.data.splits import draw_number
from papilio.engine import Arrays
from papilio.kinds.options import QualityOptions
from papilio.runs.run import Run

FEWEST = 20  # images, for covariances and neighbors
COVERED = 0.1  # of a class's share among training images: a mistake of the classifier's now and then is less


def quality(run: Run, images: ImageSet, options: QualityOptions) -> Arrays:
    """Compare samples, and reconstructions of test images, with training images.

    Arrays over r sets of `num` images each: `sets` text (r,), of "real" (test images), "mean" (the training images' mean,
    repeated), "samples" and "reconstructions"; `frechet`, `kernel`, `kernel_spread` (of random quarters), `precision`,
    `recall` float (r,), each against `num` training images; `psnr` in dB and `ssim` float (r,), against the test images, nan
    where an image has none of its own. `classes` text (k,) and `shares` float (2, k): what the classifier takes training
    images and samples for; `set_shares` float (r, k), what it takes each set for, `covered` int (r,), how many classes are at
    least a tenth as frequent there as among training images, of `num_classes` that these show, and `largest` float (r,), the
    share of the most frequent one. `classifier` text, the name of its folder, empty where there is none: then there are no
    numbers. `is_fitted` bool: whether samples were decoded from a normal distribution fitted to latents, as of a plain
    autoencoder, which has no prior. Empty for runs that make no images, and for fewer than 20 test or training images.
    """
    num = min(options.num, len(images.test), len(images.train))
    offers = run.kind.offers.keys()
    if num < FEWEST or not ("sample" in offers or {"encode", "decode"} <= offers):
        return {}
    classifier = find_classifier(images, options.features)
    if classifier is None:
        return {"classifier": np.array("")}
    reference = images.images[draw_number(images.strata, images.train, num=num, seed=0)]
    real = images.images[draw_number(images.strata, images.test, num=num, seed=0)]
    sets = {"real": real, "mean": np.repeat(mean_image(images)[None], num, axis=0)}
    sets["samples"] = sample_images(run, images, num=num, seed=0)
    if {"encode", "decode"} <= offers:
        sets["reconstructions"] = run.decode(run.encode(real))
    known = features_of(classifier, reference)
    rows = [_compared(known, features_of(classifier, one)) for one in sets.values()]
    arrays = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {
        "sets": np.array(list(sets)),
        **arrays,
        **_likeness(sets, real),
        "num": np.array(num),
        "num_features": np.array(known.shape[1]),
        "classifier": np.array(classifier.folder.name),
        "accuracy": np.array(classifier.metrics.get("test_accuracy", np.nan)),
        "is_fitted": np.array("sample" not in offers),
        **_class_shares(classifier, reference, sets),
    }


def mean_image(images: ImageSet) -> np.ndarray:
    """The mean of all training images: uint8 (channel, height, width)."""
    total = np.zeros(images.image_shape)
    for part in np.array_split(images.train, -(-len(images.train) // 1000)):
        total += images.images[part].sum(axis=0, dtype=np.float64)
    return np.round(total / len(images.train)).astype(np.uint8)


def _compared(real: np.ndarray, made: np.ndarray) -> dict[str, float]:
    precision, recall = precision_recall(real, made)
    return {
        "frechet": frechet_distance(real, made),
        "kernel": kernel_distance(real, made),
        "kernel_spread": kernel_spread(real, made),
        "precision": precision,
        "recall": recall,
    }


def _likeness(sets: dict[str, np.ndarray], real: np.ndarray) -> dict[str, np.ndarray]:
    """How like the test images those are that stand for one each: their reconstructions, and the mean image for all."""
    clean = real.astype(np.float32) / 255
    found = np.full((2, len(sets)), np.nan)
    for row, (name, made) in enumerate(sets.items()):
        if name in ("mean", "reconstructions"):
            again = made.astype(np.float32) / 255
            found[:, row] = psnr(again, clean).mean(), ssim(again, clean).mean()
    return {"psnr": found[0], "ssim": found[1]}


def _class_shares(classifier: Run, reference: np.ndarray, sets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Empty of a run that does not classify."""
    if "probabilities" not in classifier.kind.offers:
        return {}
    names = classifier.class_names
    usual, *found = (_shares(classifier, images, len(names)) for images in (reference, *sets.values()))
    shares = np.stack(found)
    return {
        "classes": np.array(names),
        "shares": np.stack([usual, shares[list(sets).index("samples")]]),
        "set_shares": shares,
        "covered": ((shares >= COVERED * usual) & (usual > 0)).sum(axis=1),
        "num_classes": np.array(np.count_nonzero(usual)),
        "largest": shares.max(axis=1),
    }


def _shares(classifier: Run, images: np.ndarray, num_classes: int) -> np.ndarray:
    """What the classifier takes images for: the share of each class, (num_classes,)."""
    return np.bincount(classifier.probabilities(images).argmax(axis=1), minlength=num_classes) / len(images)
