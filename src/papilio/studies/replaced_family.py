"""Another model family on the command line: arguments that a file has for the family before it go."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from papilio.engine import Engine, find_engine
from papilio.errors import SettingError
from papilio.settings.references import OwnFunctions
from papilio.settings.run_settings import is_source
from papilio.settings.since import plain_defaults
from papilio.studies.schema import Table


def drop_old_arguments(before: Table, after: Table, *, kept: Collection[str], own: OwnFunctions) -> list[str]:
    """Take arguments out of the [model] tables of `after` where these have another family than the same ones of `before`.

    Those that are at the old family's defaults go, as a study's copy next to its results has all of them written out, and
    those that the new family does not know; not those in `kept`. A line for each pair of families says which.
    """
    dropped: dict[tuple[str, str], dict[str, None]] = {}
    for old, table in _pairs(before, after):
        new = table.get("family")
        if isinstance(old, str) and isinstance(new, str) and old != new:
            engine = _engine(after, own)
            names = [] if engine is None else _old_names(table, old, new, engine)
            for name in names:
                if name not in kept:
                    del table[name]
                    dropped.setdefault((old, new), {})[name] = None
    return [
        f"model.family changed from {old} to {new}: dropped {', '.join(names)} (defaults of {old}, or not settings of {new})"
        for (old, new), names in dropped.items()
    ]


def _pairs(before: Table, after: Table) -> Iterator[tuple[Any, Table]]:
    """The family that each [model] table of `before` stands on, its own or that of the tables around it, and the table now."""
    around = _model(before).get("family")
    yield around, _model(after)
    for old_stage, stage in zip(tables_in(before, "stage"), tables_in(after, "stage"), strict=True):
        of_stage = _model(old_stage).get("family", around)
        yield of_stage, _model(stage)
        for old_trial, trial in zip(tables_in(old_stage, "trial"), tables_in(stage, "trial"), strict=True):
            yield _model(old_trial).get("family", of_stage), _model(trial)


def _model(holder: Table) -> Table:
    found = holder.get("model")
    return found if isinstance(found, dict) else {}


def tables_in(holder: Table, key: str) -> list[Table]:
    """The tables of a list of them, as [[stage]] is one; empty where it is not a list."""
    found = holder.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _engine(tables: Table, own: OwnFunctions) -> Engine | None:
    train = tables.get("train")
    name = train.get("engine", "torch") if isinstance(train, dict) else "torch"
    try:
        return find_engine(str(name), own)
    except SettingError:  # which is complained of where the study is planned
        return None


def _old_names(table: Table, old: str, new: str, engine: Engine) -> list[str]:
    """The arguments in a table that it has of its old family only; none where the new family is not one."""
    try:
        known = engine.model_settings(new)
    except SettingError:
        return []
    usual = _defaults(old, engine)
    takes_anything = known.model_config.get("extra") == "allow"
    arguments = {name: value for name, value in table.items() if name != "family" and not is_source(value)}
    return [
        name
        for name, value in arguments.items()
        if (name in usual and usual[name] == value) or not (name in known.model_fields or takes_anything)
    ]


def _defaults(family: str, engine: Engine) -> Mapping[str, Any]:
    try:
        return plain_defaults(engine.model_settings(family).model_construct())
    except SettingError:
        return {}
