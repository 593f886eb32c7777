"""What this engine does not have is refused by its name."""

from __future__ import annotations

from collections.abc import Collection

from papilio.errors import SettingError


def refuse_unknown(what: str, given: object, known: Collection[object]) -> None:
    """Raises SettingError for what this engine does not have."""
    if given not in known:
        allowed = ", ".join(map(_written, known)) or "none"
        raise SettingError(f'train.engine = "numpy" does not support {what} = {_written(given)}; it supports {allowed}')


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
