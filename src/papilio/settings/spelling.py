"""Settings that earlier versions spelled otherwise: both spellings are read, and the earlier one still names runs.

A run's folder is named by its settings, so that a new spelling would make another run of every old one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

EARLIER = {"initializer": "initialiser", "regularizer": "regulariser", "standardize": "standardise"}
PRESENT = {earlier: present for present, earlier in EARLIER.items()}
SPELLED = ("model", "train")  # tables that have such settings
EARLIER_COLORS = {"gray": "grey"}  # of data.color


def in_present_spelling(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table with each key as it is spelled now; raises ValueError where a key stands there in both spellings."""
    for earlier, present in PRESENT.items():
        if earlier in table and present in table:
            raise ValueError(f"{present} is there twice, once as {earlier}; keep one of them")
    return {PRESENT.get(key, key): value for key, value in table.items()}


def in_earlier_spelling(table: Mapping[str, Any]) -> dict[str, Any]:
    """The same with each key as the first version spelled it."""
    return {EARLIER.get(key, key): value for key, value in table.items()}


def present_key(key: str) -> str:
    """A dotted key as it is spelled now.

    >>> present_key("train.regulariser.l2"), present_key("train.epochs")
    ('train.regularizer.l2', 'train.epochs')
    """
    table, *path = key.split(".")
    return ".".join([table, *(PRESENT.get(part, part) for part in path[:1]), *path[1:]]) if table in SPELLED else key


def earlier_name(trial: str) -> str:
    """A trial's name as the first version made it of what varies, for the name of a folder.

    >>> earlier_name("dropout 0.1, initializer he_normal"), earlier_name("my initializer")
    ('dropout 0.1, initialiser he_normal', 'my initializer')
    """
    return re.sub(rf"(?:(?<=, )|^)({'|'.join(EARLIER)})(?= )", lambda found: EARLIER[found[0]], trial)


def study_in_present_spelling(tables: Mapping[str, Any]) -> dict[str, Any]:
    """A study's tables with each key as it is spelled now, also those that vary; raises ValueError for a key in both.

    What does not have the shape of a study is left for who checks it. The arguments of builders of the user's own are theirs.
    """
    is_own = any(":" in str(table.get("family", "")) for table in _models(tables))
    return _study(tables, ("train",) if is_own else SPELLED)


def _study(tables: Mapping[str, Any], spelled: Iterable[str]) -> dict[str, Any]:
    changed = dict(tables)
    for name in spelled:
        if isinstance(changed.get(name), Mapping):
            changed[name] = in_present_spelling(changed[name])
    for name in ("stage", "trial"):
        if isinstance(changed.get(name), list):
            changed[name] = [_study(one, spelled) if isinstance(one, Mapping) else one for one in changed[name]]
    if isinstance(changed.get("published"), list):
        changed["published"] = [_keys(one, "where", spelled) for one in changed["published"]]
    return _keys(changed, "vary", spelled)


def _keys(table: Any, name: str, spelled: Iterable[str]) -> Any:
    """The table with the dotted keys of one of its tables as they are spelled now."""
    if not isinstance(table, Mapping) or not isinstance(table.get(name), Mapping):
        return table
    keys = {key: present_key(key) if key.partition(".")[0] in spelled else key for key in table[name]}
    return {**table, name: {keys[key]: _keys(value, "when", spelled) for key, value in table[name].items()}}


def _models(tables: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every [model] table of a study, and what `model.family` varies over."""
    found = [tables["model"]] if isinstance(tables.get("model"), Mapping) else []
    if isinstance(vary := tables.get("vary"), Mapping):
        found += [{"family": vary.get("model.family", "")}, {"family": str(vary.get("model", ""))}]
    inner = [one for name in ("stage", "trial") for one in _list(tables.get(name)) if isinstance(one, Mapping)]
    return found + [model for one in inner for model in _models(one)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
