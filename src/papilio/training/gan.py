"""The objective of generative adversarial nets: a generator draws, a discriminator tells drawn images from real ones."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

from papilio.training.batches import Batch
from papilio.training.noise import Noise
from papilio.training.objectives import Nets, Objective, Phase

LossName = Literal["non_saturating", "hinge", "wasserstein"]


def objective(
    loss: LossName = "non_saturating",
    penalty: float = 10.0,
    r1: float = 0.0,
    smoothing: float = 0.0,
    discriminator_steps: int = 1,
) -> Objective:
    """A game of two nets by one of three losses, see `discriminator_loss` and `generator_loss`.

    "wasserstein" has `penalty` times the gradient penalty of Gulrajani et al. 2017; `r1` / 2 times the squared gradient at
    real images is added to any loss (Mescheder et al. 2018, equation 9). Where the discriminator takes several steps per
    batch, each is on the same real images and fresh fakes. A net called `average`, whose `decay` says how much it keeps,
    follows the generator after each step.

    The generator's attribute `latents` says how many numbers, drawn from N(0, 1), it makes an image of. Nets with an attribute
    `classes` above 0 are told the class of each image, fakes being of the batch's own classes: the generator by so many
    numbers more, see `numbers_of`, the discriminator as its second argument. Nothing says which
    epoch is the best: neither loss measures how good images are. Metrics are those of `judged`, without penalties. What is
    evaluated is the net `average` where there is one, as images come from it then.
    """

    def share(nets: Nets, batch: Batch, noise: Noise, step: int) -> dict[str, Tensor]:
        return {"fakes": draw(nets, batch, noise)}

    def discriminate(nets: Nets, batch: Batch, noise: Noise, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        fresh = discriminator_steps > 1
        fakes = (draw(nets, batch, noise) if fresh else batch.shared["fakes"]).detach()
        found = judged(nets, batch, fakes, loss=loss, smoothing=smoothing)
        total, told = found["discriminator_loss"], told_to(nets["discriminator"], batch)
        if loss == "wasserstein":
            total = total + penalty * gradient_penalty(nets["discriminator"], batch.images, fakes, noise, *told)
        if r1:
            total = total + r1 / 2 * squared_gradients(nets["discriminator"], batch.images, *told).mean()
        return total, {name: value.detach() for name, value in found.items()}

    def generate(nets: Nets, batch: Batch, noise: Noise, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        value = generator_loss(score(nets, batch.shared["fakes"], batch), loss)
        return value, {"generator_loss": value.detach()}

    def evaluate(nets: Nets, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        fakes = draw(nets, batch, noise, by="average" if "average" in nets else "generator")
        return judged(nets, batch, fakes, loss=loss, smoothing=smoothing) | {
            "generator_loss": generator_loss(score(nets, fakes, batch), loss),
            "diversity": diversity(fakes, batch.images, batch.targets if classes_of(nets["generator"]) else None),
            "outside": ((fakes < 0) | (fakes > 1)).float().mean(),
        }

    return Objective(
        phases=(
            Phase("discriminator", discriminate, repeats=discriminator_steps),
            Phase("generator", generate),
        ),
        evaluate=evaluate,
        share=share,
        after_step=follow,
        keeps_batches=True,
    )


def draw(nets: Nets, batch: Batch, noise: Noise, *, by: str = "generator") -> Tensor:
    """As many images of a generator as a batch has, from fresh latents; of the batch's classes where it is told of any."""
    generator = nets[by]
    latents = noise.normal(len(batch), int(generator.latents))  # pyright: ignore[reportArgumentType]
    return generator(numbers_of(latents, batch.targets, classes_of(generator)))


def numbers_of(latents: Tensor, targets: Tensor, classes: int) -> Tensor:
    """What a generator is given: (num, latents), followed by a number per class, 1 for the image's own and 0 for the others.

    The latents alone for one that is told of no classes.
    """
    return torch.cat([latents, one_hot(targets.long(), classes).to(latents)], dim=1) if classes else latents


def classes_of(net: nn.Module) -> int:
    """How many classes a net is told of; 0 for most nets."""
    return int(getattr(net, "classes", 0))


def told_to(discriminator: nn.Module, batch: Batch) -> tuple[Tensor, ...]:
    """What a discriminator is given next to images: their classes, where it is told of any."""
    return (batch.targets,) if classes_of(discriminator) else ()


def score(nets: Nets, images: Tensor, batch: Batch) -> Tensor:
    """What the discriminator gives images of a batch's classes."""
    discriminator = nets["discriminator"]
    return discriminator(images, *told_to(discriminator, batch))


def judged(
    nets: Nets, batch: Batch, fakes: Tensor, *, loss: LossName = "non_saturating", smoothing: float = 0.0
) -> dict[str, Tensor]:
    """What the discriminator makes of a batch and of fakes: `discriminator_loss`, see there, and what it says on average.

    `real_score` and `fake_score` are the probabilities that it scores real images and fakes to be real: its output is a logit.
    The losses "hinge" and "wasserstein" know no probabilities: `real_output` and `fake_output` are its outputs themselves.
    """
    on_real, on_fakes = score(nets, batch.images, batch), score(nets, fakes, batch)
    found = {"discriminator_loss": discriminator_loss(on_real, on_fakes, loss, smoothing=smoothing)}
    if loss == "non_saturating":
        return found | {"real_score": on_real.sigmoid().mean(), "fake_score": on_fakes.sigmoid().mean()}
    return found | {"real_output": on_real.mean(), "fake_output": on_fakes.mean()}


def discriminator_loss(on_real: Tensor, on_fakes: Tensor, loss: LossName, *, smoothing: float = 0.0) -> Tensor:
    """What the discriminator minimizes, of its outputs for real images and for fakes.

    "non_saturating": the cross entropy of telling them apart, in nats, the mean over both halves (Goodfellow et al. 2014),
    real images being real with probability 1 - `smoothing` (Salimans et al. 2016, section 3.4). "hinge":
    E[max(0, 1 - D(real))] + E[max(0, 1 + D(fake))] (Lim & Ye 2017). "wasserstein": E[D(fake)] - E[D(real)] (Arjovsky et al.
    2017).
    """
    if loss == "hinge":
        return (1 - on_real).relu().mean() + (1 + on_fakes).relu().mean()
    if loss == "wasserstein":
        return on_fakes.mean() - on_real.mean()
    real_half = binary_cross_entropy_with_logits(on_real, torch.full_like(on_real, 1 - smoothing))
    fake_half = binary_cross_entropy_with_logits(on_fakes, torch.zeros_like(on_fakes))
    return (real_half + fake_half) / 2


def generator_loss(on_fakes: Tensor, loss: LossName) -> Tensor:
    """What the generator minimizes, of the discriminator's outputs for fakes.

    "non_saturating": the cross entropy of fakes being taken for real ones, in nats (Goodfellow et al. 2014, section 3);
    of the other two losses -E[D(fake)].
    """
    if loss == "non_saturating":
        return binary_cross_entropy_with_logits(on_fakes, torch.ones_like(on_fakes))
    return -on_fakes.mean()


def gradient_penalty(discriminator: nn.Module, real: Tensor, fakes: Tensor, noise: Noise, *told: Tensor) -> Tensor:
    """E[(|gradient of D at x| - 1)²], x drawn evenly between a real image and a fake: Gulrajani et al. 2017, equation 3."""
    share = noise.uniform(len(real), 1, 1, 1)
    lengths = (squared_gradients(discriminator, share * real + (1 - share) * fakes, *told) + 1e-12).sqrt()
    return (lengths - 1).square().mean()


def squared_gradients(discriminator: nn.Module, images: Tensor, *told: Tensor) -> Tensor:
    """|gradient of D at x|² for each image x, of the class that D is told: (batch,).

    Under batch normalization what D says of one image also depends on the others of its batch, and the gradient has a share of
    all of them; Gulrajani et al. 2017, section 4, therefore do without.
    """
    images = images.detach().requires_grad_(True)
    (gradients,) = torch.autograd.grad(discriminator(images, *told).sum(), images, create_graph=True)
    return gradients.flatten(1).square().sum(1)


@torch.no_grad()
def follow(nets: Nets, step: int) -> None:
    """Let the net `average`, where there is one, follow the generator: exponential means of weights and statistics.

    At step n it keeps (1 + n) / (10 + n) of itself at most, so that it forgets its random beginning. Yazıcı et al. 2019,
    "The unusual effectiveness of averaging in GAN training".
    """
    if "average" not in nets:
        return
    decay = min(float(nets["average"].decay), (1 + step) / (10 + step))  # pyright: ignore[reportArgumentType]
    fast = nets["generator"].state_dict()
    for name, slow in nets["average"].state_dict().items():
        if slow.is_floating_point():
            slow.lerp_(fast[name], 1 - decay)
        else:
            slow.copy_(fast[name])


def diversity(fakes: Tensor, real: Tensor, classes: Tensor | None = None) -> Tensor:
    """How far generated images are apart, as a share of how far real ones are: 0 where all are the same.

    The root of the mean squared Euclidean distance of all pairs, which is that of twice the variance, summed over pixels. With
    `classes`, the class of each image in both, only of pairs of the same class, where there are any: a generator that is told
    classes, and draws one image of each, would look diverse otherwise.
    """
    has_pairs = classes is not None and len(classes.unique()) < len(classes)
    groups = [classes == one for one in classes.unique()] if classes is not None and has_pairs else [slice(None)]
    spread, usual = (
        sum(images[group].flatten(1).float().var(0, correction=0).sum() * len(images[group]) for group in groups)
        for images in (fakes, real)
    )
    return (torch.as_tensor(spread) / torch.as_tensor(usual).clamp(min=1e-12)).sqrt()
