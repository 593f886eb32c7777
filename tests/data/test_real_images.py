"""The published files themselves, where PAPILIO_DATA has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from papilio.data.load import load_images

pytestmark = pytest.mark.real_data

CIFAR = "cifar10/CIFAR-10-images-jpg.tar.gz"
BUTTERFLIES = "butterflies/butterflies-96px.zip"


def needed(home: Path, name: str) -> Path:
    path = home / name
    if not path.exists():
        pytest.skip(f"{name} is not in PAPILIO_DATA")
    return path


@pytest.mark.parametrize(("name", "mean", "deviation"), [("mnist", 0.1307, 0.3081), ("fashion-mnist", 0.2860, 0.3530)])
def test_the_training_images_have_their_well_known_mean(
    real_home: Path, name: str, mean: float, deviation: float
) -> None:
    needed(real_home, name)
    images = load_images(name, home=real_home, download=False)
    assert images.images.shape == (70000, 1, 28, 28)
    training = np.sort(np.concatenate([images.train, images.validation]))
    pixels = images.images[training] / np.float32(255)
    assert pixels.mean(dtype=np.float64) == pytest.approx(mean, abs=5e-5)
    assert pixels.std(dtype=np.float64) == pytest.approx(deviation, abs=5e-5)
    assert images.test.tolist() == list(range(60000, 70000))


def test_mnist_5k_lies_inside_the_training_images_of_mnist(real_home: Path) -> None:
    needed(real_home, "mnist")
    images = load_images("mnist", home=real_home, download=False)
    training = {image.tobytes() for image in images.images[:60000]}
    assert all(image.tobytes() in training for image in load_images("mnist-5k").images)


def test_the_lossy_cifar_is_read(real_home: Path) -> None:
    needed(real_home, CIFAR)
    images = load_images("cifar10", home=real_home, download=False)
    assert images.images.shape == (60000, 3, 32, 32)
    assert [len(images.train), len(images.validation), len(images.test)] == [45000, 5000, 10000]
    # the means a channel of CIFAR-10's training images, known to far more digits than JPEG leaves
    means = images.images[:50000].mean(axis=(0, 2, 3)) / 255
    assert means == pytest.approx([0.4914, 0.4822, 0.4465], abs=2e-2)


def test_the_butterflies_are_read(real_home: Path) -> None:
    images = load_images(needed(real_home, BUTTERFLIES))
    assert images.images.shape == (13594, 3, 96, 96)
    assert [len(images.train), len(images.validation), len(images.test)] == [12594, 500, 500]
    assert images.num_classes == 100
