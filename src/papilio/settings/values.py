"""Values of settings as they are looked up and told apart."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
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


def short_keys(keys: Iterable[str]) -> dict[str, str]:
    """What dotted keys are called: by their last part, or by as many parts as tell them apart.

    >>> short_keys(["train.epochs", "train.phases.generator.learning_rate", "train.phases.discriminator.learning_rate"])
    {'train.epochs': 'epochs', 'train.phases.generator.learning_rate': 'generator.learning_rate', \
'train.phases.discriminator.learning_rate': 'discriminator.learning_rate'}
    """
    endings = {key: _endings(key) for key in keys}
    counts = Counter(ending for own in endings.values() for ending in own)
    return {key: next((ending for ending in own if counts[ending] == 1), key) for key, own in endings.items()}


def _endings(key: str) -> list[str]:
    """The shortest first."""
    parts = key.split(".")
    return [".".join(parts[-num:]) for num in range(1, len(parts) + 1)]


def canonical(value: Any) -> str:
    """Equal for equal values, in whatever order their tables are.

    >>> canonical({"b": [1, 2], "a": True})
    '{"a": true, "b": [1, 2]}'
    """
    return json.dumps(value, sort_keys=True)
