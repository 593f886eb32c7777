"""The nets that this engine has, built as papilio.models builds them: the same settings, the same names, the same layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from papilio.errors import SettingError
from papilio.scratch.initialisers import INITIALISERS
from papilio.scratch.layers import (
    AveragePooling,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LeakyRelu,
    MaxPooling,
    Relu,
    Shape,
    Sigmoid,
    Tanh,
    TransposedConvolution,
    Unflatten,
)
from papilio.scratch.network import Network, Stack

ACTIVATIONS: dict[str, Callable[[], Layer]] = {
    "relu": Relu,
    "leaky_relu": LeakyRelu,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
}
POOLINGS: dict[str, Callable[[int], Layer]] = {"average": AveragePooling, "max": MaxPooling}


def refuse_unknown(what: str, given: object, known: Iterable[object]) -> None:
    """Raises SettingError for what this engine does not have."""
    known = list(known)
    if given not in known:
        allowed = ", ".join(_written(one) for one in known) or "none"
        raise SettingError(f'train.engine = "numpy" does not know {what} = {_written(given)}; it knows {allowed}')


def mlp(
    image_shape: Shape,
    num_classes: int,
    *,
    units: list[int] = [512, 512],  # noqa: B006 (never changed, as in papilio.models.mlp)
    activation: str = "relu",
    dropout: float | list[float] = 0.0,
    batch_norm: bool = False,
    initializer: str = "glorot_uniform",
) -> Network:
    """Dense layers of `units`, each with the activation and dropout, then one output a class."""
    _refuse(activation, initializer, batch_norm=batch_norm)
    layers: list[Layer] = [Flatten()]
    _add_dense(layers, math.prod(image_shape), num_classes, units=units, activation=activation, dropout=dropout)
    return _stacked(layers, image_shape)


def cnn(
    image_shape: Shape,
    num_classes: int,
    heads: tuple[int, ...] = (),
    *,
    filters: list[int] = [32, 64],  # noqa: B006 (never changed)
    kernel_size: int = 3,
    pool_after: list[int] | None = None,
    dense: list[int] = [128],  # noqa: B006 (never changed)
    activation: str = "relu",
    dropout: float | list[float] = 0.0,
    conv_dropout: float = 0.0,
    batch_norm: bool = False,
    dense_norm: bool = False,
    flatten_dropout: float = 0.0,
    head: str = "flatten",
    split_heads: bool = False,
    initializer: str = "glorot_uniform",
) -> Network:
    """Convolutions that keep the image's size, 2x2 max pooling in between, dense layers, one output a class."""
    _refuse(activation, initializer, batch_norm=batch_norm, dense_norm=dense_norm, split_heads=split_heads)
    refuse_unknown("model.head", head, ["flatten"])
    _refuse_sizes("filters", filters, at_least=1)
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise SettingError(f"kernel_size: {kernel_size} changes the image size; only odd numbers are allowed")
    ends = [index for index in range(1, len(filters)) if filters[index] != filters[index - 1]]
    pooled = [*ends, len(filters)] if pool_after is None else pool_after
    if any(not 1 <= index <= len(filters) for index in pooled):
        raise SettingError(
            f"pool_after: {pooled} names convolutions that do not exist; allowed are 1 to {len(filters)}"
        )
    layers: list[Layer] = []
    for index, (before, after) in enumerate(zip([image_shape[0], *filters], filters, strict=False), start=1):
        layers.append(Convolution(before, after, kernel_size, padding=kernel_size // 2))
        # the largest of a window is the same before and behind a function that never falls, and before it is less work
        layers += [MaxPooling(2)] if index in pooled else []
        layers.append(ACTIVATIONS[activation]())
        layers += [Dropout(conv_dropout)] if conv_dropout and index in pooled else []
    sides = [side // 2 ** len(pooled) for side in image_shape[1:]]
    _refuse_nothing_left(sides, image_shape)
    layers.append(Flatten())
    layers += [Dropout(flatten_dropout)] if flatten_dropout else []
    width = filters[-1] * math.prod(sides)
    _add_dense(layers, width, num_classes, units=dense, activation=activation, dropout=dropout)
    return _stacked(layers, image_shape)


def lenet5(
    image_shape: Shape,
    num_classes: int,
    *,
    activation: str = "tanh",
    pooling: str = "average",
    dropout: float = 0.0,
    initializer: str = "glorot_uniform",
) -> Network:
    """LeNet-5 as it is usually drawn: 6 and 16 filters of 5x5, pooled 2x2, dense 120 and 84. LeCun et al. 1998."""
    _refuse(activation, initializer)
    refuse_unknown("model.pooling", pooling, POOLINGS)
    layers: list[Layer] = []
    for convolution in (Convolution(image_shape[0], 6, 5, padding=2), Convolution(6, 16, 5)):
        pair = [ACTIVATIONS[activation](), POOLINGS[pooling](2)]
        layers += [convolution, *(reversed(pair) if pooling == "max" else pair)]
    sides = [(side // 2 - 4) // 2 for side in image_shape[1:]]
    _refuse_nothing_left(sides, image_shape)
    layers.append(Flatten())
    width = 16 * math.prod(sides)
    _add_dense(layers, width, num_classes, units=[120, 84], activation=activation, dropout=dropout)
    return _stacked(layers, image_shape)


@dataclass(frozen=True)
class Coder:
    """What an autoencoder is built of; `codes` is how many numbers its encoder gives for each latent."""

    image_shape: Shape
    latents: int
    filters: list[int]
    kernel_size: int
    dense: list[int]
    activation: str
    dropout: float
    codes: int = 1

    def build(self) -> Network:
        """An encoder of convolutions of stride 2 and dense layers, and a decoder of the same ones backwards, to a sigmoid."""
        for what in ("filters", "dense"):
            _refuse_sizes(what, getattr(self, what))
        _refuse_sizes("latents", [self.latents])
        if self.kernel_size < 1 or self.kernel_size % 2 == 0:
            raise SettingError(f"kernel_size: {self.kernel_size} is even; only odd numbers are allowed")
        channels = [self.image_shape[0], *self.filters]
        sides = [self.image_shape[1:]]  # of the image, and of what each convolution makes of it
        for _ in self.filters:
            sides.append(tuple(-(-side // 2) for side in sides[-1]))
        features = (channels[-1], *sides[-1])
        stacks = {
            "encoder": Stack(self._encoder(channels, math.prod(features))),
            "decoder": Stack(self._decoder(channels, sides, features)),
        }
        network = Network(stacks, self.image_shape)
        network.latents = self.latents
        return network

    def _encoder(self, channels: list[int], num_features: int) -> dict[str, Layer]:
        layers: dict[str, Layer] = {}
        for number, (before, after) in enumerate(zip(channels, self.filters, strict=False), start=1):
            layers[f"conv{number}"] = Convolution(
                before, after, self.kernel_size, stride=2, padding=self.kernel_size // 2
            )
            layers[f"conv{number}_activation"] = ACTIVATIONS[self.activation]()
        layers["flatten"] = Flatten()
        widths = [num_features, *self.dense]
        self._add_dense(layers, widths)
        layers["latents"] = Dense(widths[-1], self.codes * self.latents)
        return layers

    def _decoder(self, channels: list[int], sides: list[Shape], features: Shape) -> dict[str, Layer]:
        layers: dict[str, Layer] = {}
        widths = [self.latents, *reversed(self.dense)]
        self._add_dense(layers, widths)
        layers["features" if self.filters else "pixels"] = Dense(widths[-1], math.prod(features))
        if self.filters:
            layers["features_activation"] = ACTIVATIONS[self.activation]()
        layers["unflatten"] = Unflatten(features)
        for number in range(len(self.filters), 0, -1):
            # of an odd side, the double of its half has one row too many: it has one less to come
            missing = tuple(want - (2 * have - 1) for have, want in zip(sides[number], sides[number - 1], strict=True))
            before, after, rim = channels[number], channels[number - 1], self.kernel_size // 2
            layers[f"conv{number}"] = TransposedConvolution(
                before, after, self.kernel_size, stride=2, padding=rim, missing=(missing[0], missing[1])
            )
            if number > 1:
                layers[f"conv{number}_activation"] = ACTIVATIONS[self.activation]()
        layers["image"] = Sigmoid()
        return layers

    def _add_dense(self, layers: dict[str, Layer], widths: list[int]) -> None:
        for number, (before, after) in enumerate(pairwise(widths), start=1):
            layers[f"dense{number}"] = Dense(before, after)
            layers[f"dense{number}_activation"] = ACTIVATIONS[self.activation]()
            if self.dropout:
                layers[f"dense{number}_dropout"] = Dropout(self.dropout)


def autoencoder(
    image_shape: Shape,
    *,
    latents: int = 10,
    filters: list[int] = [16, 32, 32],  # noqa: B006 (never changed)
    kernel_size: int = 3,
    blocks: int = 0,
    dense: list[int] = [32],  # noqa: B006 (never changed)
    activation: str = "relu",
    dropout: float = 0.0,
    batch_norm: bool = False,
    decoder: str = "mirror",
    initializer: str = "glorot_uniform",
) -> Network:
    """Convolutions of stride 2 and dense layers down to `latents` numbers, and the same ones backwards."""
    _refuse_other_coders(activation, initializer, blocks=blocks, batch_norm=batch_norm, decoder=decoder)
    return Coder(image_shape, latents, filters, kernel_size, dense, activation, dropout).build()


def vae(
    image_shape: Shape,
    *,
    latents: int = 10,
    filters: list[int] = [16, 32, 32],  # noqa: B006 (never changed)
    kernel_size: int = 3,
    blocks: int = 0,
    dense: list[int] = [32],  # noqa: B006 (never changed)
    activation: str = "relu",
    dropout: float = 0.0,
    batch_norm: bool = False,
    decoder: str = "mirror",
    initializer: str = "glorot_uniform",
) -> Network:
    """An `autoencoder` whose encoder gives a mean and a log variance for each latent. Kingma and Welling 2014."""
    _refuse_other_coders(activation, initializer, blocks=blocks, batch_norm=batch_norm, decoder=decoder)
    return Coder(image_shape, latents, filters, kernel_size, dense, activation, dropout, codes=2).build()


FAMILIES: dict[str, Callable[..., Network]] = {
    "mlp": mlp,
    "cnn": cnn,
    "lenet5": lenet5,
    "autoencoder": autoencoder,
    "vae": vae,
}
PURPOSES = {"autoencoder": "autoencoder", "vae": "vae"}


def build(family: str, arguments: Mapping[str, Any], *, image_shape: Shape, num_classes: int) -> Network:
    """A family's net, without memory for weights; raises SettingError for what it does not take or cannot be built."""
    given = {"num_classes": num_classes} if family not in PURPOSES else {}
    return FAMILIES[family](image_shape, **given, **arguments)


def _stacked(layers: list[Layer], image_shape: Shape) -> Network:
    return Network({"": Stack({str(index): layer for index, layer in enumerate(layers)})}, image_shape)


def _add_dense(
    layers: list[Layer],
    width: int,
    num_classes: int,
    *,
    units: list[int],
    activation: str,
    dropout: float | list[float],
) -> None:
    _refuse_sizes("units", units)
    num = max(1, len(units))
    rates = [float(dropout)] * num if isinstance(dropout, int | float) else [float(rate) for rate in dropout]
    if len(rates) != num:
        raise SettingError(f"dropout: {len(rates)} values for {num} layers; give one number, or one per layer")
    if not units and rates[0]:
        layers.append(Dropout(rates[0]))
    for num_units, rate in zip(units, rates, strict=False):
        layers += [Dense(width, num_units), ACTIVATIONS[activation]()]
        layers += [Dropout(rate)] if rate else []
        width = num_units
    layers.append(Dense(width, num_classes))


def _refuse(activation: str, initializer: str, **switches: bool) -> None:
    refuse_unknown("model.activation", activation, ACTIVATIONS)
    refuse_unknown("model.initializer", initializer, INITIALISERS)
    for name, is_on in switches.items():
        refuse_unknown(f"model.{name}", is_on, [False])


def _refuse_other_coders(activation: str, initializer: str, *, blocks: int, batch_norm: bool, decoder: str) -> None:
    _refuse(activation, initializer, batch_norm=batch_norm)
    refuse_unknown("model.blocks", blocks, [0])
    refuse_unknown("model.decoder", decoder, ["mirror"])


def _refuse_sizes(what: str, sizes: list[int], *, at_least: int = 0) -> None:
    if len(sizes) < at_least or any(size < 1 for size in sizes):
        raise SettingError(f"{what}: {sizes} is not a list of positive integers{', one at least' * at_least}")


def _refuse_nothing_left(sides: list[int], image_shape: Shape) -> None:
    if min(sides) < 1:
        raise SettingError(
            f"images of {image_shape[1]}x{image_shape[2]} are too small for this network;"
            " use fewer pooling layers, smaller kernels, or larger images"
        )


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
