"""Flat pictures that are laid onto the wall: sampled at the resolution at which they are seen."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from papilio.data.rendering.camera import Affine, Plane, View


class Texture:
    """A square picture, tiled over the plane, in several resolutions; brightness in [0, 1]."""

    def __init__(self, picture: Float[np.ndarray, "side side"]) -> None:
        side = len(picture)
        if picture.shape != (side, side) or side & (side - 1):
            raise ValueError(f"a texture is square, its side a power of two, not {picture.shape}")
        levels = [picture]
        while len(levels[-1]) > 16:
            last = levels[-1]
            levels.append(last.reshape(len(last) // 2, 2, len(last) // 2, 2).mean(axis=(1, 3)))
        # as bytes: what is sampled at random has to stay in the processor's cache
        self.levels = [np.round(np.clip(level, 0, 1) * 255).astype(np.uint8) for level in levels]

    def sample(self, view: View, s: Affine, t: Affine, *, pixel: float, fineness: float) -> Plane:
        """The brightness at every pixel of a view: at column s and row t, affine in (u, v) and in sides of the picture.

        `pixel` is how much of a side a pixel covers. It is the nearest sample of a level that has at least `fineness` to a
        pixel, in each direction: blur and noise come later.
        """
        finest = len(self.levels[0]) * pixel / fineness
        level = self.levels[int(np.clip(np.log2(max(finest, 1e-6)), 0, len(self.levels) - 1))]
        side = len(level)
        # moved by many sides, so that places are never negative: those would be rounded up
        sums = [(of_u * side, of_v * side, (constant + 64) * side) for of_u, of_v, constant in (s, t)]
        columns, places = indices = view.linear(*sums).astype(np.int32)
        indices &= side - 1
        places *= side
        places += columns
        return np.multiply(level.ravel().take(places), np.float32(1 / 255), dtype=np.float32)
