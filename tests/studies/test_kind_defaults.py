"""Settings of [train] that a kind of run has other defaults for: what the study sets wins, and runs say what they had."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny

import papilio as product
from papilio.errors import StudyError
from papilio.kinds.kind import Kind
from papilio.kinds.registry import KINDS
from papilio.search.expected import plan_runs
from papilio.settings.train_settings import TrainSettings
from papilio.workbench import load_study

pytestmark = pytest.mark.usefixtures("no_reports")

GAN: dict[str, Any] = {"family": "gan", "units": [8]}


def game(**changes: Any) -> dict[str, Any]:
    """A game of two tiny nets that sets none of its optimizer's numbers."""
    return tiny(model=GAN, train={"epochs": 1, "batch_size": 64}, stage=[{"name": "games"}], **changes)


def plan_of(**train: Any) -> TrainSettings:
    (plan,) = plan_runs(load_study(game() | {"train": train}))
    return plan.settings.train


def of_another_kind(**defaults: Any) -> Kind:
    return replace(KINDS["gan"], defaults=defaults)


def test_a_gan_has_the_numbers_of_the_paper() -> None:
    train = plan_of()
    assert (train.optimizer, train.learning_rate, train.betas) == ("adam", 2e-4, (0.5, 0.999))
    assert (train.objective, train.epochs) == ("gan", 20)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"learning_rate": 0.001}, ("adam", 0.001, (0.5, 0.999))),
        ({"betas": [0.9, 0.9]}, ("adam", 2e-4, (0.9, 0.9))),
        ({"optimizer": "adam"}, ("adam", 2e-4, (0.5, 0.999))),
        ({"optimizer": {"name": "adam", "learning_rate": 0.01}}, ("adam", 0.01, (0.5, 0.999))),
        ({"optimizer": "rmsprop"}, ("rmsprop", None, None)),  # which has no betas, and a usual rate of its own
        ({"optimizer": "rmsprop", "learning_rate": 0.01}, ("rmsprop", 0.01, None)),
        ({"objective": "autoencoder"}, ("adam", None, None)),
    ],
)
def test_what_the_study_sets_wins(given: dict[str, Any], expected: tuple[Any, ...]) -> None:
    train = plan_of(**given)
    assert (train.optimizer, train.learning_rate, train.betas) == expected


def test_kinds_without_defaults_of_their_own_leave_the_usual_ones() -> None:
    trials = [{"name": "game", "model": GAN}, {"name": "vae", "model": {"family": "vae", "filters": [], "dense": [8]}}]
    plans = plan_runs(load_study(tiny(train={"epochs": 1}, stage=[{"name": "s", "trial": trials}])))
    assert [plan.settings.train.learning_rate for plan in plans] == [2e-4, None]


def test_a_kind_of_ones_own_has_defaults_too() -> None:
    study = game()
    study["train"] |= {"objective": of_another_kind(batch_size=16, optimizer="adamw"), "epochs": 3}
    (plan,) = plan_runs(load_study(study))
    assert (plan.settings.train.optimizer, plan.settings.train.epochs, plan.settings.train.batch_size) == (
        "adamw",
        3,
        64,
    )
    study["train"] = {"objective": of_another_kind(epochs=3)}
    for most, expected in ((None, 3), (2, 2), (9, 3)):
        (plan,) = plan_runs(load_study(study | {"max_epochs": most}))
        assert plan.settings.train.epochs == expected
    study["train"]["objective"] = of_another_kind(learning_rat=0.1)
    with pytest.raises(StudyError, match=r"defaults of .*gan: train\.learning_rat is not"):
        plan_runs(load_study(study))


def test_run_and_study_say_what_they_had_and_the_written_study_has_the_same_runs(tmp_path: Path) -> None:
    (run,) = product.run_study(game(), out=tmp_path / "out", is_silent=True).runs
    said = json.loads((run.folder / "run.json").read_text())["settings"]["train"]
    assert (said["optimizer"], said["learning_rate"], said["betas"]) == ("adam", 2e-4, [0.5, 0.999])
    written = tomllib.loads((tmp_path / "out" / "study.toml").read_text())
    assert written["train"]["learning_rate"] == 2e-4 and written["train"]["betas"] == [0.5, 0.999]
    (plan,) = plan_runs(load_study(tmp_path / "out" / "study.toml"))
    assert plan.name == run.name


def test_a_study_of_several_kinds_is_written_as_it_is(tmp_path: Path) -> None:
    trials = [{"name": "game", "model": GAN}, {"name": "vae", "model": {"family": "vae", "filters": [], "dense": [8]}}]
    study = tiny(train={"epochs": 1}, stage=[{"name": "s", "trial": trials}])
    runs = product.run_study(study, out=tmp_path / "out", is_silent=True).runs
    assert tomllib.loads((tmp_path / "out" / "study.toml").read_text())["train"]["epochs"] == 1
    assert [run.name for run in runs] == [plan.name for plan in plan_runs(load_study(tmp_path / "out" / "study.toml"))]


def test_a_run_that_began_without_them_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As before a kind had defaults of its own: the same command reuses what it left, also where a seed is added."""
    monkeypatch.setitem(KINDS, "gan", of_another_kind())
    study = game()
    (before,) = product.run_study(study, out=tmp_path / "out", is_silent=True).runs
    monkeypatch.undo()
    again = product.run_study(study, out=tmp_path / "out", is_silent=True)
    assert [run.name for run in again.runs] == [before.name]
    study["stage"][0]["seeds"] = 2
    (first, second) = product.run_study(study, out=tmp_path / "out", is_silent=True).runs
    assert first.name == before.name and first.seconds == before.seconds
    assert second.settings["train"] == first.settings["train"] and "betas" not in first.settings["train"]
    assert product.run_study(game(), out=tmp_path / "new", is_silent=True).runs[0].name != before.name
