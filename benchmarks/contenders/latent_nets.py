"""R2's autoencoder and R4's variational one as PyTorch's tutorials write them: for pythae and Lightning."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def autoencoder() -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder: three convolutions of stride 2 and two dense layers down to 5 latents, and back."""
    encoder = nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 32),
        nn.ReLU(),
        nn.Linear(32, 5),
    )
    decoder = nn.Sequential(
        nn.Linear(5, 32),
        nn.ReLU(),
        nn.Linear(32, 32 * 4 * 4),
        nn.ReLU(),
        nn.Unflatten(1, (32, 4, 4)),
        nn.ConvTranspose2d(32, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1),
        nn.Sigmoid(),
    )
    return encoder, decoder


def vae() -> tuple[nn.Module, nn.Module]:
    """784-512-256, then means and log variances of 2 latents, and 2-256-512-784 back."""
    encoder = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 4)
    )
    decoder = nn.Sequential(
        nn.Linear(2, 256),
        nn.ReLU(),
        nn.Linear(256, 512),
        nn.ReLU(),
        nn.Linear(512, 784),
        nn.Sigmoid(),
        nn.Unflatten(1, (1, 28, 28)),
    )
    return encoder, decoder


NETS = {"autoencoder": autoencoder, "vae": vae}


def squared_error(images: Tensor, again: Tensor) -> Tensor:
    """The mean over pixels."""
    return functional.mse_loss(again, images)


def negative_elbo(images: Tensor, again: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Cross entropy and KL divergence, summed over pixels and latents, the mean over images, in nats."""
    entropy = functional.binary_cross_entropy(again, images, reduction="sum")
    divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
    return (entropy + divergence) / len(images)


def sampled(mean: Tensor, log_variance: Tensor) -> Tensor:
    """A latent from the posterior."""
    return mean + torch.randn_like(mean) * (0.5 * log_variance).exp()


@torch.no_grad()
def error_of(encoder: nn.Module, decoder: nn.Module, images: Tensor, *, net: str) -> float:
    """The mean squared error per pixel, of a VAE from the posterior's mean: a look at whether training did anything."""
    encoder.eval(), decoder.eval()
    latents = encoder(images)
    return squared_error(images, decoder(latents[:, :2] if net == "vae" else latents)).item()
