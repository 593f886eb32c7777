"""Gradients by differences, and what there is to hold against them."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from papilio.scratch import convolutions, layers, pooling
from papilio.scratch.layers import Layer


def slope(value: Callable[[], float], array: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """The gradient of `value` with respect to each number of an array, which it looks at, by central differences."""
    found = np.zeros_like(array)
    for place in np.ndindex(*array.shape):
        kept = array[place]
        array[place] = kept + step
        above = value()
        array[place] = kept - step
        found[place] = (above - value()) / (2 * step)
        array[place] = kept
    return found


def concrete_layers() -> list[type[Layer]]:
    """Every layer that a stack can be made of."""
    members = [
        one for module in (layers, convolutions, pooling) for _, one in inspect.getmembers(module, inspect.isclass)
    ]
    return [one for one in dict.fromkeys(members) if issubclass(one, Layer) and not inspect.isabstract(one)]
