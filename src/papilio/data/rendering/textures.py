"""Flat pictures that are laid onto the wall: sampled at the resolution at which they are seen."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


class Texture:
    """A square picture, tiled over the plane, in several resolutions; brightness in [0, 1]."""

    def __init__(self, picture: Float[np.ndarray, "side side"]) -> None:
        side = len(picture)
        if picture.shape != (side, side) or side & (side - 1):
            raise ValueError(f"a texture is square, its side a power of two, not {picture.shape}")
        self.levels = [np.ascontiguousarray(picture, dtype=np.float32)]
        while len(self.levels[-1]) > 16:
            last = self.levels[-1]
            self.levels.append(last.reshape(len(last) // 2, 2, len(last) // 2, 2).mean(axis=(1, 3)))

    def sample(
        self, s: Float[np.ndarray, "height width"], t: Float[np.ndarray, "height width"], *, pixel: float
    ) -> Float[np.ndarray, "height width"]:
        """The brightness at (s, t), in sides of the picture, row t; `pixel` is how much of a side a pixel covers.

        The nearest sample of a level that has about two to a pixel: blur and noise come later.
        """
        finest = len(self.levels[0]) * pixel / 2
        level = self.levels[int(np.clip(np.log2(max(finest, 1e-6)), 0, len(self.levels) - 1))]
        side = len(level)
        columns = (s * side).astype(np.int32)
        rows = (t * side).astype(np.int32)
        columns &= side - 1
        rows &= side - 1
        rows *= side
        rows += columns
        return level.ravel().take(rows)
