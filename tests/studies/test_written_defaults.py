"""The copy of a study beside its results: every default stands in it, and it gives the same runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny import tiny

import papilio as product
from papilio.settings.data_settings import DataSettings
from papilio.settings.train_settings import TrainSettings
from papilio.studies.study import bundled_studies, parse_toml
from papilio.studies.written import defaults_as_comments, with_written_defaults
from papilio.workbench import load_study, plan_runs


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
