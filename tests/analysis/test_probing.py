"""A linear classifier on latents: what it is given, and what it reaches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from papilio.analysis.probing import components_accuracy, linear_accuracy, principal_components, probe
from papilio.data.imageset import ImageSet
from papilio.data.load import load_images
from papilio.kinds.options import ProbeOptions
from papilio.kinds.registry import AUTOENCODER, CLASSIFY


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return load_images("digits")


def run_that_encodes(encode: Any) -> Any:
    return SimpleNamespace(kind=AUTOENCODER, encode=encode, folder=Path("run"))


def test_latents_that_are_the_class_are_read_without_a_mistake(digits: ImageSet) -> None:
    known = {image.tobytes(): label for image, label in zip(digits.images, digits.labels, strict=True)}

    def encode(images: np.ndarray) -> np.ndarray:
        return np.eye(10, dtype=np.float32)[[known[image.tobytes()] for image in images]]

    found = probe(run_that_encodes(encode), digits, ProbeOptions(labels=[20, 100, "all"], draws=2))
    assert found["labels"].tolist() == [20, 100, len(digits.train)]
    assert np.nanmin(found["accuracy"][0]) == 1.0
    assert np.isnan(found["accuracy"][:, 2, 1]).all() and np.isfinite(found["accuracy"][:, :2]).all()
    assert found["num_latents"] == 10 and found["num_test"] == len(digits.test)
    # ten components of digits hold far more than guessing, and less than the class itself
    assert 0.5 < found["accuracy"][1, 2, 0] < 1.0


def test_latents_without_meaning_are_no_better_than_guessing(digits: ImageSet) -> None:
    noise = np.random.default_rng(0)
    found = probe(
        run_that_encodes(lambda images: noise.normal(size=(len(images), 5)).astype(np.float32)),
        digits,
        ProbeOptions(labels=[500], draws=3),
    )
    assert np.all(found["accuracy"][0] < 0.2)


def test_numbers_beyond_what_there_is_stand_for_all_and_fewer_than_classes_are_left_out(digits: ImageSet) -> None:
    def encode(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1)[:, :12].astype(np.float32)

    found = probe(run_that_encodes(encode), digits, ProbeOptions(labels=[5, 50, 10**6, "all"], draws=1))
    assert found["labels"].tolist() == [50, len(digits.train)]


def test_nothing_to_tell_without_classes_or_an_encoder(digits: ImageSet) -> None:
    unlabeled = load_images("digits", labels="none")
    assert probe(run_that_encodes(None), unlabeled, ProbeOptions()) == {}
    classifier: Any = SimpleNamespace(kind=CLASSIFY, encode=None)
    assert probe(classifier, digits, ProbeOptions()) == {}


def test_components_are_those_of_all_training_images_and_never_more_than_pixels(digits: ImageSet) -> None:
    few = digits.train[:7]
    of_train, of_test = principal_components(digits, few, digits.test, num=500)
    assert of_train.shape == (7, 64) and of_test.shape == (len(digits.test), 64)
    # a rotation about the mean: distances between images stay what they are
    pixels = digits.images[few].reshape(7, -1) / 255
    assert np.linalg.norm(of_train[0] - of_train[1]) == pytest.approx(np.linalg.norm(pixels[0] - pixels[1]), rel=1e-4)


def test_as_many_components_as_images_are_one_fewer(digits: ImageSet) -> None:
    """The last one was rounding errors, which standardizing blew up."""
    few = replace(digits, train=digits.train[::25][:50])
    of_train, of_test = principal_components(few, few.train, few.test, num=50)
    assert of_train.shape == (50, 49) and of_test.shape == (len(few.test), 49)
    spreads = of_train.std(axis=0)
    assert spreads.min() > 1e-4 * spreads.max()  # that of the fiftieth was 1e-7 of the first


def test_the_probe_is_logistic_regression_on_standardized_features() -> None:
    labels = np.repeat([0, 1], 50)
    features = np.stack([labels * 1e-3, np.random.default_rng(0).normal(size=100) * 1e3], axis=1)
    assert linear_accuracy(features, labels, features, labels) == 1.0


def test_small_components_stay_small(digits: ImageSet) -> None:
    """Blown up to the size of the others, 64 components of 50 images were far worse than ten."""
    few = digits.train[::25][:50]
    labels, test_labels = digits.labels[few], digits.labels[digits.test]

    def accuracy(judge: Callable[..., float], num: int) -> float:
        of_train, of_test = principal_components(digits, few, digits.test, num=num)
        return judge(of_train, labels, of_test, test_labels)

    assert accuracy(components_accuracy, 60) > accuracy(components_accuracy, 10)
    assert accuracy(components_accuracy, 60) > accuracy(linear_accuracy, 60) + 0.1


def test_components_of_equal_images_are_guessed() -> None:
    labels = np.arange(10) % 2
    assert components_accuracy(np.zeros((10, 3)), labels, np.zeros((10, 3)), labels) == 0.5


def test_fewer_training_images_than_asked_for(digits: ImageSet) -> None:
    small = replace(digits, train=digits.train[:30])

    def encode(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1).astype(np.float32)

    assert probe(run_that_encodes(encode), small, ProbeOptions())["labels"].tolist() == [30]


def test_many_test_images_are_drawn_of_all_classes(digits: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ones were taken: of a set that is sorted by class those of the first classes alone."""
    monkeypatch.setattr("papilio.analysis.probing.MOST_TEST", 100)
    order = np.argsort(digits.labels, kind="stable")
    splits = {name: np.flatnonzero(np.isin(order, digits.indices(name))) for name in ("train", "validation", "test")}
    by_class = replace(digits, images=digits.images[order], labels=digits.labels[order], **splits)
    seen: list[np.ndarray] = []

    def encode(images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return images.reshape(len(images), -1)[:, :8].astype(np.float32)

    arrays = probe(run_that_encodes(encode), by_class, ProbeOptions(labels=[100], draws=1))
    assert int(arrays["num_test"]) == 100 and len(seen[1]) == 100
    of_pixels = {image.tobytes(): label for image, label in zip(digits.images, digits.labels, strict=True)}
    assert len({int(of_pixels[image.tobytes()]) for image in seen[1]}) == 10
