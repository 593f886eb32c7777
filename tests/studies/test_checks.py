"""What cannot run is refused before anything is trained, in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import tiny

import papilio as product
from in_process import papilio
from papilio.data.load import load_images
from papilio.errors import DownloadError, SettingError, StudyError
from papilio.search.expected import plan_runs
from papilio.settings.train_settings import TrainSettings
from papilio.studies.study import load_study
from papilio.training.objectives import Objective, Phase
from papilio.workbench import describe_study

pytestmark = pytest.mark.usefixtures("no_reports")

GAME: dict[str, Any] = {"model": {"family": "gan", "latents": 2, "units": [8]}, "train": {"epochs": 1}}
TWO_RATES = {"vary": {"train.learning_rate": [0.001, 0.01]}}


@pytest.mark.parametrize(
    ("stages", "complaint"),
    [
        ([TWO_RATES | {"pruner": "median"}], "pruner needs a ranking, but this stage is not ranked by one metric"),
        (
            [{"vary": {"train.learning_rate": {"low": 0.1, "high": 0.2}}, "sampler": "tpe", "trials": 2}],
            "sampler = tpe needs a ranking",
        ),
        ([{"folds": 2}], "folds need a ranking"),
        ([TWO_RATES, {"from": "stage 0"}], 'from = "stage 0" needs a ranking, but that stage is not ranked'),
        ([{"train": {"early_stopping": {"patience": 2}}}], "early_stopping: nothing ranks the epochs of gan"),
        ([{"train": {"phases": {"critic": {}}}}], "'critic' is not a phase of this objective"),
        (
            [{"train": {"phases": {"generator": {"optimizer": "sgd", "betas": [0.5, 0.9]}}}}],
            r"train\.phases\.generator\.betas: sgd has no betas",
        ),
        (
            [{"model": {"family": "mlp"}, "train": {"objective": "gan"}}],
            "mlp does not go with train.objective = gan; families for it: gan, dcgan",
        ),
        (
            [{"model": {"family": "vae"}, "train": {"objective": "autoencoder"}}],
            "vae does not go with train.objective = autoencoder; families for it: autoencoder",
        ),
        (
            [{"model": {"family": "autoencoder"}, "train": {"objective": "supervised"}}],
            "autoencoder does not go with train.objective = supervised; families for it: mlp, cnn, lenet5",
        ),
        ([{"train": {"views": {"num": 3}}}], r"train\.views: works only with supervised learning, not with gan; leave"),
    ],
)
def test_what_needs_a_ranking_or_is_not_there(stages: list[dict[str, Any]], complaint: str, tmp_path: Path) -> None:
    named = [{"name": f"stage {number}"} | stage for number, stage in enumerate(stages)]
    with pytest.raises(StudyError, match=complaint) as caught:
        product.run_study(tiny(stage=named, **GAME), out=tmp_path / "out", is_silent=True)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "study.toml").exists()


def test_false_is_as_good_as_nothing() -> None:
    """A trial could not switch off what the study switches on where its kind does not know it."""
    assert TrainSettings(standardize=False) == TrainSettings()
    assert TrainSettings(standardize=True).standardize


def test_trials_that_differ_in_betas_are_checked_one_by_one(tmp_path: Path) -> None:
    vary = {"train.optimizer": [{"name": "sgd"}, {"name": "sgd", "betas": [0.5, 0.9]}]}
    with pytest.raises(StudyError, match=r"train\.betas: sgd has no betas"):
        product.run_study(tiny(stage=[{"name": "a", "vary": vary}]), out=tmp_path / "out", is_silent=True)


def test_another_study_that_nothing_ranks_has_no_best_trial(tmp_path: Path) -> None:
    game = tiny(stage=[{"name": "games"} | TWO_RATES], **GAME) | {"title": "Games"}
    product.run_study(game, out=tmp_path / "games", is_silent=True)
    later = tiny(stage=[{"name": "a", "from": {"study": str(tmp_path / "games")}}], **GAME)
    with pytest.raises(StudyError, match=r'no metric ranks the trials of "games" .* it has no best trial'):
        product.run_study(later, out=tmp_path / "out", is_silent=True)


AUTOENCODER: dict[str, Any] = {"model": {"family": "autoencoder", "filters": [4], "dense": [8], "latents": 2}}


@pytest.mark.parametrize("model", [AUTOENCODER["model"], {"family": "mlp", "units": [4]}])
def test_few_steps_an_epoch_are_told_of_before_training(
    model: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """43 pictures in batches of 128 are one step an epoch: such an autoencoder learned nothing, and nobody said why."""
    study = tiny(model=model, data={"name": "digits", "num_train": 43}, train={"epochs": 2}, stage=[{"name": "few"}])
    product.run_study(study, out=tmp_path / "out")
    told = [line for line in capsys.readouterr().out.splitlines() if "step per epoch" in line]
    (line,) = told
    assert "1 step per epoch, 2 in all (43 training images, train.batch_size = 128)" in line
    assert "smaller train.batch_size or more train.epochs" in line
    assert line in describe_study(study).notes


def test_classes_that_training_lacks_are_told_of(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for split, names, num in (("train", ("cat", "caf\u00e9"), 20), ("val", ("cat ", "cafe\u0301"), 5)):
        for name in names:
            (tmp_path / "set" / split / name).mkdir(parents=True)
            for number in range(num):
                pixels = rng.integers(0, 255, (8, 8), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "set" / split / name / f"{number}.png")
    asked = tiny(data={"path": str(tmp_path / "set")}, train={"epochs": 100, "batch_size": 8}, stage=[{"name": "a"}])
    told = "set: no training images of 'cat ' (only validation"
    assert [note for note in describe_study(asked).notes if note.startswith(told)]
    assert not [note for note in describe_study(asked | AUTOENCODER).notes if note.startswith(told)]


def test_enough_steps_are_not_told_of() -> None:
    many = tiny(data={"name": "digits", "num_train": 43}, train={"epochs": 1000}, stage=[{"name": "many epochs"}])
    assert not [note for study in (many, tiny()) for note in describe_study(study).notes if "steps" in note]


def test_a_fraction_that_leaves_fewer_images_than_asked_for_is_told_of() -> None:
    study = tiny(data={"name": "digits", "num_train": 1000, "fraction": 0.3}, stage=[{"name": "a"}])
    note, *_ = describe_study(study).notes
    assert (
        note
        == 'stage "a", trial "mlp": training on 387 images, not data.num_train = 1,000: data.fraction = 0.3 leaves no more'
    )
    images = load_images("digits", num_train=1000, fraction=0.3)
    assert images.notes[-1] == "387 training images instead of num_train = 1,000"
    assert not describe_study(study | {"data": {"name": "digits", "num_train": 1000}}).notes


@pytest.mark.parametrize("family", ["cnn", "autoencoder", "vae", "encoder_classifier"])
def test_a_kernel_larger_than_the_images_is_refused(family: str, tmp_path: Path) -> None:
    """A kernel of 99 pixels on images of 28 was built, and trained on little but zeros."""
    with pytest.raises(StudyError, match=r"model: kernel_size: 9 is larger than the images, 8x8; .* up to 8") as caught:
        product.run_study(tiny(model={"family": family, "kernel_size": 9}), out=tmp_path / "out", is_silent=True)
    assert "\n" not in str(caught.value)


def test_a_study_is_shown_without_the_results_that_it_starts_from(tmp_path: Path) -> None:
    shown = papilio("show", "cifar-transfer", folder=tmp_path)
    assert shown.returncode == 0 and "title = " in shown.stdout
    assert "the results of fashion-mlp-search do not exist" in shown.stdout
    assert "papilio run fashion-mlp-search" in shown.stdout


def test_the_version_is_told() -> None:
    assert papilio("--version").stdout == f"papilio {product.__version__}\n"


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [
        ({"train": {"epochs": 0}}, r"the study: train\.epochs: "),
        ({"train": {"lerning_rate": 1}}, r"the study: train\.lerning_rate is not a setting"),
        ({"model": {"family": "mpl"}}, r"the study: model\.family: 'mpl' is not"),
        ({"model": {"family": "mlp", "unit": [4]}}, r"the study: model\.unit is not a setting"),
        ({"model": {"units": [4]}}, r"the study: model\.family is missing"),
    ],
)
def test_own_tables_are_checked_where_every_stage_starts_from_another_study(
    tables: dict[str, Any], complaint: str
) -> None:
    """No trial has them then, and nobody read them."""
    stages = [
        {"name": "a", "from": {"study": "other"}, "vary": {"model.dropout": [0.1, 0.2]}},
        {"name": "b", "from": "a"},
    ]
    other = {"data": {"name": "digits"}, "model": {"family": "mlp", "units": [4]}, "train": {"epochs": 1}}
    study = {"title": "Later", "data": {"name": "digits"}, "stage": stages}
    sources = {"a": [("best", other)]}
    assert len(plan_runs(load_study(study), sources)) == 3
    with pytest.raises(StudyError, match=complaint):
        plan_runs(load_study(study | tables), sources)


def test_few_validation_images_are_told_of_in_the_plan_and_the_report(tmp_path: Path) -> None:
    few = tiny(data={"name": "digits", "fraction": 0.05})
    (note,) = [note for note in describe_study(few).notes if "selected on only" in note]
    assert (
        note.startswith("digits: epochs and trials are selected on only 10 validation images")
        and "0.31" in note
        and "folds = 5" in note
    )
    folded = tiny(data={"name": "digits", "fraction": 0.05}, stage=[{"name": "a", "folds": 2}])
    assert not [note for note in describe_study(folded).notes if "selected on only" in note]
    enough = tiny(data={"name": "digits"})
    assert not [note for note in describe_study(enough).notes if "selected on only" in note]


def test_notes_of_ones_own_pictures_are_in_the_plan(tmp_path: Path) -> None:
    for index in range(24):
        folder = tmp_path / "set" / "ab"[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        dark = np.random.default_rng(index).integers(0, 4096, (8, 8)).astype(np.uint16)
        Image.fromarray(dark).save(folder / f"{index}.png")
    study = tiny(data={"path": str(tmp_path / "set")})
    assert [note for note in describe_study(study).notes if note.startswith("set: ") and "set bits = 12" in note]


def test_a_held_out_picture_that_training_also_has_is_told_of_in_the_plan(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for split, num in (("train", 12), ("valid", 4), ("test", 4)):
        for index in range(num):
            folder = tmp_path / "set" / split / "ab"[index % 2]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / f"{index}.png")
    study = tiny(data={"path": str(tmp_path / "set")})
    assert not [note for note in describe_study(study).notes if "same pixels" in note]
    (tmp_path / "set" / "test" / "a" / "copy.png").write_bytes(
        (tmp_path / "set" / "train" / "a" / "0.png").read_bytes()
    )
    (note,) = [note for note in describe_study(study).notes if "same pixels" in note]
    assert note.startswith("set: 1 test image has the same pixels as training or validation images")


def scores_each(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Forgets to take the mean."""
    return (outputs.sum(1) - labels) ** 2


def test_a_loss_that_is_not_one_number_is_refused_before_training(tmp_path: Path) -> None:
    study = tiny(train={"loss": scores_each, "epochs": 1})
    with pytest.raises(StudyError, match=r"train\.loss: it returned a tensor of shape \(2,\); return one number"):
        product.run_study(study, out=tmp_path / "out", is_silent=True)
    assert not (tmp_path / "out" / "study.toml").exists()


PUBLISHED = {"stage": "first", "source": "R1"}


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (
            {"test_acuracy": 0.9},
            r"\[\[published\]\] 2: test_acuracy is not a metric of stage 'first'; did you mean test_accuracy\?",
        ),
        ({"val_error": 0.9}, r"val_error is not a metric of stage 'first'"),
    ],
)
def test_a_published_number_of_a_metric_that_no_run_has_is_refused(
    row: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    study = tiny(published=[PUBLISHED | {"test_accuracy": 0.9}, PUBLISHED | row])
    with pytest.raises(StudyError, match=complaint):
        product.plan_study(study, out=tmp_path / "out", is_silent=True)


def test_metrics_of_ones_own_excuse_their_stage_alone(tmp_path: Path) -> None:
    """A stage with an objective of the user's own switched the check of all other stages off."""

    def mine() -> Objective:
        def step(nets: Any, batch: Any, noise: Any, step: int) -> Any:
            loss = torch.nn.functional.cross_entropy(nets["network"](batch.images), batch.targets)
            return loss, {"mine": loss.detach()}

        return Objective(
            phases=(Phase("network", step),),
            evaluate=lambda nets, batch, noise: {"mine": nets["network"](batch.images).mean()},
            directions={"mine": "min"},
            best="train_mine",
        )

    stages = [{"name": "first", "train": {"objective": mine}}, {"name": "second"}]
    published = [PUBLISHED | {"test_mine": 0.9}, PUBLISHED | {"stage": "second", "test_acuracy": 0.9}]
    with pytest.raises(StudyError, match="2: test_acuracy is not a metric of stage 'second'"):
        product.plan_study(tiny(stage=stages, published=published), out=tmp_path / "out", is_silent=True)
    published[1] = PUBLISHED | {"stage": "second", "test_accuracy": 0.9}
    product.plan_study(tiny(stage=stages, published=published), out=tmp_path / "out", is_silent=True)


def test_a_published_number_of_any_trial_of_its_stage_is_taken(tmp_path: Path) -> None:
    trials = [{"name": "classes"}, {"name": "latents", "model": {"family": "autoencoder", "filters": [], "latents": 2}}]
    study = tiny(
        stage=[{"name": "first", "trial": trials}], published=[PUBLISHED | {"test_accuracy": 0.9, "val_error": 0.1}]
    )
    assert len(product.plan_study(study, out=tmp_path / "out", is_silent=True).trials) == 2


def test_settings_that_are_no_dictionary_are_refused(tmp_path: Path) -> None:
    given: Any = ["train.epochs=5"]
    with pytest.raises(SettingError, match=r"settings = .* must be a dictionary, such as \{\"train\.epochs\": 5\}"):
        product.plan_study(tiny(), out=tmp_path / "out", settings=given, is_silent=True)


def test_a_study_whose_images_cannot_be_downloaded_is_shown_as_far_as_it_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*given: Any) -> list[str]:
        raise DownloadError("train.gz could not be downloaded")

    monkeypatch.setattr("papilio.execution.description.refuse_impossible_runs", refuse)
    described = describe_study(tiny())
    assert described.trials == described.networks == [] and 'name = "digits"' in described.toml
    assert described.notes == ["trials and networks are not known yet: train.gz could not be downloaded"]


@pytest.mark.parametrize("key", ["augment", "views"])
def test_mirrored_dials_are_told_of(key: str) -> None:
    """Averaged over a clock and its mirror image, sines cancel out: 3:00 was read as 12:00."""
    data = {"name": "clocks", "render": {"num": 40, "size": 16}, "size": 16}
    changes = {f"train__{key}": {"num": 1, "flip": True} if key == "views" else {"flip": True}}
    notes = describe_study(tiny(data=data, stage=[{"name": "a"}], **changes)).notes
    assert any(f"train.{key}.flip: mirroring a dial changes its value; leave this out" in note for note in notes)
    assert not any("mirrored" in note for note in describe_study(tiny(**changes)).notes)
