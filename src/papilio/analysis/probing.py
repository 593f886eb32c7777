"""What latents are good for: how well a linear classifier on them does, next to one on principal components."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from papilio.data.imageset import ImageSet
from papilio.data.splits import draw_number
from papilio.engine import Arrays
from papilio.kinds.kind import Planned
from papilio.kinds.options import ProbeOptions
from papilio.runs.run import Run

if TYPE_CHECKING:  # scikit-learn takes seconds to import; where it is needed, functions do
    from sklearn.decomposition import PCA

MOST_FOR_PCA = 10_000  # training images from which components are computed
MOST_TEST = 10_000


def check_probe(options: ProbeOptions, planned: Planned) -> str | None:
    """What a run on images without classes has not got."""
    return None if planned.images.facts.shows == "class" else "it needs images with classes, and these have none"


def probe(run: Run, images: ImageSet, options: ProbeOptions) -> Arrays:
    """Fit logistic regression to latents of labeled training images, and to as many principal components of their pixels.

    Arrays over k numbers of labels: `labels` int (k,); `accuracy` float (2, k, draws), on test images, of latents and of
    components, NaN where all labels are used and there is only one draw. Without dimensions `num_latents`, `num_test`,
    `num_classes`. Empty for a run that does not encode, and for images without classes.
    """
    if "encode" not in run.kind.offers or images.facts.shows != "class" or len(images.indices("test")) == 0:
        return {}
    train = images.train
    test = draw_number(images.strata, images.test, num=min(MOST_TEST, len(images.test)), seed=0)
    numbers = sorted({min(len(train), len(train) if one == "all" else one) for one in options.labels})
    numbers = [num for num in numbers if num >= images.num_classes]
    if not numbers:
        return {}
    chosen = train if numbers[-1] == len(train) else _joined(images, numbers, options)
    known = {int(index): place for place, index in enumerate(chosen)}
    latents = run.encode(images.images[chosen]), run.encode(images.images[test])
    num_latents = latents[0].shape[1]
    components = principal_components(images, chosen, test, num=num_latents)
    accuracy = np.full((2, len(numbers), options.draws), np.nan)
    for column, num in enumerate(numbers):
        for draw, indices in enumerate(_draws(images, num, options)):
            places = np.array([known[int(index)] for index in indices])
            labels, test_labels = images.labels[indices], images.labels[test]
            accuracy[0, column, draw] = linear_accuracy(latents[0][places], labels, latents[1], test_labels)
            accuracy[1, column, draw] = components_accuracy(components[0][places], labels, components[1], test_labels)
    return {
        "labels": np.array(numbers),
        "accuracy": accuracy,
        "num_latents": np.array(num_latents),
        "num_test": np.array(len(test)),
        "num_classes": np.array(images.num_classes),
    }


def linear_accuracy(
    features: np.ndarray, labels: np.ndarray, test_features: np.ndarray, test_labels: np.ndarray
) -> float:
    """The share of test images that logistic regression gets right.

    Features, (num, dimension), are standardized by those of the training images; the penalty is scikit-learn's default, L2
    with C = 1.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return float(model.fit(features, labels).score(test_features, test_labels))


def components_accuracy(
    of_train: np.ndarray, labels: np.ndarray, of_test: np.ndarray, test_labels: np.ndarray
) -> float:
    """The same on principal components, (num, components), divided by the largest standard deviation among them.

    Standardized one by one, small components would count as much as large ones, which does harm where labels are few.
    """
    from sklearn.linear_model import LogisticRegression

    scale = float(of_train.std(axis=0).max()) or 1.0
    model = LogisticRegression(max_iter=1000)
    return float(model.fit(of_train / scale, labels).score(of_test / scale, test_labels))


def principal_components(
    images: ImageSet, chosen: np.ndarray, test: np.ndarray, *, num: int
) -> tuple[np.ndarray, np.ndarray]:
    """The first principal components of pixels, float32 (num images, components), of training and of test images.

    They are computed from up to 10,000 training images: all that there are, not only those with a label, as for an
    autoencoder. Fewer than `num` where images have fewer pixels, or there are not more of them.
    """
    pca = fit_components(images, num=num)
    return pca.transform(flat_pixels(images, chosen)), pca.transform(flat_pixels(images, test))


def fit_components(images: ImageSet, *, num: int) -> PCA:
    """The first principal components of the pixels of up to 10,000 training images, stratified; see `principal_components`."""
    from sklearn.decomposition import PCA

    fitted = draw_number(images.strata, images.train, num=min(MOST_FOR_PCA, len(images.train)), seed=0)
    pixels = flat_pixels(images, fitted)
    # n images less their mean span n - 1 dimensions: one more is rounding errors, which standardizing would blow up
    most = max(1, min(pixels.shape[1], len(pixels) - 1))
    return PCA(min(num, most), svd_solver="randomized", random_state=0).fit(pixels)


def flat_pixels(images: ImageSet, indices: np.ndarray) -> np.ndarray:
    """Pixels from 0 to 1: float32 (indices, pixels)."""
    return images.images[indices].reshape(len(indices), -1).astype(np.float32) / 255


def _joined(images: ImageSet, numbers: list[int], options: ProbeOptions) -> np.ndarray:
    return np.unique(np.concatenate([indices for num in numbers for indices in _draws(images, num, options)]))


def _draws(images: ImageSet, num: int, options: ProbeOptions) -> Iterator[np.ndarray]:
    """Stratified draws of so many training images; of all of them there is one."""
    for seed in range(1 if num == len(images.train) else options.draws):
        yield draw_number(images.strata, images.train, num=num, seed=seed)
