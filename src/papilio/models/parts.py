"""What nets are made of, for every engine: layers as plain data. Nothing here imports a framework."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from papilio.errors import SettingError
from papilio.models.sizes import share_below_one

ActivationName = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh"]
Initializer = Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "random_normal", "torch"]
PoolingName = Literal["average", "max"]

# max(f(a), f(b)) = f(max(a, b)) holds for these, so that pooling first gives the same function on a quarter of the numbers
NON_DECREASING = frozenset({"relu", "leaky_relu", "elu", "sigmoid", "tanh"})


@dataclass(frozen=True)
class Dense:
    """Each output sees every input."""

    inputs: int
    outputs: int


@dataclass(frozen=True)
class Convolution:
    """Kernels of `kernel` x `kernel` pixels that slide over images with a rim of `padding` zeros."""

    inputs: int
    outputs: int
    kernel: int
    stride: int = 1
    padding: int = 0
    has_bias: bool = True


@dataclass(frozen=True)
class TransposedConvolution:
    """The way back of a convolution; `missing` rows and columns are added, which its stride passed over."""

    inputs: int
    outputs: int
    kernel: int
    stride: int
    padding: int
    missing: tuple[int, int]


@dataclass(frozen=True)
class Pooling:
    """The largest pixel, or the mean, of each square of `size` x `size` pixels."""

    sort: PoolingName
    size: int = 2


@dataclass(frozen=True)
class Means:
    """The mean of each feature map."""


@dataclass(frozen=True)
class Activation:
    """A function of each number by itself."""

    name: ActivationName


@dataclass(frozen=True)
class Dropout:
    """Features that are zero with a probability of `rate` while the net learns; raises SettingError for no such rate."""

    rate: float

    def __post_init__(self) -> None:
        share_below_one(self.rate, what="dropout")


@dataclass(frozen=True)
class Normalization:
    """Each channel by its statistics, of images or of features."""

    channels: int
    of_images: bool


@dataclass(frozen=True)
class Flatten:
    """Images as features."""


@dataclass(frozen=True)
class Unflatten:
    """Features as images of a shape (channel, height, width)."""

    shape: tuple[int, int, int]


@dataclass(frozen=True)
class Enlargement:
    """Images of another size (height, width), each pixel the nearest one."""

    size: tuple[int, int]


@dataclass(frozen=True)
class Residual:
    """Features plus what two convolutions make of them."""

    channels: int
    activation: ActivationName
    batch_norm: bool


@dataclass(frozen=True)
class Split:
    """Layers of its own for each head; their outputs one after another."""

    heads: tuple[Parts, ...]


Part = (
    Dense
    | Convolution
    | TransposedConvolution
    | Pooling
    | Means
    | Activation
    | Dropout
    | Normalization
    | Flatten
    | Unflatten
    | Enlargement
    | Residual
    | Split
)
Parts = Mapping[str, Part]  # by name, one after another


@dataclass(frozen=True)
class NetPlan:
    """A net: layers by name, in one stack that is called "", or in an "encoder" and a "decoder" with `latents` between."""

    stacks: Mapping[str, Parts]
    initializer: Initializer
    latents: int = 0


def numbered(parts: Iterable[Part]) -> Parts:
    """Layers whose names are their places, from 0."""
    return {str(place): part for place, part in enumerate(parts)}


def num_features(parts: Iterable[Part], image_shape: tuple[int, int, int]) -> int:
    """How many numbers convolutions and poolings make of an image of (channel, height, width), whatever stands between them.

    Raises SettingError if nothing is left of the image.
    """
    channels, *sides = image_shape
    for part in parts:
        match part:
            case Convolution():
                channels = part.outputs
                sides = [(side + 2 * part.padding - part.kernel) // part.stride + 1 for side in sides]
            case Pooling():
                sides = [side // part.size for side in sides]
            case Means():
                sides = [1, 1]
            case _:
                continue
        if min(sides) < 1:
            raise SettingError(
                f"images of {image_shape[1]}x{image_shape[2]} are too small for this network;"
                " use fewer pooling layers, smaller kernels, or larger images"
            )
    return channels * math.prod(sides)


def kind_of(part: Part) -> str:
    """What a table of layers says of a part: PyTorch's words, of those that an engine without PyTorch has as well."""
    match part:
        case Dense(inputs, outputs):
            return f"Linear(in_features={inputs}, out_features={outputs}, bias=True)"
        case Convolution(inputs, outputs):
            return f"Conv2d({inputs}, {outputs}, {_window(part)})"
        case TransposedConvolution(inputs, outputs, missing=missing):
            more = f", output_padding={missing}" if any(missing) else ""
            return f"ConvTranspose2d({inputs}, {outputs}, {_window(part)}{more})"
        case Pooling("max", size):
            return f"MaxPool2d(kernel_size={size}, stride={size}, padding=0, dilation=1, ceil_mode=False)"
        case Pooling("average", size):
            return f"AvgPool2d(kernel_size={size}, stride={size}, padding=0)"
        case Activation(name):
            return {"relu": "ReLU", "leaky_relu": "LeakyReLU(negative_slope=0.01)"}.get(name, name.capitalize())
        case Dropout(rate):
            return f"Dropout(rate={rate})"
        case Unflatten(shape):
            return f"Unflatten(dim=1, unflattened_size={shape})"
        case Flatten():
            return "Flatten(start_dim=1, end_dim=-1)"
        case _:
            return type(part).__name__


def _window(part: Convolution | TransposedConvolution) -> str:
    kernel, stride, padding = ((side, side) for side in (part.kernel, part.stride, part.padding))
    return f"kernel_size={kernel}, stride={stride}" + (f", padding={padding}" if part.padding else "")
