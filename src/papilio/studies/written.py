"""A study with its defaults written out, so that its copy next to the results says what was run.

Whatever is written here leaves every run what it is: the settings of a run, and with them its name, are the same with and
without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from papilio.engine import Engine, find_engine
from papilio.errors import SettingError
from papilio.kinds.registry import defaults_of
from papilio.runs.plan import RunPlan
from papilio.settings.run_settings import is_own
from papilio.settings.train_settings import TrainSettings
from papilio.settings.validation import validated
from papilio.studies.planning import DECIDE_DEFAULTS, merged_model, missing_defaults
from papilio.studies.schema import StageSettings, Table
from papilio.studies.study import Study, as_toml

OF_FAMILY = frozenset({"objective"})  # by default what the family is for


def with_written_defaults(study: Study, plans: Sequence[RunPlan]) -> Study:
    """The study with the defaults of [train] and of its model families written out, as far as all runs share them."""
    study = _with_defaults_of_kind(study, plans)
    varied = {key for stage in study.settings.stage for key in stage.vary}
    settings = study.settings.model_copy(update={"train": _filled_train(study, plans, varied)})
    engine = _only_engine(study, plans)
    if engine is not None and not varied & {"model", "model.family"}:
        left = {key.split(".")[1] for key in varied if key.startswith("model.")}
        model = _filled_model(settings.model, settings.model, engine, left, study.own)
        stages = [_filled_stage(stage, model, engine, left, study.own) for stage in settings.stage]
        settings = settings.model_copy(update={"model": model, "stage": stages})
    return replace(study, settings=settings)


def defaults_as_comments(study: Study, plans: Iterable[RunPlan]) -> str:
    """The defaults of all runs that a study's tables do not say, as lines of a TOML file; run.json has each run's own."""
    shared: dict[str, Any] | None = None
    for plan in plans:
        found = plan.settings.left_to_defaults()
        kept = found if shared is None else shared
        shared = {key: value for key, value in kept.items() if key in found and found[key] == value}
    tables = study.to_toml()
    shared = {key: value for key, value in (shared or {}).items() if f"\n{key.partition('.')[2]} = " not in tables}
    if not shared:
        return ""
    used = {key: value for key, value in shared.items() if value is not None and value != {}}
    lines = [f"{key} = {as_toml(value)}" for key, value in used.items()]
    unused = ", ".join(key for key in shared if key not in used)
    lines += [f"not used: {unused}"] if unused else []
    return "\n# Defaults of every run that are not set above:\n" + "".join(f"# {line}\n" for line in lines)


def _with_defaults_of_kind(study: Study, plans: Sequence[RunPlan]) -> Study:
    """The study with the defaults of its runs' kind in [train].

    The same study where its runs are of several kinds, or not all have those numbers: run.json has each run's own.
    """
    objectives = {plan.settings.train.objective for plan in plans}
    varied = {key for stage in study.settings.stage for key in stage.vary}
    if len(objectives) != 1 or varied & DECIDE_DEFAULTS:
        return study
    train: TrainSettings = validated(TrainSettings, study.settings.train, where=study.where, prefix="train")
    missing = missing_defaults(train, defaults_of(objectives.pop(), study.own))
    if any(getattr(plan.settings.train, name) != value for plan in plans for name, value in missing.items()):
        return study
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in missing.items()}
    return replace(study, settings=study.settings.model_copy(update={"train": {**study.settings.train, **plain}}))


def _filled_train(study: Study, plans: Sequence[RunPlan], varied: set[str]) -> Table:
    """The study's [train] with its defaults, but for those that kinds or trials decide."""
    given = study.settings.train
    train: TrainSettings = validated(TrainSettings, given, where=study.where, prefix="train")
    kinds = (defaults_of(plan.settings.train.objective, study.own) for plan in plans)
    decided = {*OF_FAMILY, *(name for kind in kinds for name in kind)}
    decided |= {key.split(".")[1] for key in varied if key.startswith("train.")}
    plain = train.model_dump(exclude_none=True, mode="json")
    filled = dict(given)
    for name, value in plain.items():
        is_table = isinstance(getattr(train, name), BaseModel) and name in train.model_fields_set
        if is_table or (name not in train.model_fields_set and name not in decided and value != {}):
            filled[name] = value
    return filled


def _only_engine(study: Study, plans: Sequence[RunPlan]) -> Engine | None:
    names = {plan.settings.train.engine for plan in plans}
    return find_engine(names.pop(), study.own) if len(names) == 1 else None


def _filled_stage(
    stage: StageSettings, model: Table, engine: Engine, left: set[str], own: Mapping[str, Any]
) -> StageSettings:
    """The stage with the arguments of the families that it names; one that starts from trials is left as it is."""
    if stage.source is not None:
        return stage
    filled = _filled_model(stage.model, merged_model(model, stage.model), engine, left, own)
    here = merged_model(model, filled)
    trials = [
        trial.model_copy(
            update={"model": _filled_model(trial.model, merged_model(here, trial.model), engine, left, own)}
        )
        for trial in stage.trial
    ]
    return stage.model_copy(update={"model": filled, "trial": trials})


def _filled_model(table: Table, merged: Table, engine: Engine, left: set[str], own: Mapping[str, Any]) -> Table:
    """A table that names a family of Papilio's with the defaults of what that takes; `merged` has what is set around it."""
    family = table.get("family")
    if not isinstance(family, str) or is_own(family) or family in own:
        return table
    try:
        arguments = engine.model_settings(family)
    except SettingError:
        return table
    usual = {
        name: field.get_default(call_default_factory=True)
        for name, field in arguments.model_fields.items()
        if not field.is_required() and name not in merged and name not in left
    }
    plain = arguments.model_construct(**usual).model_dump(include=set(usual), exclude_none=True, mode="json")
    return {**table, **plain}
