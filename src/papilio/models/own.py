"""The user's own functions: named `module:function` in a study file, or handed over from Python."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from papilio.errors import SettingError

OwnFunctions = Mapping[str, Callable[..., Any]]  # those handed over from Python, by the name that settings give them


def name_of(function: Callable[..., Any]) -> str:
    """The name by which settings know a function that was handed over: `module:function`."""
    return f"{function.__module__}:{getattr(function, '__qualname__', type(function).__name__)}"


def find_own(name: str, *, what: str, own: OwnFunctions) -> Callable[..., Any]:
    """What `module:function` names: handed over, or imported.

    Raises SettingError, naming the setting `what`, where there is no such thing or it cannot be called.
    """
    if name in own:
        return own[name]
    module_name, _, attribute = name.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise SettingError(
            f"{what}: cannot import {module_name!r} ({error}); put its folder on PYTHONPATH, or install it"
        ) from error
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise SettingError(f"{what}: {module_name!r} has no function or class {attribute!r}")
    return found
