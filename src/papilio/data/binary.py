"""Gray images made black and white by chance, once and for all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from papilio.data.imageset import RawImages

SEED = 0
CHUNK = 1000  # images; an even number, as each 64-bit draw is for two pixels


def binarized(raw: RawImages) -> RawImages:
    """The set with each pixel 0 or 255, drawn with its gray value / 255 as the probability of 255.

    The draws depend on nothing but a pixel's place in the set: neither splits nor runs change them. Salakhutdinov & Murray
    2008, "On the quantitative analysis of deep belief networks", section 5, did so with MNIST, whose test likelihoods are
    usually told of such images.
    """
    stream = np.random.default_rng(SEED).bit_generator  # whose raw numbers NumPy promises never to change
    images = np.empty(raw.images.shape, dtype=np.uint8)
    for start in range(0, len(images), CHUNK):
        gray = np.asarray(raw.images[start : start + CHUNK])
        drawn = stream.random_raw(-(-gray.size // 2)).astype("<u8", copy=False).view("<u4")[: gray.size]
        # 255 is always white, 0 never
        is_white = drawn.reshape(gray.shape) * np.uint64(255) < gray.astype(np.uint64) << np.uint64(32)
        images[start : start + CHUNK] = np.where(is_white, 255, 0)
    note = "binarized: each pixel drawn once as black or white, with its gray value as the probability of white"
    return replace(raw, images=images, notes=(*raw.notes, note))
