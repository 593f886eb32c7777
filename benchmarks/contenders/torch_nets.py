"""The benchmarked nets as PyTorch's tutorials write them: for plain PyTorch, Lightning and skorch."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def mlp() -> nn.Sequential:
    """784-512-512-10."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(28 * 28, 512),
        nn.ReLU(),
        nn.Linear(512, 512),
        nn.ReLU(),
        nn.Linear(512, 10),
    )


def cnn() -> nn.Sequential:
    """Two convolutions of 3x3 with same padding, one pooling after them, one dense layer."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 14 * 14, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def sweep_cnn(dropout: float) -> nn.Sequential:
    """The small net of the sweep: each convolution is pooled."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 64),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(64, 10),
    )


def search_mlp(width: int, dropout: float) -> nn.Sequential:
    """The net of the grids: two hidden layers of `width` units."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(28 * 28, width),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(width, 10),
    )


NETS = {"mlp": mlp, "cnn": cnn}


def count_parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@torch.no_grad()
def loss_of(net: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The mean cross entropy in nats: a look at whether training did anything."""
    net.eval()
    return nn.functional.cross_entropy(net(images), labels).item()
