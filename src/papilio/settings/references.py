"""References: what is named `module:name` and imported when it is used, among it functions of the user's own."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any

from papilio.errors import SettingError, shown

Reference = str | Callable[..., Any]  # "papilio.training.supervised:objective", or the function itself
OwnFunctions = Mapping[str, Any]  # functions and kinds passed from Python, by the name that settings give them


def name_of(handed_over: Any) -> str:
    """The name by which settings know a function or class that was passed: `module:function`."""
    return f"{handed_over.__module__}:{getattr(handed_over, '__qualname__', type(handed_over).__qualname__)}"


def find_own(name: str, *, what: str, own: OwnFunctions, instance_of: type | None = None) -> Any:
    """What `module:function` names: passed, or imported; an instance of a class may stand for a function.

    Raises SettingError, naming the setting `what`, where there is no such thing or it cannot be called.
    """
    if name in own:
        return own[name]
    module_name, _, attribute = name.partition(":")
    if not all(part.isidentifier() for part in [*module_name.split("."), *attribute.split(".")]):
        raise SettingError(f"{what}: {shown(name)} is not module:function")
    try:
        found: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise SettingError(
            f"{what}: cannot import {module_name!r} ({error}); put its folder on PYTHONPATH, or install it"
        ) from error
    except Exception as error:  # a module of the user's own may raise anything
        raise SettingError(f"{what}: {module_name!r} cannot be imported ({type(error).__name__}: {error})") from error
    for part in attribute.split("."):
        found = getattr(found, part, None)
    is_instance = instance_of is not None and isinstance(found, instance_of)
    if not callable(found) and not is_instance:
        raise SettingError(f"{what}: {module_name!r} has no function or class {attribute!r}")
    return found


def resolve_reference(reference: Reference) -> Any:
    """What a reference of Papilio's own, or of a kind of the user's, stands for."""
    if not isinstance(reference, str):
        return reference
    module_name, _, attribute = reference.partition(":")
    return functools.reduce(getattr, attribute.split("."), importlib.import_module(module_name))
