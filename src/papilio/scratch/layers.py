"""Layers by hand: what each computes, and beside it how a gradient goes back through it.

A layer is a function y = f(x; w). `forward` computes y and keeps what the way back needs. `backward` is given dy, the
gradient of the loss L with respect to y (dL/dy, of y's shape), writes dL/dw into `gradients`, and returns dx = dL/dx by the
chain rule. So one pass forward and one pass back through a stack of layers give the gradient of L with respect to every
weight, at about three times the cost of L: backpropagation.
Source: Rumelhart, Hinton and Williams, Learning representations by back-propagating errors, 1986.

Images are columns: features are (features, batch), images are (channel, height, width, batch). So a dense layer is W x + b as
it stands in books, and whatever a layer does to a pixel it does to the same pixel of every image of the batch, which lie side
by side in memory: that is what makes this fast. Names, shapes and first values of weights are PyTorch's.

Arrays that `forward` and `backward` return are the layer's own, and are overwritten when it is called again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from papilio.errors import SettingError

Array = np.ndarray
Shape = tuple[int, ...]
BLOCK = 2**20  # numbers of which a convolution makes one matrix at a time: they stay in the cache
# exp(-60) = 9e-27 is nothing beside 1, but gradients with it as a factor are still normal numbers in float32, which end at
# 1e-38: processors are a hundred times slower with the denormal ones below
FAINT = -60


@runtime_checkable
class Layer(Protocol):
    """What a stack is made of. `shapes` are its weights' by name; `kind` is its name with its settings, as in PyTorch."""

    shapes: dict[str, Shape]
    weights: dict[str, Array]
    gradients: dict[str, Array]
    kind: str

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        """y of x; with `rng` while it learns, without when it is used."""
        ...

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        """dL/dx of dL/dy; `gradients` have dL/dw then. Where nobody wants dx, what is returned is nothing."""
        ...


class Buffers:
    """Arrays by name that are used again: of one name the same memory, as long as it is large enough."""

    def __init__(self) -> None:
        self.flat: dict[str, Array] = {}

    def __call__(self, name: str, shape: Shape, like: Array) -> Array:
        """An array of any content, with the type of `like`."""
        size, kept = math.prod(shape), self.flat.get(name)
        if kept is None or kept.size < size or kept.dtype != like.dtype:
            self.flat[name] = kept = np.empty(size, like.dtype)
        return kept[:size].reshape(shape)


class Plain:
    """The beginning of every layer: no weights, and buffers of its own."""

    def __init__(self, kind: str, **shapes: Shape) -> None:
        self.kind = kind
        self.shapes = shapes
        self.weights: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.buffer = Buffers()


class Dense(Plain):
    """y = W x + b, with W (outputs, inputs) and b (outputs): each output sees every input.

    Of one image dL/dW_ij = dy_i x_j and dL/dx_j = sum_i W_ij dy_i. Of a batch, whose images are the columns of x and dy:

        dW = dy x^T    db = the sum of dy's columns    dx = W^T dy

    Source: Goodfellow, Bengio and Courville, Deep Learning, 2016, section 6.5.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            f"Linear(in_features={inputs}, out_features={outputs}, bias=True)",
            weight=(outputs, inputs),
            bias=(outputs,),
        )

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        self.x = x
        y = self.buffer("y", (self.shapes["bias"][0], x.shape[1]), x)
        np.matmul(self.weights["weight"], x, out=y)
        y += self.weights["bias"][:, None]
        return y

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        np.matmul(dy, self.x.T, out=self.gradients["weight"])
        np.sum(dy, axis=1, out=self.gradients["bias"])
        dx = self.buffer("dx", self.x.shape if wants_dx else (0,), dy)
        return np.matmul(self.weights["weight"].T, dy, out=dx) if wants_dx else dx


class Window:
    """Squares of kernel * kernel pixels, `stride` apart, that slide over images with a rim of `padding` zeros.

    With the pixels of each place as a column a convolution is one matrix product. Those columns hold every pixel kernel^2
    times, so they are made for a few rows of places at a time ("im2col", in blocks).
    Source: Chellapilla, Puri and Simard, High performance convolutional neural networks for document processing, 2006.
    """

    def __init__(self, kernel: int, stride: int, padding: int) -> None:
        if kernel < 1 or stride < 1 or padding < 0:
            raise SettingError(
                f"a window of {kernel} pixels, stride {stride}, padding {padding}: there is no such window"
            )
        self.kernel, self.stride, self.padding = kernel, stride, padding
        self.buffer = Buffers()

    def places(self, side: int) -> int:
        """At how many places along a side of so many pixels the window fits."""
        return (side + 2 * self.padding - self.kernel) // self.stride + 1

    def blocks(self, channels: int, rows: int, row: int) -> Iterator[tuple[int, int]]:
        """Ranges of rows of places, each `row` numbers long in a channel, whose columns are about BLOCK numbers."""
        step = max(1, BLOCK // (channels * self.kernel**2 * row))
        return ((begin, min(begin + step, rows)) for begin in range(0, rows, step))

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

    def columns(self, wide: Array, begin: int, end: int) -> Array:
        """The columns of rows `begin` to `end` of places: (channel * kernel * kernel, places * batch)."""
        first, last = begin * self.stride, (end - 1) * self.stride + self.kernel
        seen = sliding_window_view(wide[:, first:last], (self.kernel, self.kernel), axis=(1, 2))  # pyright: ignore
        seen = seen[:, :: self.stride, :: self.stride].transpose(0, 4, 5, 1, 2, 3)
        columns = self.buffer("columns", seen.shape, wide)
        np.copyto(columns, seen)
        return columns.reshape(math.prod(seen.shape[:3]), -1)

    def add_columns(self, wide: Array, columns: Array, begin: int, end: int) -> None:
        """The way back of `columns`: every number is added to the pixel that it was taken from."""
        stride, size = self.stride, self.kernel
        parts = columns.reshape(len(wide), size, size, end - begin, -1, wide.shape[3])
        across = parts.shape[4] * stride
        for row in range(size):
            rows = slice(begin * stride + row, end * stride + row - stride + 1, stride)
            for column in range(size):
                wide[:, rows, column : column + across - stride + 1 : stride] += parts[:, row, column]


class Convolution(Plain):
    """y[o] = b[o] + sum_c sum_ij W[o, c, i, j] x[c, stride * row + i, stride * column + j], of images with a rim of zeros.

    With W as a matrix (outputs, channel * kernel * kernel), and the pixels that the window sees at each place as a column of
    X, it is the dense layer Y = W X + b, whose way back is that layer's: dW = dY X^T, and dX = W^T dY, each of whose numbers
    is added to the pixel that it came from.
    Source: LeCun et al., Gradient-based learning applied to document recognition, 1998, section II.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0) -> None:
        kind = f"Conv2d({inputs}, {outputs}, kernel_size=({kernel}, {kernel}), stride=({stride}, {stride})"
        kind += f", padding=({padding}, {padding}))" if padding else ")"
        super().__init__(kind, weight=(outputs, inputs, kernel, kernel), bias=(outputs,))
        self.window = Window(kernel, stride, padding)

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        self.x_shape, window = x.shape, self.window
        (channels, height, width, batch), outputs = x.shape, self.shapes["bias"][0]
        self.wide = window.padded(x)
        rows, row = window.places(height), window.places(width) * batch
        y = self.buffer("y", (outputs, rows * row), x)
        matrix = self.weights["weight"].reshape(outputs, -1)
        for begin, end in window.blocks(channels, rows, row):
            part = y[:, begin * row : end * row]
            np.matmul(matrix, window.columns(self.wide, begin, end), out=part)
            part += self.weights["bias"][:, None]
        return y.reshape(outputs, rows, -1, batch)

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        (channels, height, width, _), window = self.x_shape, self.window
        outputs, rows, row = dy.shape[0], dy.shape[1], dy.shape[2] * dy.shape[3]
        dy = dy.reshape(outputs, -1)
        matrix = self.weights["weight"].reshape(outputs, -1)
        gradient = self.gradients["weight"].reshape(outputs, -1)
        gradient[...] = 0
        np.sum(dy, axis=1, out=self.gradients["bias"])
        dx = self.buffer("dx", self.wide.shape if wants_dx else (1, 0, 0, 1), dy)
        dx[...] = 0
        for begin, end in window.blocks(channels, rows, row):
            part = dy[:, begin * row : end * row]
            gradient += (window.columns(self.wide, begin, end) @ part.T).T  # twice as fast as the other way round
            if wants_dx:
                columns = self.buffer("dcolumns", (matrix.shape[1], part.shape[1]), dy)
                window.add_columns(dx, np.matmul(matrix.T, part, out=columns), begin, end)
        return window.without_rim(dx, height, width)


class TransposedConvolution(Plain):
    """A convolution's way back, taken forward: each pixel of x paints W times its value into a square of the larger y.

    Here W is (inputs, outputs, kernel, kernel): of the convolution that leads from y to x. So y is what `Convolution.backward`
    gives for dx, plus b; and dx here is what `Convolution.forward` gives, of dy. `missing` rows and columns are added at the
    end, which that convolution's stride would have passed over.
    Source: Dumoulin and Visin, A guide to convolution arithmetic for deep learning, 2016, chapter 4.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        missing: tuple[int, int] = (0, 0),
    ) -> None:
        kind = f"ConvTranspose2d({inputs}, {outputs}, kernel_size=({kernel}, {kernel}), stride=({stride}, {stride})"
        kind += f", padding=({padding}, {padding})" if padding else ""
        kind += f", output_padding={missing})" if any(missing) else ")"
        super().__init__(kind, weight=(inputs, outputs, kernel, kernel), bias=(outputs,))
        self.window, self.missing = Window(kernel, stride, padding), missing

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        self.x, window = x, self.window
        (inputs, rows, across, batch), outputs = x.shape, self.shapes["bias"][0]
        height, width = (
            (side - 1) * window.stride - 2 * window.padding + window.kernel + more
            for side, more in zip((rows, across), self.missing, strict=True)
        )
        wide = self.buffer("y", (outputs, height + 2 * window.padding, width + 2 * window.padding, batch), x)
        wide[...] = self.weights["bias"][:, None, None, None]
        matrix, flat, row = self.weights["weight"].reshape(inputs, -1), x.reshape(inputs, -1), across * batch
        for begin, end in window.blocks(outputs, rows, row):
            columns = self.buffer("columns", (matrix.shape[1], (end - begin) * row), x)
            np.matmul(matrix.T, flat[:, begin * row : end * row], out=columns)
            window.add_columns(wide, columns, begin, end)
        return window.without_rim(wide, height, width)

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        (inputs, rows, across, batch), window = self.x.shape, self.window
        row, flat = across * batch, self.x.reshape(inputs, -1)
        matrix = self.weights["weight"].reshape(inputs, -1)
        gradient = self.gradients["weight"].reshape(inputs, -1)
        gradient[...] = 0
        np.sum(dy, axis=(1, 2, 3), out=self.gradients["bias"])
        wide, dx = window.padded(dy), self.buffer("dx", (inputs, rows * row), dy)
        for begin, end in window.blocks(len(dy), rows, row):
            columns, part = window.columns(wide, begin, end), slice(begin * row, end * row)
            gradient += (columns @ flat[:, part].T).T
            np.matmul(matrix, columns, out=dx[:, part])
        return dx.reshape(self.x.shape)


class Pooling(Plain):
    """The beginning of both poolings: the pixels of each window, as `size`^2 images of the smaller side."""

    def __init__(self, kind: str, size: int, stride: int | None) -> None:
        super().__init__(kind)
        self.size, self.stride = size, stride or size

    def views(self, x: Array) -> list[Array]:
        """The first pixels of all windows, the second ones, and so on, by rows: views of x, (channel, rows, columns, batch)."""
        rows, columns = ((side - self.size) // self.stride * self.stride + 1 for side in x.shape[1:3])
        places = [(row, column) for row in range(self.size) for column in range(self.size)]
        return [x[:, row : row + rows : self.stride, column : column + columns : self.stride] for row, column in places]

    def empty_dx(self, dy: Array) -> tuple[Array, list[Array]]:
        """An array for dx, zero, and its views."""
        dx = self.buffer("dx", self.x.shape, dy)
        dx[...] = 0
        return dx, self.views(dx)

    x: Array


class MaxPooling(Pooling):
    """y is the largest pixel of each window, which has all of the gradient: dx = dy there, and 0 elsewhere.

    Of several that are largest it is the first, by rows. Source: Riesenhuber and Poggio 1999; as PyTorch, without padding.
    """

    def __init__(self, size: int, stride: int | None = None) -> None:
        kind = f"MaxPool2d(kernel_size={size}, stride={stride or size}, padding=0, dilation=1, ceil_mode=False)"
        super().__init__(kind, size, stride)

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        self.x = x
        first, *others = self.views(x)
        self.y = self.buffer("y", first.shape, x)
        np.copyto(self.y, first)
        for view in others:
            np.maximum(self.y, view, out=self.y)
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

    def __init__(self, size: int, stride: int | None = None) -> None:
        super().__init__(f"AvgPool2d(kernel_size={size}, stride={stride or size}, padding=0)", size, stride)

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        self.x = x
        first, *others = self.views(x)
        y = self.buffer("y", first.shape, x)
        np.copyto(y, first)
        for view in others:
            y += view
        y *= 1 / self.size**2
        return y

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        dx, places = self.empty_dx(dy)
        share = self.buffer("share", dy.shape, dy)
        np.multiply(dy, 1 / self.size**2, out=share)
        for place in places:
            place += share
        return dx


class Relu(Plain):
    """y = max(x, 0): dx = dy where x > 0, and 0 elsewhere, also at 0. Source: Nair and Hinton 2010."""

    def __init__(self) -> None:
        super().__init__("ReLU")

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        self.y = np.maximum(x, 0, out=self.buffer("y", x.shape, x))
        return self.y

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        dx = self.buffer("dx", dy.shape, dy)
        dx[...] = self.y > 0
        dx *= dy
        return dx


class LeakyRelu(Plain):
    """y = x where x > 0, and slope * x elsewhere: dx = dy, or slope * dy. Source: Maas, Hannun and Ng 2013."""

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__(f"LeakyReLU(negative_slope={slope})")
        self.slope = slope

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        self.y = np.multiply(x, self.slope, out=self.buffer("y", x.shape, x))
        return np.maximum(x, self.y, out=self.y)

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        dx = np.multiply(dy, self.slope, out=self.buffer("dx", dy.shape, dy))
        np.copyto(dx, dy, where=self.y > 0)
        return dx


class Tanh(Plain):
    """y = tanh(x): dx = dy (1 - y^2), which is 1 at most, and nearly 0 where |x| is large."""

    def __init__(self) -> None:
        super().__init__("Tanh")

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        self.y = np.tanh(x, out=self.buffer("y", x.shape, x))
        return self.y

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        dx = np.square(self.y, out=self.buffer("dx", dy.shape, dy))
        np.subtract(1, dx, out=dx)
        dx *= dy
        return dx


class Sigmoid(Plain):
    """y = 1 / (1 + exp(-x)): dx = dy y (1 - y), which is dy / 4 at most.

    So behind each sigmoid a gradient is a quarter of what it was, or less: deep stacks of them hardly learn.
    Source: Hochreiter 1991; Glorot and Bengio 2010, section 3.
    """

    def __init__(self) -> None:
        super().__init__("Sigmoid")

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        self.y = sigmoid(x, out=self.buffer("y", x.shape, x))
        return self.y

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        dx = np.subtract(1, self.y, out=self.buffer("dx", dy.shape, dy))
        dx *= self.y
        dx *= dy
        return dx


def sigmoid(x: Array, out: Array | None = None) -> Array:
    """1 / (1 + exp(-x)), below FAINT as at FAINT: exp overflows at 88."""
    y = np.maximum(x, FAINT, out=out)
    np.exp(np.negative(y, out=y), out=y)
    y += 1
    return np.reciprocal(y, out=y)


class Dropout(Plain):
    """While it learns, y = x m / (1 - rate), where m is 0 with probability `rate` and else 1: dx = dy m / (1 - rate).

    In the mean y is x, so that nothing is to be done when the net is used. Source: Srivastava et al., Dropout, 2014.
    """

    def __init__(self, rate: float) -> None:
        super().__init__(f"Dropout(rate={rate})")
        if not 0 <= rate < 1:
            raise SettingError(f"dropout: {rate} is not a rate; allowed is 0 up to, not including, 1")
        self.rate, self.factor = rate, np.ones(())

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        if rng is None or not self.rate:
            self.factor = np.ones((), x.dtype)
            return x
        draws = rng.random(x.shape, dtype=np.float32)
        self.factor = np.multiply(draws >= self.rate, 1 / (1 - self.rate), dtype=x.dtype)
        return np.multiply(x, self.factor, out=self.buffer("y", x.shape, x))

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        return dy * self.factor


class Flatten(Plain):
    """(channel, height, width, batch) as (features, batch), and back: the same numbers."""

    def __init__(self) -> None:
        super().__init__("Flatten(start_dim=1, end_dim=-1)")

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        self.x_shape = x.shape
        return x.reshape(-1, x.shape[-1])

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        return dy.reshape(self.x_shape)


class Unflatten(Plain):
    """(features, batch) as images of a shape (channel, height, width), and back."""

    def __init__(self, image_shape: Shape) -> None:
        super().__init__(f"Unflatten(dim=1, unflattened_size={tuple(image_shape)})")
        self.image_shape = tuple(image_shape)

    def forward(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        return x.reshape(*self.image_shape, x.shape[1])

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        return dy.reshape(-1, dy.shape[-1])
