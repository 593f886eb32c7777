"""The optimizers by name, with the numbers that each has where a study gives none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from papilio.errors import SettingError, did_you_mean


@dataclass(frozen=True)
class UsualNumbers:
    """An optimizer's learning rate, and its momentum and betas; None where it has no such thing."""

    learning_rate: float
    momentum: float | None = None
    betas: tuple[float, float] | None = None

    def plain(self) -> dict[str, Any]:
        """By the names of the settings."""
        numbers = {"learning_rate": self.learning_rate, "momentum": self.momentum, "betas": self.betas}
        return {name: value for name, value in numbers.items() if value is not None}


USUAL_NUMBERS: dict[str, UsualNumbers] = {
    "sgd": UsualNumbers(0.01, momentum=0.0),
    "momentum": UsualNumbers(0.01, momentum=0.9),
    "rmsprop": UsualNumbers(0.001, momentum=0.0),
    "adam": UsualNumbers(0.001, betas=(0.9, 0.999)),
    "adamw": UsualNumbers(0.001, betas=(0.9, 0.999)),
    "adadelta": UsualNumbers(1.0),
}


def refuse_impossible_optimizer(
    name: str, *, momentum: float | None = None, betas: tuple[float, float] | None = None
) -> None:
    """Raises SettingError for an unknown name, and for a momentum or betas that the optimizer does not have."""
    if name not in USUAL_NUMBERS:
        raise SettingError(f"train.optimizer: {name!r} is unknown; {did_you_mean(name, USUAL_NUMBERS)}")
    usual = USUAL_NUMBERS[name]
    if momentum is not None and usual.momentum is None:
        raise SettingError(f"train.momentum: {name} has no momentum; sgd, momentum and rmsprop do")
    if betas is not None and usual.betas is None:
        raise SettingError(f"train.betas: {name} has no betas; adam and adamw do")


def numbers_of(
    name: str,
    *,
    learning_rate: float | None = None,
    momentum: float | None = None,
    betas: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """An optimizer's numbers by the names of the settings: its usual ones where none are given."""
    given = {"learning_rate": learning_rate, "momentum": momentum, "betas": betas}
    return USUAL_NUMBERS[name].plain() | {key: value for key, value in given.items() if value is not None}
