"""Search spaces: what a study file may say, the points that follow, and the line that refuses what is impossible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tiny import tiny, write_study

from in_process import papilio
from papilio.errors import StudyError
from papilio.search.expected import plan_runs
from papilio.studies.space import MOST_COUNTED, Range, Space, parse_space, point_key
from papilio.studies.study import load_study


def a_stage(vary: Any, **more: Any) -> dict[str, Any]:
    return tiny(stage=[{"name": "search", "vary": vary, **more}])


def drawn(vary: Any) -> dict[str, Any]:
    return a_stage(vary, sampler="random", trials=3)


def complaint(path: Path, study: dict[str, Any]) -> str:
    """The one line that refuses a study file, without the file's name."""
    with pytest.raises(StudyError) as caught:
        plan_runs(load_study(write_study(path / "odd.toml", study)))
    text = str(caught.value)
    assert text.startswith(f"{path / 'odd.toml'}: ") and "\n" not in text
    return text.removeprefix(f"{path / 'odd.toml'}: ")


DROPOUT = "model.dropout"
FIRST, SECOND = "choice.first", "choice.second"


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ({DROPOUT: []}, "vary: 'model.dropout' has no values"),
        ({DROPOUT: {"values": []}}, "vary: 'model.dropout' has no values"),
        ({DROPOUT: {"values": 0.1}}, "vary: 'model.dropout': values must be a list (given: 0.1)"),
        ({DROPOUT: [0.1, 0.2, 0.1]}, "vary: 'model.dropout' lists a value twice"),
        ({"train.epochs": [1, 1.0]}, "vary: 'train.epochs' lists a value twice"),
        ({DROPOUT: 0.1}, "vary: 'model.dropout' needs a list of values, or a table { low, high } (given: 0.1)"),
        ({DROPOUT: {}}, "vary: 'model.dropout': low is missing; a range is { low = 0.001, high = 0.1, log = true }"),
        ({DROPOUT: {"low": 0.1}}, "vary: 'model.dropout': high is missing"),
        ({DROPOUT: {"low": 0.5, "high": 0.1}}, "vary: 'model.dropout': low must be below high (given: 0.5 and 0.1)"),
        ({DROPOUT: {"low": 0.5, "high": 0.5}}, "vary: 'model.dropout': low must be below high (given: 0.5 and 0.5)"),
        ({DROPOUT: {"low": "a", "high": 1}}, "vary: 'model.dropout': low must be a number (given: 'a')"),
        ({DROPOUT: {"low": 0, "high": True}}, "vary: 'model.dropout': high must be a number (given: True)"),
        ({DROPOUT: {"low": 0, "high": 10**16}}, "vary: 'model.dropout': high must be between -1e+15 and 1e+15"),
        ({DROPOUT: {"low": 0, "high": 10**400}}, "dropout.high: an integer is too large; allowed are integers from"),
        ({DROPOUT: {"low": 0.0, "high": 0.5, "log": True}}, "a logarithmic range must begin above 0 (given: 0.0)"),
        ({DROPOUT: {"low": 0.1, "high": 0.5, "log": 1}}, "'model.dropout': log must be true or false (given: 1)"),
        (
            {DROPOUT: {"low": 0.1, "high": 0.5, "step": 0}},
            "step must be above 0, and cannot be combined with log (given: 0)",
        ),
        (
            {DROPOUT: {"low": 0.1, "high": 0.5, "log": True, "step": 0.1}},
            "'model.dropout': step must be above 0, and cannot be combined with log (given: 0.1)",
        ),
        ({DROPOUT: {"low": 0.1, "high": 0.5, "step": 1e-320}}, "'model.dropout': step is too small for this range"),
        ({DROPOUT: {"low": 0.1, "hihg": 0.5}}, "vary: 'model.dropout': 'hihg' is unknown here; did you mean high?"),
        ({DROPOUT: {"values": [0.1], "step": 1}}, "vary: 'model.dropout' has both values and step; keep one of them"),
        (
            {DROPOUT: {"low": 0.1, "high": 0.5}},
            "vary: 'model.dropout' has infinitely many values; give a list or a step, or use",
        ),
        ({"train.batch_size": {"low": 1, "high": 10**9}}, "a grid of 1,000,000,000 points is too large (at most"),
        ({f"choice.{name}": [*range(10)] for name in "abcdef"}, "a grid of 1,000,000 points is too large"),
        ({"modl.dropout": [0.1]}, "'modl.dropout' is not a setting that can vary; allowed are data, model and train"),
        ({"stage.seeds": [1, 2]}, "'stage.seeds' is not a setting that can vary"),
        ({"choice": [1, 2]}, "'choice' is not a setting that can vary"),
        ({"model": [1, 2]}, 'trial "model 1": model is a table; its values in vary must be tables'),
        ({"train": [{"epoch": 1}]}, 'trial "train epoch=1": train.epoch is not a setting; did you mean epochs?'),
        ({"model.dropuot": [0.1]}, 'trial "dropuot 0.1": model.dropuot is not a setting; did you mean dropout?'),
        ({DROPOUT: [0.1, "much"]}, 'trial "dropout much": model.dropout: input should be a valid number'),
        ({"train.epochs.x": [1]}, "train.epochs.x cannot vary: epochs is 3 and not a table"),
        ({"choice.x": [1, 2]}, 'stage "search": "x 1" and "x 2" have the same settings'),
        ({"train.epochs": [2, "2"]}, "train.epochs: input should be a valid integer (given: '2')"),
        (
            {"train.optimizer": ["adam", {"name": "adam"}]},
            '"optimizer adam" and "optimizer adam" have the same settings',
        ),
        ([0.1, 0.2], "[[stage]] 1: vary: input should be a valid dictionary (given: [0.1, 0.2])"),
    ],
)
def test_an_impossible_space_is_refused_in_one_line(vary: Any, message: str, tmp_path: Path) -> None:
    assert message in complaint(tmp_path, a_stage(vary))


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("yes", """'model.dropout': when must be a table, { "model.batch_norm" = true } (given: 'yes')"""),
        (
            {"choice.frist": 1},
            "'model.dropout' depends on 'choice.frist', which does not vary; did you mean choice.first",
        ),
        ({DROPOUT: 0.1}, "vary: 'model.dropout' depends on itself"),
        ({FIRST: 3}, "vary: 'model.dropout' depends on 'choice.first' being 3, which it never is"),
        ({FIRST: [1, 3]}, "vary: 'model.dropout' depends on 'choice.first' being 3, which it never is"),
        ({FIRST: []}, "vary: 'model.dropout': when: 'choice.first' has no values"),
        ({SECOND: 0}, "'model.dropout', 'choice.second' depend on each other in a circle"),
    ],
)
def test_an_impossible_condition_is_refused_in_one_line(when: Any, message: str, tmp_path: Path) -> None:
    second = {"low": 0, "high": 4, "when": {DROPOUT: 0.1}}
    vary = {DROPOUT: {"values": [0.1, 0.2], "when": when}, FIRST: [1, 2], SECOND: second}
    assert message in complaint(tmp_path, a_stage(vary))


def test_a_condition_where_nothing_else_varies_says_so(tmp_path: Path) -> None:
    vary = {DROPOUT: {"values": [0.1], "when": {"model.units": 3}}}
    assert "which does not vary; nothing else varies" in complaint(tmp_path, a_stage(vary))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sampler": "bayes"}, "[[stage]] 1: sampler.name: input should be 'grid', 'random', 'sobol' or 'tpe'"),
        ({"sampler": 3}, "[[stage]] 1: sampler: input should be a valid dictionary"),
        ({"sampler": {"name": "tpe", "sede": 1}}, "[[stage]] 1: sampler.sede is not a setting; did you mean seed?"),
        ({"sampler": {"name": "tpe", "seed": 2**40}, "trials": 2}, "sampler.seed: input should be less than"),
        ({"sampler": "random"}, "trials is missing: the number of trials that random may try"),
        ({"trials": 2}, "a grid tries every point; trials needs sampler = random, sobol or tpe"),
        ({"sampler": "tpe", "trials": "many"}, "[[stage]] 1: trials: input should be a valid integer"),
        ({"sampler": "tpe", "trials": 2, "vary": {}}, "sampler = tpe needs something to vary"),
        ({"pruner": "halfing"}, "[[stage]] 1: pruner.name: input should be 'median', 'halving' or 'hyperband'"),
        (
            {"pruner": {"name": "halving", "factor": 1}},
            "[[stage]] 1: pruner.factor: input should be greater than or equal",
        ),
        ({"folds": 1}, "[[stage]] 1: folds: input should be greater than or equal to 2"),
        ({"folds": True}, "[[stage]] 1: folds: input should be a valid integer"),
        ({"from": 3}, "[[stage]] 1: from: input should be a valid dictionary"),
        ({"from": {"top": 2}}, "[[stage]] 1: from: from needs a stage, or a study"),
        ({"from": "serch"}, "there is no stage 'serch' before it; it is the first one"),
        ({"data": 3}, "[[stage]] 1: data: input should be a valid dictionary"),
    ],
)
def test_an_impossible_stage_is_refused_in_one_line(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    stage = {"name": "search", "vary": {DROPOUT: [0.1, 0.2]}} | changes
    assert message in complaint(tmp_path, tiny(stage=[stage]))


@pytest.mark.parametrize("ends", [(0, 64), (-5, 8)])
def test_the_ends_of_a_range_are_checked_before_anything_runs(ends: tuple[int, int], tmp_path: Path) -> None:
    """A batch size of 0 came up in the middle of a study, and ended it."""
    vary = {"train.batch_size": {"low": ends[0], "high": ends[1]}}
    assert f"train.batch_size: input should be greater than or equal to 1 (given: {ends[0]})" in complaint(
        tmp_path, drawn(vary)
    )


@pytest.mark.parametrize("study", [a_stage({DROPOUT: [0.1]}, sampler="tpe"), drawn({DROPOUT: {"low": 1, "high": 0}})])
def test_the_command_line_refuses_with_status_2(study: dict[str, Any], tmp_path: Path) -> None:
    done = papilio("run", write_study(tmp_path / "odd.toml", study), "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith(f"papilio: {tmp_path / 'odd.toml'}: [[stage]] 1: ")
    assert done.stderr.count("\n") == 1 and not (tmp_path / "out" / "runs").exists()


def test_a_conditional_grid_is_exactly_the_points_that_are_possible() -> None:
    space = parse_space(
        {
            "train.weight_decay": {"values": [0.1, 0.2], "when": {"choice.decay": True}},
            "choice.decay": [False, True],
            "model.units": {"values": [[4], [4, 4]], "when": {"choice.decay": [True, False]}},
            "train.augment.shift": {"low": 1, "high": 2, "when": {"model.units": [4, 4], "choice.decay": True}},
        }
    )
    off = [{"choice.decay": False, "model.units": [4]}, {"choice.decay": False, "model.units": [4, 4]}]
    on = []
    for decay in (0.1, 0.2):
        first = {"choice.decay": True, "train.weight_decay": decay}
        on += [first | {"model.units": [4]}]
        on += [first | {"model.units": [4, 4], "train.augment.shift": shift} for shift in (1, 2)]
    points = list(space.grid())
    assert sorted(map(point_key, points)) == sorted(map(point_key, off + on))
    assert space.num_points == 8
    assert points[0] == {"choice.decay": False, "model.units": [4]}


def test_the_grid_is_in_the_order_of_the_file_and_the_last_key_changes_fastest() -> None:
    space = parse_space({"train.epochs": [2, 1], DROPOUT: [0.5, 0.1]})
    pairs = [tuple(point.values()) for point in space.grid()]
    assert pairs == [(2, 0.5), (2, 0.1), (1, 0.5), (1, 0.1)]


def test_a_condition_on_a_list_means_one_value_where_that_list_is_one() -> None:
    space = parse_space({"model.units": [[8, 8], [8]], DROPOUT: {"values": [0.1], "when": {"model.units": [8, 8]}}})
    assert [*space.grid()] == [{"model.units": [8, 8], DROPOUT: 0.1}, {"model.units": [8]}]


def test_a_huge_space_whose_conditions_leave_little_is_a_grid() -> None:
    """Its points were taken to be as many as without conditions, and a grid of them to be without end."""
    own = {
        f"choice.{kind}{index}": {"values": [0, 1, 2, 3], "when": {"choice.kind": kind}}
        for kind in "abcdefghij"
        for index in (1, 2)
    }
    assert parse_space({"choice.kind": [*"abcdefghij"]} | own).num_points == 10 * 4 * 4


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"low": 1, "high": 10, "step": 4}, [1, 5, 9]),
        ({"low": 0.1, "high": 0.5, "step": 0.2}, [0.1, 0.3, 0.5]),
        ({"low": 10000.5, "high": 10002.5, "step": 0.5}, [10000.5, 10001.0, 10001.5, 10002.0, 10002.5]),
        ({"low": 1, "high": 2, "step": 0.25}, [1.0, 1.25, 1.5, 1.75, 2.0]),
        ({"low": 3, "high": 6, "log": True}, [3, 4, 5, 6]),
        ({"low": 0.1, "high": 0.25, "step": 0.1}, [0.1, 0.2]),
    ],
)
def test_a_range_with_steps_is_a_list(table: dict[str, Any], expected: list[float]) -> None:
    """Values of five digits were rounded to four, so that a grid had the same point twice."""
    space = parse_space({"train.x": table})
    assert [point["train.x"] for point in space.grid()] == expected


def test_a_narrow_range_has_more_than_a_few_numbers() -> None:
    """Numbers from 0.9999 to 0.99999 were rounded to four digits: to the two ends."""
    space = parse_space({"train.momentum": {"low": 0.9999, "high": 0.99999}})
    assert len({space.at([index / 100])["train.momentum"] for index in range(100)}) == 100


def test_a_logarithmic_range_gives_each_decade_the_same_share() -> None:
    space = parse_space({"train.rate": {"low": 1e-4, "high": 1.0, "log": True}})
    rates = [space.at([(index + 0.5) / 400])["train.rate"] for index in range(400)]
    assert [sum(low <= rate < 10 * low for rate in rates) for low in (1e-4, 1e-3, 1e-2, 1e-1)] == [100] * 4
    whole = parse_space({"train.x": {"low": 1, "high": 8, "log": True}})
    values = [whole.at([(index + 0.5) / 1000])["train.x"] for index in range(1000)]
    assert set(values) == set(range(1, 9)) and values.count(1) > 2 * values.count(2) > 2 * values.count(4)


numbers = st.one_of(st.integers(-50, 50), st.floats(-50, 50).map(lambda number: round(number, 3)))
plain_values = st.one_of(
    st.booleans(),
    st.integers(-9, 9),
    st.floats(-9, 9),
    st.sampled_from(["relu", "tanh"]),
    st.lists(st.integers(1, 9), max_size=2),
    st.fixed_dictionaries({"name": st.sampled_from(["adam", "sgd"])}),
)


@st.composite
def ranges(draw: st.DrawFn) -> dict[str, Any]:
    low, high = sorted([draw(numbers), draw(numbers)])
    assume(low < high)
    if low > 0 and draw(st.booleans()):
        return {"low": low, "high": high, "log": True}
    step = draw(st.sampled_from([None, 1, 7, 0.5, 0.013]))
    return {"low": low, "high": high} | ({} if step is None else {"step": step})


@st.composite
def varied(draw: st.DrawFn, *, is_countable: bool) -> dict[str, Any]:
    """A vary table of up to four keys, some of which depend on the one before."""
    vary: dict[str, Any] = {}
    for index in range(draw(st.integers(1, 4))):
        if not is_countable and draw(st.booleans()):
            one: dict[str, Any] = draw(ranges())
        else:
            values = draw(st.lists(plain_values, min_size=1, max_size=4))
            one = {"values": [value for at, value in enumerate(values) if value not in values[:at]]}
        before = vary.get(f"choice.x{index - 1}", {}).get("values")
        if before and draw(st.booleans()):
            one["when"] = {f"choice.x{index - 1}": [draw(st.sampled_from(before))]}
        vary[f"choice.x{index}"] = one
    return vary


@settings(max_examples=150, deadline=None)
@given(vary=varied(is_countable=True))
def test_a_grid_has_each_point_once_and_as_many_as_it_says(vary: dict[str, Any]) -> None:
    space = parse_space(vary)
    points = list(space.grid())
    assert len({point_key(point) for point in points}) == len(points) == space.num_points
    assert all(space.holds(point) for point in points)


@settings(max_examples=200, deadline=None)
@given(vary=varied(is_countable=False), data=st.data())
def test_every_place_of_the_cube_is_a_point_of_the_space(vary: dict[str, Any], data: st.DataObject) -> None:
    space = parse_space(vary)
    size = len(space.parameters)
    point = space.at(data.draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=size, max_size=size)))
    assert space.holds(point)
    assert not space.holds(point | {"choice.other": 1})
    assert not space.holds({key: value for key, value in point.items() if key != "choice.x0"})
    assert not space.holds(point | {"choice.x0": "never"})


@settings(max_examples=200, deadline=None)
@given(table=ranges(), unit=st.floats(0, 1, exclude_max=True), number=st.floats(-100, 100))
def test_numbers_of_a_range_stay_in_it(table: dict[str, Any], unit: float, number: float) -> None:
    (one,) = parse_space({"train.x": table}).parameters
    assert isinstance(one, Range)
    for value in (one.at(unit), one.tidy(number)):
        assert one.low <= value <= one.high and one.can_be(value)
        assert one.num_values is None or one.tidy(value) == value
    if one.num_values is not None:
        assert one.can_be(one.last) and one.tidy(1e9) == one.last


def test_a_space_that_cannot_be_counted_says_so_and_a_large_one_is_not_gone_through() -> None:
    assert parse_space({"train.x": {"low": 0.0, "high": 1.0}}).num_points is None
    assert Space(()).num_points == 1
    wide = {f"train.x{index}": {"low": 1, "high": 10**6} for index in range(5)}
    assert parse_space(wide).num_points == 10**30
    conditional = wide | {"train.y": {"values": [1, 2], "when": {"train.x0": 3}}}
    assert (parse_space(conditional).num_points or 0) > MOST_COUNTED
