"""The sets that Papilio draws, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from papilio.data.rendering.brush import BrushRenderer
from papilio.data.rendering.butterflies import ButterflyRenderer
from papilio.data.rendering.clocks import ClockRenderer
from papilio.data.rendering.drawn_sets import DrawnSet
from papilio.data.rendering.gauges import GaugeRenderer
from papilio.data.rendering.settings import RenderSettings
from papilio.errors import SettingError, did_you_mean

Renderer = type[ClockRenderer] | type[GaugeRenderer] | type[ButterflyRenderer] | type[BrushRenderer]
RENDERERS: dict[str, Renderer] = {
    "clocks": ClockRenderer,
    "gauges": GaugeRenderer,
    "butterflies": ButterflyRenderer,
    "brush-kanji": BrushRenderer,
}


def settings_of(name: str, given: Mapping[str, Any]) -> RenderSettings:
    """How a set is drawn: as the table says, and else as usual. Raises SettingError for what is no such set or setting."""
    return RenderSettings.of(given, usual=RENDERERS[find_set(name)].usual)


def find_set(name: str) -> str:
    """The name itself; raises SettingError where Papilio draws no such set."""
    if name not in RENDERERS:
        raise SettingError(f"{name} is not a set that Papilio can draw; {did_you_mean(name, RENDERERS)}")
    return name


def make_renderer(name: str, settings: RenderSettings) -> DrawnSet:
    """What draws the set of that name. Raises SettingError for a variety, a size or a color that is not drawn."""
    return RENDERERS[name](settings.variety, size=settings.size, color=settings.color, seed=settings.seed)
