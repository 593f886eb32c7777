"""From a study to its runs: every trial of every stage, each with every seed, settings checked and written out."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from papilio.errors import PapilioError, StudyError
from papilio.models.families import FAMILIES, find_builder
from papilio.models.own import OwnFunctions
from papilio.runs.folder import RunPlan
from papilio.studies.study import DataSettings, StageSettings, Study, Table, TrialSettings, slug
from papilio.studies.validation import settings_class, validated
from papilio.training.settings import TrainSettings


def plan_runs(study: Study) -> list[RunPlan]:
    """Every run of the study, in its order.

    Raises StudyError, naming stage and trial, for the first setting that is not allowed.
    """
    runs: list[RunPlan] = []
    for stage in study.settings.stage:
        seen: dict[str, str] = {}
        for trial_name, varied, settings in _trials(study, stage):
            fingerprint = _fingerprint(stage.name, settings)
            if fingerprint in seen:
                raise StudyError(
                    f'{study.where}: stage "{stage.name}": "{seen[fingerprint]}" and "{trial_name}" have the same settings'
                )
            seen[fingerprint] = trial_name
            for seed in stage.seed_list():
                name = f"{slug(stage.name)[:24]}-{slug(trial_name)[:40]}-{fingerprint[:6]}-seed{seed}"
                runs.append(RunPlan(name, stage.name, trial_name, seed, varied, settings))
    return runs


def resolve(tables: Mapping[str, Table], *, where: str, own: OwnFunctions, max_epochs: int | None = None) -> Table:
    """The tables data, model and train with every default written out; raises StudyError for what is not allowed."""
    data: DataSettings = validated(DataSettings, tables["data"], where=where, prefix="data")
    if "family" not in tables["model"]:
        raise StudyError(f"{where}: model.family is missing; allowed are {', '.join(FAMILIES)}, or module:function")
    family = tables["model"]["family"]
    model_settings = {key: value for key, value in tables["model"].items() if key != "family"}
    try:
        builder = find_builder(family, own)
    except PapilioError as error:
        raise StudyError(f"{where}: {error}") from error
    model = validated(
        settings_class(builder, f"{slug(str(family))} settings"), model_settings, where=where, prefix="model"
    )
    train: TrainSettings = validated(TrainSettings, tables["train"], where=where, prefix="train")
    if max_epochs is not None:
        train = train.model_copy(update={"epochs": min(train.epochs, max_epochs)})
    return {
        "data": data.model_dump(exclude_none=True, mode="json"),
        # of the user's own builder only what the study sets: its defaults may be anything
        "model": {"family": family, **model.model_dump(exclude_none=True, exclude_unset=family not in FAMILIES)},
        "train": train.model_dump(exclude_none=True, mode="json"),
    }


def _trials(study: Study, stage: StageSettings) -> Iterator[tuple[str, dict[str, Any], Table]]:
    """Each trial's name, what varies, and its settings."""
    for trial in stage.trial or [None]:
        tables = _merged(study, trial)
        for values in itertools.product(*stage.vary.values()):
            varied = dict(zip(stage.vary, values, strict=True))
            name = trial_name(trial, varied, family=str(tables["model"].get("family")))
            where = f'{study.where}: stage "{stage.name}", trial "{name}"'
            point = {table: dict(settings) for table, settings in tables.items()}
            for key, value in varied.items():
                _set_varied(point, key, value, where=where)
            yield (
                name,
                varied,
                resolve(point, where=where, own=study.own, max_epochs=study.settings.max_epochs),
            )


def trial_name(trial: TrialSettings | None, varied: Mapping[str, Any], *, family: str) -> str:
    """What tables and plots call a trial: its own name, then what varies; the family where there is neither.

    >>> trial_name(None, {"model.dropout": 0.1, "train.optimizer": {"name": "adam", "learning_rate": 0.01}}, family="mlp")
    'dropout 0.1, optimizer adam learning_rate=0.01'
    """
    parts = [trial.name] if trial else []
    parts += [f"{key.split('.')[-1]} {_shown(value)}" for key, value in varied.items()]
    return ", ".join(parts) or family


def _merged(study: Study, trial: TrialSettings | None) -> dict[str, Table]:
    settings = study.settings
    base = {
        "data": settings.data.model_dump(exclude_none=True, mode="json"),
        "model": dict(settings.model),
        "train": dict(settings.train),
    }
    if trial is None:
        return base
    # another family takes other settings, so that its table starts empty
    is_other_family = "family" in trial.model and trial.model["family"] != base["model"].get("family")
    model = dict(trial.model) if is_other_family else base["model"] | trial.model
    return {"data": base["data"] | trial.data, "model": model, "train": base["train"] | trial.train}


def _set_varied(tables: dict[str, Table], key: str, value: Any, *, where: str) -> None:
    table, *path = key.split(".")
    if not path:
        tables[table] = tables[table] | dict(value) if isinstance(value, dict) else _refuse_table(key, where=where)
        return
    place = tables[table]
    for part in path[:-1]:
        place[part] = dict(place.get(part) or {})
        place = place[part]
    place[path[-1]] = value


def _refuse_table(key: str, *, where: str) -> Table:
    raise StudyError(f"{where}: {key} is a table; its values in vary must be tables, or vary one of its settings")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        name = [str(value["name"])] if "name" in value else []
        return " ".join(name + [f"{key}={one}" for key, one in value.items() if key != "name"]) or "none"
    if isinstance(value, list):
        return "-".join(str(one) for one in value) or "none"
    return str(value)


def _fingerprint(stage: str, settings: Table) -> str:
    """Six letters of it tell runs apart whose stages and trials look the same once they are names of files."""
    return hashlib.sha256(json.dumps([stage, settings], sort_keys=True).encode()).hexdigest()
