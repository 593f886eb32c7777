"""What may start before it is timed, and when its time is told then."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import tiny
from torch import nn

import papilio as product
from papilio.execution.bounds import (
    LONGEST_UNTIMED,
    NO_QUESTION,
    Bounds,
    Question,
    is_short,
    operations_per_image,
)
from papilio.execution.forecast import OF_PROBES, OVERHEAD, Forecast
from papilio.models.description import Description, LayerRow
from papilio.runs.plan import RunPlan
from papilio.search.expected import plan_runs
from papilio.studies.images import StudyImages
from papilio.studies.study import load_study
from papilio.workers import worker
from papilio.workers.messages import Cost

pytestmark = pytest.mark.usefixtures("no_reports")


class Flat(nn.Module):
    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(64, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images.flatten(1))


def plans_of(**changes: Any) -> tuple[list[RunPlan], Bounds]:
    study = load_study(tiny(**changes))
    return plan_runs(study), Bounds(StudyImages(study.own))


def bound_of(**changes: Any) -> float:
    plans, bounds = plans_of(**changes)
    return bounds.study_seconds(plans, num_workers=1)


def test_operations_count_each_weight_at_each_of_its_places() -> None:
    rows = (
        LayerRow("0", "Conv2d", (16, 14, 14), 160),
        LayerRow("1", "ReLU", (16, 14, 14), 0),
        LayerRow("2", "Linear", (10,), 100),
    )
    assert operations_per_image(Description(rows, 260)) == 2 * (160 * 14 * 14 + 100)
    assert operations_per_image(Description((*rows, LayerRow("generator", "Net", (), 5)), 265)) is None


def test_the_bound_grows_with_what_is_trained() -> None:
    stage = [{"name": "a"}]
    one = bound_of(stage=stage, train__epochs=10)
    assert bound_of(stage=stage, train__epochs=20) == pytest.approx(2 * one)
    assert bound_of(stage=[{"name": "a", "seeds": 3}], train__epochs=10) == pytest.approx(3 * one)
    wide = {"family": "mlp", "units": [4096, 4096]}
    assert bound_of(stage=stage, train__epochs=10, model=wide) > 10 * one
    plans, bounds = plans_of(stage=[{"name": "a", "seeds": 4}], train__epochs=10)
    assert bounds.study_seconds(plans, num_workers=2) == pytest.approx(2 * one)
    assert bounds.study_seconds(plans, num_workers=9) == pytest.approx(one)


@pytest.mark.parametrize(
    "changes",
    [
        {"train__device": "cuda"},
        {"train__engine": "numpy"},
        {"train__views": {"num": 4}},
        {"model": {"family": Flat}},
        {"train__loss": nn.functional.cross_entropy},
        {"model": {"family": "dcgan"}, "data__size": 16},
    ],
)
def test_what_is_not_known_has_no_bound(changes: dict[str, Any]) -> None:
    assert bound_of(stage=[{"name": "a"}], **changes) == math.inf


def test_thousands_of_structures_are_not_described() -> None:
    assert bound_of(stage=[{"name": "a", "vary": {"model.units": [[one] for one in range(1, 102)]}}]) == math.inf


def test_who_is_asked_is_asked_with_a_prediction() -> None:
    asked: list[float] = []
    question = Question(lambda seconds: bool(asked.append(seconds)), 7200.0)
    assert question(7199.0) and not asked
    assert not question(7200.0) and asked == [7200.0]
    assert is_short(3600.0, question) and not is_short(3601.0, question)
    assert is_short(60.0, Question(question.ask, 120.0)) and not is_short(61.0, Question(question.ask, 120.0))
    assert is_short(LONGEST_UNTIMED, NO_QUESTION) and not is_short(LONGEST_UNTIMED + 1, NO_QUESTION)
    assert not is_short(0.0, lambda seconds: True)  # who asks by other rules wants to know


def timed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs of which a few steps are timed from now on."""
    names: list[str] = []
    measure = worker.measure_cost

    def notes(*arguments: Any, **options: Any) -> Cost:
        names.append("timed")
        return measure(*arguments, **options)

    monkeypatch.setattr(worker, "measure_cost", notes)
    return names


def test_a_short_study_starts_untimed_and_its_first_epochs_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = timed(monkeypatch)
    product.run_study(tiny(stage=[{"name": "a", "seeds": 2}]), out=tmp_path / "out", workers=1)
    said = capsys.readouterr().out
    assert not names
    assert said.count("2 runs on 1 worker: ") == 1 and "B of memory\n" in said
    assert said.index("2 runs on 1 worker: ") < said.index("[1/2]")


def test_a_function_that_is_asked_hears_what_was_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, asked = timed(monkeypatch), []
    product.run_study(
        tiny(stage=[{"name": "a"}]),
        out=tmp_path / "out",
        workers=1,
        is_silent=True,
        confirm=lambda s: not asked.append(s),
    )
    assert names == ["timed"] and len(asked) == 1 and asked[0] > 0


def test_what_may_take_hours_is_timed_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = timed(monkeypatch)
    monkeypatch.setattr("papilio.execution.bounds.LONGEST_UNTIMED", 0.0)
    product.run_study(tiny(stage=[{"name": "a"}]), out=tmp_path / "out", workers=1)
    assert names == ["timed"] and capsys.readouterr().out.count("1 run on 1 worker: ") == 1


def test_runs_of_which_nothing_was_measured_lie_between_equal_times_and_equal_speeds() -> None:
    """An estimate from the first epochs of a small network says what a large one may take."""
    plans, bounds = plans_of(stage=[{"name": "a", "vary": {"model.units": [[8], [2048, 2048]]}}], train__epochs=1)
    forecast = Forecast(1, bounds.images.structure_of, work_of=bounds.epoch_seconds)
    forecast.learn_epoch(plans[0], 1, 2.0)
    ratio = (bounds.epoch_seconds(plans[1]) or 0) / (bounds.epoch_seconds(plans[0]) or 1)
    assert ratio > 10
    span = forecast.span(plans[1:])
    assert span is not None
    assert span.low == pytest.approx(2.0 * OF_PROBES.low + OVERHEAD)
    assert span.high == pytest.approx(2.0 * ratio * OF_PROBES.high + OVERHEAD)
    forecast.learn_epoch(plans[1], 1, 3.0)
    assert (forecast.span(plans[:1]) or span).high < 3.0


def test_memory_is_that_of_the_largest_worker_times_their_number() -> None:
    forecast = Forecast(3, lambda plan: "one")
    assert forecast.peak_bytes() == 0
    forecast.learn_peak(50)
    forecast.learn_peak(40)
    assert forecast.peak_bytes() == 150
