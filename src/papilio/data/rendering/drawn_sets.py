"""What every set that Papilio draws has to be: pictures by number, what they show, and how they are usually drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from papilio.data.quantities import Quantity
from papilio.data.rendering.settings import RenderSettings
from papilio.data.splits import SplitName
from papilio.errors import SettingError


class DrawnSet(ABC):
    """Draws the pictures of a set.

    What a picture shows is a value: a number, or a row of several, one per factor. Its label is a number of `quantity`, or a
    class of `class_names`. `usual` are the settings that such a set is drawn with where nothing else is asked for.
    """

    varieties: ClassVar[Mapping[str, Any]]
    usual: ClassVar[RenderSettings]
    quantity: ClassVar[Quantity | None] = None
    class_names: ClassVar[tuple[str, ...]] = ()
    notes: ClassVar[tuple[str, ...]] = ()  # what a reader of results must know

    @classmethod
    def refuse_unknown(cls, variety: str) -> None:
        """Raises SettingError for a variety that there is not."""
        if variety not in cls.varieties:
            raise SettingError(f"variety = {variety}: allowed are {', '.join(cls.varieties)}")

    @classmethod
    def made_from(cls) -> dict[str, str]:
        """What pictures are drawn with that Papilio does not have itself: checksums of files by name.

        Raises DataError where it is not here.
        """
        return {}

    @classmethod
    @abstractmethod
    def shown(cls, settings: RenderSettings) -> np.ndarray:
        """What the pictures of a set show: an array of values, a picture each in its first dimension."""

    @abstractmethod
    def draw(self, number: int, value: Any) -> UInt8[np.ndarray, "size size *rgb"]:
        """Picture `number`, which shows `value`; the same for the same seed."""

    @staticmethod
    @abstractmethod
    def labels(values: np.ndarray) -> np.ndarray:
        """Values as they stand in labels.npy."""

    @classmethod
    @abstractmethod
    def words(cls, value: Any) -> str:
        """What a picture shows, in a word, for a contact sheet."""

    @classmethod
    def factors(cls, values: np.ndarray) -> dict[str, np.ndarray]:
        """All that a value is made of, by name, a number for each picture; nothing where the label says it all."""
        return {}

    @staticmethod
    def splits(num: int) -> dict[SplitName, np.ndarray]:
        """Indices of the splits that the set comes with; nothing where they are drawn."""
        return {}
