"""What makes two runs alike: one network, one program, one cost; they differ in numbers only."""

from __future__ import annotations

import json
from typing import Any

from papilio.data.facts import ImageFacts
from papilio.settings.run_settings import RunSettings, is_own
from papilio.settings.since import plain_settings

# settings of [train] that do not change what a step computes, besides the rates that only have to be above 0 or not
NOT_OF_A_STEP = ("epochs", "early_stopping", "best", "learning_rate", "schedule", "device")
RATES = ("momentum", "weight_decay")


def structure_of(settings: RunSettings, facts: ImageFacts, *, num_train: int) -> str:
    """Equal for runs that can be checked, timed and trained as one: what varies inside a lane is left out.

    Of a rate (of dropout in Papilio's families, of momentum, of weight decay) only counts whether it is 0; learning rates,
    seeds and folds do not.
    """
    is_ours = not is_own(settings.model.family)  # what a builder of the user's own makes of a number nobody knows
    model = {
        name: _alike(value) if is_ours and name.endswith("dropout") else value
        for name, value in settings.model.plain().items()
    }
    train = {name: value for name, value in plain_settings(settings.train).items() if name not in NOT_OF_A_STEP}
    train |= {name: _alike(train.get(name)) for name in RATES}
    train["betas"] = settings.train.betas is not None  # not every optimizer has any
    images = [facts.shape, facts.shows, facts.num_classes, str(facts.quantity), num_train]
    return json.dumps([model, train, images], sort_keys=True, default=str)


def _alike(value: Any) -> Any:
    """A rate in [0, 1) as whether it is above 0; a list of them one by one; anything else as it is."""
    if isinstance(value, list):
        return [_alike(one) for one in value]
    if isinstance(value, float) and 0 <= value < 1:
        return value > 0
    return value
