"""One contract for every sampler on every kind of space, and what each promises beyond it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from papilio.search.samplers import (
    GridSampler,
    Sampler,
    TPESampler,
    distributions,
    encoded,
    random_sampler,
    sobol_sampler,
)
from papilio.studies.space import Point, Space, parse_space, point_key

SAMPLERS: dict[str, Callable[[Space, int], Sampler]] = {
    "grid": lambda space, seed: GridSampler(space),
    "random": lambda space, seed: random_sampler(space, seed=seed),
    "sobol": lambda space, seed: sobol_sampler(space, seed=seed),
    "tpe": lambda space, seed: TPESampler(space, seed=seed, is_maximized=True),
}
SPACES: dict[str, dict[str, Any]] = {
    "lists": {"train.epochs": [1, 2, 3], "model.activation": ["relu", "tanh"], "model.batch_norm": [True, False]},
    "lists of lists": {"model.units": [[8], [8, 8], [4, 4, 4], []], "model.dropout": [0.0, 0.5]},
    "tables": {"train.optimizer": ["adam", {"name": "adam", "learning_rate": 0.1}, {"name": "sgd"}]},
    "whole numbers": {"train.epochs": {"low": 1, "high": 12}, "train.batch_size": {"low": 8, "high": 30, "step": 4}},
    "whole numbers, logarithmic": {"train.epochs": {"low": 1, "high": 40, "log": True}},
    "steps": {"model.dropout": {"low": 0.1, "high": 0.75, "step": 0.1}},
    "ranges": {
        "train.learning_rate": {"low": 1e-4, "high": 0.1, "log": True},
        "model.dropout": {"low": 0, "high": 0.9},
    },
    "conditional": {
        "train.weight_decay": {"values": [0.1, 0.2, 0.3], "when": {"choice.decay": True}},
        "choice.decay": [False, True],
        "train.epochs": {"low": 1, "high": 3, "when": {"train.weight_decay": [0.1, 0.2]}},
    },
    "conditional ranges": {
        "train.optimizer": ["sgd", "adam"],
        "train.momentum": {"low": 0.5, "high": 0.99, "when": {"train.optimizer": "sgd"}},
    },
    "decisions": {"choice.base": ["wide", "deep"], "choice.other": [1, 2]},
    "a single point": {"model.dropout": [0.1]},
}
COUNTABLE = [name for name, vary in SPACES.items() if parse_space(vary).is_countable]
ENDLESS = [name for name in SPACES if name not in COUNTABLE]
EACH = [(sampler, space) for sampler in SAMPLERS for space in SPACES if sampler != "grid" or space in COUNTABLE]
contract = pytest.mark.parametrize(("sampler", "space"), EACH)
of_countable = pytest.mark.parametrize(("sampler", "space"), [pair for pair in EACH if pair[1] in COUNTABLE])


def made(sampler: str, space: str, *, seed: int = 3) -> tuple[Sampler, Space]:
    parsed = parse_space(SPACES[space])
    return SAMPLERS[sampler](parsed, seed), parsed


def proposals(sampler: Sampler, most: int) -> list[Point]:
    """What it proposes, hearing nothing of how it went."""
    return list(itertools.islice(iter(sampler.propose, None), most))


def told(sampler: Sampler, most: int, value: Callable[[Point], float | None]) -> list[Point]:
    """What it proposes while it hears of every point before it proposes another."""
    points = []
    for point in itertools.islice(iter(sampler.propose, None), most):
        sampler.learn(point, value(point), epoch=1, is_final=True)
        points.append(point)
    return points


def failing_often(point: Point) -> float | None:
    """A made-up metric that is not always there."""
    digest = sum(point_key(point).encode())
    return None if digest % 3 == 0 else digest / 1000


@contract
def test_points_are_of_the_space_and_never_come_twice(sampler: str, space: str) -> None:
    one, parsed = made(sampler, space)
    points = proposals(one, 30)
    assert points and all(parsed.holds(point) for point in points)
    assert len({point_key(point) for point in points}) == len(points)


@of_countable
def test_a_countable_space_is_exhausted_to_the_last_point_and_then_there_is_none(sampler: str, space: str) -> None:
    one, parsed = made(sampler, space)
    points = proposals(one, 1000)
    assert sorted(map(point_key, points)) == sorted(map(point_key, parsed.grid()))
    assert one.propose() is None and one.propose() is None


@of_countable
def test_results_do_not_change_what_a_countable_space_comes_to(sampler: str, space: str) -> None:
    one, parsed = made(sampler, space)
    points = told(one, 1000, failing_often)
    assert sorted(map(point_key, points)) == sorted(map(point_key, parsed.grid()))


@pytest.mark.parametrize("space", ENDLESS)
@pytest.mark.parametrize("sampler", ["random", "sobol", "tpe"])
def test_an_endless_space_always_has_another_point(sampler: str, space: str) -> None:
    one, _ = made(sampler, space)
    assert len(told(one, 60, failing_often)) == 60


@contract
def test_the_same_seed_gives_the_same_points_and_more_of_them_begin_alike(sampler: str, space: str) -> None:
    first, second = (proposals(made(sampler, space)[0], num) for num in (10, 20))
    assert second[: len(first)] == first


@pytest.mark.parametrize("sampler", ["random", "sobol", "tpe"])
def test_another_seed_gives_other_points(sampler: str) -> None:
    first, second = (proposals(made(sampler, "ranges", seed=seed)[0], 8) for seed in (1, 2))
    assert first != second


@pytest.mark.parametrize("sampler", ["random", "sobol", "grid"])
def test_samplers_that_do_not_learn_do_not_heed_results(sampler: str) -> None:
    deaf, hearing = (made(sampler, "whole numbers")[0] for _ in range(2))
    assert proposals(deaf, 20) == told(hearing, 20, failing_often)


@pytest.mark.parametrize("sampler", ["random", "sobol", "tpe"])
def test_the_rarest_points_of_a_large_space_come_too(sampler: str) -> None:
    """Among 1,500 points, a thousand draws that gave nothing new passed for the end of the space."""
    vary = {
        "choice.kind": ["common", "rare"],
        "choice.rarer": {"values": [*range(30)], "when": {"choice.kind": "rare"}},
        "choice.rarest": {"low": 1, "high": 50, "log": True, "when": {"choice.rarer": 7}},
    }
    space = parse_space(vary)
    points = proposals(SAMPLERS[sampler](space, 0), 1000)
    assert len(points) == space.num_points == 1 + 29 + 50


@pytest.mark.parametrize("space", SPACES)
def test_a_sampler_that_learns_proposes_nothing_that_it_was_told_of(space: str) -> None:
    before, parsed = made("tpe", space)
    assert isinstance(before, TPESampler)
    known = told(before, 15, failing_often)
    after = TPESampler(parsed, seed=3, is_maximized=True)
    for point in known:
        after.recall(point)
        after.learn(point, failing_often(point), epoch=2, is_final=point_key(point) > "m")
    new = proposals(after, 15)
    assert not {point_key(point) for point in known} & {point_key(point) for point in new}
    assert len(new) == 15 or len(new) + len(known) == parsed.num_points


def away(point: Point) -> float:
    """How far a point is from the best one of "ranges": on a logarithmic scale for the rate, 0 at best."""
    return abs(math.log10(point["train.learning_rate"]) + 2) + abs(point["model.dropout"] - 0.3)


@pytest.mark.parametrize("is_maximized", [True, False])
def test_tpe_finds_better_points_than_chance(is_maximized: bool) -> None:
    sign = -1 if is_maximized else 1
    space = parse_space(SPACES["ranges"])
    learnt, drawn = 0.0, 0.0
    for seed in range(5):
        sampler = TPESampler(space, seed=seed, is_maximized=is_maximized)
        learnt += sum(map(away, told(sampler, 60, lambda point: sign * away(point))[20:]))
        drawn += sum(map(away, proposals(random_sampler(space, seed=seed), 60)[20:]))
    assert learnt < 0.7 * drawn


def test_tpe_learns_of_conditional_keys_where_they_are() -> None:
    space = parse_space(SPACES["conditional ranges"])
    sampler = TPESampler(space, seed=0, is_maximized=True)
    points = told(sampler, 60, lambda point: point.get("train.momentum", 0.0))
    assert sum(point["train.optimizer"] == "sgd" for point in points[30:]) > 20


def test_tpe_counts_points_that_were_cut_by_what_they_had() -> None:
    """Cut points say where not to look: those that were good at the same epoch are followed."""
    space = parse_space(SPACES["ranges"])
    sampler = TPESampler(space, seed=1, is_maximized=False)
    for point in proposals(sampler, 40):
        sampler.learn(point, away(point), epoch=3, is_final=False)
    followed = np.mean([away(point) for point in proposals(sampler, 20)])
    assert followed < 0.6 * np.mean([away(point) for point in proposals(random_sampler(space, seed=1), 20)])


def test_a_sobol_sequence_fills_every_part_of_the_cube() -> None:
    space = parse_space({"train.x": {"low": 0.0, "high": 8.0}, "train.y": {"low": 0.0, "high": 8.0}})
    points = proposals(sobol_sampler(space, seed=2), 64)
    cells = {(int(point["train.x"]), int(point["train.y"])) for point in points}
    assert len(cells) == 64


@pytest.mark.parametrize("space", SPACES)
def test_points_can_be_written_down_for_optuna(space: str) -> None:
    one, parsed = made("random", space)
    kinds = distributions(parsed)
    for point in proposals(one, 10):
        for key, value in encoded(point, parsed).items():
            assert kinds[key]._contains(kinds[key].to_internal_repr(value))
