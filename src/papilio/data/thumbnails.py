"""Images as small pictures inside HTML."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import numpy as np

from papilio.snippets import picture

SIDE = 56  # pixels, about


def thumbnails(images: np.ndarray, labels: Sequence[str]) -> Iterator[str]:
    """Each of uint8 images (num, channel, height, width) with its label; small ones enlarged pixel by pixel."""
    for image, label in zip(images, labels, strict=True):
        yield picture(_webp(image), kind="webp", label=label, width=SIDE)


def _webp(image: np.ndarray) -> bytes:
    from PIL import Image

    pixels = image[0] if len(image) == 1 else image[:3].transpose(1, 2, 0)
    factor = max(1, SIDE // max(pixels.shape[:2]))
    small = Image.fromarray(np.ascontiguousarray(pixels.repeat(factor, axis=0).repeat(factor, axis=1)))
    small.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    small.save(file, format="webp", lossless=True)
    return file.getvalue()
