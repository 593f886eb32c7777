"""The objective of generative adversarial nets: a generator draws, a discriminator tells drawn images from real ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from papilio.training.batches import Batch
from papilio.training.noise import Noise
from papilio.training.objectives import Nets, Objective, Phase


def objective() -> Objective:
    """The two losses of Goodfellow et al. (2014), the generator's in its non-saturating form (section 3).

    The generator's attribute `latents` says how many numbers, drawn from N(0, 1), it makes an image of. Nothing says which
    epoch is the best: neither loss measures how good images are.
    """

    def share(nets: Nets, batch: Batch, noise: Noise, step: int) -> dict[str, Tensor]:
        return {"fakes": draw(nets, len(batch), noise)}

    def discriminate(nets: Nets, batch: Batch, noise: Noise, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        found = judged(nets, batch.images, batch.shared["fakes"].detach())
        return found["discriminator_loss"], {name: value.detach() for name, value in found.items()}

    def generate(nets: Nets, batch: Batch, noise: Noise, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        loss = generator_loss(nets, batch.shared["fakes"])
        return loss, {"generator_loss": loss.detach()}

    def evaluate(nets: Nets, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        fakes = draw(nets, len(batch), noise)
        return judged(nets, batch.images, fakes) | {
            "generator_loss": generator_loss(nets, fakes),
            "diversity": diversity(fakes, batch.images),
            "outside": ((fakes < 0) | (fakes > 1)).float().mean(),
        }

    return Objective(
        phases=(Phase("discriminator", discriminate), Phase("generator", generate)),
        evaluate=evaluate,
        share=share,
        keeps_batches=True,
    )


def draw(nets: Nets, num: int, noise: Noise) -> Tensor:
    """So many images of the generator, from fresh latents."""
    return nets["generator"](noise.normal(num, int(nets["generator"].latents)))  # pyright: ignore[reportArgumentType]


def judged(nets: Nets, real: Tensor, fakes: Tensor) -> dict[str, Tensor]:
    """What the discriminator makes of real images and of fakes.

    `discriminator_loss` is the cross entropy of telling them apart, in nats, the mean over both halves; `real_score` and
    `fake_score` are the mean probabilities that it gives either to be real.
    """
    on_real, on_fakes = nets["discriminator"](real), nets["discriminator"](fakes)
    real_half = binary_cross_entropy_with_logits(on_real, torch.ones_like(on_real))
    fake_half = binary_cross_entropy_with_logits(on_fakes, torch.zeros_like(on_fakes))
    return {
        "discriminator_loss": (real_half + fake_half) / 2,
        "real_score": on_real.sigmoid().mean(),
        "fake_score": on_fakes.sigmoid().mean(),
    }


def diversity(fakes: Tensor, real: Tensor) -> Tensor:
    """How far generated images are apart, as a share of how far real ones are: 0 where all are the same.

    The root of the mean squared Euclidean distance of all pairs, which is that of twice the variance, summed over pixels.
    """
    spread, usual = (images.flatten(1).float().var(0, correction=0).sum() for images in (fakes, real))
    return (spread / usual.clamp(min=1e-12)).sqrt()


def generator_loss(nets: Nets, fakes: Tensor) -> Tensor:
    """Cross entropy of fakes being taken for real ones, in nats."""
    scores = nets["discriminator"](fakes)
    return binary_cross_entropy_with_logits(scores, torch.ones_like(scores))
