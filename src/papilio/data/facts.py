"""What a plan, a network and an engine may know of images without having them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from papilio.data.quantities import Quantity

Shows = Literal["class", "quantity", "nothing"]


@dataclass(frozen=True)
class ImageFacts:
    """The shape of every image, and what the images show: a class, a number on a circle, or nothing that is known."""

    shape: tuple[int, int, int]  # channel, height, width
    class_names: tuple[str, ...] = ()
    quantity: Quantity | None = None

    @property
    def shows(self) -> Shows:
        """What there is to learn of an image beside the image itself."""
        if self.quantity is not None:
            return "quantity"
        return "class" if self.class_names else "nothing"

    @property
    def num_classes(self) -> int:
        return len(self.class_names)
