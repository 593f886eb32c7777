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
from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from papilio.errors import SettingError

Array = np.ndarray
Shape = tuple[int, ...]
Rng = np.random.Generator
BLOCK = 2**20  # numbers of which a convolution makes one matrix at a time: they stay in the cache
# exp(-60) = 9e-27 is nothing beside 1, but gradients with it as a factor are still normal numbers in float32, which end at
# 1e-38: processors are a hundred times slower with the denormal ones below
FAINT = -60


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


class Layer(ABC):
    """What a stack is made of. `shapes` are its weights' by name; `kind` is its name with its settings, as in PyTorch."""

    def __init__(self, kind: str, **shapes: Shape) -> None:
        self.kind, self.shapes, self.buffer = kind, shapes, Buffers()
        self.weights: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}

    @abstractmethod
    def forward(self, x: Array, rng: Rng | None = None) -> Array:
        """y of x; with `rng` while it learns, without when it is used."""

    @abstractmethod
    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        """dL/dx of dL/dy; `gradients` have dL/dw then. Where nobody wants dx, what is returned is nothing."""


class Dense(Layer):
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

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
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

    def blocks(self, channels: int, rows: int, row: int) -> Iterator[tuple[int, int, slice]]:
        """Ranges of rows of places whose columns are about BLOCK numbers: from row, to row, and where these lie in a channel.

        A row is `row` numbers long in a channel.
        """
        step = max(1, BLOCK // (channels * self.kernel**2 * row))
        for begin in range(0, rows, step):
            end = min(begin + step, rows)
            yield begin, end, slice(begin * row, end * row)

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
        """X, a few rows of places at a time: where they lie in a channel, and their columns (channel * kernel^2, numbers)."""
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
            for i, j in np.ndindex(self.kernel, self.kernel):
                places = slice(begin * stride + i, end * stride + i - stride + 1, stride)
                wide[:, places, j : j + across * stride - stride + 1 : stride] += columns[:, i, j]


class Sliding(Layer):
    """What both convolutions share: a window, and the weights by which what it sees is multiplied."""

    def __init__(self, kind: str, window: Window, missing: Shape = (0, 0), *, weight: Shape, bias: int) -> None:
        kernel, stride, padding = ((side, side) for side in (window.kernel, window.stride, window.padding))
        kind += f", kernel_size={kernel}, stride={stride}"
        kind += f", padding={padding}" if window.padding else ""
        kind += f", output_padding={missing}" if any(missing) else ""
        super().__init__(kind + ")", weight=(*weight, *kernel), bias=(bias,))
        self.window, self.missing = window, missing

    def matrix(self) -> Array:
        """The weights as W of the dense layer that each of the two is, or is the way back of."""
        return self.weights["weight"].reshape(self.shapes["weight"][0], -1)

    def gradient(self) -> Array:
        """dL/dW, zero yet."""
        gradient = self.gradients["weight"].reshape(self.shapes["weight"][0], -1)
        gradient[...] = 0
        return gradient


class Convolution(Sliding):
    """y[o] = b[o] + sum_c sum_ij W[o, c, i, j] x[c, stride * row + i, stride * column + j], of images with a rim of zeros.

    With W as a matrix (outputs, channel * kernel * kernel), and the pixels that the window sees at each place as a column of
    X, it is the dense layer Y = W X + b, whose way back is that layer's: dW = dY X^T, and dX = W^T dY, each of whose numbers
    is added to the pixel that it came from.
    Source: LeCun et al., Gradient-based learning applied to document recognition, 1998, section II.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0) -> None:
        window = Window(kernel, stride, padding)
        super().__init__(f"Conv2d({inputs}, {outputs}", window, weight=(outputs, inputs), bias=outputs)

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
        self.x_shape, self.wide = x.shape, self.window.padded(x)
        rows, across = (self.window.places(side) for side in x.shape[1:3])
        y = self.buffer("y", (len(self.matrix()), rows * across * x.shape[3]), x)
        for part, columns in self.window.columns(self.wide):
            np.matmul(self.matrix(), columns, out=y[:, part])
            y[:, part] += self.weights["bias"][:, None]
        return y.reshape(-1, rows, across, x.shape[3])

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        flat, gradient = dy.reshape(len(dy), -1), self.gradient()
        np.sum(flat, axis=1, out=self.gradients["bias"])
        for part, columns in self.window.columns(self.wide):
            gradient += (columns @ flat[:, part].T).T  # twice as fast as the other way round
        dx = self.buffer("dx", self.wide.shape if wants_dx else (1, 0, 0, 1), dy)
        dx[...] = 0
        if wants_dx:
            self.window.add_columns(dx, self.matrix(), dy)
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
        kind = f"ConvTranspose2d({inputs}, {outputs}"
        super().__init__(kind, Window(kernel, stride, padding), missing, weight=(inputs, outputs), bias=outputs)

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
        self.x, window = x, self.window
        across = zip(x.shape[1:3], self.missing, strict=True)
        height, width = ((side - 1) * window.stride + window.kernel + more for side, more in across)
        wide = self.buffer("y", (len(self.weights["bias"]), height, width, x.shape[3]), x)
        wide[...] = self.weights["bias"][:, None, None, None]
        window.add_columns(wide, self.matrix(), x)
        return window.without_rim(wide, height - 2 * window.padding, width - 2 * window.padding)

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        flat, gradient = self.x.reshape(len(self.x), -1), self.gradient()
        np.sum(dy, axis=(1, 2, 3), out=self.gradients["bias"])
        dx = self.buffer("dx", flat.shape, dy)
        for part, columns in self.window.columns(self.window.padded(dy)):
            gradient += (columns @ flat[:, part].T).T
            np.matmul(self.matrix(), columns, out=dx[:, part])
        return dx.reshape(self.x.shape)


class Pooling(Layer):
    """What both poolings share: the pixels of each window, as `size`^2 images of the smaller side."""

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

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
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

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
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


class Activation(Layer):
    """What is done to each number by itself: y = f(x), dx = dy f'(x), where y tells what f'(x) is."""

    @abstractmethod
    def f(self, x: Array, out: Array) -> Array:
        """y, written into `out`."""

    @abstractmethod
    def slope(self, y: Array, out: Array) -> Array:
        """f'(x) where f(x) = y, written into `out`."""

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
        self.y = self.f(x, self.buffer("y", x.shape, x))
        return self.y

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        dx = self.slope(self.y, self.buffer("dx", dy.shape, dy))
        dx *= dy
        return dx


class Relu(Activation):
    """y = max(x, 0): dx = dy where x > 0, and 0 elsewhere, also at 0. Source: Nair and Hinton 2010."""

    def __init__(self) -> None:
        super().__init__("ReLU")

    def f(self, x: Array, out: Array) -> Array:
        return np.maximum(x, 0, out=out)

    def slope(self, y: Array, out: Array) -> Array:
        return np.greater(y, 0, out=out, casting="unsafe")


class LeakyRelu(Activation):
    """y = x where x > 0, and a x elsewhere: dx = dy, or a dy. Source: Maas, Hannun and Ng 2013."""

    def __init__(self, a: float = 0.01) -> None:
        super().__init__(f"LeakyReLU(negative_slope={a})")
        self.a = a

    def f(self, x: Array, out: Array) -> Array:
        return np.maximum(x, np.multiply(x, self.a, out=out), out=out)

    def slope(self, y: Array, out: Array) -> Array:
        out[...] = self.a
        np.copyto(out, 1, where=y > 0)
        return out


class Tanh(Activation):
    """y = tanh(x): dx = dy (1 - y^2), which is 1 at most, and nearly 0 where |x| is large."""

    def __init__(self) -> None:
        super().__init__("Tanh")

    def f(self, x: Array, out: Array) -> Array:
        return np.tanh(x, out=out)

    def slope(self, y: Array, out: Array) -> Array:
        return np.subtract(1, np.square(y, out=out), out=out)


class Sigmoid(Activation):
    """y = 1 / (1 + exp(-x)): dx = dy y (1 - y), which is dy / 4 at most.

    So behind each sigmoid a gradient is a quarter of what it was, or less: deep stacks of them hardly learn.
    Source: Hochreiter 1991; Glorot and Bengio 2010, section 3.
    """

    def __init__(self) -> None:
        super().__init__("Sigmoid")

    def f(self, x: Array, out: Array) -> Array:
        return sigmoid(x, out)

    def slope(self, y: Array, out: Array) -> Array:
        return np.multiply(np.subtract(1, y, out=out), y, out=out)


def sigmoid(x: Array, out: Array | None = None) -> Array:
    """1 / (1 + exp(-x)), below FAINT as at FAINT: exp overflows at 88."""
    y = np.maximum(x, FAINT, out=out)
    np.exp(np.negative(y, out=y), out=y)
    y += 1
    return np.reciprocal(y, out=y)


class Dropout(Layer):
    """While it learns, y = x m / (1 - rate), where m is 0 with probability `rate` and else 1: dx = dy m / (1 - rate).

    In the mean y is x, so that nothing is to be done when the net is used. Source: Srivastava et al., Dropout, 2014.
    """

    def __init__(self, rate: float) -> None:
        super().__init__(f"Dropout(rate={rate})")
        if not 0 <= rate < 1:
            raise SettingError(f"dropout: {rate} is not a rate; allowed is 0 up to, not including, 1")
        self.rate, self.factor = rate, np.ones(())

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
        if rng is None or not self.rate:
            self.factor = np.ones((), x.dtype)
            return x
        draws = rng.random(x.shape, dtype=np.float32)
        self.factor = np.multiply(draws >= self.rate, 1 / (1 - self.rate), dtype=x.dtype)
        return np.multiply(x, self.factor, out=self.buffer("y", x.shape, x))

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        return dy * self.factor


class Unflatten(Layer):
    """(features, batch) as images of a shape (channel, height, width), and back: the same numbers."""

    def __init__(self, image_shape: Shape, kind: str = "") -> None:
        super().__init__(kind or f"Unflatten(dim=1, unflattened_size={tuple(image_shape)})")
        self.image_shape = image_shape

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
        self.x_shape = x.shape
        return x.reshape(*self.image_shape, x.shape[-1])

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        return dy.reshape(self.x_shape)


class Flatten(Unflatten):
    """(channel, height, width, batch) as (features, batch), and back."""

    def __init__(self) -> None:
        super().__init__((-1,), "Flatten(start_dim=1, end_dim=-1)")
