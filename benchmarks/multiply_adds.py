"""How much arithmetic a net takes: one multiply-add is 2 floating-point operations."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def multiply_adds(net: nn.Module, image_shape: tuple[int, int, int]) -> list[int]:
    """Those of each convolution and dense layer, in order, for one image forward; biases and the rest left out."""
    counted: list[int] = []

    def note(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        # each output number of a layer takes as many multiply-adds as one of its filters or rows has weights
        counted.append(math.prod(output.shape[1:]) * layer.get_parameter("weight")[0].numel())

    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    was_training = net.training
    try:
        with torch.no_grad():
            net.eval()(torch.zeros(1, *image_shape))
    finally:
        net.train(was_training)
        for hook in hooks:
            hook.remove()
    return counted


def training_flop(net: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Forward and backward for one image.

    Backward takes the forward's multiply-adds twice, for the weights' gradient and for the input's, but nobody asks for
    the gradient of the images themselves.
    """
    first, *others = multiply_adds(net, image_shape)
    return 2 * (2 * first + 3 * sum(others))
