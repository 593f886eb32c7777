"""What a run is, before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from papilio.settings.run_settings import RunSettings


@dataclass(frozen=True)
class RunPlan:
    """A trial with one seed and one fold."""

    name: str
    stage: str
    trial: str
    seed: int
    varied: dict[str, Any]  # the settings that vary in its stage, by dotted key
    settings: RunSettings
    fold: int | None = None  # counted from 1
    number: int = 0  # of its trial, in its stage

    @property
    def place(self) -> str:
        """Where messages say that it is."""
        return f'stage "{self.stage}", trial "{self.trial}"'
