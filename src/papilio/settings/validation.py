"""pydantic's complaints as one line in the words of the study file."""

from __future__ import annotations

import inspect
import json
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Union

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from papilio.errors import RequestError, StudyError, did_you_mean, is_nearly, reason_of, shown

Place = tuple[int | str, ...]  # in nested tables and lists

WORDS_OF_JSON = {
    "an object": "a valid dictionary",
    "valid array": "valid list",
    "Tuple": "a list",
    " after validation": "",
}
TABLE_OF_SEVERAL = re.compile(r"^(stage|analysis|published)\.(\d+)(?:\.(.*))?$")
LARGEST = 2.0**63  # integers are smaller
FROM_IMAGES = ("image_shape", "num_classes", "heads")  # what a builder is given next to its settings


def validated(
    cls: type[BaseModel],
    given: Mapping[str, Any],
    *,
    where: str = "",
    prefix: str = "",
    error: type[RequestError] = StudyError,
) -> Any:
    """`given` as an instance of `cls`.

    Raises `error` with one line: `where` (a file, a stage), the dotted key under `prefix`, what is wrong, what is allowed.
    """
    try:
        return _strictly(cls, given)
    except ValidationError as found:
        complaint = _first_complaint(found, cls, prefix)
        raise error(f"{where}: {complaint}" if where else complaint) from None


def one_reason(error: Exception) -> str:
    """Why data of ours cannot be read, in a line: of pydantic's complaints the first, with its key."""
    if not isinstance(error, ValidationError):
        return reason_of(error)
    first = error.errors(include_url=False, include_input=False)[0]
    return ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))


def _strictly(cls: type[BaseModel], given: Mapping[str, Any]) -> BaseModel:
    """Without taking text for numbers, or numbers for true and false: `epochs = "5"` is a mistake.

    Numbers with nothing behind the point are whole ones all the same: ranges give such ones. Lists stand for tuples, also
    behind a validator of pydantic's mode "before", where it no longer knows that it reads JSON.
    """
    text = json.dumps(given)
    try:
        return cls.model_validate_json(text, strict=True)
    except ValidationError as found:
        complaint = found
    plain = json.loads(text)
    while True:  # each round makes at least one more tuple or whole number, or is the last
        repairs = _repairs(plain, complaint)
        if not repairs:
            raise complaint
        is_moved = any(_value_at(plain, place) != taken for place, taken in repairs.items())  # by a validator
        num_repaired = 0 if is_moved else sum(_is_repaired(plain, place) for place in sorted(repairs, key=len)[::-1])
        if not num_repaired:  # or it is in a tuple; and nothing else is wrong
            return cls.model_validate(plain)
        try:
            return cls.model_validate(plain, strict=True)
        except ValidationError as found:
            complaint = found


def _repairs(plain: dict[str, Any], error: ValidationError) -> dict[Place, Any]:
    """The values to convert (a list to a tuple, 5.0 to 5), by place; empty if any complaint is about something else.

    Of the branches of a union it is enough that one accepts the value, or would accept it if what is inside were converted.
    """
    complaints = error.errors(include_url=False)
    repairs = {_place(plain, one["loc"]): one["input"] for one in complaints if _is_allowed(one["input"], one["type"])}
    places = [_place(plain, one["loc"]) for one in complaints]
    is_all = all(place in repairs or (place and any(one[: len(place)] == place for one in repairs)) for place in places)
    return repairs if is_all else {}


def _is_repaired(plain: dict[str, Any], place: Place) -> bool:
    """Make a list a tuple, and a number a whole one; what is in a tuple stays as it is."""
    holder: Any = _value_at(plain, place[:-1])
    if isinstance(holder, tuple):
        return False
    value = holder[place[-1]]
    holder[place[-1]] = tuple(value) if isinstance(value, list) else int(value)
    return True


def _value_at(plain: Any, place: Place) -> Any:
    """What is at a place of nested tables and lists."""
    for part in place:
        plain = plain[part]
    return plain


def _place(plain: Any, loc: Place) -> Place:
    """Where a complaint is in what was given: without what pydantic puts into its path besides, as branches of unions."""
    place: list[int | str] = []
    for part in loc:
        is_index = isinstance(plain, list | tuple) and isinstance(part, int) and part < len(plain)
        if is_index or (isinstance(plain, dict) and part in plain):
            place.append(part)
            plain = _value_at(plain, (part,))
    return tuple(place)


def _is_allowed(value: Any, complaint: str) -> bool:
    """A whole number with a point, as large as integers are; a list for a tuple, as neither TOML nor JSON has any."""
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < LARGEST
    return is_whole or (complaint == "tuple_type" and isinstance(value, list))


def settings_class(builder: Callable[..., Any], name: str) -> type[BaseModel]:
    """The settings that a builder takes, read off its signature: names, types and defaults stand there, once."""
    try:
        parameters = inspect.signature(builder, eval_str=True).parameters
    except NameError:
        parameters = inspect.signature(builder).parameters
    fields: dict[str, Any] = {}
    takes_anything = False
    for parameter in parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            takes_anything = True
        elif parameter.name not in FROM_IMAGES and parameter.kind is not parameter.VAR_POSITIONAL:
            # without an annotation, or with one that cannot be looked up here
            is_plain = parameter.annotation is parameter.empty or isinstance(parameter.annotation, str)
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (Any if is_plain else parameter.annotation, default)
    config = ConfigDict(
        extra="allow" if takes_anything else "forbid", arbitrary_types_allowed=True, protected_namespaces=()
    )
    return create_model(name, __config__=config, **fields)


def _first_complaint(error: ValidationError, cls: type[BaseModel], prefix: str) -> str:
    every = error.errors()
    complaints = [one for one in every if not _is_allowed(one["input"], one["type"])] or every
    first = _misspelt_instead_of_missing(complaints) or _of_the_list(complaints) or complaints[0]
    path = [str(part) for part in first["loc"] if not _is_type_name(part)]
    key = TABLE_OF_SEVERAL.sub(_counted_from_one, ".".join(part for part in [prefix, *path] if part))
    if first["type"] == "extra_forbidden":
        allowed = _fields_at(cls, first["loc"][:-1])
        text = f"{key} is not a setting; {did_you_mean(path[-1], allowed)}"
    elif first["type"] == "missing":
        text = f"{key} is missing"
    else:
        message = first["msg"].removeprefix("Value error, ")
        for words, ours in WORDS_OF_JSON.items():
            message = message.replace(words, ours)
        given = (
            ""
            if first["type"] == "value_error" and isinstance(first["input"], dict)
            else f" (given: {shown(list(first['input']) if isinstance(first['input'], tuple) else first['input'])})"
        )
        text = (f"{key}: " if key else "") + f"{message[:1].lower()}{message[1:]}{given}"
    others = len(complaints) - 1
    return text + (f" (and {others} more)" if others and first["type"] == "extra_forbidden" else "")


def _counted_from_one(table: re.Match[str]) -> str:
    """As the study file has it: `stage.0.seeds` is "[[stage]] 1: seeds"."""
    name, index, rest = table.groups()
    return f"[[{name}]] {int(index) + 1}" + (f": {rest}" if rest else "")


def _misspelt_instead_of_missing(complaints: Sequence[Any]) -> Any | None:
    """The complaint about an unknown key that is nearly the first one's, which is missing: `titel` in place of `title`."""
    first = complaints[0]
    if first["type"] != "missing":
        return None
    beside = [one for one in complaints if one["type"] == "extra_forbidden" and one["loc"][:-1] == first["loc"][:-1]]
    return next((one for one in beside if is_nearly(str(one["loc"][-1]), str(first["loc"][-1]))), None)


def _of_the_list(complaints: Sequence[Any]) -> Any | None:
    """Where a number or a list may stand, and a list does: what is wrong with the list, not that it is not a number."""
    first = complaints[0]
    if not isinstance(first["input"], list | tuple):
        return None
    field = tuple(part for part in first["loc"] if not _is_type_name(part))
    inside = [one for one in complaints[1:] if one["loc"][: len(field)] == field]
    return next((one for one in inside if any(str(part).startswith(("tuple", "list")) for part in one["loc"])), None)


def _is_type_name(part: int | str) -> bool:
    """pydantic names the branch of a union in the path ("list[int]", "float"); the study file does not."""
    if not isinstance(part, str):
        return False
    plain = ("list", "tuple", "dict", "float", "int", "str", "bool", "literal")
    return part.split("[")[0] in plain or part.startswith("constrained-")


def _fields_at(cls: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    for part in path:
        if isinstance(part, str) and part in cls.model_fields:
            cls = _model_in(cls.model_fields[part].annotation) or cls
    return list(cls.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The pydantic model in `Model | None` or `list[Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (Union, types.UnionType, list):
        return next((found for part in typing.get_args(annotation) if (found := _model_in(part))), None)
    return None
