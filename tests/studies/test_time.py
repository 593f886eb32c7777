"""What people are told of time: the whole command as a span, runs counted once, a bar in a notebook."""

from __future__ import annotations

import doctest
import re
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny

import papilio as product
from papilio.data import progress
from papilio.execution import schedule, spans
from papilio.execution.afterwards import REPORT, span_afterwards
from papilio.execution.forecast import Forecast
from papilio.execution.spans import Span
from papilio.runs.plan import RunPlan
from papilio.search.expected import plan_runs
from papilio.studies.images import StudyImages
from papilio.studies.study import load_study
from papilio.workers.messages import Cost

pytestmark = pytest.mark.usefixtures("no_reports")

FOUR = tiny(train__epochs=1)  # runs


def plans_of(**changes: Any) -> list[RunPlan]:
    return plan_runs(load_study(tiny(**changes)))


def forecast_of(plans: list[RunPlan], *, seconds: float, workers: int = 2) -> Forecast:
    forecast = Forecast(workers, lambda plan: "all")
    forecast.learn_cost(plans[0], Cost(seconds, 0))
    return forecast


def test_spans_are_spoken_as_the_docs_say() -> None:
    assert doctest.testmod(spans).failed == 0 and doctest.testmod(spans).attempted > 0


def test_a_span_is_wide_at_first_and_narrower_once_epochs_are_known() -> None:
    plans = plans_of(train__epochs=10)
    assert Forecast(2, lambda plan: "all").span(plans) is None
    forecast = forecast_of(plans, seconds=1.0)
    first = forecast.span(plans)
    assert first is not None and first.low < len(plans) * 10 / 2 < first.high
    forecast.learn_epoch(plans[0], 5, 7.5)  # one and a half times as slow as it looked
    later = forecast.span(plans)
    assert later is not None
    assert later.high / later.low < first.high / first.low
    assert later.low < (len(plans) * 10 - 5) * 1.5 / 2 < later.high


def test_a_run_that_may_stop_early_takes_as_few_epochs_as_its_patience_at_least() -> None:
    stopping = plans_of(train__epochs=100, train__early_stopping={"patience": 4})
    patient, plain = (forecast_of(plans, seconds=1.0).span(plans) for plans in (stopping, plans_of(train__epochs=100)))
    assert patient is not None and plain is not None
    assert patient.high == plain.high and patient.low < plain.low / 10


def test_what_runs_take_beside_their_epochs_counts() -> None:
    plans = plans_of(train__epochs=1)
    forecast = forecast_of(plans, seconds=0.0, workers=1)
    forecast.learn_overhead(3.0)
    assert forecast.span(plans) == Span(3.0 * len(plans), 3.0 * len(plans))


def test_analyses_and_the_report_are_reckoned_with() -> None:
    study = load_study(tiny())
    everything = load_study(tiny(analysis=[{}]))
    images = StudyImages({})
    bare, full = (span_afterwards(one, plan_runs(one), images) for one in (study, everything))
    assert bare.low >= REPORT.low and full.low > bare.low and full.high > bare.high
    more = load_study(tiny(analysis=[{"top": 2}]))
    assert span_afterwards(more, plan_runs(more), images).high > full.high


def test_the_prediction_is_of_the_whole_command_and_the_last_run_leaves_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    product.run_study(FOUR, out=tmp_path / "out", workers=1, began=time.monotonic() - 3000)
    lines = capsys.readouterr().out.splitlines()
    (estimate,) = [line for line in lines if " in all" in line]
    assert re.search(r": (about )?5[0-9] (to|min)", estimate)
    ended = [line for line in lines if re.match(r"\[\d+/4\] .*: done", line)]
    assert all(line.endswith(" left") for line in ended[:-1]) and not ended[-1].endswith(" left")
    assert re.search(r"report: .*\d s", lines[-2])
    assert re.fullmatch(r"4 of 4 runs finished, after 50 min.*", lines[-1])


def test_no_run_is_counted_twice_however_fast_they_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "SHARE_OF_TALLIES", 1e9)
    monkeypatch.setattr(progress, "BETWEEN_LINES", 0.0)  # lines of what is running, too
    product.run_study(FOUR, out=tmp_path / "out", workers=1)
    lines = capsys.readouterr().out.splitlines()
    counts = [match[1] for line in lines if (match := re.match(r"\[(\d)/4\] ", line))]
    assert counts == ["1", "2", "3", "4"]
    assert any(line.startswith("1 of 4 runs finished; dropout 0.0, seed 1: epoch 1") for line in lines)


class Shown:
    """IPython as far as a bar needs it: a kernel's shell, and a display that can change."""

    def __init__(self) -> None:
        self.states: list[Any] = []

    def display(self, shown: Any, *, display_id: bool) -> Shown:
        assert display_id
        self.states.append(shown)
        return self

    def update(self, shown: Any) -> None:
        self.states.append(shown)


def in_a_notebook(monkeypatch: pytest.MonkeyPatch, *, has_kernel: bool) -> Shown:
    shown = Shown()
    shell = types.SimpleNamespace(**({"kernel": object()} if has_kernel else {}))
    package, display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    vars(package).update(get_ipython=lambda: shell)
    vars(display).update(display=shown.display)
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shown


def test_a_notebook_has_a_bar_that_stays_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = in_a_notebook(monkeypatch, has_kernel=True)
    product.run_study(FOUR, out=tmp_path / "out", workers=1)
    values = [re.findall(r'max="4" value="(\d)"', one._repr_html_()) for one in shown.states]
    numbers = [int(one[0]) for one in values if one]
    assert numbers == sorted(numbers) and set(numbers) == {0, 1, 2, 3, 4}
    last = shown.states[-1]
    assert repr(last).startswith("4 of 4 runs") and "left" not in repr(last)
    assert any("left" in repr(one) for one in shown.states)
    assert "[1/4]" not in capsys.readouterr().out


def test_a_prompt_of_ipython_on_a_terminal_is_no_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = in_a_notebook(monkeypatch, has_kernel=False)
    product.run_study(FOUR, out=tmp_path / "out", workers=1)
    assert not shown.states and "[1/4]" in capsys.readouterr().out


def test_silence_holds_in_a_notebook_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = in_a_notebook(monkeypatch, has_kernel=True)
    product.run_study(FOUR, out=tmp_path / "out", workers=1, is_silent=True)
    assert not shown.states
