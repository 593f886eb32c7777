"""The nets that this engine has, built as papilio.models builds them: the same settings, the same names, the same layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

from papilio.errors import SettingError
from papilio.models.encoder_plan import EncoderPlan
from papilio.models.sizes import per_layer, pooled_after, positive_integers, refuse_even_kernel, refuse_large_kernel
from papilio.scratch import layers as by_hand
from papilio.scratch.initialisers import INITIALISERS
from papilio.scratch.layers import Convolution, Dense, Dropout, Flatten, Layer, TransposedConvolution, Unflatten
from papilio.scratch.network import Network, Stack

ImageShape = tuple[int, int, int]
ACTIVATIONS: dict[str, Callable[[], Layer]] = {
    "relu": by_hand.Relu,
    "leaky_relu": by_hand.LeakyRelu,
    "sigmoid": by_hand.Sigmoid,
    "tanh": by_hand.Tanh,
}
POOLINGS: dict[str, Callable[[int], Layer]] = {"average": by_hand.AveragePooling, "max": by_hand.MaxPooling}
KNOWN: dict[str, Collection[object]] = {  # of settings that papilio.models takes more of
    "activation": ACTIVATIONS,
    "pooling": POOLINGS,
    "initializer": INITIALISERS,
    "batch_norm": [False],
    "dense_norm": [False],
    "split_heads": [False],
    "head": ["flatten"],
    "blocks": [0],
    "decoder": ["mirror"],
}


def refuse_unknown(what: str, given: object, known: Collection[object]) -> None:
    """Raises SettingError for what this engine does not have."""
    if given not in known:
        allowed = ", ".join(map(_written, known)) or "none"
        raise SettingError(f'train.engine = "numpy" does not know {what} = {_written(given)}; it knows {allowed}')


def mlp(
    image_shape: ImageShape,
    num_classes: int,
    *,
    units: list[int] = [512, 512],  # noqa: B006 (never changed, as in papilio.models.mlp)
    activation: str = "relu",
    dropout: float | list[float] = 0.0,
    batch_norm: bool = False,
    initializer: str = "glorot_uniform",
) -> Network:
    """Dense layers of `units`, each with the activation and dropout, then one output per class."""
    _refuse(activation=activation, batch_norm=batch_norm, initializer=initializer)
    rates = per_layer(dropout, num_layers=len(units), what="dropout")
    widths = [math.prod(image_shape), *positive_integers(units, what="units")]
    return _classifier(image_shape, [Flatten(), *_dense(widths, activation, rates).values()], widths[-1], num_classes)


def cnn(
    image_shape: ImageShape,
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
    """Convolutions that keep the image's size, 2x2 max pooling in between, dense layers, one output per class."""
    _refuse(activation=activation, head=head, split_heads=split_heads, initializer=initializer)
    _refuse(batch_norm=batch_norm, dense_norm=dense_norm)
    positive_integers(filters, what="filters", at_least=1)
    refuse_even_kernel(kernel_size, "changes the image size")
    refuse_large_kernel(kernel_size, image_shape)
    pooled = set(pooled_after(filters, pool_after))
    layers: list[Layer] = []
    for number, (before, after) in enumerate(pairwise([image_shape[0], *filters]), start=1):
        layers.append(Convolution(before, after, kernel_size, padding=kernel_size // 2))
        layers += _activated(activation, "max" if number in pooled else None)
        layers += _dropout(conv_dropout if number in pooled else 0)
    sides = [side // 2 ** len(pooled) for side in image_shape[1:]]
    _refuse_nothing_left(sides, image_shape)
    rates = per_layer(dropout, num_layers=max(1, len(dense)), what="dropout")
    widths = [filters[-1] * math.prod(sides), *positive_integers(dense, what="dense")]
    layers += [Flatten(), *_dropout(flatten_dropout), *_dropout(0 if dense else rates[0])]
    return _classifier(image_shape, [*layers, *_dense(widths, activation, rates).values()], widths[-1], num_classes)


def lenet5(
    image_shape: ImageShape,
    num_classes: int,
    *,
    activation: str = "tanh",
    pooling: str = "average",
    dropout: float = 0.0,
    initializer: str = "glorot_uniform",
) -> Network:
    """LeNet-5 as it is usually drawn: 6 and 16 filters of 5x5, pooled 2x2, dense 120 and 84. LeCun et al. 1998."""
    _refuse(activation=activation, pooling=pooling, initializer=initializer)
    sides = [(side // 2 - 4) // 2 for side in image_shape[1:]]
    _refuse_nothing_left(sides, image_shape)
    layers: list[Layer] = []
    for convolution in (Convolution(image_shape[0], 6, 5, padding=2), Convolution(6, 16, 5)):
        layers += [convolution, *_activated(activation, pooling)]
    dense = _dense([16 * math.prod(sides), 120, 84], activation, [dropout, dropout])
    return _classifier(image_shape, [*layers, Flatten(), *dense.values()], 84, num_classes)


def _coder(codes: int) -> Callable[..., Network]:
    """The builder of autoencoders whose encoder gives so many numbers for each latent."""

    def build(
        image_shape: ImageShape,
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
        _refuse(activation=activation, batch_norm=batch_norm, initializer=initializer, blocks=blocks, decoder=decoder)
        plan = EncoderPlan(image_shape, filters, kernel_size, 0, dense, latents, activation, dropout, False)
        stacks = {"encoder": Stack(_encoder(plan, codes * latents)), "decoder": Stack(_decoder(plan))}
        return Network(stacks, image_shape, latents)

    return build


# a variational one's gives a mean and a log variance for each latent: Kingma and Welling 2014
FAMILIES: dict[str, Callable[..., Network]] = {
    "mlp": mlp,
    "cnn": cnn,
    "lenet5": lenet5,
    "autoencoder": _coder(1),
    "vae": _coder(2),
}
PURPOSES = {"autoencoder": "autoencoder", "vae": "vae"}


def build(family: str, arguments: Mapping[str, Any], *, image_shape: ImageShape, num_classes: int) -> Network:
    """A family's net, without memory for weights; raises SettingError for what it does not take or cannot be built."""
    refuse_unknown("model.family", family, FAMILIES)
    given = {"num_classes": num_classes} if family not in PURPOSES else {}
    return FAMILIES[family](image_shape, **given, **arguments)


def _classifier(image_shape: ImageShape, layers: Sequence[Layer], width: int, num_classes: int) -> Network:
    """The layers, the last of which gives so many numbers, and one output per class."""
    named = {str(place): layer for place, layer in enumerate([*layers, Dense(width, num_classes)])}
    return Network({"": Stack(named)}, image_shape)


def _encoder(plan: EncoderPlan, outputs: int) -> dict[str, Layer]:
    layers: dict[str, Layer] = {}
    for number, (before, after) in enumerate(pairwise(plan.channels), start=1):
        rim = plan.kernel_size // 2
        layers[f"conv{number}"] = Convolution(before, after, plan.kernel_size, stride=2, padding=rim)
        layers[f"conv{number}_activation"] = ACTIVATIONS[plan.activation]()
    widths = [plan.num_features, *plan.dense]
    layers |= {"flatten": Flatten()} | _dense(widths, plan.activation, [plan.dropout] * len(plan.dense))
    return layers | {"latents": Dense(widths[-1], outputs)}


def _decoder(plan: EncoderPlan) -> dict[str, Layer]:
    widths, shape = [plan.latents, *reversed(plan.dense)], (plan.channels[-1], *plan.sides[-1])
    layers = _dense(widths, plan.activation, [plan.dropout] * len(plan.dense))
    layers["features" if plan.filters else "pixels"] = Dense(widths[-1], math.prod(shape))
    layers |= {"features_activation": ACTIVATIONS[plan.activation]()} if plan.filters else {}
    layers["unflatten"] = Unflatten(shape)
    for number in range(len(plan.filters), 0, -1):
        before, after, rim = plan.channels[number], plan.channels[number - 1], plan.kernel_size // 2
        layers[f"conv{number}"] = TransposedConvolution(
            before, after, plan.kernel_size, stride=2, padding=rim, missing=plan.missing(number)
        )
        layers |= {f"conv{number}_activation": ACTIVATIONS[plan.activation]()} if number > 1 else {}
    return layers | {"image": by_hand.Sigmoid()}


def _dense(widths: Sequence[int], activation: str, rates: Sequence[float]) -> dict[str, Layer]:
    """A dense layer from each width to the next, with the activation and dropout."""
    layers: dict[str, Layer] = {}
    for number, ((before, after), rate) in enumerate(zip(pairwise(widths), rates, strict=False), start=1):
        layers |= {f"dense{number}": Dense(before, after), f"dense{number}_activation": ACTIVATIONS[activation]()}
        layers |= {f"dense{number}_dropout": one for one in _dropout(rate)}
    return layers


def _activated(activation: str, pooling: str | None) -> list[Layer]:
    layers = [ACTIVATIONS[activation](), *([POOLINGS[pooling](2)] if pooling else [])]
    # the largest of a window is the same before and behind a function that never falls, and before it is less work
    return layers[::-1] if pooling == "max" else layers


def _dropout(rate: float) -> list[Layer]:
    return [Dropout(rate)] if rate else []


def _refuse(**given: object) -> None:
    for name, value in given.items():
        refuse_unknown(f"model.{name}", value, KNOWN[name])


def _refuse_nothing_left(sides: Sequence[int], image_shape: ImageShape) -> None:
    if min(sides) < 1:
        raise SettingError(
            f"images of {image_shape[1]}x{image_shape[2]} are too small for this network;"
            " use fewer pooling layers, smaller kernels, or larger images"
        )


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
