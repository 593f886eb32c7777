"""The copy of a study beside its results: every default stands in it, and it gives the same runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import tiny
from torch import nn

import papilio as product
from in_process import papilio
from papilio.errors import StudyError
from papilio.search.expected import plan_runs
from papilio.settings.data_settings import DataSettings
from papilio.settings.train_settings import TrainSettings
from papilio.studies.study import bundled_studies, parse_toml
from papilio.studies.written import defaults_as_comments, with_written_defaults
from papilio.workbench import load_study


@pytest.mark.parametrize("name", bundled_studies())
def test_the_copy_gives_the_same_runs(name: str) -> None:
    study = load_study(name)
    plans = plan_runs(study)
    written = with_written_defaults(study, plans)
    again = load_study(parse_toml(written.to_toml() + defaults_as_comments(written, plans), where="the copy"))
    assert [plan.name for plan in plan_runs(again)] == [plan.name for plan in plans]


def test_a_sampler_draws_the_same_from_the_copy_where_ranges_stand_before_lists() -> None:
    """The copy had lists before ranges, and Sobol's sequence gave other trials."""
    vary = {
        "model.dropout": {"low": 0.0, "high": 0.5},
        "model.units": [[8], [16]],
        "train.batch_size": {"values": [16, 32]},
    }
    study = load_study(tiny(stage=[{"name": "one", "sampler": "sobol", "trials": 4, "vary": vary}]))
    again = load_study(parse_toml(study.to_toml(), where="the copy"))
    assert [plan.name for plan in plan_runs(again)] == [plan.name for plan in plan_runs(study)]


def test_every_default_is_in_run_json_and_in_study_toml(tmp_path: Path) -> None:
    study = tiny(train={"epochs": 1}, stage=[{"name": "one", "trial": [{"name": "net", "model": {"dropout": 0.1}}]}])
    (run,) = product.run_study(study, out=tmp_path / "out", is_silent=True).runs
    facts = json.loads((run.folder / "run.json").read_text())
    for table, cls in (("data", DataSettings), ("train", TrainSettings)):
        known = {
            *facts["settings"][table],
            *(key.partition(".")[2] for key in facts["defaults"] if key.startswith(table)),
        }
        assert known >= set(cls.model_fields) - {"log"}  # on which nothing of a run depends
    assert facts["defaults"]["train.learning_rate"] == 0.001 and facts["defaults"]["train.augment"] is None
    text = (tmp_path / "out" / "study.toml").read_text()
    written = parse_toml(text, where="study.toml")
    assert written["train"]["batch_size"] == 128 and written["train"]["regularizer"] == {"l1": 0.0, "l2": 0.0}
    assert written["model"]["activation"] == "relu" and "batch_norm" not in written["stage"][0]["trial"][0]["model"]
    assert "# train.learning_rate = 0.001" in text and "train.augment" in text


def test_an_argument_that_came_later_is_in_run_json(tmp_path: Path) -> None:
    study = load_study("gan-mnist")
    assert all(plan.settings.left_to_defaults()["model.conditional"] is False for plan in plan_runs(study))


A_NUMBER = np.float32(3)


def own_net(
    num_classes: int,
    width: int = 12,
    rates: tuple[float, ...] = (0.1, 0.2),
    name: str | None = None,
    activation: type[nn.Module] = nn.ReLU,
    scale: float = float("inf"),
    sizes: Any = A_NUMBER,
) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), activation(), nn.Linear(width, num_classes))


def test_the_plain_defaults_of_a_users_own_builder_are_in_run_json_and_no_part_of_the_name(tmp_path: Path) -> None:
    """Nobody could tell later with what a network had been built."""
    study = tiny(model={"family": own_net}, train={"epochs": 1}, stage=[{"name": "one"}])
    (run,) = product.run_study(study, out=tmp_path / "out", is_silent=True).runs
    facts = json.loads((run.folder / "run.json").read_text())
    assert facts["settings"]["model"] == {"family": "test_written_defaults:own_net"}
    of_model = {key: value for key, value in facts["defaults"].items() if key.startswith("model.")}
    assert of_model == {"model.width": 12, "model.rates": [0.1, 0.2], "model.name": None}
    assert "# model.width = 12" in (tmp_path / "out" / "study.toml").read_text()
    (plan,) = plan_runs(load_study(study))
    assert plan.settings.identity()["model"] == facts["settings"]["model"]
    (wider,) = plan_runs(load_study(study | {"model": {"family": own_net, "width": 9}}))
    assert "model.width" not in wider.settings.left_to_defaults() and plan.name != wider.name


def test_another_family_on_the_command_line_replaces_what_the_copy_has_written_out(tmp_path: Path) -> None:
    """The copy next to the results was refused, as mlp's arguments are not cnn's."""
    stages = [
        {"name": "all", "vary": {"train.learning_rate": [0.01, 0.001]}},
        {
            "name": "own",
            "model": {"family": "autoencoder", "latents": 3},
            "trial": [{"name": "few", "model": {"dense": [4]}}],
        },
    ]
    study = load_study(tiny(model={"family": "mlp", "units": [16], "dropout": 0.3}, stage=stages))
    file = tmp_path / "study.toml"
    file.write_text(with_written_defaults(study, plan_runs(study)).to_toml())
    again = load_study(file, {"model.family": "cnn", "model.filters": [4]})
    first, *_, last = plan_runs(again)
    plain = load_study(tiny(model={"family": "cnn", "filters": [4], "dropout": 0.3}, stage=[{"name": "all"}]))
    assert first.settings.identity()["model"] == plan_runs(plain)[0].settings.identity()["model"]
    assert last.settings.model.arguments["filters"] == [4] and last.settings.model.arguments["dense"] == [4]
    of_mlp, of_autoencoder = again.notes
    assert of_mlp.startswith("model.family changed from mlp to cnn: dropped units, activation, ")
    assert "dropout" not in of_mlp.partition(": ")[2].split(", as")[0].split(", ")
    assert of_autoencoder.startswith("model.family changed from autoencoder to cnn: dropped latents, ")
    shown = papilio("show", file, "--set", "model.family=cnn")
    assert shown.returncode == 0 and "\nmodel.family changed from mlp to cnn: dropped units, " in shown.stdout


def test_a_family_that_stays_or_does_not_exist_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    written = tiny(model={"family": "mlp", "units": [16], "dropout": 0.0})
    same = load_study(written, {"model.family": "mlp"})
    assert same.notes == () and dict(same.settings.model) == written["model"]
    with pytest.raises(StudyError, match="'cmm' is not a model family"):
        plan_runs(load_study(written, {"model.family": "cmm"}))
    with pytest.raises(StudyError, match=r"model\.units is not a setting"):
        plan_runs(load_study(written, {"model.family": "cnn", "model.units": [3]}))
    own = load_study(written | {"stage": [{"name": "all"}]}, {"model.family": own_net})
    assert dict(own.settings.model) == {"family": "test_written_defaults:own_net"}
