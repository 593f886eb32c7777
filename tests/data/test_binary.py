"""Images made black and white by chance: the same ones every time, gray in the mean."""

from __future__ import annotations

import numpy as np
import pytest

from papilio.data import binary
from papilio.data.binary import binarized
from papilio.data.imageset import RawImages
from papilio.data.load import load_images
from papilio.settings.data_settings import DataSettings
from papilio.settings.since import plain_settings
from papilio.studies.images import images_of


def raw(images: np.ndarray) -> RawImages:
    return RawImages("mine", images, np.zeros(len(images), np.int64), (), "", {}, notes=("before",))


def test_a_pixel_is_white_as_often_as_it_is_bright() -> None:
    grey = np.array([0, 1, 64, 128, 200, 254, 255], dtype=np.uint8)
    found = binarized(raw(np.tile(grey[None, None, None], (20_000, 1, 1, 1)))).images
    assert found.dtype == np.uint8 and set(np.unique(found)) == {0, 255}
    means = found.mean(axis=(0, 1, 2))
    assert means[0] == 0 and means[-1] == 255
    # five standard errors of 20,000 draws
    errors = np.sqrt(np.maximum(grey / 255 * (1 - grey / 255), 0) / 20_000) * 255
    assert np.all(np.abs(means - grey) <= 5 * errors + 1e-9)


def test_neighbors_are_drawn_apart() -> None:
    half = np.full((4000, 1, 1, 2), 128, dtype=np.uint8)
    found = binarized(raw(half)).images[:, 0, 0].astype(float)
    assert abs(np.corrcoef(found.T)[0, 1]) < 0.08
    assert abs(np.corrcoef(found[1:, 0], found[:-1, 0])[0, 1]) < 0.08


def test_parts_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (101, 1, 3, 3), dtype=np.uint8)
    whole = binarized(raw(images)).images
    monkeypatch.setattr(binary, "CHUNK", 10)
    np.testing.assert_array_equal(binarized(raw(images)).images, whole)


def test_it_is_the_same_twice_part_of_the_checksum_and_told() -> None:
    once, again, grey = (load_images("digits", binarize=flag) for flag in (True, True, False))
    np.testing.assert_array_equal(once.images, again.images)
    assert once.checksum == again.checksum != grey.checksum
    assert "binarized" in once.notes[-1] and not any("binarized" in note for note in grey.notes)
    np.testing.assert_array_equal(once.test, grey.test)


def test_seeds_and_fractions_choose_among_the_same_draws() -> None:
    whole, other = load_images("digits", binarize=True), load_images("digits", binarize=True, seed=3)
    np.testing.assert_array_equal(whole.images, other.images)
    part = load_images("digits", binarize=True, fraction=0.2)
    known = {image.tobytes() for image in whole.images}
    assert all(image.tobytes() in known for image in part.images)


def test_what_was_trained_before_there_was_the_setting_is_still_the_same_run() -> None:
    assert "binarize" not in plain_settings(DataSettings(name="digits"))
    settings = DataSettings(name="digits", binarize=True)
    assert plain_settings(settings)["binarize"] is True
    assert set(np.unique(images_of(settings, lambda *_: None).images)) == {0, 255}


def test_resized_pictures_are_binarized_last() -> None:
    assert set(np.unique(load_images("digits", size=11, binarize=True).images)) == {0, 255}
