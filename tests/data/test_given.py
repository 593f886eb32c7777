"""Pictures that somebody hands to a run, in memory."""

from __future__ import annotations

import numpy as np
import pytest

from papilio.data.given import as_images, as_pictures
from papilio.errors import DataError

GRAY, RGB = (1, 8, 8), (3, 8, 8)


@pytest.mark.parametrize("shape", [GRAY, RGB])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_an_array_with_transparency_is_one_picture_on_white(shape: tuple[int, int, int], dtype: type) -> None:
    """It was taken for a batch of gray images, one for each row of pixels."""
    array = np.zeros((8, 8, 4), dtype)
    array[:, 4:, 3] = 255 if dtype == np.uint8 else 1  # the right half is black, the left one transparent
    (image,) = as_images(array, shape=shape)
    assert np.all(image[:, :, :4] == 255) and np.all(image[:, :, 4:] == 0)


def test_four_columns_are_no_channels_for_a_run_of_images_four_wide() -> None:
    assert len(as_pictures(np.zeros((3, 5, 4), np.uint8), shape=(1, 5, 4))) == 3


def test_integers_of_as_many_bits_as_the_run_learned_from() -> None:
    """They were refused, or taken as they are where all were below 256."""
    levels = np.full((2, 8, 8), 4095, np.uint16)
    assert np.all(as_images(levels, shape=GRAY, bits=12) == 255)
    assert np.all(as_images(levels // 16, shape=GRAY, bits=12) == 16)
    assert np.all(as_images(np.full((2, 8, 8), 200, np.uint8), shape=GRAY, bits=12) == 200)
    with pytest.raises(DataError, match="set bits = 12"):
        as_images(levels, shape=GRAY)
