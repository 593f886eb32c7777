"""What the entries of run.json have to hold, beyond being tables, lists, texts and numbers: checked when it is read."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter

from papilio.data.quantities import Quantity
from papilio.models.description import LayerRow

Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Positive = Annotated[int, Field(ge=1, lt=2**31)]


@functools.cache
def _reader_of(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _strictly(kind: Any, plain: Any) -> Any:
    """A JSON value as what it is for; a number in quotes is none."""
    return _reader_of(kind).validate_json(json.dumps(plain), strict=True)


def _three_or_none(shape: list[int]) -> list[int]:
    if len(shape) not in (0, 3):
        raise ValueError("it is not [channel, height, width]")
    return shape


def _as_tables(settings: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    if missing := {"data", "model", "train"} - settings.keys():
        raise ValueError(f"there is no {min(missing)}")
    return settings


def _as_quantity(plain: dict[str, Any]) -> dict[str, Any]:
    found = _strictly(Quantity, plain)
    if plain.keys() - asdict(found).keys() or not 0 < found.period < math.inf:
        raise ValueError("it is not a period above 0, unit and is_time")
    return plain


def _as_layers(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    _strictly(list[LayerRow], rows)
    return rows


def _as_calibration(plain: Mapping[str, list[float]]) -> Mapping[str, list[float]]:
    if plain.keys() != {"confidence", "within"} or len(plain["confidence"]) != len(plain["within"]):
        raise ValueError("it needs confidence and within of equal length")
    if not plain["confidence"]:
        raise ValueError("it is empty")
    return plain


Shape = Annotated[list[Positive], AfterValidator(_three_or_none)]
Settings = Annotated[dict[str, dict[str, Any]], AfterValidator(_as_tables)]
PlainQuantity = Annotated[dict[str, Any], AfterValidator(_as_quantity)]
Layers = Annotated[list[dict[str, Any]], AfterValidator(_as_layers)]
PlainCalibration = Annotated[dict[str, list[Finite]], AfterValidator(_as_calibration)]
MetricAndDirection = Annotated[list[str], Field(min_length=2, max_length=2)]
