"""The sets that Papilio draws, by name."""

from __future__ import annotations

from papilio.data.rendering.clocks import ClockRenderer
from papilio.data.rendering.gauges import GaugeRenderer
from papilio.data.rendering.settings import RenderSettings
from papilio.data.rendering.varieties import SetRenderer
from papilio.errors import SettingError, did_you_mean

RENDERERS: dict[str, type[SetRenderer]] = {"clocks": ClockRenderer, "gauges": GaugeRenderer}


def find_set(name: str) -> str:
    """The name itself; raises SettingError where Papilio draws no such set."""
    if name not in RENDERERS:
        raise SettingError(f"{name} is not a set that Papilio draws; {did_you_mean(name, RENDERERS)}")
    return name


def make_renderer(name: str, settings: RenderSettings) -> SetRenderer:
    """What draws the set of that name. Raises SettingError for a variety, a size or a colour that is not drawn."""
    return RENDERERS[name](settings.variety, size=settings.size, color=settings.color, seed=settings.seed)
