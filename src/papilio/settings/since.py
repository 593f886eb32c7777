"""Settings that came later than runs that are finished: they must not make other runs of them.

A run's folder is named by its settings. A setting marked `Annotated[..., Since("0.2")]` stands among those only where it is not
at its default, so that what was trained before there was such a setting is still the same run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True)
class Since:
    """The version of Papilio that brought a setting."""

    version: str


@dataclass(frozen=True)
class Aside:
    """Marks a setting on which nothing of a run depends: no part of what it is known by, and not in run.json."""


def plain_settings(settings: BaseModel, *, only_given: bool = False) -> dict[str, Any]:
    """Settings as plain data, defaults written out, but for those that are None and those of `Since` at their default."""
    plain = settings.model_dump(exclude_none=True, exclude_unset=only_given, mode="json")
    return _without_later(settings, plain)


def by_dotted_key(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Plain settings with one key for each value.

    >>> by_dotted_key({"train": {"epochs": 3, "early_stopping": {"patience": 2}}})
    {'train.epochs': 3, 'train.early_stopping.patience': 2}
    """
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= by_dotted_key(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def unsaid_settings(settings: BaseModel) -> dict[str, Any]:
    """What `plain_settings` leaves out: settings that are None, and those of `Since` at their default."""
    said, asides = (
        plain_settings(settings),
        {name for name, field in type(settings).model_fields.items() if _is_aside(field)},
    )
    return {
        name: value
        for name, value in settings.model_dump(mode="json").items()
        if name not in said and name not in asides
    }


def plain_defaults(settings: BaseModel) -> dict[str, Any]:
    """The defaults of what is not set, as far as they are plain values: text, numbers, true, false, none, lists of those."""
    fields = {name: one for name, one in type(settings).model_fields.items() if name not in settings.model_fields_set}
    defaults = {name: field.default for name, field in fields.items() if not field.is_required()}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in defaults.items()
        if value is None or _is_plain(value)
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return type(value) in (str, bool, int) or (type(value) is float and math.isfinite(value))


def _without_later(settings: BaseModel, plain: dict[str, Any]) -> dict[str, Any]:
    kept = {}
    for name, value in plain.items():
        field = type(settings).model_fields.get(name)
        here = getattr(settings, name)
        if field is not None and _is_aside(field):
            continue
        if field is not None and _is_later(field) and here == field.get_default(call_default_factory=True):
            continue
        kept[name] = _without_later(here, value) if isinstance(here, BaseModel) and isinstance(value, dict) else value
    return kept


def _is_later(field: Any) -> bool:
    return any(isinstance(one, Since) for one in field.metadata)


def _is_aside(field: Any) -> bool:
    return any(isinstance(one, Aside) for one in field.metadata)
