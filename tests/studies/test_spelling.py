"""Settings in the spelling of earlier versions: read everywhere, and the runs are the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny

import papilio as product
from papilio.errors import StudyError
from papilio.runs.folder import RunFolder
from papilio.search.expected import plan_runs
from papilio.settings.data_settings import DataSettings
from papilio.workbench import load_study

EARLIER = {"initializer": "initialiser", "regularizer": "regulariser", "standardize": "standardise"}


def in_earlier_spelling(study: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(study)
    for present, earlier in EARLIER.items():
        text = text.replace(present, earlier)
    return json.loads(text)


STUDIES = {
    "set": tiny(model__initializer="he_normal", train__regularizer={"l2": 0.1}, train__standardize=True),
    "varied": tiny(
        stage=[
            {
                "name": "one",
                "vary": {
                    "model.initializer": ["he_normal", "torch"],
                    "train.regularizer": [{"l1": 0.1}, {"l2": 0.1}],
                    "train.regularizer.l2": {"values": [0.2, 0.3], "when": {"model.initializer": ["torch"]}},
                },
            }
        ]
    ),
    "trials": tiny(
        stage=[{"name": "one", "trial": [{"name": "initializer he", "model": {"initializer": "he_uniform"}}]}]
    ),
}


@pytest.mark.parametrize("name", STUDIES)
def test_both_spellings_are_the_same_runs(name: str) -> None:
    present = plan_runs(load_study(STUDIES[name]))
    earlier = plan_runs(load_study(in_earlier_spelling(STUDIES[name])))
    assert [plan.name for plan in earlier] == [plan.name for plan in present]
    assert [plan.settings for plan in earlier] == [plan.settings for plan in present]
    assert [plan.varied for plan in earlier] == [plan.varied for plan in present]


def test_runs_are_named_as_in_the_first_version() -> None:
    study = tiny(stage=[{"name": "one", "vary": {"model.initializer": ["he_normal", "torch"]}}])
    names = [plan.name for plan in plan_runs(load_study(study))]
    assert names == ["one-initialiser-he-normal-9d252415-seed0", "one-initialiser-torch-45086e67-seed0"]


def test_overrides_may_have_either_spelling() -> None:
    plans = plan_runs(load_study(tiny(), {"train.regulariser.l2": 0.5, "model.initialiser": "torch"}))
    assert plans[0].settings.train.regularizer.l2 == 0.5
    assert plans[0].settings.model.arguments["initializer"] == "torch"


@pytest.mark.parametrize("table", ["model", "train"])
def test_a_setting_in_both_spellings_is_refused(table: str) -> None:
    key = {"model": "initializer", "train": "regularizer"}[table]
    study = tiny()
    study[table] |= {key: "torch", EARLIER[key]: "torch"}
    with pytest.raises(StudyError, match=f"{key}.*twice"):
        load_study(study)


def test_gray_was_grey() -> None:
    assert DataSettings(name="digits", color="grey").color == "gray"  # pyright: ignore[reportArgumentType]
    names = [plan_runs(load_study(tiny(data__color=color)))[0].name for color in ("gray", "grey")]
    assert names[0] == names[1]


def test_rates_of_two_phases_are_told_apart_in_folders_of_the_first_version() -> None:
    rates = {f"train.phases.{phase}.learning_rate": [0.001, 0.0002] for phase in ("generator", "discriminator")}
    study = tiny(model={"family": "gan"}, train={"epochs": 1}, stage=[{"name": "rates", "vary": rates}])
    plans = plan_runs(load_study(study))
    assert plans[1].trial == "generator.learning_rate 0.001, discriminator.learning_rate 0.0002"
    assert [plan.name.rsplit("-", 2)[0] for plan in plans[:2]] == [
        "rates-learning-rate-0.001-learning-rate-0.001",
        "rates-learning-rate-0.001-learning-rate-0.0002",
    ]


def test_a_run_of_an_earlier_version_is_read_and_gone_on_with(tmp_path: Path) -> None:
    study = tiny(train__epochs=1, stage=[{"name": "one", "vary": {"model.initializer": ["torch"]}}])
    (run,) = product.run_study(study, out=tmp_path / "out", is_silent=True).runs
    for file in (run.folder / "run.json", tmp_path / "out" / "study.toml", tmp_path / "out" / "results.csv"):
        text = file.read_text()
        for present, earlier in EARLIER.items():
            text = text.replace(present, earlier)
        file.write_text(text)
    weights = (run.folder / "weights.safetensors").stat().st_mtime_ns
    facts = RunFolder(run.folder).facts()
    assert facts.settings["model"]["initializer"] == "torch" and "regularizer" in facts.settings["train"]
    assert facts.varied == {"model.initializer": "torch"}
    (again,) = product.run_study(study, out=tmp_path / "out", is_silent=True).runs
    assert again.varied == run.varied
    assert (run.folder / "weights.safetensors").stat().st_mtime_ns == weights
