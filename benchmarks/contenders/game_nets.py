"""A DCGAN for images of 28x28 as PyTorch's tutorial writes one: for its own loop and for Lightning."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LATENTS, WIDTH = 100, 64
LEARNING_RATE, BETAS = 2e-4, (0.5, 0.999)  # Radford et al. 2016, as in the tutorial


def generator() -> nn.Module:
    """From 100 latents to maps of 4x4, 7x7, 14x14, an image; values from 0 to 1, where the tutorial's tanh gives -1 to 1."""
    return nn.Sequential(
        nn.ConvTranspose2d(LATENTS, 4 * WIDTH, 4, bias=False),
        nn.BatchNorm2d(4 * WIDTH),
        nn.ReLU(True),
        nn.ConvTranspose2d(4 * WIDTH, 2 * WIDTH, 4, 2, 2, output_padding=1, bias=False),
        nn.BatchNorm2d(2 * WIDTH),
        nn.ReLU(True),
        nn.ConvTranspose2d(2 * WIDTH, WIDTH, 4, 2, 1, bias=False),
        nn.BatchNorm2d(WIDTH),
        nn.ReLU(True),
        nn.ConvTranspose2d(WIDTH, 1, 4, 2, 1),
        nn.Sigmoid(),
    )


def discriminator() -> nn.Module:
    """From an image to the probability that it is real."""
    return nn.Sequential(
        nn.Conv2d(1, WIDTH, 4, 2, 1),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(WIDTH, 2 * WIDTH, 4, 2, 1, bias=False),
        nn.BatchNorm2d(2 * WIDTH),
        nn.LeakyReLU(0.2, inplace=True),
        nn.ZeroPad2d((0, 1, 0, 1)),
        nn.Conv2d(2 * WIDTH, 4 * WIDTH, 4, 2, 1, bias=False),
        nn.BatchNorm2d(4 * WIDTH),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(4 * WIDTH, 1, 4),
        nn.Sigmoid(),
    )


def drawn(net: nn.Module) -> nn.Module:
    """Weights as in the paper, and as in the tutorial."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
            nn.init.zeros_(layer.bias)
    return net


def adam(net: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(net.parameters(), lr=LEARNING_RATE, betas=BETAS)


@torch.no_grad()
def brightness_error(net: nn.Module, images: Tensor) -> float:
    """How far the mean generated image is from the mean real one, a pixel: a look at whether training did anything."""
    net.eval()
    made = net(torch.randn(len(images), LATENTS, 1, 1))
    return (made.mean(0) - images.mean(0)).abs().mean().item()
