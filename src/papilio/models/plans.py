"""Model families as every engine builds them: a study's settings in, layers by name out. Nothing here imports a framework."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

from papilio.models.encoder_plan import DecoderKind, EncoderPlan, decoder_parts, encoder_parts
from papilio.models.parts import (
    NON_DECREASING,
    Activation,
    ActivationName,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    Initializer,
    Means,
    NetPlan,
    Normalization,
    Part,
    Pooling,
    PoolingName,
    Split,
    num_features,
    numbered,
)
from papilio.models.sizes import (
    per_layer,
    pooled_after,
    positive_integers,
    refuse_even_kernel,
    refuse_large_kernel,
    share_below_one,
)


def mlp(
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    units: list[int] = [512, 512],  # noqa: B006 (never changed; a list, because that is what a study file holds)
    activation: ActivationName = "relu",
    dropout: float | list[float] = 0.0,
    batch_norm: bool = False,
    initializer: Initializer = "glorot_uniform",
) -> NetPlan:
    """Dense layers of `units`, each followed by the activation and dropout, then one output per class (logits).

    `image_shape` is (channel, height, width); `dropout` is one rate, or one a hidden layer. R1 counts the output layer,
    so its "2 layers" are one entry in `units`. Raises SettingError for arguments out of range.
    """
    rates = per_layer(dropout, num_layers=len(units), what="dropout")
    widths = [math.prod(image_shape), *positive_integers(units, what="units")]
    norms = [batch_norm] * len(units)
    layers = [Flatten(), *_hidden(widths, activation, rates, norms), Dense(widths[-1], num_classes)]
    return NetPlan({"": numbered(layers)}, initializer)


def cnn(
    image_shape: tuple[int, int, int],
    num_classes: int,
    heads: tuple[int, ...] = (),
    *,
    filters: list[int] = [32, 64],  # noqa: B006 (never changed, as in mlp)
    kernel_size: int = 3,
    pool_after: list[int] | None = None,
    dense: list[int] = [128],  # noqa: B006 (never changed)
    activation: ActivationName = "relu",
    dropout: float | list[float] = 0.0,
    conv_dropout: float = 0.0,
    batch_norm: bool = False,
    dense_norm: bool = False,
    flatten_dropout: float = 0.0,
    head: Literal["flatten", "average"] = "flatten",
    split_heads: bool = False,
    initializer: Initializer = "glorot_uniform",
) -> NetPlan:
    """Convolutions of `filters` with same padding, 2x2 max pooling in between, dense layers, one output per class (logits).

    `pool_after` counts convolutions from 1; without it each group of equal filters is pooled once, so that
    [32, 64, 64, 128, 128] is pooled after its first, third and fifth. `dropout` follows each dense layer (one rate or
    one each), or what the head gives where there is none; `conv_dropout` follows each pooling. `head = "average"`
    takes each feature map's mean in place of flattening; `flatten_dropout` follows it. `batch_norm` normalizes after
    convolutions, `dense_norm` after the first dense layer. `split_heads` gives each of several `heads` dense layers of its own
    (a target design that asks for an hour and a minute has two). Raises SettingError for arguments out of range.
    """
    positive_integers(filters, what="filters", at_least=1)
    refuse_even_kernel(kernel_size, "changes the image size")
    refuse_large_kernel(kernel_size, image_shape)
    pooled = pooled_after(filters, pool_after)
    layers: list[Part] = []
    for number, (before, after) in enumerate(pairwise([image_shape[0], *filters]), start=1):
        layers.append(Convolution(before, after, kernel_size, padding=kernel_size // 2, has_bias=not batch_norm))
        layers += [Normalization(after, of_images=True)] if batch_norm else []
        layers += _activated(activation, "max" if number in pooled else None)
        layers += _dropout(conv_dropout if number in pooled else 0, what="conv_dropout")
    layers += [Means()] if head == "average" else []
    widths = [num_features(layers, image_shape), *positive_integers(dense, what="dense")]
    layers += [Flatten(), *_dropout(flatten_dropout, what="flatten_dropout")]
    rates = per_layer(dropout, num_layers=max(1, len(dense)), what="dropout")
    norms = [dense_norm, *[False] * len(dense)]
    behind = _hidden(widths, activation, rates, norms) if dense else _dropout(rates[0])

    def head_of(num_outputs: int) -> list[Part]:
        return [*behind, Dense(widths[-1], num_outputs)]

    if split_heads and len(heads) > 1:
        layers.append(Split(tuple(numbered(head_of(num_outputs)) for num_outputs in heads)))
    else:
        layers += head_of(num_classes)
    return NetPlan({"": numbered(layers)}, initializer)


def lenet5(
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    activation: ActivationName = "tanh",
    pooling: PoolingName = "average",
    dropout: float = 0.0,
    initializer: Initializer = "glorot_uniform",
) -> NetPlan:
    """LeNet-5 as it is usually drawn today: 6 and 16 filters of 5x5, pooled 2x2, dense 120 and 84 (61,706 on MNIST).

    Images are padded by two pixels, as the original pads 28x28 to 32x32. Source: LeCun, Bottou, Bengio and Haffner,
    Gradient-based learning applied to document recognition, 1998, section II.B; the plain full connections between the
    convolutions and the linear output layer are the simplification that everybody uses.
    """
    layers: list[Part] = []
    for convolution in (Convolution(image_shape[0], 6, 5, padding=2), Convolution(6, 16, 5)):
        layers += [convolution, *_activated(activation, pooling)]
    widths = [num_features(layers, image_shape), 120, 84]
    layers += [Flatten(), *_hidden(widths, activation, [dropout, dropout], [False, False]), Dense(84, num_classes)]
    return NetPlan({"": numbered(layers)}, initializer)


def autoencoder(
    image_shape: tuple[int, int, int],
    *,
    latents: int = 10,
    filters: list[int] = [16, 32, 32],  # noqa: B006 (never changed)
    kernel_size: int = 3,
    blocks: int = 0,
    dense: list[int] = [32],  # noqa: B006 (never changed)
    activation: ActivationName = "relu",
    dropout: float = 0.0,
    batch_norm: bool = False,
    decoder: DecoderKind = "mirror",
    initializer: Initializer = "glorot_uniform",
) -> NetPlan:
    """Convolutions of stride 2 and dense layers down to `latents` numbers, and the same ones backwards, ending in a sigmoid.

    `image_shape` is (channel, height, width), of any size. Each of `filters` is a convolution, followed by `blocks` residual
    blocks of two convolutions each; with `filters = []` all layers are dense. `dropout` follows each dense layer but the last.
    `decoder` "mirror" has transposed convolutions, "resize" enlarges to the nearest pixel and convolves, "single" has one
    transposed convolution behind a dense layer (R1). The defaults are R4's. Raises SettingError for arguments out of range.
    """
    plan = EncoderPlan(
        image_shape, filters, kernel_size, blocks, dense, latents, activation, dropout, batch_norm, decoder
    )
    return NetPlan({"encoder": encoder_parts(plan, latents), "decoder": decoder_parts(plan)}, initializer, latents)


def vae(
    image_shape: tuple[int, int, int],
    *,
    latents: int = 10,
    filters: list[int] = [16, 32, 32],  # noqa: B006 (never changed)
    kernel_size: int = 3,
    blocks: int = 0,
    dense: list[int] = [32],  # noqa: B006 (never changed)
    activation: ActivationName = "relu",
    dropout: float = 0.0,
    batch_norm: bool = False,
    decoder: DecoderKind = "mirror",
    initializer: Initializer = "glorot_uniform",
) -> NetPlan:
    """An `autoencoder` whose encoder gives a mean and a log variance for each latent; the arguments are the same."""
    plan = EncoderPlan(
        image_shape, filters, kernel_size, blocks, dense, latents, activation, dropout, batch_norm, decoder
    )
    return NetPlan({"encoder": encoder_parts(plan, 2 * latents), "decoder": decoder_parts(plan)}, initializer, latents)


PLANS: dict[str, Callable[..., NetPlan]] = {
    "mlp": mlp,
    "cnn": cnn,
    "lenet5": lenet5,
    "autoencoder": autoencoder,
    "vae": vae,
}
PURPOSES = {
    "autoencoder": "autoencoder",
    "vae": "vae",
    "gan": "gan",
    "dcgan": "gan",
}  # the objective of families that are not for labels


def purpose_of(family: str) -> str:
    """The objective that a family is for, where a study names none."""
    return PURPOSES.get(family, "supervised")


def _hidden(widths: list[int], activation: ActivationName, rates: list[float], norms: list[bool]) -> list[Part]:
    """A dense layer from each width to the next, with the activation and dropout, normalized where `norms` says so."""
    layers: list[Part] = []
    for (before, after), rate, norm in zip(pairwise(widths), rates, norms, strict=False):
        layers.append(Dense(before, after))
        layers += [Normalization(after, of_images=False)] if norm else []
        layers += [Activation(activation), *_dropout(rate)]
    return layers


def _activated(activation: ActivationName, pooling: PoolingName | None) -> list[Part]:
    if pooling is None:
        return [Activation(activation)]
    if pooling == "max" and activation in NON_DECREASING:
        return [Pooling(pooling), Activation(activation)]
    return [Activation(activation), Pooling(pooling)]


def _dropout(rate: float, *, what: str = "dropout") -> list[Part]:
    return [Dropout(share_below_one(rate, what=what))] if rate else []
