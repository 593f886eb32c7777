"""How a set is drawn: the settings that every set that Papilio draws has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from papilio.data.rendering.scene import SIDE, Color
from papilio.errors import SettingError, did_you_mean

MOST_DRAWN = 10**7


@dataclass(frozen=True)
class RenderSettings:
    """How a set is drawn; `variety` is one of its renderer's. Raises SettingError for what cannot be drawn."""

    num: int = 18_000
    size: int = SIDE
    seed: int = 0
    variety: str = "plain"
    color: Color = "grey"

    def __post_init__(self) -> None:
        for name in ("num", "size", "seed"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise SettingError(f"{name} = {value}: expected a whole number")
        if not 1 <= self.num <= MOST_DRAWN:
            raise SettingError(f"num = {self.num}: at least 1 picture, at most {MOST_DRAWN:,}")
        if not 16 <= self.size <= 1024:
            raise SettingError(f"size = {self.size}: pictures are drawn with sides from 16 to 1024 pixels")
        if self.seed < 0:
            raise SettingError(f"seed = {self.seed}: must be 0 or more")
        if self.color not in ("grey", "rgb"):
            raise SettingError(f"color = {self.color}: allowed are gray and rgb")

    @classmethod
    def of(cls, given: Mapping[str, Any], *, usual: RenderSettings | None = None) -> RenderSettings:
        """Those of a table, the others as usual."""
        allowed = list(cls.__dataclass_fields__)
        if unknown := [key for key in given if key not in allowed]:
            raise SettingError(f"{unknown[0]} is not a setting of drawing; {did_you_mean(unknown[0], allowed)}")
        color = {"color": "grey"} if given.get("color") == "gray" else {}
        return replace(usual or cls(), **{**given, **color})
