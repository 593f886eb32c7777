"""A picture in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Held:
    """A picture that is in memory, and what answers call it."""

    name: str
    image: Image.Image

    def __str__(self) -> str:
        return self.name
