"""What a plan, a network and an engine may know of images without having them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from papilio.data.quantities import Quantity
from papilio.errors import DataError

NO_LABELS = "none"  # what `labels` is set to where an image set is to have none
Shows = Literal["class", "quantity", "nothing"]


@dataclass(frozen=True)
class ImageFacts:
    """The shape of every image, and what the images show: a class, a number on a circle, or, without labels, nothing."""

    shape: tuple[int, int, int]  # channel, height, width
    class_names: tuple[str, ...] = ()
    quantity: Quantity | None = None

    @property
    def shows(self) -> Shows:
        """What there is to learn of an image next to the image itself."""
        if self.quantity is not None:
            return "quantity"
        return "class" if self.class_names else "nothing"

    def quantity_of(self, name: str) -> Quantity:
        """The number that the images of the set, or of the run, called `name` show; raises DataError where they show none."""
        if self.quantity is None:
            raise DataError(f"{name}: its images do not show a number on a circle, so there is nothing to read")
        return self.quantity

    @property
    def num_classes(self) -> int:
        return len(self.class_names)
