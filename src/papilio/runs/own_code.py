"""The user's own functions and classes that a run was trained with, found again when it is used later."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from papilio.errors import RunError, SettingError
from papilio.kinds.kind import Kind
from papilio.settings.references import (
    OF_A_SESSION,
    MissingCode,
    OwnFunctions,
    find_modules_beside,
    imported,
    of_this_session,
    own_names,
)
from papilio.settings.run_settings import RunSettings
from papilio.study_folder import is_study_folder, recorded_modules

NOT_NEEDED = ("train.loss",)  # to use a network


def own_code(folder: Path, settings: RunSettings, own: OwnFunctions) -> dict[str, Any]:
    """The user's functions that a run's settings name, as far as they were passed or are defined in this session.

    Afterwards the modules that the settings name can be imported. `own` is what was passed, each by the name in the settings,
    or by its last part: "Tiny" for "__main__:Tiny". Modules are looked for as `papilio run` does: in the study's folder, next
    to the study file (environment.json says where that was), and in the run's folder. Raises RunError, saying what to pass,
    otherwise.
    """
    named = {
        "model.family": settings.model.family,
        "train.objective": settings.train.objective,
        "train.loss": settings.train.loss or "",
        "train.engine": settings.train.engine,
    }
    places, found = places_of_modules(folder), dict(own)
    for what, name in named.items():
        if ":" not in name or name in own:
            continue
        here = own.get(_short(name)) or of_this_session(name)
        if here is not None:
            found[name] = here
        elif (why := _why_missing(name, places)) is not None and what not in NOT_NEEDED:
            raise RunError(f"{folder}: {what}: {why}")
    return found


def places_of_modules(run_folder: Path) -> list[Path]:
    """Where modules of a run's study may lie."""
    study_folder = run_folder.resolve().parent.parent
    return [*places_of_study(study_folder), run_folder] if is_study_folder(study_folder) else [run_folder]


def places_of_study(folder: Path) -> list[Path]:
    """The study's own folder, and that of the study file as environment.json has it, where it still exists."""
    recorded = recorded_modules(folder)
    return [folder] if recorded is None else [folder, recorded]


def find_modules(names: Iterable[str], places: Iterable[Path]) -> None:
    """Let each module that is named be imported from the first place that has it; raises SettingError as
    `find_modules_beside`."""
    for name in names:
        any(find_modules_beside(place.resolve(), [name]) for place in places)


def _short(name: str) -> str:
    return name.rpartition(":")[2].rpartition(".")[2]


def _why_missing(name: str, places: list[Path]) -> str | None:
    """Why code is not found, and what to do; None where it is."""
    passed = f'own={{"{name}": {_short(name)}}}'
    try:
        find_modules(own_names(name), places)
        imported(name, instance_of=Kind)
    except SettingError as error:
        return f"{error}; or in Python pass it: {passed}"
    except MissingCode as missing:
        top = name.partition(":")[0].partition(".")[0]
        if top in (OF_A_SESSION, "papilio"):  # of a notebook; or a kind that no module has
            return f"{missing}; in Python define it and pass it: {passed}"
        return f"{missing}; put {top}.py into {places[0]}, or in Python pass it: {passed}"
    return None
