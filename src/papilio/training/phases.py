"""What a phase of an objective trains, and by which optimizer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from papilio.errors import SettingError, did_you_mean
from papilio.settings.optimizer_numbers import refuse_impossible_optimizer
from papilio.settings.train_settings import PhaseSettings, TrainSettings
from papilio.training.objectives import Objective, Phase
from papilio.training.optimizers import make_optimizer


def phase_settings(settings: TrainSettings, phase: Phase) -> PhaseSettings:
    """What [train.phases] says of a phase."""
    return settings.phases.get(phase.title) or PhaseSettings.model_validate({})


def refuse_unknown_phases(settings: TrainSettings, objective: Objective) -> None:
    """Raises SettingError where [train.phases] names a phase that the objective does not have."""
    titles = [phase.title for phase in objective.phases]
    for name in settings.phases:
        if name not in titles:
            raise SettingError(f"train.phases: {name!r} is not a phase of this objective; {did_you_mean(name, titles)}")


def refuse_impossible_phases(settings: TrainSettings) -> None:
    """Raises SettingError where [train.phases] gives an optimizer a number that it does not have."""
    for name, own in settings.phases.items():
        numbers = _numbers(settings, own)
        try:
            refuse_impossible_optimizer(
                own.optimizer or settings.optimizer, momentum=numbers["momentum"], betas=numbers["betas"]
            )
        except SettingError as error:
            raise SettingError(str(error).replace("train.", f"train.phases.{name}.", 1)) from error


def phase_optimizer(
    settings: TrainSettings, own: PhaseSettings, parameters: list[nn.Parameter]
) -> torch.optim.Optimizer:
    """A phase's optimizer: its own settings, and where it has none those of [train].

    One with an optimizer of its own does not inherit another's rate, momentum and betas.
    """
    weight_decay = settings.weight_decay if own.weight_decay is None else own.weight_decay
    name = own.optimizer or settings.optimizer
    return make_optimizer(name, parameters, **_numbers(settings, own), weight_decay=weight_decay)


def _numbers(settings: TrainSettings, own: PhaseSettings) -> dict[str, Any]:
    """A phase's rate, momentum and betas, None where the optimizer's usual ones are taken."""
    inherits = own.optimizer in (None, settings.optimizer)
    given = {name: getattr(own, name) for name in ("learning_rate", "momentum", "betas")}
    return {name: getattr(settings, name) if value is None and inherits else value for name, value in given.items()}


def moved_parameters(nets: Mapping[str, nn.Module], phase: Phase) -> list[nn.Parameter]:
    parameters = [one for one in parameters_of(nets, phase.parts) if one.requires_grad]
    if not parameters:
        raise SettingError(f"the phase {phase.title} has nothing to train: {', '.join(phase.parts)} is frozen or empty")
    return parameters


def parameters_of(nets: Mapping[str, nn.Module], parts: Iterable[str]) -> list[nn.Parameter]:
    """The parameters of parts of nets by dotted prefix, in the order of the parts, each once.

    Raises SettingError for a part that no net has.
    """
    found: dict[nn.Parameter, None] = {}
    for part in parts:
        name, _, prefix = part.partition(".")
        if name not in nets:
            raise SettingError(f"a phase trains {part!r}, but there are only the nets {', '.join(nets)}")
        under = [
            parameter
            for own_name, parameter in nets[name].named_parameters()
            if not prefix or own_name == prefix or own_name.startswith(f"{prefix}.")
        ]
        if not under:
            raise SettingError(f"a phase trains {part!r}, but the net {name} has no parameters of that name")
        found |= dict.fromkeys(under)
    return list(found)


def freeze(nets: Mapping[str, nn.Module], parts: Iterable[str]) -> list[nn.Module]:
    """Let no gradient go to parts of nets, by dotted prefix; the modules that they are."""
    modules = [module for part in parts for module in modules_of(nets, part)]
    for module in modules:
        module.requires_grad_(False)
    return modules


def modules_of(nets: Mapping[str, nn.Module], part: str) -> list[nn.Module]:
    """The module that a dotted prefix names; none where it names a parameter."""
    name, _, prefix = part.partition(".")
    if not prefix:
        return [nets[name]]
    return [module for own_name, module in nets[name].named_modules() if own_name == prefix]
