"""Values of settings as they are looked up and told apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def value_at(settings: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key, None where there is none.

    >>> value_at({"train": {"epochs": 3}}, "train.epochs"), value_at({"train": {}}, "train.augment.shift")
    (3, None)
    """
    value: Any = settings
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def canonical(value: Any) -> str:
    """Equal for equal values, in whatever order their tables are.

    >>> canonical({"b": [1, 2], "a": True})
    '{"a": true, "b": [1, 2]}'
    """
    return json.dumps(value, sort_keys=True)
