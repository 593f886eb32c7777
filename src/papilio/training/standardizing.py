"""Images with mean 0 and standard deviation 1, by channel, in front of a net."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

CHUNK = 2048  # images summed at a time
LEAST = 1 / 255  # a standard deviation that is divided by: of images all alike there is none

ByChannel = Float[Tensor, "channel 1 1"]


def channel_statistics(
    images: UInt8[np.ndarray, "num channel height width"], indices: Int[np.ndarray, " chosen"]
) -> tuple[ByChannel, ByChannel]:
    """Mean and standard deviation of each channel over the chosen images, on a scale from 0 to 1."""
    sums = torch.zeros(2, images.shape[1], dtype=torch.float64)
    for begin in range(0, len(indices), CHUNK):
        chunk = torch.from_numpy(images[indices[begin : begin + CHUNK]]).to(torch.float32)
        sums += torch.stack([one.sum(dim=(0, 2, 3), dtype=torch.float64) for one in (chunk, chunk * chunk)])
    mean, square = sums / (len(indices) * images.shape[2] * images.shape[3])
    deviation = (square - mean * mean).clamp(min=0).sqrt() / 255
    return _by_channel(mean / 255), _by_channel(deviation.clamp(min=LEAST))


def standardize(net: nn.Module, mean: ByChannel, deviation: ByChannel) -> None:
    """From now on the net gets images less `mean`, divided by `deviation`; both are kept with its weights."""
    net.register_buffer("input_mean", mean)
    net.register_buffer("input_deviation", deviation)
    net.register_forward_pre_hook(standardized)


def unknown_statistics(num_channels: int) -> tuple[ByChannel, ByChannel]:
    """What takes the place of a mean and a standard deviation until weights are loaded."""
    return torch.zeros(num_channels, 1, 1), torch.ones(num_channels, 1, 1)


def standardized(net: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    """What such a net is given in place of images: the hook that `standardize` hangs on it."""
    images, *others = given
    return ((images - net.input_mean) / net.input_deviation, *others)


def _by_channel(numbers: Float[Tensor, " channel"]) -> ByChannel:
    return numbers.to(torch.float32)[:, None, None]
