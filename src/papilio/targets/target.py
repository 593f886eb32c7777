"""What every target design offers to objectives, whatever it asks of an image."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Target(Protocol):
    """Scores a net's outputs against labels."""

    @property
    def heads(self) -> tuple[int, ...]:
        """How many numbers each head of the net outputs; the outputs are all of them, one after another."""
        ...

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """The mean over the batch that training minimizes."""
        ...

    def metrics(self, outputs: Tensor, labels: Tensor, *, loss: Tensor | None = None) -> dict[str, Tensor]:
        """Batch means, or a number per image; `loss` may be given where it is known for the same outputs."""
        ...
