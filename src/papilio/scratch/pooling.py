"""Poolings by hand: images of which a few pixels become one."""

from __future__ import annotations

import numpy as np

from papilio.scratch.layers import Array, Layer, Rng


class Pooling(Layer):
    """What both poolings share: the pixels of each window, as `size`^2 images of the smaller side."""

    def __init__(self, size: int, stride: int | None = None) -> None:
        super().__init__()
        self.size, self.stride = size, stride or size

    def views(self, x: Array) -> list[Array]:
        """The first pixels of all windows, the second ones, and so on, by rows: views of x, (channel, rows, columns, batch)."""
        # how far it is from the first window's pixel to the last one's
        down, right = ((side - self.size) // self.stride * self.stride + 1 for side in x.shape[1:3])
        places = np.ndindex(self.size, self.size)
        return [x[:, i : i + down : self.stride, j : j + right : self.stride] for i, j in places]

    def merged(self, x: Array, merge: np.ufunc) -> Array:
        """What `merge` makes of the pixels of each window."""
        self.x = x
        first, *others = self.views(x)
        y = self.buffer("y", first.shape, x)
        np.copyto(y, first)
        for view in others:
            merge(y, view, out=y)
        return y

    def empty_dx(self, dy: Array) -> tuple[Array, list[Array]]:
        """An array for dx, zero, and its views."""
        dx = self.buffer("dx", self.x.shape, dy)
        dx[...] = 0
        return dx, self.views(dx)


class MaxPooling(Pooling):
    """y is the largest pixel of each window, which has all of the gradient: dx = dy there, and 0 elsewhere.

    Of several that are largest it is the first, by rows. Source: Riesenhuber and Poggio 1999; as PyTorch, without padding.
    """

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
        self.y = self.merged(x, np.maximum)
        return self.y

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        dx, places = self.empty_dx(dy)
        left, given = self.buffer("left", dy.shape, dy), self.buffer("given", dy.shape, dy)
        np.copyto(left, dy)  # what no pixel of the window has been given yet
        for view, place in zip(self.views(self.x), places, strict=True):
            given[...] = view == self.y
            given *= left
            left -= given
            place += given
        return dx


class AveragePooling(Pooling):
    """y is the mean of each window, of which every pixel has the same share: dx = dy / size^2.

    Source: LeCun et al. 1998, section II.B, without the factor and bias that are learned there.
    """

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
        y = self.merged(x, np.add)
        y *= 1 / self.size**2
        return y

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        dx, places = self.empty_dx(dy)
        share = self.buffer("share", dy.shape, dy)
        np.multiply(dy, 1 / self.size**2, out=share)
        for place in places:
            place += share
        return dx
