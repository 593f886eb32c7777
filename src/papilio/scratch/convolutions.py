"""Convolutions by hand, plain and transposed: as matrix products of the pixels that a window sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from papilio.scratch.layers import NOTHING, Array, Buffers, Layer, Rng, Shape

BLOCK = 2**20  # numbers of which a convolution makes one matrix at a time: they stay in the cache


class Window:
    """Squares of kernel * kernel pixels, `stride` apart, that slide over images with a rim of `padding` zeros.

    With the pixels of each place as a column of a matrix X, (channel * kernel^2, rows * columns * batch), a convolution is one
    matrix product. X holds every pixel about kernel^2 times, so it is made for a few rows of places at a time ("im2col", in
    blocks).
    Source: Chellapilla, Puri and Simard, High performance convolutional neural networks for document processing, 2006.
    """

    def __init__(self, kernel: int, stride: int, padding: int) -> None:
        self.kernel, self.stride, self.padding = kernel, stride, padding
        self.buffer = Buffers()

    def places(self, side: int) -> int:
        """At how many places along a side of so many pixels the window fits."""
        return (side + 2 * self.padding - self.kernel) // self.stride + 1

    def blocks(self, channels: int, rows: int, length: int) -> Iterator[tuple[int, int, slice]]:
        """Ranges of rows of places whose columns are about BLOCK numbers: from row, to row, and which columns of X these are.

        `length` is how many columns a row has: its places times the images of the batch.
        """
        step = max(1, BLOCK // (channels * self.kernel**2 * length))
        for begin in range(0, rows, step):
            end = min(begin + step, rows)
            yield begin, end, slice(begin * length, end * length)

    def padded(self, x: Array) -> Array:
        """x (channel, height, width, batch) with its rim."""
        if not self.padding:
            return x
        (channels, height, width, batch), rim = x.shape, self.padding
        wide = self.buffer("padded", (channels, height + 2 * rim, width + 2 * rim, batch), x)
        for edge in (wide[:, :rim], wide[:, -rim:], wide[:, :, :rim], wide[:, :, -rim:]):
            edge[...] = 0
        wide[:, rim:-rim, rim:-rim] = x
        return wide

    def without_rim(self, wide: Array, height: int, width: int) -> Array:
        """The images within an array that has a rim."""
        rim = self.padding
        return wide[:, rim : rim + height, rim : rim + width]

    def columns(self, wide: Array) -> Iterator[tuple[slice, Array]]:
        """X, a few rows of places at a time: which of its columns these are, and the columns, (channel * kernel^2, num)."""
        # (channel, row, column, batch, i, j): the pixel at (i, j) of the window at each place; a view, without a copy
        seen = sliding_window_view(wide, (self.kernel, self.kernel), axis=(1, 2))  # pyright: ignore
        seen = seen[:, :: self.stride, :: self.stride].transpose(0, 4, 5, 1, 2, 3)
        channels, _, _, rows, across, batch = seen.shape
        for begin, end, part in self.blocks(channels, rows, across * batch):
            columns = self.buffer("columns", (*seen.shape[:3], end - begin, across, batch), wide)
            np.copyto(columns, seen[:, :, :, begin:end])
            yield part, columns.reshape(channels * self.kernel**2, -1)

    def add_columns(self, wide: Array, matrix: Array, y: Array) -> None:
        """The way back of `columns`: each number of matrix^T y is added to the pixel that it would have been taken from."""
        (rows, across, batch), flat, stride = y.shape[1:], y.reshape(len(y), -1), self.stride
        for begin, end, part in self.blocks(len(wide), rows, across * batch):
            columns = self.buffer("columns", (matrix.shape[1], (end - begin) * across * batch), wide)
            np.matmul(matrix.T, flat[:, part], out=columns)
            columns = columns.reshape(len(wide), self.kernel, self.kernel, end - begin, across, batch)
            for i, j in np.ndindex(self.kernel, self.kernel):  # the pixels at (i, j) of all windows, none of them twice
                down = slice(begin * stride + i, (end - 1) * stride + i + 1, stride)
                right = slice(j, (across - 1) * stride + j + 1, stride)
                wide[:, down, right] += columns[:, i, j]


class Sliding(Layer):
    """What both convolutions share: a window, and the weights by which the pixels that it sees are multiplied."""

    def __init__(self, window: Window, *, weight: Shape, bias: int) -> None:
        super().__init__(weight=(*weight, window.kernel, window.kernel), bias=(bias,))
        self.window = window

    def matrix(self, of: Mapping[str, Array]) -> Array:
        """W of `weights`, or dW of `gradients`, as a matrix whose rows are multiplied with the columns of pixels; a view."""
        return of["weight"].reshape(len(of["weight"]), -1)


class Convolution(Sliding):
    """y[o] = b[o] + sum_c sum_ij W[o, c, i, j] x[c, stride * row + i, stride * column + j], of images with a rim of zeros.

    With W as a matrix (outputs, channel * kernel * kernel), and the pixels that the window sees at each place as a column of
    X, it is the dense layer Y = W X + b, whose way back is that layer's: dW = dY X^T, and dX = W^T dY, each of whose numbers
    is added to the pixel that it came from.
    Source: LeCun et al., Gradient-based learning applied to document recognition, 1998, section II.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0) -> None:
        super().__init__(Window(kernel, stride, padding), weight=(outputs, inputs), bias=outputs)

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
        self.x_shape, self.wide = x.shape, self.window.padded(x)
        rows, across = (self.window.places(side) for side in x.shape[1:3])
        weight, bias = self.matrix(self.weights), self.weights["bias"][:, None]
        y = self.buffer("y", (len(weight), rows * across * x.shape[3]), x)
        for part, columns in self.window.columns(self.wide):
            np.matmul(weight, columns, out=y[:, part])
            y[:, part] += bias
        return y.reshape(-1, rows, across, x.shape[3])

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        flat, dw = dy.reshape(len(dy), -1), self.matrix(self.gradients)
        dw[...] = 0
        np.sum(flat, axis=1, out=self.gradients["bias"])
        for part, columns in self.window.columns(self.wide):
            dw += (columns @ flat[:, part].T).T  # dY X^T, turned around: twice as fast
        if not wants_dx:
            return NOTHING
        dx = self.buffer("dx", self.wide.shape, dy)
        dx[...] = 0
        self.window.add_columns(dx, self.matrix(self.weights), dy)
        return self.window.without_rim(dx, *self.x_shape[1:3])


class TransposedConvolution(Sliding):
    """A convolution's way back, taken forward: each pixel of x paints W times its value into a square of the larger y.

    Here W is (inputs, outputs, kernel, kernel): of the convolution that leads from y to x. So y is what `Convolution.backward`
    gives for dx, plus b; and dx here is what `Convolution.forward` gives, of dy. `missing` rows and columns are added at the
    end, which that convolution's stride would have passed over.
    Source: Dumoulin and Visin, A guide to convolution arithmetic for deep learning, 2016, chapter 4.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0, missing: Shape = (0, 0)
    ) -> None:
        super().__init__(Window(kernel, stride, padding), weight=(inputs, outputs), bias=outputs)
        self.missing = missing

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
        self.x, window = x, self.window
        sides = zip(x.shape[1:3], self.missing, strict=True)
        height, width = ((side - 1) * window.stride + window.kernel + more for side, more in sides)
        wide = self.buffer("y", (len(self.weights["bias"]), height, width, x.shape[3]), x)
        wide[...] = self.weights["bias"][:, None, None, None]
        window.add_columns(wide, self.matrix(self.weights), x)
        return window.without_rim(wide, height - 2 * window.padding, width - 2 * window.padding)

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        flat, dw = self.x.reshape(len(self.x), -1), self.matrix(self.gradients)
        dw[...] = 0
        np.sum(dy, axis=(1, 2, 3), out=self.gradients["bias"])
        dx = self.buffer("dx", flat.shape, dy)
        for part, columns in self.window.columns(self.window.padded(dy)):
            dw += (columns @ flat[:, part].T).T
            np.matmul(self.matrix(self.weights), columns, out=dx[:, part])
        return dx.reshape(self.x.shape)
