"""A run whose latents are known: a linear decoder and the encoder that belongs to it, without a net."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from papilio.data.imageset import ImageSet, no_labels


@dataclass
class LinearRun:
    """Latent i moves pixels i, i + latents, i + 2 latents, ... by `strengths[i]` a unit, from a grey of 0.5."""

    image_shape: tuple[int, int, int] = (1, 6, 6)
    strengths: tuple[float, ...] = (0.02, 0.1, 0.05)
    offers: tuple[str, ...] = ("encode", "decode")
    folder: Path = Path("linear")
    conditional_classes: int = 0
    decoded: list[np.ndarray] = field(default_factory=list)

    @property
    def kind(self) -> Any:
        return SimpleNamespace(name="linear", offers=dict.fromkeys(self.offers, ""))

    @property
    def latents(self) -> int:
        return len(self.strengths)

    @property
    def owners(self) -> np.ndarray:
        """Which latent moves each pixel."""
        return np.arange(np.prod(self.image_shape)) % self.latents

    def decode(self, latents: np.ndarray) -> np.ndarray:
        self.decoded.append(np.asarray(latents))
        values = 0.5 + (np.asarray(latents) * self.strengths)[:, self.owners]
        return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8).reshape(-1, *self.image_shape)

    def encode(self, images: np.ndarray) -> np.ndarray:
        flat = images.reshape(len(images), -1) / 255 - 0.5
        means = [flat[:, self.owners == one].mean(axis=1) for one in range(self.latents)]
        return (np.stack(means, axis=1) / self.strengths).astype(np.float32)

    def sample(self, num: int, *, seed: int = 0) -> np.ndarray:
        return self.decode(np.random.default_rng(seed).standard_normal((num, self.latents)))

    def images_of(self, images: np.ndarray) -> np.ndarray:
        return images.reshape(-1, *self.image_shape)

    def refuse_other_shape(self, images: np.ndarray) -> None:
        assert images.shape[1:] == self.image_shape


def some_images(
    num: int = 120, *, shape: tuple[int, int, int] = (1, 6, 6), classes: int = 3, seed: int = 0
) -> ImageSet:
    """Noise, a class after the other; the last quarter is for the test."""
    rng = np.random.default_rng(seed)
    labels = np.arange(num) % classes if classes else no_labels(num)
    return ImageSet(
        name="noise",
        images=rng.integers(0, 256, (num, *shape), dtype=np.uint8),
        labels=labels.astype(np.int64),
        class_names=tuple(f"class {one}" for one in range(classes)),
        train=np.arange(num // 2),
        validation=np.arange(num // 2, 3 * num // 4),
        test=np.arange(3 * num // 4, num),
        origin="drawn",
    )
