"""The gallery of a study's images at the top of the page: a picture per class, made of several images."""

from __future__ import annotations

import math

import numpy as np

from papilio.drawing.figure_files import data_uri
from papilio.engine import Arrays
from papilio.results.words import counted
from papilio.sections.blocks import Gallery, Picture

GAP = 1  # pixels between images
PIXELS = 256  # of a picture, at most, each way


def image_gallery(samples: Arrays) -> Gallery:
    """A picture per class, or an image with its value."""
    rows = zip(samples["names"].tolist(), samples["images"], samples["shown"], strict=True)
    return Gallery(tuple(_picture(name, images[shown]) for name, images, shown in rows))


def _picture(name: str, images: np.ndarray) -> Picture:
    words = counted(len(images), "training image")
    address = data_uri(_tiled(images), is_exact=False, most_pixels=PIXELS)
    return Picture(address, f"{words} of {name}" if name else words, name=name)


def _tiled(images: np.ndarray) -> np.ndarray:
    """All images in a square, with a gap of gray between them."""
    columns = math.ceil(math.sqrt(len(images)))
    rows = -(-len(images) // columns)
    _, channels, height, width = images.shape
    tiled = np.full((channels, rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), 128, dtype=np.uint8)
    for number, image in enumerate(images):
        top, left = number // columns * (height + GAP), number % columns * (width + GAP)
        tiled[:, top : top + height, left : left + width] = image
    return tiled
