"""References: what is named `module:name` and imported when it is used, among it functions of the user's own."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from papilio.errors import SettingError, perhaps, shown

Reference = str | Callable[..., Any]  # "papilio.training.supervised:objective", or the function itself
OwnFunctions = Mapping[str, Any]  # functions and kinds passed from Python, by the name that settings give them
OF_A_SESSION = "__main__"  # the module of what is defined in a notebook, at a prompt, or in the script that runs


class MissingCode(Exception):
    """There is no function or class of a name: why, and in `advice` what is to be done where a study names it."""

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(reason)
        self.advice = advice


def name_of(handed_over: Any) -> str:
    """The name by which settings know a function or class that was passed: `module:function`."""
    return f"{handed_over.__module__}:{getattr(handed_over, '__qualname__', type(handed_over).__qualname__)}"


def find_own(name: str, *, what: str, own: OwnFunctions, instance_of: type | None = None) -> Any:
    """What `module:function` names: passed, or imported; an instance of a class may stand for a function.

    Raises SettingError, naming the setting `what`, where there is no such thing or it cannot be called.
    """
    if name in own:
        return own[name]
    try:
        return imported(name, instance_of=instance_of)
    except MissingCode as missing:
        advice = f"; {missing.advice}" if missing.advice else ""
        raise SettingError(f"{what}: {missing}{advice}") from missing.__cause__


def imported(name: str, *, instance_of: type | None = None) -> Any:
    """What a module has by the name `module:function`; raises MissingCode as `find_own` does SettingError."""
    module_name, _, attribute = name.partition(":")
    if module_name == OF_A_SESSION:
        raise MissingCode(
            f"{attribute} was defined in a notebook or a script, where no file finds it",
            f"put it into a module next to the study file (own.py) and name it own:{attribute}, or hand it over from Python",
        )
    if not all(part.isidentifier() for part in [*module_name.split("."), *attribute.split(".")]):
        raise MissingCode(f"{shown(name)} is not module:function")
    try:
        found: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise MissingCode(
            f"cannot import {module_name!r} ({error})",
            "put it next to the study file, or its folder on PYTHONPATH, or install it",
        ) from error
    except Exception as error:  # a module of the user's own may raise anything
        raise MissingCode(f"{module_name!r} cannot be imported ({type(error).__name__}: {error})") from error
    found = _within(found, attribute)
    is_instance = instance_of is not None and isinstance(found, instance_of)
    if not callable(found) and not is_instance:
        near = perhaps(attribute, _public_names(module_name))
        raise MissingCode(f"{module_name!r} has no function or class {attribute!r}{near}")
    return found


def of_this_session(name: str) -> Any:
    """What a notebook, a prompt or the script that runs has defined by the name `__main__:Class`; None where it has not."""
    module_name, _, attribute = name.partition(":")
    return _within(sys.modules.get(OF_A_SESSION), attribute) if module_name == OF_A_SESSION else None


def _public_names(module_name: str) -> list[str]:
    return [name for name, value in vars(sys.modules[module_name]).items() if callable(value) and name[0] != "_"]


def _within(holder: Any, attribute: str) -> Any:
    """The attribute of a dotted name, None where there is none."""
    for part in attribute.split("."):
        holder = getattr(holder, part, None)
    return holder


def is_found_by_name(name: str, handed_over: Any) -> bool:
    """Whether another process that is given the name alone finds what was passed."""
    module_name, _, attribute = name.partition(":")
    if module_name == OF_A_SESSION or module_name not in sys.modules:
        return False
    return _within(sys.modules[module_name], attribute) is handed_over


def own_names(value: Any) -> Iterator[str]:
    """Every text in nested tables and lists that may name code, `module:function`."""
    if isinstance(value, str) and re.fullmatch(r"[\w.]+:[\w.]+", value):
        yield value
    for one in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from own_names(one)


def find_modules_beside(folder: Path, names: Iterable[str]) -> bool:
    """Let modules in the folder that `module:function` names be imported, after all that can be imported anyway.

    Whether there are any. Raises SettingError where one has the name of a module that is found elsewhere, which would be
    taken in its place.
    """
    tops = {name.partition(":")[0].partition(".")[0] for name in names}
    beside = [top for top in sorted(tops) if (folder / f"{top}.py").is_file() or (folder / top).is_dir()]
    if beside and str(folder) not in sys.path:
        sys.path.append(str(folder))
        importlib.invalidate_caches()
    for top in beside:
        place = _place_of(top)
        if place is not None and folder not in place.parents:
            raise SettingError(
                f"two modules are named {top}: one next to the study file, and {place}, which Python finds first; rename the"
                " one next to the study file, or, if the other belongs to another study, start a new Python process"
            )
    return bool(beside)


def _place_of(module_name: str) -> Path | None:
    """The file of a module, the folder of a package; None of what Python itself brings."""
    try:
        spec = importlib.util.find_spec(module_name)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    places = [*(spec.submodule_search_locations or []), *([spec.origin] if spec.has_location and spec.origin else [])]
    return Path(places[0]).resolve() if places else Path(f"<{spec.origin}>")


def resolve_reference(reference: Reference) -> Any:
    """What a reference of Papilio's own, or of a kind of the user's, stands for."""
    if not isinstance(reference, str):
        return reference
    module_name, _, attribute = reference.partition(":")
    return functools.reduce(getattr, attribute.split("."), importlib.import_module(module_name))
