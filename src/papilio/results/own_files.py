"""What environment.json and results.csv have to hold, so that whoever reads them later can rely on it."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator

Texts = Annotated[list[str], Field(default_factory=list)]


class SetFacts(BaseModel):
    """An image set, as environment.json describes it."""

    model_config = ConfigDict(extra="allow", strict=True)

    name: str
    image_shape: tuple[int, int, int]
    num_train: int
    num_validation: int
    num_test: int
    classes: Texts
    origin: str = ""
    notes: Texts


class Environment(BaseModel):
    """environment.json; what else is in it is shown as it is."""

    model_config = ConfigDict(extra="allow", strict=True)

    versions: dict[str, str | None] = {}
    command: str | None = None
    started: str | None = None
    processor: str | None = None
    memory_bytes: int | None = None
    data: list[SetFacts] = []


class Row(BaseModel):
    """A run in results.csv: who it is; what came of it stands in its folder."""

    model_config = ConfigDict(extra="allow")

    run: str = Field(min_length=1)
    stage: str
    trial: str
    seed: int
    fold: int | None

    @field_validator("run")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if "/" in name or "\\" in name or "\0" in name or name.strip(".") == "":
            raise ValueError("it is not a valid folder name")
        return name

    @field_validator("fold", mode="before")
    @classmethod
    def _may_be_empty(cls, given: Any) -> Any:
        return None if given == "" else given

    @property
    def others(self) -> dict[str, str]:
        """The other columns."""
        return dict(self.__pydantic_extra__ or {})


def check_environment(content: bytes) -> dict[str, Any]:
    """The contents of environment.json; raises ValueError where it is damaged."""
    Environment.model_validate_json(content)
    return json.loads(content, parse_float=_finite, parse_constant=_finite)


def _finite(text: str) -> float:
    """A number that can be written again as JSON: 1e999 is read as one without an end."""
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is not a finite number")
    return number


def check_rows(content: bytes) -> list[Row]:
    """The rows of results.csv; raises ValueError where it is damaged."""
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True))
    except csv.Error as error:
        raise ValueError(f"it is not CSV: {error}") from error
    if not rows:
        raise ValueError("it has no rows")
    if any(None in row or None in row.values() for row in rows):  # pyright: ignore[reportUnnecessaryContains]
        raise ValueError("a row has more or fewer cells than there are columns")
    found = TypeAdapter(list[Row]).validate_python(rows)
    if len({row.run for row in found}) < len(found):
        raise ValueError("a run is listed twice")
    return found
