"""What a plan says of the time that a study will take, and of what could not be timed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from tiny import tiny
from torch import nn

import papilio as product
from papilio.execution.display import estimate_line
from papilio.execution.forecast import Forecast, plans_to_probe, untimed_words
from papilio.runs.plan import RunPlan
from papilio.search.expected import plan_runs
from papilio.studies.images import StudyImages
from papilio.studies.study import load_study
from papilio.workbench import plan_study
from papilio.workers.messages import Cost
from papilio.workers.worker import measure_cost

pytestmark = pytest.mark.usefixtures("no_reports")


def cannot_step(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    raise ArithmeticError("cannot step")


def plans_of(**changes: Any) -> tuple[list[RunPlan], StudyImages]:
    study = load_study(tiny(**changes))
    return plan_runs(study), StudyImages(study.own)


def test_a_study_that_could_not_be_timed_says_so_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The failure of a probe was swallowed, and the plan said nothing of the time."""
    study = tiny(stage=[{"name": "a", "trial": [{"name": "odd"}]}], train__loss=cannot_step)
    planned = plan_study(study, out=tmp_path / "out", workers=1, is_silent=True)
    assert planned.span is None and "ArithmeticError: cannot step" in planned.notes[-1]
    product.run_study(study, out=tmp_path / "out", workers=1, allows_failures=True)
    said = capsys.readouterr().out
    assert 'the runs could not be timed: stage "a", trial "odd": ArithmeticError: cannot step\n' in said
    assert "1 run on 1 worker: how long training takes is not known\n" in said


def test_of_some_runs_that_could_not_be_timed_the_estimate_says_what_it_takes_them_for() -> None:
    plans, images = plans_of(stage=[{"name": "a", "vary": {"model.units": [[4], [8]]}}])
    forecast = Forecast(1, images.structure_of)
    forecast.learn_cost(plans[0], Cost(2.0, 1))
    words = untimed_words([(plans[1], "RuntimeError: " + "x" * 900)], len(plans_to_probe(plans, images.structure_of)))
    assert words.startswith('runs of 1 of 2 structures could not be timed: stage "a", trial "units 8": RuntimeError: x')
    assert words.endswith("; the estimate assumes that they take as long as the others") and len(words) < 600
    whole, first = forecast.span(plans), forecast.span(plans[:1])
    assert whole is not None and first is not None and whole.high == pytest.approx(2 * first.high)
    assert "in all" in estimate_line(span=whole, peak_bytes=1, num_runs=2, num_workers=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"train.precision": ["bfloat16", "float64"]},
        {"train.views": [{"num": 2}, {"num": 3}]},
        {"train.batch_size": [16, 32]},
        {"data.size": [8, 16]},
    ],
)
def test_what_changes_the_time_of_a_step_is_timed_by_itself(changes: dict[str, Any]) -> None:
    plans, images = plans_of(stage=[{"name": "a", "vary": changes}])
    assert len(plans_to_probe(plans, images.structure_of)) == 2


def test_designs_of_targets_are_timed_each_by_itself(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.zeros((40, 8, 8), np.uint8))
    np.save(tmp_path / "labels.npy", np.arange(40.0))
    data = {"path": str(tmp_path / "images.npy"), "labels": str(tmp_path / "labels.npy"), "period": 360}
    plans, images = plans_of(data=data, stage=[{"name": "a", "vary": {"train.target": ["sin_cos", "regression"]}}])
    assert len(plans_to_probe(plans, images.structure_of)) == 2


class Watched(nn.Module):
    """A net that notes of each call whether it learned."""

    calls: ClassVar[list[bool]] = []

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(64, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.calls.append(self.training)
        return self.layer(images.flatten(1))


def test_the_timed_steps_look_at_views() -> None:
    """Validation was timed with a net that learns, which looks at one view of each picture."""
    study = load_study(tiny(model={"family": Watched}, train__views={"num": 4}, stage=[{"name": "a"}]))
    (plan,) = plan_runs(study)
    images = StudyImages(study.own).of_run(plan)
    Watched.calls.clear()
    assert measure_cost(plan.settings, images, threads=1, own=study.own).epoch_seconds > 0
    num_measured = Watched.calls.count(False)
    assert num_measured and num_measured % 4 == 0 and True in Watched.calls
