"""Layers by hand: what each computes, and next to it how a gradient goes back through it.

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

import numpy as np

Array = np.ndarray
Shape = tuple[int, ...]
Rng = np.random.Generator
# exp(-60) = 9e-27 is nothing next to 1, but gradients with it as a factor are still normal numbers in float32, which end at
# 1e-38: processors are a hundred times slower with the denormal ones below
FAINT = -60
NOTHING = np.empty(0)  # in place of a dx that nobody wants


class Buffers:
    """Arrays by name that are used again: of one name the same memory, as long as it is large enough.

    They only save time: `buffer("y", shape, like=x)` stands for `np.empty(shape, x.dtype)`, and `np.matmul(a, b, out=y)` for
    `y = a @ b`, with all results of one step in the memory of those of the step before.
    """

    def __init__(self) -> None:
        self.flat: dict[str, Array] = {}

    def __call__(self, name: str, shape: Shape, like: Array) -> Array:
        """An array of any content, with the type of `like`."""
        size, kept = math.prod(shape), self.flat.get(name)
        if kept is None or kept.size < size or kept.dtype != like.dtype:
            self.flat[name] = kept = np.empty(size, like.dtype)
        return kept[:size].reshape(shape)


class Layer(ABC):
    """What a net is made of. `shapes` are those of its weights by name, and of their gradients; the net brings the arrays."""

    def __init__(self, **shapes: Shape) -> None:
        self.shapes, self.buffer = shapes, Buffers()
        self.weights: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}

    @abstractmethod
    def forward(self, x: Array, rng: Rng | None = None) -> Array:
        """y of x; with `rng` while it learns, without when it is used."""

    @abstractmethod
    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        """dx of dy; `gradients` have dL/dw then. The first layer of a net may leave out dx: images are not changed."""


class Dense(Layer):
    """y = W x + b, with W (outputs, inputs) and b (outputs): each output sees every input.

    Of one image dL/dW_ij = dy_i x_j and dL/dx_j = sum_i W_ij dy_i. Of a batch, whose images are the columns of x and dy:

        dW = dy x^T    db = the sum of dy's columns    dx = W^T dy

    Source: Goodfellow, Bengio and Courville, Deep Learning, 2016, section 6.5.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(weight=(outputs, inputs), bias=(outputs,))

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
        self.x = x
        y = self.buffer("y", (self.shapes["bias"][0], x.shape[1]), x)
        np.matmul(self.weights["weight"], x, out=y)
        y += self.weights["bias"][:, None]
        return y

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        np.matmul(dy, self.x.T, out=self.gradients["weight"])
        np.sum(dy, axis=1, out=self.gradients["bias"])
        if not wants_dx:
            return NOTHING
        return np.matmul(self.weights["weight"].T, dy, out=self.buffer("dx", self.x.shape, dy))


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

    def f(self, x: Array, out: Array) -> Array:
        return np.maximum(x, 0, out=out)

    def slope(self, y: Array, out: Array) -> Array:
        return np.greater(y, 0, out=out, casting="unsafe")


class LeakyRelu(Activation):
    """y = x where x > 0, and a x elsewhere, with a from 0 to 1: dx = dy, or a dy. Source: Maas, Hannun and Ng 2013."""

    def __init__(self, a: float = 0.01) -> None:
        super().__init__()
        self.a = a

    def f(self, x: Array, out: Array) -> Array:
        return np.maximum(x, np.multiply(x, self.a, out=out), out=out)

    def slope(self, y: Array, out: Array) -> Array:
        out[...] = self.a
        np.copyto(out, 1, where=y > 0)
        return out


class Tanh(Activation):
    """y = tanh(x): dx = dy (1 - y^2), which is 1 at most, and nearly 0 where |x| is large."""

    def f(self, x: Array, out: Array) -> Array:
        return np.tanh(x, out=out)

    def slope(self, y: Array, out: Array) -> Array:
        return np.subtract(1, np.square(y, out=out), out=out)


class Sigmoid(Activation):
    """y = 1 / (1 + exp(-x)): dx = dy y (1 - y), which is dy / 4 at most.

    So behind each sigmoid a gradient is a quarter of what it was, or less: deep stacks of them hardly learn.
    Source: Hochreiter 1991; Glorot and Bengio 2010, section 3.
    """

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

    On average y is x, so that nothing is to be done when the net is used. Source: Srivastava et al., Dropout, 2014.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.factor: Array | float = 1.0  # m / (1 - rate)

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
        if rng is None or not self.rate:
            self.factor = 1.0
            return x
        m = rng.random(x.shape, dtype=np.float32) >= self.rate
        self.factor = np.multiply(m, 1 / (1 - self.rate), dtype=x.dtype)
        return np.multiply(x, self.factor, out=self.buffer("y", x.shape, x))

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        return dy * self.factor


class Unflatten(Layer):
    """(features, batch) as images of a shape (channel, height, width), and back: the same numbers."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Array, rng: Rng | None = None) -> Array:
        self.x_shape = x.shape
        return x.reshape(*self.shape, x.shape[-1])

    def backward(self, dy: Array, *, wants_dx: bool = True) -> Array:
        return dy.reshape(self.x_shape)


class Flatten(Unflatten):
    """(channel, height, width, batch) as (features, batch), and back."""

    def __init__(self) -> None:
        super().__init__((-1,))
