"""A setting that a later version brings makes no other runs of those that are finished, until it is set to something else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field
from tiny import tiny

import papilio as product
from papilio.models.classifiers import mlp
from papilio.models.families import FAMILIES
from papilio.models.parts import ActivationName, Initializer
from papilio.search.expected import plan_runs
from papilio.settings import run_settings
from papilio.settings.since import Since
from papilio.settings.train_settings import TrainSettings
from papilio.studies import planning
from papilio.workbench import load_study

pytestmark = pytest.mark.usefixtures("no_reports")


class LaterTrainSettings(TrainSettings):
    """The settings of a later version, one of which is new."""

    warmup: Annotated[int, Since("9.9")] = Field(7, ge=1, description="new, and of no effect")


def later_mlp(
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    units: list[int] = [512, 512],  # noqa: B006 (never changed, as in mlp)
    activation: ActivationName = "relu",
    dropout: float | list[float] = 0.0,
    batch_norm: bool = False,
    initializer: Initializer = "glorot_uniform",
    twist: Annotated[float, Since("9.9")] = 0.5,
) -> Any:
    """The builder of a later version, one of whose arguments is new."""
    return mlp(
        image_shape,
        num_classes,
        units=units,
        activation=activation,
        dropout=dropout,
        batch_norm=batch_norm,
        initializer=initializer,
    )


def names_of(study: dict[str, Any]) -> list[str]:
    return [plan.name for plan in plan_runs(load_study(study))]


def have_later_train_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an update: studies, plans and run.json are read by the later class."""
    monkeypatch.setattr(planning, "TrainSettings", LaterTrainSettings)
    monkeypatch.setattr(run_settings, "TrainSettings", LaterTrainSettings)


def have_later_builder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "mlp", later_mlp)


def test_a_later_training_setting_at_its_default_leaves_the_runs_names(monkeypatch: pytest.MonkeyPatch) -> None:
    before = names_of(tiny())
    have_later_train_settings(monkeypatch)
    (plan, *_) = plan_runs(load_study(tiny()))
    assert isinstance(plan.settings.train, LaterTrainSettings)
    assert names_of(tiny()) == before
    assert names_of(tiny(train__warmup=7)) == before
    assert set(names_of(tiny(train__warmup=8))).isdisjoint(before)
    assert plan.settings.left_to_defaults()["train.warmup"] == 7


def test_a_later_argument_of_a_builder_at_its_default_leaves_the_runs_names(monkeypatch: pytest.MonkeyPatch) -> None:
    before = names_of(tiny())
    have_later_builder(monkeypatch)
    assert names_of(tiny()) == before
    assert names_of(tiny(model__twist=0.5)) == before
    assert set(names_of(tiny(model__twist=0.25))).isdisjoint(before)


def test_runs_that_are_finished_are_not_trained_again_after_an_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = tiny(train__epochs=1, stage=[{"name": "first"}])
    (run,) = product.run_study(study, out=tmp_path / "out", is_silent=True).runs
    before = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in run.folder.iterdir()}
    have_later_train_settings(monkeypatch)
    have_later_builder(monkeypatch)
    (again,) = product.run_study(study, out=tmp_path / "out", is_silent=True).runs
    assert (again.name, again.status) == (run.name, "done")
    assert {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in run.folder.iterdir()} == before
