"""Batches as slices of one uint8 tensor that every run of a study shares: no item is ever handled on its own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from papilio.settings.train_settings import Augmentation, num_batches
from papilio.training.augmentation import augment


@dataclass(frozen=True)
class Batch:
    """Images in [0, 1] (or what a frozen front gave for them), what is asked of them, and what an objective's `share` made for
    all its phases."""

    images: Float[Tensor, "batch *shape"]
    targets: Tensor
    shared: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)


class Batches:
    """A selection of an image set: `indices` into uint8 `images` and into `targets`, read `batch_size` at a time."""

    def __init__(
        self,
        images: np.ndarray,
        targets: np.ndarray,
        indices: np.ndarray,
        *,
        batch_size: int,
        augmentation: Augmentation | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.images = as_tensor(images).to(device)
        # values of a quantity as float32, as all that nets compute with
        self.targets = as_tensor(targets if targets.dtype.kind in "iu" else targets.astype(np.float32)).to(device)
        self.indices = torch.from_numpy(np.array(indices, dtype=np.int64)).to(device)
        self.batch_size = batch_size
        self.augmentation = augmentation

    def __len__(self) -> int:
        """How many batches a pass takes; the last may be smaller, or larger by one (see `_pieces`)."""
        return num_batches(len(self.indices), self.batch_size)

    def shuffled(self, generator: torch.Generator) -> Iterator[Batch]:
        """One pass in an order drawn from the generator, augmented."""
        order = torch.randperm(len(self.indices), generator=generator, device=generator.device)
        for chosen in self._pieces(self.indices[order]):
            images = _picked(self.images, chosen)
            if self.augmentation is not None:
                images = augment(images, self.augmentation, generator)
            yield self._batch(images, chosen)

    def in_order(self) -> Iterator[Batch]:
        """One pass in the order of the indices, images as they are."""
        for chosen in self._pieces(self.indices):
            yield self._batch(_picked(self.images, chosen), chosen)

    def probed(self, generator: torch.Generator) -> Iterator[Batch]:
        """Batches of a pass, to time what is done with the first of them."""
        return self.shuffled(generator)

    def with_images(self, images: Tensor) -> Batches:
        """The same selection, of which `images` has a row for each index: bytes, or numbers that are left as they are."""
        made = copy(self)
        made.images, made.targets = images, self.targets.index_select(0, self.indices)
        made.indices = torch.arange(len(images), device=self.indices.device)
        return made

    def _pieces(self, indices: Int[Tensor, " num"]) -> list[Int[Tensor, " batch"]]:
        """The indices a batch each; a single image that is left over joins the last batch, for batch normalization cannot
        train on one."""
        pieces = list(indices.split(self.batch_size))
        if len(pieces) > 1 and len(pieces[-1]) == 1 and self.batch_size > 1:
            pieces[-2:] = [torch.cat(pieces[-2:])]
        return pieces

    def _batch(self, images: Tensor, chosen: Int[Tensor, " batch"]) -> Batch:
        images = as_floats(images) if images.dtype == torch.uint8 else images
        return Batch(images=images, targets=self.targets.index_select(0, chosen))


def _picked(images: Tensor, chosen: Int[Tensor, " batch"]) -> Tensor:
    """Rows in the layout that they have: `index_select` loses it, and images[chosen] takes ten times as long on bytes."""
    if images.dim() == 4 and not images.is_contiguous():
        return images.permute(0, 2, 3, 1).index_select(0, chosen).permute(0, 3, 1, 2)
    return images.index_select(0, chosen)


def as_floats(images: Tensor) -> Float[Tensor, "batch channel height width"]:
    """uint8 to [0, 1], channels last in memory: the layout in which convolutions are fastest on a CPU."""
    return images.to(torch.float32, memory_format=torch.channels_last).div_(255)


def as_tensor(array: np.ndarray) -> Tensor:
    """The array's own memory as a tensor, also where it is a read-only map of a file (it is never written to)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)
