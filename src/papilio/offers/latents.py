"""From images to latents and back, and new images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from papilio.data.held import Held
from papilio.data.progress import Progress
from papilio.engine import EVALUATION_BATCH
from papilio.errors import DataError, RunError, did_you_mean, shown
from papilio.offers.files import shown_to
from papilio.runs.run import Labels, Run

SAVED_HEIGHT = 256  # pixels that a saved picture has at most, unless the run's own images are larger
GAP = 8
GENERATORS = ("average", "generator", "network.decoder")  # where an image comes from, the first that there is


@dataclass(frozen=True)
class Reconstruction:
    """What an autoencoder makes of a picture: the image that it gives back, and how far that is off."""

    HEADER: ClassVar = ["picture", "mean squared error", "latent"]

    picture: str
    image: np.ndarray  # uint8 (channel, height, width), as the net was shown it
    reconstruction: np.ndarray  # of the same shape
    latent: np.ndarray  # float32 (latents,)
    hint: str | None = None
    verb: str = "reconstructed"  # or denoised

    def __repr__(self) -> str:
        error, latent = self.cells()[1:]
        hint = f"; {self.hint}" if self.hint else ""
        return f"<Reconstruction of {self.picture!r}: mean squared error {error}, latent {latent}{hint}>"

    @property
    def error(self) -> float:
        """The mean squared difference of pixels, on a scale from 0 to 1."""
        return float(np.mean((self.image.astype(np.float64) - self.reconstruction) ** 2) / 255**2)

    def cells(self) -> list[str]:
        """A row below HEADER."""
        shown = " ".join(f"{number:.2f}" for number in self.latent[:4])
        return [self.picture, f"{self.error:.5f}", shown + (" ..." if len(self.latent) > 4 else "")]

    def as_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "picture": self.picture,
            "mean_squared_error": self.error,
            "latent": self.latent.tolist(),
            "hint": self.hint,
        }

    def picture_to_save(self) -> tuple[str, np.ndarray]:
        """Before and after side by side, uint8 (channel, height, width), enlarged pixel by pixel; and a name for its file."""
        factor = max(1, SAVED_HEIGHT // self.image.shape[1])
        large = [one.repeat(factor, axis=1).repeat(factor, axis=2) for one in (self.image, self.reconstruction)]
        channels, height, _ = large[0].shape
        gap = np.full((channels, height, GAP), 255, dtype=np.uint8)
        return f"{Path(self.picture).stem}-{self.verb}.png", np.concatenate([large[0], gap, large[1]], axis=2)


def reconstruct_pictures(
    run: Run, pictures: Sequence[Path | Held], *, is_inverted: bool = False, progress: Progress | None = None
) -> list[Reconstruction]:
    """What an autoencoder gives back of pictures; see `Run.predict`."""
    if not pictures:
        return []
    images, hints = shown_to(run, pictures, is_inverted=is_inverted, progress=progress)
    latents = run.encode(images)
    is_denoising = run.facts.run_settings.train.objective_settings.get("noise", "none") != "none"
    verb = "denoised" if is_denoising else "reconstructed"
    return [
        Reconstruction(str(picture), image, again, latent, hint, verb)
        for picture, image, again, latent, hint in zip(
            pictures, images, run.decode(latents), latents, hints, strict=True
        )
    ]


def encode(run: Run, images: np.ndarray) -> np.ndarray:
    """The latent of each image; see `Run.encode`."""
    run.refuse_other_shape(images)
    return run.nets.forward("network.encoder", images)


def encode_means(run: Run, images: np.ndarray) -> np.ndarray:
    """The mean of each image's posterior; see `Run.encode`."""
    return posterior(run, images)[0]


def posterior(run: Run, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and log variance of each image's latents; see `Run.posterior`."""
    run.refuse_other_shape(images)
    mean, log_variance = np.split(run.nets.forward("network.encoder", images), 2, axis=1)
    return mean, log_variance


def reconstruct(run: Run, images: np.ndarray) -> np.ndarray:
    """What the network gives back of images; see `Run.reconstruct`."""
    run.refuse_other_shape(images)
    return run.nets.forward("network", images)


def decode(run: Run, latents: np.ndarray, *, labels: Labels | None = None) -> np.ndarray:
    """An image of each latent; see `Run.decode`. Raises DataError for latents of another length."""
    generator = generator_of(run)
    try:
        given = np.asarray(latents, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"{run.folder}: got latents {shown(latents)}; expected float32 (num, latents)") from error
    has_number = any(hasattr(net, "latents") for net in run.modules.values())  # a net of one's own may not
    if given.ndim != 2 or (has_number and given.shape[1] != run.latents):
        raise DataError(
            f"{run.folder}: got latents {given.shape}; expected (num, {run.latents if has_number else 'latents'})"
        )
    if not np.isfinite(given).all():
        raise DataError(f"{run.folder}: got latents {given.shape}, and some are not finite numbers (NaN or infinite)")
    if classes := run.conditional_classes:
        chosen = class_numbers(run, 0 if labels is None else labels, num=len(given))
        given = np.concatenate([given, np.eye(classes, dtype=np.float32)[chosen]], axis=1)
    elif labels is not None:
        raise _not_conditional(run)
    try:
        images = run.nets.forward(generator, given)
    except RuntimeError as error:
        raise DataError(f"latents {given.shape}: not the latents of this run ({error})") from error
    return np.round(np.clip(images, 0, 1) * 255).astype(np.uint8)


def generator_of(run: Run) -> str:
    """The net that makes images, or the part of one; raises RunError where there is none."""
    generator = next((name for name in GENERATORS if name.partition(".")[0] in run.nets.names), "")
    if not generator:
        raise RunError(f"{run.folder}: none of its nets generates images: {', '.join(run.nets.names)}")
    return generator


def sample(
    run: Run, num: int, *, seed: int = 0, labels: Labels | None = None, progress: Progress | None = None
) -> np.ndarray:
    """New images from latents that are drawn from N(0, 1); see `Run.sample`."""
    if not isinstance(num, int | np.integer) or num < 1:
        raise DataError(f"sample({shown(num)}): must be a whole number from 1")
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise DataError(f"sample(seed={shown(seed)}): must be a whole number from 0")
    if labels is not None and not run.conditional_classes:
        raise _not_conditional(run)
    latents = np.random.default_rng(seed).standard_normal((num, run.latents)).astype(np.float32)
    chosen = None
    if classes := run.conditional_classes:
        chosen = np.arange(num) % classes if labels is None else class_numbers(run, labels, num=num)
    images = np.empty((num, *run.image_shape), dtype=np.uint8)
    for start in range(0, num, EVALUATION_BATCH):
        part = slice(start, start + EVALUATION_BATCH)
        images[part] = decode(run, latents[part], labels=None if chosen is None else chosen[part])
        if progress is not None:
            progress(min(start + EVALUATION_BATCH, num), num, "generating images")
    return images


def class_numbers(run: Run, labels: Labels, *, num: int) -> np.ndarray:
    """The class of each of `num` images by its number, int64 (num,); raises DataError for what is no class of the run."""
    given = list(labels) if isinstance(labels, Iterable) and not isinstance(labels, str) else [labels] * num
    if len(given) != num:
        raise DataError(f"{run.folder}: got {len(given)} labels for {num} images; give one for all, or one per image")
    return np.array([_class_number(run, one) for one in given], dtype=np.int64)


def _class_number(run: Run, label: Any) -> int:
    names = run.class_names
    if isinstance(label, str):
        if label not in names:
            raise DataError(f"{run.folder}: {label!r} is not one of its classes; {did_you_mean(label, names)}")
        return names.index(label)
    if isinstance(label, bool | np.bool_) or not isinstance(label, int | np.integer):
        raise DataError(f"{run.folder}: {shown(label)} is not one of its classes; give a name, or a number of one")
    if not 0 <= label < len(names):
        raise DataError(f"{run.folder}: its classes are numbered from 0 to {len(names) - 1}; got {label}")
    return int(label)


def _not_conditional(run: Run) -> RunError:
    return RunError(
        f"{run.folder}: its nets are unconditional, so no class can be requested; train a dcgan with"
        " conditional = true under [model]"
    )
