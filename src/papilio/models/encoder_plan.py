"""What an encoder from images to numbers, and the decoder that mirrors it, are built of, for every engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from papilio.errors import SettingError
from papilio.models.sizes import positive_integers, refuse_even_kernel, refuse_large_kernel

DecoderKind = Literal["mirror", "resize", "single"]


@dataclass(frozen=True)
class EncoderPlan:
    """What encoder and decoder have in common; raises SettingError for what is out of range.

    Each of `filters` is a convolution of stride 2, which halves the image (rounded up), followed by `blocks` residual
    blocks; then come dense layers. Without filters all layers are dense.
    """

    image_shape: tuple[int, int, int]
    filters: list[int]
    kernel_size: int
    blocks: int
    dense: list[int]
    latents: int
    activation: str
    dropout: float
    batch_norm: bool
    decoder: DecoderKind = "mirror"

    def __post_init__(self) -> None:
        positive_integers(self.filters, what="filters")
        positive_integers(self.dense, what="dense")
        positive_integers([self.latents], what="latents")
        refuse_even_kernel(self.kernel_size, "is even")
        if self.filters:
            refuse_large_kernel(self.kernel_size, self.image_shape)
        if self.blocks < 0:
            raise SettingError(f"blocks: {self.blocks}; must be 0 or more")
        if self.decoder == "single" and not self.filters:
            raise SettingError('decoder: "single" is a transposed convolution; it needs filters')

    @property
    def sides(self) -> list[tuple[int, int]]:
        """(height, width) of the image, and of what each convolution makes of it."""
        _, height, width = self.image_shape
        found = [(height, width)]
        for _ in self.filters:
            height, width = -(-height // 2), -(-width // 2)
            found.append((height, width))
        return found

    @property
    def channels(self) -> list[int]:
        """Of the image, and of what each convolution makes of it."""
        return [self.image_shape[0], *self.filters]

    @property
    def num_features(self) -> int:
        """How many numbers the convolutions make of an image."""
        height, width = self.sides[-1]
        return self.channels[-1] * height * width

    def missing(self, number: int) -> tuple[int, int]:
        """How many rows and columns the way back of the convolution of that number, from 1, has to add.

        From a side to the one of which it is the half, rounded up: an odd one has one row less to come.
        """
        pairs = zip(self.sides[number - 1], self.sides[number], strict=True)
        down, across = (wanted - (2 * side - 1) for wanted, side in pairs)
        return down, across
