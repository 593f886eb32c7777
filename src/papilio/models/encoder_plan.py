"""What an encoder from images to numbers, and the decoder that mirrors it, are built of, for every engine.

Images of any side come back in exactly their size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from papilio.errors import SettingError
from papilio.models.parts import (
    Activation,
    ActivationName,
    Convolution,
    Dense,
    Dropout,
    Enlargement,
    Flatten,
    Normalization,
    Part,
    Parts,
    Residual,
    TransposedConvolution,
    Unflatten,
)
from papilio.models.sizes import positive_integer, positive_integers, refuse_even_kernel, refuse_large_kernel

DecoderKind = Literal["mirror", "resize", "single"]


@dataclass(frozen=True)
class EncoderPlan:
    """What encoder and decoder have in common; raises SettingError for what is out of range.

    Each of `filters` is a convolution of stride 2, which halves the image (rounded up), followed by `blocks` residual
    blocks; then come dense layers. Without filters all layers are dense.
    """

    image_shape: tuple[int, int, int]
    filters: list[int]
    kernel_size: int
    blocks: int
    dense: list[int]
    latents: int
    activation: ActivationName
    dropout: float
    batch_norm: bool
    decoder: DecoderKind = "mirror"

    def __post_init__(self) -> None:
        positive_integers(self.filters, what="filters")
        positive_integers(self.dense, what="dense")
        positive_integer(self.latents, what="latents")
        refuse_even_kernel(self.kernel_size, "is even")
        if self.filters:
            refuse_large_kernel(self.kernel_size, self.image_shape)
        if self.blocks < 0:
            raise SettingError(f"blocks: {self.blocks}; must be 0 or more")
        if self.decoder == "single" and not self.filters:
            raise SettingError('decoder: "single" is a transposed convolution; it needs filters')

    @property
    def sides(self) -> list[tuple[int, int]]:
        """(height, width) of the image, and of what each convolution makes of it."""
        _, height, width = self.image_shape
        found = [(height, width)]
        for _ in self.filters:
            height, width = -(-height // 2), -(-width // 2)
            found.append((height, width))
        return found

    @property
    def channels(self) -> list[int]:
        """Of the image, and of what each convolution makes of it."""
        return [self.image_shape[0], *self.filters]

    @property
    def num_features(self) -> int:
        """How many numbers the convolutions make of an image."""
        height, width = self.sides[-1]
        return self.channels[-1] * height * width

    def missing(self, number: int) -> tuple[int, int]:
        """How many rows and columns the way back of the convolution of that number, from 1, has to add.

        From a side to the one of which it is the half, rounded up: an odd one has one row less to come.
        """
        pairs = zip(self.sides[number - 1], self.sides[number], strict=True)
        down, across = (wanted - (2 * side - 1) for wanted, side in pairs)
        return down, across


def feature_parts(plan: EncoderPlan) -> dict[str, Part]:
    """From an image to what the last dense layer makes of it, by name: "conv1", ..., "flatten", "dense1", ..."""
    parts: dict[str, Part] = {}
    for number, (before, after) in enumerate(pairwise(plan.channels), start=1):
        step = Convolution(before, after, plan.kernel_size, stride=2, padding=plan.kernel_size // 2)
        parts |= _activated(f"conv{number}", step, plan) | _blocks(f"conv{number}", after, plan)
    return parts | {"flatten": Flatten()} | _dense([plan.num_features, *plan.dense], plan)


def encoder_parts(plan: EncoderPlan, outputs: int) -> Parts:
    """From an image to `outputs` numbers, by a last dense layer called "latents"."""
    return feature_parts(plan) | {"latents": Dense([plan.num_features, *plan.dense][-1], outputs)}


def decoder_parts(plan: EncoderPlan) -> Parts:
    """From latents to an image in [0, 1]: the last layer, "image", is a sigmoid."""
    widths = [plan.latents, *reversed(plan.dense)]
    parts = _dense(widths, plan)
    if plan.decoder == "single":  # all of the way by a dense layer but for the last doubling
        parts |= _features(widths[-1], (plan.filters[0], *plan.sides[1]), plan)
        parts["conv1"] = _transposed(plan.filters[0], 1, plan)
    elif plan.filters:
        parts |= _features(widths[-1], (plan.channels[-1], *plan.sides[-1]), plan) | _mirrored(plan)
    else:
        parts["pixels"] = Dense(widths[-1], math.prod(plan.image_shape))
        parts["unflatten"] = Unflatten(plan.image_shape)
    return parts | {"image": Activation("sigmoid")}


def _mirrored(plan: EncoderPlan) -> dict[str, Part]:
    """A step for each convolution of the encoder, in reverse, to just the size that it had before."""
    parts: dict[str, Part] = {}
    for number in range(len(plan.filters), 0, -1):
        before, after = plan.channels[number], plan.channels[number - 1]
        name, kernel = f"conv{number}", plan.kernel_size
        parts |= _blocks(name, before, plan)
        if plan.decoder == "resize":
            # Odena et al. 2016, "Deconvolution and checkerboard artifacts"
            parts[f"{name}_resize"] = Enlargement(plan.sides[number - 1])
            step: Convolution | TransposedConvolution = Convolution(before, after, kernel, padding=kernel // 2)
        else:
            step = _transposed(before, number, plan)
        parts |= _activated(name, step, plan) if number > 1 else {name: step}
    return parts


def _features(width: int, shape: tuple[int, int, int], plan: EncoderPlan) -> dict[str, Part]:
    return {
        "features": Dense(width, math.prod(shape)),
        "features_activation": Activation(plan.activation),
        "unflatten": Unflatten(shape),
    }


def _transposed(channels: int, number: int, plan: EncoderPlan) -> TransposedConvolution:
    """The way back of the convolution of that number, from so many channels."""
    kernel, missing = plan.kernel_size, plan.missing(number)
    return TransposedConvolution(channels, plan.channels[number - 1], kernel, 2, kernel // 2, missing)


def _blocks(name: str, channels: int, plan: EncoderPlan) -> dict[str, Part]:
    block = Residual(channels, plan.activation, plan.batch_norm)
    return {f"{name}_block{number}": block for number in range(1, plan.blocks + 1)}


def _dense(widths: list[int], plan: EncoderPlan) -> dict[str, Part]:
    """A dense layer from each width to the next, with the activation and dropout."""
    parts: dict[str, Part] = {}
    for number, (before, after) in enumerate(pairwise(widths), start=1):
        parts |= _activated(f"dense{number}", Dense(before, after), plan)
        parts |= {f"dense{number}_dropout": Dropout(plan.dropout)} if plan.dropout else {}
    return parts


def _activated(name: str, part: Dense | Convolution | TransposedConvolution, plan: EncoderPlan) -> dict[str, Part]:
    """A layer, with its normalization and activation."""
    parts: dict[str, Part] = {name: part}
    if plan.batch_norm:
        parts[f"{name}_norm"] = Normalization(part.outputs, of_images=not isinstance(part, Dense))
    return parts | {f"{name}_activation": Activation(plan.activation)}
