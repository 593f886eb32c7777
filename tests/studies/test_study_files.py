"""Study files: what is allowed is read back unchanged, what is not is refused in one clear line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import OwnNet, own_loss, tiny, write_study

from papilio.data.load import load_images
from papilio.errors import DataError, StudyError
from papilio.kinds.options import MorphOptions
from papilio.search.expected import plan_runs
from papilio.settings.data_settings import DataSettings
from papilio.settings.since import plain_settings
from papilio.settings.validation import validated
from papilio.studies.images import StudyImages
from papilio.studies.study import bundled_studies, load_study, parse_toml, slug
from papilio.workbench import parse_settings, run_study, study_schema


@pytest.mark.parametrize("name", list(bundled_studies()))
def test_bundled_studies_can_be_planned(name: str) -> None:
    study = load_study(name)
    plans = plan_runs(study)
    assert study.name == name
    assert len({plan.name for plan in plans}) == len(plans) >= 1


def test_first_look_is_three_families_with_three_seeds() -> None:
    plans = plan_runs(load_study("first-look"))
    assert {(plan.trial, plan.seed) for plan in plans} == {
        (trial, seed) for trial in ("MLP", "CNN", "LeNet-5") for seed in (0, 1, 2)
    }


values = st.one_of(st.booleans(), st.integers(1, 9), st.sampled_from(["relu", "tanh"]))
studies = st.fixed_dictionaries(
    {
        "title": st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20),
        "data": st.fixed_dictionaries(
            {"name": st.just("digits"), "validation": st.floats(0, 0.4), "seed": st.integers(0, 9)}
        ),
        "model": st.fixed_dictionaries(
            {"family": st.just("mlp"), "units": st.lists(st.integers(1, 9), max_size=3)},
            optional={"dropout": st.floats(0, 0.9), "activation": st.sampled_from(["relu", "tanh"])},
        ),
        "train": st.fixed_dictionaries(
            {"epochs": st.integers(1, 9)},
            optional={
                "optimizer": st.sampled_from(["adam", {"name": "rmsprop", "learning_rate": 0.01}]),
                "early_stopping": st.fixed_dictionaries({"patience": st.integers(1, 5)}),
                "augment": st.fixed_dictionaries({"shift": st.integers(0, 3), "flip": st.booleans()}),
                "regularizer": st.sampled_from([{"l1": 0.01}, {"l2": 0.5}, {}]),
            },
        ),
        "stage": st.lists(
            st.fixed_dictionaries(
                {"name": st.text("abcdef", min_size=1), "seeds": st.one_of(st.integers(1, 3), st.just([4, 7]))},
                optional={
                    "vary": st.dictionaries(st.just("model.batch_norm"), st.just([True, False])),
                    "trial": st.just(
                        [{"name": "one"}, {"name": "two", "model": {"family": "lenet5"}, "train": {"epochs": 2}}]
                    ),
                },
            ).filter(lambda stage: not ("vary" in stage and "trial" in stage)),
            min_size=1,
            max_size=3,
            unique_by=lambda stage: stage["name"],
        ),
    }
)


@settings(max_examples=60, deadline=None)
@given(tables=studies)
def test_a_study_written_as_toml_and_read_again_has_the_same_runs(tables: dict[str, Any]) -> None:
    study = load_study(tables)
    again = load_study(tomllib.loads(study.to_toml()))
    assert again.settings == study.settings
    assert plan_runs(again) == plan_runs(study)


def test_runs_are_every_trial_with_every_combination_and_seed() -> None:
    stage = {
        "name": "grid",
        "seeds": [3, 5],
        "trial": [{"name": "wide", "model": {"units": [64]}}, {"name": "lenet", "model": {"family": "lenet5"}}],
        "vary": {"train.optimizer": ["adam", {"name": "sgd", "learning_rate": 0.5}], "train.batch_size": [8, 16]},
    }
    plans = plan_runs(load_study(tiny(stage=[stage], data={"name": "mnist-5k"})))
    assert len(plans) == 2 * 2 * 2 * 2
    assert {plan.seed for plan in plans} == {3, 5}
    sgd = next(plan for plan in plans if plan.trial == "lenet, optimizer sgd learning_rate=0.5, batch_size 16")
    assert (sgd.settings.train.optimizer, sgd.settings.train.learning_rate) == ("sgd", 0.5)
    assert sgd.settings.model.family == "lenet5" and "units" not in sgd.settings.model.arguments
    adam = next(plan for plan in plans if plan.trial.startswith("wide, optimizer adam"))
    assert (adam.settings.model.arguments["units"], adam.settings.train.learning_rate) == ([64], 0.01)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train__lerning_rate": 1}, "train.lerning_rate is not a setting; did you mean learning_rate?"),
        ({"train__epochs": 0}, "train.epochs: input should be greater than or equal to 1 (given: 0)"),
        ({"train__epochs": "many"}, "train.epochs: input should be a valid integer"),
        ({"train__augment": {"shfit": 1}}, "train.augment.shfit is not a setting; did you mean shift?"),
        ({"train__optimizer": "adm"}, "train.optimizer: input should be 'sgd', 'momentum'"),
        ({"train__optimizer": {"learning_rate": 1}}, "train: an optimizer table needs a name"),
        ({"model__filtres": [1]}, "model.filtres is not a setting; allowed are activation, batch_norm, dropout"),
        ({"model__unit": [1]}, "model.unit is not a setting; did you mean units?"),
        ({"model__activation": "rleu"}, "model.activation: input should be 'relu'"),
        (
            {"model": {}},
            "model.family is missing; allowed are mlp, cnn, lenet5, encoder_classifier, autoencoder, vae, gan, dcgan, or",
        ),
        ({"model": {"family": "mpl"}}, "model.family: 'mpl' is not a model family; did you mean mlp?"),
        ({"model": {"family": "nowhere:net"}}, "cannot import 'nowhere'"),
        ({"data": {}}, "data: data needs either a name or a path"),
        ({"data__validation": 1.5}, "data.validation: input should be less than 1 (given: 1.5)"),
        ({"data__size": ["20", 28]}, "data.size.0: input should be a valid integer (given: '20')"),
        ({"data__size": [20, 28, 3]}, "data.size: a list should have at most 2 items, not 3 (given: [20, 28, 3])"),
        ({"data__size": [20]}, "data.size.1 is missing"),
        ({"data__size": "20"}, "data.size: input should be a valid integer (given: '20')"),
        ({"train__betas": ["0.5", 0.9]}, "train.betas.0: input should be a valid number (given: '0.5')"),
        ({"data__nmae": "x"}, "data.nmae is not a setting; did you mean name?"),
        ({"stage": []}, "stage: list should have at least 1 item"),
        ({"stage": [{"name": "a"}, {"name": "a"}]}, "two stages have the same name"),
        ({"stage": [{"name": "a", "vary": {"train.epochs": []}}]}, "vary: 'train.epochs' has no values"),
        ({"stage": [{"name": "a", "vary": {"epochs": [1]}}]}, "'epochs' is not a setting that can vary"),
        (
            {"stage": [{"name": "a", "vary": {"train.epoch": [1]}}]},
            "train.epoch is not a setting; did you mean epochs?",
        ),
        ({"stage": [{"name": "a", "seeds": 0}]}, "seeds must be a positive number or a list of different numbers"),
        ({"stage": [{"name": "a", "vary": {"train.epochs": [2, 2]}}]}, "vary: 'train.epochs' lists a value twice"),
        ({"stage": [{"name": "a", "trial": [{"name": "b"}, {"name": "c"}]}]}, '"b" and "c" have the same settings'),
        ({"stage": [{"name": "a", "sede": 1}]}, "[[stage]] 1: sede is not a setting; did you mean seeds?"),
        ({"published": [{"stage": "b", "source": "x", "test_loss": 1}]}, "published: there is no stage 'b'"),
        ({"published": [{"stage": "first", "source": "x", "accuracy": 1}]}, "a published number is a metric"),
        ({"titel": "x"}, "titel is not a setting; did you mean title?"),
        ({"trial": [{"name": "b"}]}, "the study: trial belongs to a stage; write [[stage.trial]] below [[stage]]"),
        ({"vary": {"train.epochs": [1]}}, "the study: vary belongs to a stage; write [stage.vary] below [[stage]]"),
        ({"from": "first"}, "the study: from belongs to a stage; write from = ... below [[stage]]"),
    ],
)
def test_what_is_not_allowed_is_one_line_that_says_where_and_what(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError) as caught:
        plan_runs(load_study(tiny(**changes)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value) and str(caught.value).count("the study:") == 1


def test_a_size_is_a_side_or_a_pair_of_height_and_width_as_the_docs_say(tmp_path: Path) -> None:
    for side, size in ((20, 20), (20.0, 20), ([20, 28], (20, 28)), ([20.0, 28], (20, 28))):
        study = load_study(tiny(data__size=side))
        assert study.settings.data.size == size
        (tmp_path / "again.toml").write_text(study.to_toml())
        assert load_study(tmp_path / "again.toml").settings == study.settings
    assert validated(MorphOptions, {"pairs": [[0.0, 1], [2, 3]]}).pairs == [(0, 1), (2, 3)]
    (plan, *_) = plan_runs(load_study(tiny(), {"data.size": [20, 28]}))
    assert StudyImages({}).of_run(plan).image_shape == (1, 20, 28)


def test_a_misspelt_key_is_told_of_before_the_one_that_is_missing_for_it(tmp_path: Path) -> None:
    study = tiny(titel="Tiny")
    del study["title"]
    with pytest.raises(StudyError, match=r"titel is not a setting; did you mean title\?"):
        load_study(study)
    del study["titel"]
    with pytest.raises(StudyError, match="title is missing"):
        load_study(study)


def test_a_file_that_does_not_exist_is_told_with_the_nearest_that_does(tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text("")
    with pytest.raises(StudyError, match=r"gird\.toml: no such file; did you mean .*grid\.toml\?$"):
        load_study(tmp_path / "gird.toml")


@pytest.mark.parametrize(
    ("tables", "place"),
    [
        ({"train": {"epochs": 0}}, "the study: train.epochs: "),
        ({"model": {"family": "mlp", "unit": [1]}}, "the study: model.unit is not"),
        ({"stage": [{"name": "a", "train": {"epochs": 0}}]}, 'the study: stage "a": train.epochs: '),
        (
            {"stage": [{"name": "a", "trial": [{"name": "b", "train": {"epochs": 0}}]}]},
            'the study: stage "a", trial "b": train.epochs: ',
        ),
        (
            {"stage": [{"name": "a", "vary": {"train.epochs": [0]}}]},
            'the study: stage "a", trial "epochs 0": train.epochs: ',
        ),
        # of the study's own tables alone something else could be said
        (
            {"model": {}, "stage": [{"name": "a", "trial": [{"name": "b", "model": {"family": "mlp", "unit": [1]}}]}]},
            'the study: stage "a", trial "b": model.unit is not',
        ),
    ],
)
def test_a_complaint_names_the_table_in_which_the_mistake_stands(tables: dict[str, Any], place: str) -> None:
    with pytest.raises(StudyError) as caught:
        plan_runs(load_study(tiny(**tables)))
    assert str(caught.value).startswith(place)


def test_the_file_is_named_in_the_complaint(tmp_path: Path) -> None:
    path = write_study(tmp_path / "mine.toml", tiny(train__lerning_rate=1))
    with pytest.raises(StudyError, match=r"^\S*mine\.toml: train\.lerning_rate is not"):
        plan_runs(load_study(path))
    path.write_text("title = \n")
    with pytest.raises(StudyError, match=r"mine\.toml: not TOML: .*line 1"):
        load_study(path)
    with pytest.raises(StudyError, match=r"no such file"):
        load_study(tmp_path / "other.toml")
    with pytest.raises(StudyError, match=r"first-lok: neither a study file .* did you mean first-look\?"):
        load_study("first-lok")


def test_overrides_reach_trials_and_refuse_what_varies() -> None:
    trial = {"name": "long", "train": {"epochs": 50}}
    study = load_study(tiny(stage=[{"name": "a", "trial": [trial]}]), {"train.epochs": 2, "stage.seeds": 4})
    plans = plan_runs(study)
    assert [plan.settings.train.epochs for plan in plans] == [2] * 4
    with pytest.raises(StudyError, match=r"model\.dropout varies in this study"):
        load_study(tiny(), {"model.dropout": 0.5})


def test_other_images_take_the_place_of_those_that_data_names() -> None:
    drawn = {"name": "clocks", "render": {"num": 9}, "size": 28, "labels": "none"}
    own = load_study(tiny(data=drawn), {"data.path": "mine"}).settings.data
    assert (own.name, own.path, own.render, own.size, own.labels) == (None, "mine", None, 28, "none")
    pictures = {"path": "mine", "labels": "labels.csv", "period": 360.0, "unit": "°", "bits": 12}
    stage = [{"name": "a", "data": {"path": "yours"}}]
    named = load_study(tiny(data=pictures, stage=stage), {"data.name": "digits"}).settings
    assert plain_settings(named.data) == plain_settings(DataSettings(name="digits"))
    assert (
        plan_runs(load_study(tiny(data=pictures, stage=stage), {"data.name": "digits"}))[0].settings.data.path is None
    )
    with pytest.raises(StudyError, match="either a name or a path"):
        load_study(tiny(), {"data.name": "digits", "data.path": "mine"})


def test_max_epochs_caps_what_is_longer() -> None:
    stage = {"name": "a", "vary": {"train.epochs": [1, 9]}}
    plans = plan_runs(load_study(tiny(stage=[stage]), {"max_epochs": 4}))
    assert [plan.settings.train.epochs for plan in plans] == [1, 4]


def test_set_arguments_are_toml_values_or_words() -> None:
    pairs = [
        "train.epochs=5",
        "train.optimizer=sgd",
        "model.units=[4, 5]",
        'title="a = b"',
        "train.augment={ shift = 1 }",
    ]
    assert parse_settings(pairs) == {
        "train.epochs": 5,
        "train.optimizer": "sgd",
        "model.units": [4, 5],
        "title": "a = b",
        "train.augment": {"shift": 1},
    }
    with pytest.raises(StudyError, match="expected KEY=VALUE"):
        parse_settings(["train.epochs"])


def test_paths_to_pictures_are_relative_to_the_study_file(tmp_path: Path) -> None:
    path = write_study(tmp_path / "mine.toml", tiny(data={"path": "pictures"}))
    assert load_study(path).settings.data.path == str(tmp_path / "pictures")


def test_functions_stand_where_a_file_has_names() -> None:
    study = load_study(tiny(model={"family": OwnNet, "width": 5}, train__loss=own_loss, stage=[{"name": "a"}]))
    (plan,) = plan_runs(study)
    assert plan.settings.model.plain() == {"family": "tiny:OwnNet", "width": 5}
    assert plan.settings.train.loss == "tiny:own_loss"
    assert set(study.own) == {"tiny:OwnNet", "tiny:own_loss"}


def test_functions_may_vary_also_where_there_are_conditions() -> None:
    """In a table with conditions a function was refused: `values` is not a key where one can stand."""
    vary = {
        "model.family": {"values": [OwnNet, "mlp"]},
        "model.width": {"values": [3, 4], "when": {"model.family": OwnNet}},
    }
    plans = plan_runs(load_study(tiny(model={"family": "mlp"}, stage=[{"name": "a", "vary": vary}])))
    assert [plan.trial for plan in plans] == [
        "family tiny:OwnNet, width 3",
        "family tiny:OwnNet, width 4",
        "family mlp",
    ]


@given(text=st.text())
def test_slugs_are_safe_names_of_files(text: str) -> None:
    name = slug(text)
    assert name and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-") and name not in (".", "..")


def _settings_in(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every setting of a JSON schema, however deep, with its name."""
    if isinstance(schema, list):
        for one in schema:
            yield from _settings_in(one)
    elif isinstance(schema, dict):
        yield from schema.get("properties", {}).items()
        for one in schema.values():
            yield from _settings_in(one)


def test_the_schema_describes_every_setting() -> None:
    every = list(_settings_in(study_schema()))
    assert len(every) > 150
    assert [name for name, setting in every if isinstance(setting, dict) and not setting.get("description")] == []


def test_the_schema_in_the_docs_is_the_one_that_is_checked() -> None:
    path = Path(__file__).parents[2] / "docs" / "study.schema.json"
    assert json.loads(path.read_text()) == study_schema(), "make it again: papilio show --schema"


def test_a_study_without_stages_has_one_named_after_its_title() -> None:
    study = load_study({"title": "My pictures", "data": {"name": "digits"}, "model": {"family": "mlp"}})
    assert [stage.name for stage in study.settings.stage] == ["My pictures"]
    assert [plan.stage for plan in plan_runs(study)] == ["My pictures"]
    assert load_study(parse_toml(study.to_toml(), where="")).settings == study.settings


def test_no_stage_in_an_empty_list_is_still_refused() -> None:
    with pytest.raises(StudyError, match="stage"):
        load_study(tiny(stage=[]))


def test_fewer_training_images_leave_the_other_splits_as_they_are() -> None:
    few, all_ = load_images("digits", num_train=100), load_images("digits")
    assert len(few.train) == 100 and set(few.train) < set(all_.train)
    assert np.array_equal(few.test, all_.test) and np.array_equal(few.validation, all_.validation)
    assert few.checksum != all_.checksum
    assert "100 of" in few.notes[-1]
    reduced = load_images("digits", num_train=100, fraction=0.02)
    assert len(reduced.train) < 100


def test_arrays_in_a_study_become_files(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (60, 8, 8), dtype=np.uint8)
    labels = np.array(["cat", "dog"])[np.arange(60) % 2]
    tables = tiny(data={"images": images / 255, "labels": labels}, stage=[{"name": "a", "data": {"labels": labels}}])
    data, again = (load_study(tables).settings.data for _ in range(2))
    assert data == again and str(data.path).endswith(".npy")
    read = load_images(str(data.path), labels=data.labels)
    assert read.class_names == ("cat", "dog") and np.array_equal(read.images[:, 0], images)
    results = run_study(tables, out=tmp_path / "out", is_silent=True)
    assert results.runs[0].status == "done"
    with pytest.raises(DataError, match=r"data\.images: object \(2,\), expected an array of numbers$"):
        load_study(tiny(data={"images": np.array([{}, {}])}))
