"""The objectives of `papilio.scratch` as kinds of runs name them: with their settings, and what is refused of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from papilio.kinds.options import ACTIVE_ABOVE
from papilio.numpy_engine.refusals import refuse_unknown
from papilio.scratch import objectives
from papilio.scratch.layers import Array, Rng
from papilio.scratch.network import Network
from papilio.scratch.objectives import Batch, Metrics


@dataclass(frozen=True)
class Objective:
    """The metrics of a batch, which the net learns from where there is a step; `over_set` makes metrics of a split's rows."""

    measure: Callable[[Network, Batch, Rng, int | None], Metrics]
    over_set: Callable[[Mapping[str, Array]], Mapping[str, float]] = lambda rows: {}


def classify() -> Objective:
    """Which class an image shows."""
    return Objective(objectives.classify)


def reconstruct(error: str = "squared", noise: str = "none", level: Any = None) -> Objective:
    """Images of which an autoencoder gives back as much as it can; raises SettingError for other errors, and for noise."""
    refuse_unknown("train.objective_settings.error", error, ["squared"])
    refuse_unknown("train.objective_settings.noise", noise, ["none"])
    return Objective(objectives.reconstruct)


def vary(**settings: Any) -> Objective:
    """What a variational autoencoder minimizes; the settings are those of `papilio.scratch.objectives.vary`."""
    return Objective(partial(objectives.vary, **settings), active_units)


def active_units(rows: Mapping[str, Array]) -> dict[str, float]:
    """How many latents vary with the image: Burda, Grosse and Salakhutdinov 2016, section 5.2."""
    means = rows["means"]
    return {"active_units": float((means.var(axis=0, ddof=1) > ACTIVE_ABOVE).sum()) if len(means) > 1 else 0.0}
