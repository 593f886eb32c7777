"""What the builders share: activations, initializers, and a dropout whose randomness can be handed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from papilio.errors import SettingError, did_you_mean

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}
INITIALIZERS: dict[str, Callable[[Tensor], Tensor] | None] = {
    "glorot_uniform": nn.init.xavier_uniform_,
    "glorot_normal": nn.init.xavier_normal_,
    "he_uniform": lambda weight: nn.init.kaiming_uniform_(weight, nonlinearity="relu"),
    "he_normal": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
    "random_normal": lambda weight: nn.init.normal_(weight, std=0.05),  # the standard deviation that Keras uses
    "torch": None,  # each layer as torch makes it
}


@runtime_checkable
class MaskSource(Protocol):
    """Where a dropout layer gets its masks from; `papilio.training.noise.Noise` is one."""

    def keep_mask(self, shape: torch.Size, rate: float, device: torch.device) -> Bool[Tensor, ...]: ...


class Dropout(nn.Module):
    """Dropout that draws its mask from `source` where one was given, and from torch's global generator otherwise.

    Srivastava et al. 2014; features are scaled by 1 / (1 - rate) while training, and left alone in evaluation.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise SettingError(f"dropout: must be at least 0 and below 1, not {rate}")
        self.rate = rate
        self.source: MaskSource | None = None

    def forward(self, features: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        if not self.training or self.rate == 0:
            return features
        if self.source is None:
            return nn.functional.dropout(features, self.rate)
        keep = self.source.keep_mask(features.shape, self.rate, features.device)
        if features.dim() == 4:
            # in the features' own layout, or the product falls back to a slow strided loop
            keep = keep.contiguous(memory_format=_layout_of(features))
        return features * keep * (1 / (1 - self.rate))

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


class _OfOneValue:
    """Batch normalization by its running statistics where a channel has a single value, which has no variance: a batch of one
    image, in a dense layer or where a feature map is one pixel."""

    training: bool

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's own name)
        if not self.training or input.numel() > input.shape[1]:
            return super().forward(input)  # pyright: ignore[reportAttributeAccessIssue]
        self.training = False
        try:
            return super().forward(input)  # pyright: ignore[reportAttributeAccessIssue]
        finally:
            self.training = True


class BatchNorm1d(_OfOneValue, nn.BatchNorm1d):
    """As torch has it, also for a batch of one."""


class BatchNorm2d(_OfOneValue, nn.BatchNorm2d):
    """As torch has it, also for a batch of one image whose feature maps are one pixel."""


def make_activation(name: str) -> nn.Module:
    """A new activation layer; raises SettingError for an unknown name."""
    if name not in ACTIVATIONS:
        raise SettingError(f"activation: {name!r} is unknown; {did_you_mean(name, ACTIVATIONS)}")
    return ACTIVATIONS[name]()


def initialize(network: nn.Module, name: str) -> nn.Module:
    """Draw every convolution's and linear layer's weights again from torch's global generator, biases zero.

    Raises SettingError for an unknown name. Sources: Glorot & Bengio 2010; He et al. 2015.
    """
    if name not in INITIALIZERS:
        raise SettingError(f"initializer: {name!r} is unknown; {did_you_mean(name, INITIALIZERS)}")
    fill = INITIALIZERS[name]
    if fill is None:
        return network
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            fill(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network


def _layout_of(features: Tensor) -> torch.memory_format:
    is_last = features.is_contiguous(memory_format=torch.channels_last) and not features.is_contiguous()
    return torch.channels_last if is_last else torch.contiguous_format
