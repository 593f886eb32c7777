"""Drawn sets of instruments: named varieties, of which one is drawn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from papilio.data.quantities import Quantity
from papilio.data.rendering.drawn_sets import DrawnSet
from papilio.data.rendering.instruments import Instrument
from papilio.data.rendering.scene import SIDE, Color, Pixels, Renderer, Scene
from papilio.data.rendering.settings import RenderSettings


@dataclass(frozen=True)
class Variety:
    """Instruments, each drawn as often as the others, how they are seen, and whether on all kinds of walls."""

    instruments: Callable[[np.random.Generator], Sequence[Instrument]]
    scene: Scene
    has_varied_walls: bool = True


class SetRenderer(DrawnSet):
    """Draws pictures of a set's `variety`, or of the instruments and scene that are given in its place.

    Raises SettingError for a variety, a size or a color that cannot be drawn.
    """

    usual = RenderSettings()
    quantity: ClassVar[Quantity]  # pyright: ignore[reportIncompatibleVariableOverride]
    varieties: ClassVar[Mapping[str, Variety]]

    def __init__(
        self,
        variety: str = "plain",
        *,
        size: int = SIDE,
        color: Color = "grey",
        seed: int = 0,
        scene: Scene | None = None,
        instruments: Sequence[Instrument] | None = None,
    ) -> None:
        self.refuse_unknown(variety)
        drawn = self.varieties[variety]
        self.renderer = Renderer(
            instruments or drawn.instruments(np.random.default_rng([seed, 2])),
            scene or drawn.scene,
            size=size,
            color=color,
            seed=seed,
            has_varied_walls=drawn.has_varied_walls,
        )

    @classmethod
    def shown(cls, settings: RenderSettings) -> np.ndarray:
        """What the pictures of a set show, in units of the quantity."""
        return cls.values(settings.num, settings.seed)

    @classmethod
    def words(cls, value: float) -> str:
        """What a picture shows, with its unit."""
        return cls.quantity.words(value)

    @abstractmethod
    def draw(self, number: int, value: float) -> Pixels:
        """Picture `number`, which shows `value`; the same for the same seed."""

    @staticmethod
    @abstractmethod
    def values(num: int, seed: int) -> np.ndarray:
        """What `num` pictures show, in units of the quantity."""
