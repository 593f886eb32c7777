"""Convolutions of stride 2 between an image of few channels and features of many.

A transposed convolution to the image and a convolution's gradient for the image are the same sum; oneDNN takes as long for it
with one channel as with sixteen. Here one matrix product gives what each feature adds to the pixels around it.
Without gradients, in bfloat16 and on other devices the layers are torch's own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad
from torch.nn.grad import conv2d_weight

FEW = 4  # channels of an image
LARGEST_KERNEL = 4

Sides = tuple[int, int]


class Conv2d(nn.Conv2d):
    """As torch has it; the gradient for an image of few channels is computed by `spread`."""

    def forward(self, images: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        if not (images.requires_grad and _is_thin(self, images, self.in_channels)):
            return super().forward(images)
        features = _Gathered.apply(images, self.weight, self.padding)
        return features if self.bias is None else features + self.bias[:, None, None]


class ConvTranspose2d(nn.ConvTranspose2d):
    """As torch has it; an image of few channels is computed by `spread`."""

    def forward(self, features: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        if not (torch.is_grad_enabled() and _is_thin(self, features, self.out_channels)):
            return super().forward(features)
        sides = [2 * (have - 1) - 2 * rim + kernel + more for have, rim, kernel, more in zip(
            features.shape[2:], self.padding, self.kernel_size, self.output_padding, strict=True)]  # fmt: skip
        images = _Spread.apply(features, self.weight, self.padding, tuple(sides))
        return images if self.bias is None else images + self.bias[:, None, None]


def spread(features: Tensor, weight: Tensor, padding: Sides, sides: Sides) -> Tensor:
    """A transposed convolution of stride 2 by kernels of up to 4x4: (batch, many, h, w) to (batch, few, *sides).

    `weight` is (many, few, kernel, kernel). A pixel of the image is in one of 2x2 places under a feature, and gets something of
    2x2 features: the product has both as rows, so that what is added up lies in whole planes.
    """
    num, many, height, width = features.shape
    few, *kernel = weight.shape[1:]
    whole = pad(weight, (0, LARGEST_KERNEL - kernel[1], 0, LARGEST_KERNEL - kernel[0]))
    rows = whole.flatten(1).t() @ features.permute(0, 2, 3, 1).reshape(-1, many).t()
    parts = rows.view(
        few, 2, 2, 2, 2, num, height, width
    )  # few, row of the feature, place, column of the feature, place
    planes = parts.new_zeros(few, 2, 2, num, height + 1, width + 1)
    for down in range(2):
        for right in range(2):
            planes[..., down : down + height, right : right + width] += parts[:, down, :, right]
    images = planes.permute(3, 0, 4, 1, 5, 2).reshape(num, few, 2 * height + 2, 2 * width + 2)
    (top, left), (bottom, end) = padding, (rim + side for rim, side in zip(padding, sides, strict=True))
    return _channels_last(images[:, :, top:bottom, left:end])


class _Spread(torch.autograd.Function):
    """`spread`, which is differentiated by convolutions."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, padding: Sides, sides: Sides) -> Tensor:
        ctx.save_for_backward(features, weight)
        ctx.padding = padding
        return spread(features, weight, padding, sides)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        features, weight = ctx.saved_tensors
        wants_features, wants_weight, *_ = ctx.needs_input_grad
        of_features = _Gathered.apply(gradient, weight, ctx.padding) if wants_features else None
        of_weight = (
            conv2d_weight(_channels_last(gradient), weight.shape, features, 2, ctx.padding) if wants_weight else None
        )
        return of_features, of_weight, None, None


class _Gathered(torch.autograd.Function):
    """A convolution of stride 2 without a bias, whose gradient for its input is computed by `spread`."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, padding: Sides) -> Tensor:
        ctx.save_for_backward(images, weight)
        ctx.padding = padding
        return conv2d(_channels_last(images), weight, None, 2, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        images, weight = ctx.saved_tensors
        wants_images, wants_weight, *_ = ctx.needs_input_grad
        of_images = _Spread.apply(gradient, weight, ctx.padding, tuple(images.shape[2:])) if wants_images else None
        of_weight = (
            conv2d_weight(_channels_last(images), weight.shape, gradient, 2, ctx.padding) if wants_weight else None
        )
        return of_images, of_weight, None


def _channels_last(images: Tensor) -> Tensor:
    """The same images, gray ones by the strides of channels-last: a single channel has two sorts, by which oneDNN chooses."""
    num, channels, height, width = images.shape
    if channels > 1:
        return images.contiguous(memory_format=torch.channels_last)
    return images.reshape(num, height, width, 1).permute(0, 3, 1, 2)


def _is_thin(layer: nn.Conv2d | nn.ConvTranspose2d, inputs: Tensor, few: int) -> bool:
    """Whether `spread` can do it, and is quicker."""
    return (
        few <= FEW
        and layer.stride == (2, 2)
        and layer.groups == 1
        and layer.dilation == (1, 1)
        and max(layer.kernel_size) <= LARGEST_KERNEL
        and layer.padding != "same"
        and all(rim >= 1 for rim in layer.padding)  # pyright: ignore[reportArgumentType]
        and inputs.device.type == "cpu"
        and not torch.is_autocast_enabled("cpu")
    )
