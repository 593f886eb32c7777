"""What weights begin with: random numbers of a size that keeps features, and gradients, about as large from layer to layer.

A weight of shape (outputs, inputs, ...) joins fan_in = inputs * kernel^2 numbers to each output, and fan_out = outputs *
kernel^2 to each input; PyTorch counts a transposed convolution's the same way, by the places of its axes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from papilio.scratch.layers import Array, Shape

Draw = Callable[[np.random.Generator, Shape, int, int], Array]


def _uniform(limit: Callable[[int, int], float]) -> Draw:
    return lambda rng, shape, fan_in, fan_out: rng.uniform(-1, 1, shape) * limit(fan_in, fan_out)


def _normal(deviation: Callable[[int, int], float]) -> Draw:
    return lambda rng, shape, fan_in, fan_out: rng.standard_normal(shape) * deviation(fan_in, fan_out)


INITIALIZERS: dict[str, Draw] = {
    # Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010
    "glorot_uniform": _uniform(lambda fan_in, fan_out: math.sqrt(6 / (fan_in + fan_out))),
    "glorot_normal": _normal(lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out))),
    # He et al., Delving deep into rectifiers, 2015
    "he_uniform": _uniform(lambda fan_in, fan_out: math.sqrt(6 / fan_in)),
    "he_normal": _normal(lambda fan_in, fan_out: math.sqrt(2 / fan_in)),
    "random_normal": _normal(lambda fan_in, fan_out: 0.05),  # as Keras has it
    # biases, too, where the others leave them at zero
    "torch": _uniform(lambda fan_in, fan_out: 1 / math.sqrt(fan_in)),
}


def draw(name: str, rng: np.random.Generator, shapes: dict[str, Shape]) -> dict[str, Array]:
    """First values of a layer's weight and bias (float64)."""
    weight = shapes["weight"]
    area = math.prod(weight[2:])
    fan_in, fan_out = weight[1] * area, weight[0] * area
    found = {"weight": INITIALIZERS[name](rng, weight, fan_in, fan_out), "bias": np.zeros(shapes["bias"])}
    if name == "torch":
        found["bias"] = INITIALIZERS[name](rng, shapes["bias"], fan_in, fan_out)
    return found
