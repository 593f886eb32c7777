"""The search space of a stage: which settings vary, over which values, and under which conditions.

A point is a dictionary of dotted keys and values; a key whose condition does not hold is not in it. Every point has a place in
the unit cube, one coordinate a key, so that any sampler that draws from the cube can draw points.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

from papilio.errors import did_you_mean
from papilio.settings.values import canonical

Point = dict[str, Any]
CHOICE = "choice"  # choice.NAME sets nothing: it is a decision that conditions refer to
VARIED_TABLES = ("data", "model", "train", CHOICE)
RANGE_KEYS = ("low", "high", "log", "step")
MOST_COUNTED = 100_000  # points of a space with conditions, and of any grid; runs of a stage
LARGEST = 1e15  # up to here every whole number is a float
FINEST = 1e-11  # the least step, relative to the numbers that it leads to
DIGITS = 4  # of a drawn number: readable in tables, and far finer than what training notices


@dataclass(frozen=True)
class Condition:
    """A key is there only where another one has one of these values."""

    key: str
    values: tuple[Any, ...]

    def holds(self, point: Point) -> bool:
        """Whether the point, in which the other key is already decided, meets the condition."""
        return self.key in point and point[self.key] in self.values


@dataclass(frozen=True)
class Choice:
    """One of some values, in no order: numbers, words, lists or tables."""

    key: str
    values: tuple[Any, ...]
    conditions: tuple[Condition, ...] = ()

    @property
    def num_values(self) -> int:
        """How many values there are."""
        return len(self.values)

    def value(self, index: int) -> Any:
        """The values in their order, counted from 0."""
        return self.values[index]

    def at(self, unit: float) -> Any:
        """The value at a place in [0, 1)."""
        return self.values[min(int(unit * len(self.values)), len(self.values) - 1)]

    def can_be(self, value: Any) -> bool:
        """Whether the key may take the value."""
        return value in self.values


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included; evenly spread, or evenly on a logarithmic scale."""

    key: str
    low: float
    high: float
    is_log: bool = False
    step: float | None = None
    conditions: tuple[Condition, ...] = ()

    @property
    def is_integer(self) -> bool:
        """Whole numbers at both ends (and as step) mean whole numbers in between."""
        return all(isinstance(one, int) for one in (self.low, self.high, self.step or 1))

    @property
    def num_values(self) -> int | None:
        """None where they are not countable."""
        if self.step is None and not self.is_integer:
            return None
        return math.floor((self.high - self.low) / (self.step or 1) + 1e-9) + 1

    @property
    def last(self) -> float:
        """The highest value: below `high` where the step does not lead there."""
        return self.high if self.num_values is None else self.value(self.num_values - 1)

    def value(self, index: int) -> Any:
        """The countable values in order, counted from 0."""
        number = self.low + index * (self.step or 1)
        return number if self.is_integer else min(max(float(f"{number:.12g}"), self.low), self.high)

    def at(self, unit: float) -> Any:
        """The value at a place in [0, 1)."""
        if self.is_log:
            low, high = (self.low - 0.5, self.high + 0.5) if self.is_integer else (self.low, self.high)
            return self.tidy(math.exp(math.log(low) + unit * (math.log(high) - math.log(low))))
        if self.num_values is not None:
            return self.value(min(int(unit * self.num_values), self.num_values - 1))
        return self.tidy(self.low + unit * (self.high - self.low))

    def can_be(self, value: Any) -> bool:
        """Whether the key may take the value."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        return self.num_values is None or value == self.value(round((value - self.low) / (self.step or 1)))

    def tidy(self, value: float) -> Any:
        """The nearest number of this range; to four digits (of a narrow range: more) where they are not countable."""
        if self.num_values is not None:
            return self.value(min(max(round((value - self.low) / (self.step or 1)), 0), self.num_values - 1))
        narrowness = max(abs(self.low), abs(self.high)) / (self.high - self.low)
        digits = DIGITS + max(0, math.floor(math.log10(narrowness)))
        return min(max(float(f"{value:.{digits}g}"), self.low), self.high)


Parameter = Choice | Range


@dataclass(frozen=True)
class Space:
    """The parameters of a stage, each after those that its conditions refer to."""

    parameters: tuple[Parameter, ...]

    @property
    def is_countable(self) -> bool:
        """Whether every parameter has finitely many values, so that a grid can go through them."""
        return all(one.num_values is not None for one in self.parameters)

    @cached_property
    def num_points(self) -> int | None:
        """How many different points there are (of a huge space with conditions: at most), None where not countable."""
        if not self.is_countable:
            return None
        most = math.prod(one.num_values or 0 for one in self.parameters)
        if not any(one.conditions for one in self.parameters):
            return most
        counted = sum(1 for _ in islice(self.grid(), MOST_COUNTED + 1))
        return counted if counted <= MOST_COUNTED else most

    def grid(self) -> Iterator[Point]:
        """Every point exactly once, the last key changing fastest; the space must be countable."""
        branches: list[Iterator[Point]] = [iter([Point()])]  # of the first parameters, each an iterator over its values
        while branches:
            point = next(branches[-1], None)
            if point is None:
                branches.pop()
            elif len(branches) > len(self.parameters):
                yield point
            else:
                branches.append(_with_values(point, self.parameters[len(branches) - 1]))

    def at(self, unit: Sequence[float]) -> Point:
        """The point at a place in the unit cube; coordinates of keys that do not exist do not matter."""
        point: Point = {}
        for parameter, coordinate in zip(self.parameters, unit, strict=True):
            if all(condition.holds(point) for condition in parameter.conditions):
                point[parameter.key] = parameter.at(coordinate)
        return point

    def holds(self, point: Mapping[str, Any]) -> bool:
        """Whether the point is one of this space: the right keys, each with a value that it may take."""
        seen: Point = {}
        for parameter in self.parameters:
            is_there = all(condition.holds(seen) for condition in parameter.conditions)
            if is_there != (parameter.key in point):
                return False
            if is_there:
                if not parameter.can_be(point[parameter.key]):
                    return False
                seen[parameter.key] = point[parameter.key]
        return len(seen) == len(point)


def parse_space(vary: Mapping[str, Any]) -> Space:
    """The space that a stage's `vary` table describes; raises ValueError, naming the key, where it is impossible."""
    parameters = {key: _parse_parameter(key, value) for key, value in vary.items()}
    for key, parameter in parameters.items():
        conditions = tuple(_checked_condition(key, condition, parameters) for condition in parameter.conditions)
        parameters[key] = replace(parameter, conditions=conditions)
    return Space(tuple(_conditions_first(parameters)))


def _with_values(point: Point, parameter: Parameter) -> Iterator[Point]:
    """The point with each of a parameter's values, or as it is where the parameter's conditions do not hold."""
    if not all(condition.holds(point) for condition in parameter.conditions):
        yield point
        return
    for number in range(parameter.num_values or 0):
        yield point | {parameter.key: parameter.value(number)}


def point_key(point: Mapping[str, Any]) -> str:
    """Equal for equal points: what tells whether a point was tried before."""
    return canonical(point)


def _parse_parameter(key: str, value: Any) -> Parameter:
    table, _, rest = key.partition(".")
    if table not in VARIED_TABLES or (table == CHOICE and not rest):
        raise ValueError(
            f"vary: {key!r} is not a setting that can vary; allowed are data, model and train.something, and choice.NAME"
        )
    if isinstance(value, list):
        return _parse_choice(key, value, ())
    if not isinstance(value, Mapping):
        raise ValueError(f"vary: {key!r} needs a list of values, or a table {{ low, high }} (given: {value!r})")
    allowed = (*RANGE_KEYS, "values", "when")
    for name in value:
        if name not in allowed:
            raise ValueError(f"vary: {key!r}: {name!r} is unknown here; {did_you_mean(str(name), allowed)}")
    conditions = _parse_conditions(key, value.get("when", {}))
    if "values" in value:
        if mixed := [name for name in RANGE_KEYS if name in value]:
            raise ValueError(f"vary: {key!r} has both values and {mixed[0]}; keep one of them")
        return _parse_choice(key, value["values"], conditions)
    return _parse_range(key, value, conditions)


def _parse_choice(key: str, values: Any, conditions: tuple[Condition, ...]) -> Choice:
    if not isinstance(values, list):
        raise ValueError(f"vary: {key!r}: values must be a list (given: {values!r})")
    if not values:
        raise ValueError(f"vary: {key!r} has no values")
    if any(value in values[:index] for index, value in enumerate(values)):  # 1, 1.0 and true are equal
        raise ValueError(f"vary: {key!r} lists a value twice")
    return Choice(key, tuple(values), conditions)


def _parse_range(key: str, table: Mapping[str, Any], conditions: tuple[Condition, ...]) -> Range:
    for name in ("low", "high"):
        if name not in table:
            raise ValueError(f"vary: {key!r}: {name} is missing; a range is {{ low = 0.001, high = 0.1, log = true }}")
    for name in ("low", "high", "step"):
        if name in table and (isinstance(table[name], bool) or not isinstance(table[name], int | float)):
            raise ValueError(f"vary: {key!r}: {name} must be a number (given: {table[name]!r})")
        if abs(table.get(name, 0)) > LARGEST:
            raise ValueError(f"vary: {key!r}: {name} must be between -{LARGEST:g} and {LARGEST:g}")
    low, high, step, is_log = table["low"], table["high"], table.get("step"), table.get("log", False)
    if not isinstance(is_log, bool):
        raise ValueError(f"vary: {key!r}: log must be true or false (given: {is_log!r})")
    if low >= high:
        raise ValueError(f"vary: {key!r}: low must be below high (given: {low} and {high})")
    if is_log and low <= 0:
        raise ValueError(f"vary: {key!r}: a logarithmic range must begin above 0 (given: {low})")
    if step is not None and (step <= 0 or is_log):
        raise ValueError(f"vary: {key!r}: step must be above 0, and cannot be combined with log (given: {step})")
    if step is not None and FINEST * max(abs(low), abs(high)) > step:
        raise ValueError(f"vary: {key!r}: step is too small for this range (given: {step})")
    return Range(key, low, high, is_log, step, conditions)


def _parse_conditions(key: str, when: Any) -> tuple[Condition, ...]:
    if not isinstance(when, Mapping):
        raise ValueError(f'vary: {key!r}: when must be a table, {{ "model.batch_norm" = true }} (given: {when!r})')
    return tuple(Condition(other, tuple(one if isinstance(one, list) else [one])) for other, one in when.items())


def _checked_condition(key: str, condition: Condition, parameters: Mapping[str, Parameter]) -> Condition:
    other = parameters.get(condition.key)
    if condition.key == key:
        raise ValueError(f"vary: {key!r} depends on itself")
    if other is None:
        others = [name for name in parameters if name != key]
        known = did_you_mean(condition.key, others) if others else "nothing else varies"
        raise ValueError(f"vary: {key!r} depends on {condition.key!r}, which does not vary; {known}")
    if other.can_be(list(condition.values)):  # of filters = [[32, 64], [64, 128]], [32, 64] is one value and not two
        return Condition(condition.key, (list(condition.values),))
    if not condition.values:
        raise ValueError(f"vary: {key!r}: when: {condition.key!r} has no values")
    for value in condition.values:
        if not other.can_be(value):
            raise ValueError(f"vary: {key!r} depends on {condition.key!r} being {value!r}, which it never is")
    return condition


def _conditions_first(parameters: Mapping[str, Parameter]) -> Iterator[Parameter]:
    """The parameters in their own order, but each after those that it depends on."""
    waiting, placed = dict(parameters), set()
    while waiting:
        ready = [key for key, one in waiting.items() if all(condition.key in placed for condition in one.conditions)]
        if not ready:
            raise ValueError(f"vary: {', '.join(map(repr, waiting))} depend on each other in a circle")
        placed.add(ready[0])
        yield waiting.pop(ready[0])
