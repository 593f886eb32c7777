"""Trials of different objectives in one stage: their losses cannot be compared, so that another metric ranks them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny, write_study

from in_process import papilio
from papilio.data.facts import ImageFacts
from papilio.drawing.palette import LINES
from papilio.errors import StudyError
from papilio.kinds.choosing import standing_of
from papilio.kinds.ranking import Ranking, Standing, common_ranking
from papilio.kinds.registry import KINDS
from papilio.results.best import best_words, place_of_run
from papilio.results.metrics import told_metric
from papilio.results.reading import read_results
from papilio.results.results import StudyResults
from papilio.results.units import has_one_unit, means_the_same
from papilio.sections.setting_rows import shared_settings
from papilio.settings.train_settings import TrainSettings
from papilio.workbench import run_study, sample

FACTS = ImageFacts((1, 8, 8), ("zero", "one"), None)
BY_LOSS, BY_ERROR = Ranking("val_loss", "min"), Ranking("val_error", "min")
SMALL = {"filters": [], "dense": [8], "latents": 2}
OBJECTIVES = [
    {"name": "plain", "model": {"family": "autoencoder"} | SMALL},
    {
        "name": "noisy",
        "model": {"family": "autoencoder"} | SMALL,
        "train": {"objective_settings": {"noise": "gaussian", "level": 0.5}},
    },
    {"name": "beta 4", "model": {"family": "vae"} | SMALL, "train": {"objective_settings": {"beta": 4}}},
]


def standing(kind: str, ranking: Ranking | None = BY_LOSS, **settings: Any) -> Standing:
    return standing_of(KINDS[kind], TrainSettings(objective=kind, objective_settings=settings), FACTS, ranking)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (standing("autoencoder"), standing("autoencoder"), BY_LOSS),
        (standing("autoencoder"), standing("autoencoder", noise="gaussian"), BY_ERROR),
        (standing("autoencoder"), standing("autoencoder", error="absolute"), BY_ERROR),
        (standing("autoencoder"), standing("vae"), BY_ERROR),
        (standing("autoencoder", BY_ERROR), standing("vae"), BY_ERROR),
        (standing("vae", beta=1.0), standing("vae"), BY_LOSS),
        (standing("vae", warm_up=100), standing("vae", free_bits=0.1), BY_LOSS),
        (standing("vae", beta=4.0), standing("vae"), BY_ERROR),
        (standing("vae", Ranking("val_elbo", "max"), beta=4.0), standing("vae", Ranking("val_elbo", "max")), None),
        (standing("vae", likelihood="gaussian", sigma=0.2), standing("vae", likelihood="gaussian"), BY_ERROR),
        (standing("vae", Ranking("train_loss", "min"), beta=4.0), standing("vae", Ranking("train_loss", "min")), None),
        (standing("gan", None), standing("vae"), None),
        (standing("gan", None), standing("gan", None), None),
    ],
)
def test_what_ranks_runs_of_two_objectives(one: Standing, other: Standing, expected: Ranking | None) -> None:
    is_same_elbo = one.ranking == Ranking("val_elbo", "max")
    assert common_ranking([one, other]) == (one.ranking if is_same_elbo else expected)
    assert common_ranking([other, one, one]) == common_ranking([one, other])


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    folder = tmp_path_factory.mktemp("objectives")
    rates = {"name": "rates", "model": OBJECTIVES[0]["model"], "vary": {"train.learning_rate": [0.01, 0.001]}}
    stages = [{"name": "objectives", "trial": OBJECTIVES}, rates]
    study = tiny(stage=stages, model=OBJECTIVES[0]["model"], train={"epochs": 2}, analysis=[])
    done = papilio("run", write_study(folder / "study.toml", study), "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    assert "ranked by validation error: losses of different objectives cannot be compared)" in done.stdout
    return read_results(folder / "out")


def test_such_a_stage_is_ranked_by_the_error_on_clean_images(results: StudyResults) -> None:
    """A loss of 0.07 a pixel stood above one of 20 nats per image, and every beta below the next smaller one."""
    assert results.ranking("objectives") == BY_ERROR
    errors = [trial.mean("val_error") for trial in results.ranked("objectives")]
    assert len(errors) == 3 and errors == sorted(errors, key=float)
    assert {run.ranking for run in results.runs} == {BY_LOSS}  # of each run's own epochs
    best = results.ranked("objectives")[0]
    assert told_metric(results, best) == "test_error"
    page = (results.folder / "report.html").read_text()
    assert page.count("these trials have different objectives, whose losses cannot be compared") == 1


def test_losses_that_cannot_be_compared_share_no_axis(results: StudyResults) -> None:
    names = {path.stem for path in (results.folder / "figures").glob("*.svg")}
    assert {"1-objectives-val-error", "2-rates-val-loss"} <= names and "1-objectives-val-loss" not in names


def test_losses_of_several_games_are_not_one_number(tmp_path: Path) -> None:
    """A range from a cross entropy in nats to a hinge loss stood in the head, and both shared an axis."""
    small = {"family": "gan", "units": [8], "latents": 4}
    trials = [
        {"name": loss, "model": small, "train": {"objective_settings": {"loss": loss}}}
        for loss in ("non_saturating", "hinge", "wasserstein")
    ]
    study = tiny(stage=[{"name": "games", "trial": trials}], train={"epochs": 1, "batch_size": 64}, analysis=[])
    runs = run_study(study, out=tmp_path / "out", is_silent=True).runs
    _, hinge, wasserstein = runs
    assert not has_one_unit(runs, "val_generator_loss") and has_one_unit([hinge, wasserstein], "val_generator_loss")
    assert not means_the_same([hinge, wasserstein], "val_generator_loss") and means_the_same(runs, "val_diversity")
    page = (tmp_path / "out/report.html").read_text()
    head = " ".join(re.sub(r"<[^>]*>", " ", page[page.index('<p class="headline">') :])[:400].split())
    assert head.startswith("3 trials are finished; no metric ranks them. After the last epoch: test diversity")
    assert "loss" not in head


@pytest.fixture(scope="module")
def unranked(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    trials = {"name": "s", "trial": [OBJECTIVES[0], OBJECTIVES[2]]}
    study = tiny(stage=[trials], train={"epochs": 2, "best": "train_loss"}, analysis=[])
    return run_study(study, out=tmp_path_factory.mktemp("unranked") / "out", is_silent=True)


def test_the_first_of_what_nothing_ranks_is_not_called_the_best(unranked: StudyResults) -> None:
    assert unranked.ranking("s") is None and unranked.best is not None
    assert best_words(unranked, unranked.best).endswith("(plain, seed 0; the first: nothing ranks them)")


def test_the_head_tells_what_all_trials_have_and_what_means_the_same_in_all(unranked: StudyResults) -> None:
    """A number of one trial alone stood there beside a range of several."""
    page = (unranked.folder / "report.html").read_text()
    head = re.sub(r"<[^>]*>|\s+", " ", page[page.index('<p class="headline">') :])[:400]
    assert "2 trials are finished; no metric ranks them. At the best epochs: test error 0." in " ".join(head.split())
    assert not any(word in head for word in ("active units", "loss", "KL"))


def test_settings_that_no_kind_of_run_here_takes_are_not_told_of(unranked: StudyResults) -> None:
    found = shared_settings(unranked)
    assert found is not None
    told = dict(found.first) | dict(found.others)
    assert told["Penalties on weights"] == "none"  # the autoencoder takes them
    assert not {"Label smoothing", "train.views"} & told.keys()


def test_a_trial_has_one_color_in_all_figures(unranked: StudyResults) -> None:
    """The second trial had the first one's color where the first was not measured."""
    of_both, of_second = (unranked.folder / f"figures/1-s-val-{name}.svg" for name in ("error", "kl"))
    assert LINES[0] in of_both.read_text() and LINES[1] in of_both.read_text()
    assert LINES[0] not in of_second.read_text() and LINES[1] in of_second.read_text()


def test_of_a_study_whose_best_run_makes_no_images_another_one_does(
    results: StudyResults, unranked: StudyResults, tmp_path: Path
) -> None:
    unable, able = (trial.best for trial in unranked.trials("s"))
    assert unable is not None and able is not None and unable == unranked.best
    done = papilio("sample", unranked.folder, "--num", "2", "--out", tmp_path / "of-study.png")
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        f"{unranked.folder}: using runs/{able.name} ({able.trial}, seed 0; the first that can generate images)\n"
    )
    sample(able, tmp_path / "of-run.png", num=2)
    sample(unranked, tmp_path / "of-results.png", num=2)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1

    refused = papilio("sample", unable.folder, "--out", tmp_path / "none.png")
    assert refused.returncode == 2 and "cannot generate images" in refused.stderr
    assert place_of_run(results, offer="predict") == place_of_run(results)


def test_a_record_without_its_runs_is_not_rewritten(results: StudyResults, tmp_path: Path) -> None:
    """The report of such a folder became one of a study that has not begun."""
    folder = shutil.copytree(results.folder, tmp_path / "kept", ignore=shutil.ignore_patterns("runs"))
    page = (folder / "report.html").read_bytes()
    for command in ("report", "results"):
        done = papilio(command, folder)
        assert done.returncode == 2 and f"{folder}: has no runs/, only a record of them" in done.stderr
    assert (folder / "report.html").read_bytes() == page


def test_a_stage_of_one_objective_is_ranked_by_its_loss(results: StudyResults) -> None:
    assert results.ranking("rates") == BY_LOSS
    assert not results.is_ranked_otherwise("rates")


def test_runs_that_do_not_say_what_their_loss_means_are_told_apart_by_their_settings(
    results: StudyResults, tmp_path: Path
) -> None:
    folder = shutil.copytree(results.folder, tmp_path / "earlier")
    for file in folder.glob("runs/*/run.json"):
        facts = json.loads(file.read_text())
        assert facts.pop("meaning") and facts.pop("otherwise") == ["val_error", "min"]
        file.write_text(json.dumps(facts))
    assert read_results(folder).ranking("objectives") == BY_ERROR


def test_a_search_over_objectives_learns_from_what_means_the_same(tmp_path: Path) -> None:
    """Median pruning compares validation errors; the elbo of two likelihoods, chosen by the study, compares nothing."""
    stage = {"name": "s", "model": OBJECTIVES[2]["model"], "vary": {"train.objective_settings.beta": [1.0, 8.0]}}
    pruned = stage | {"pruner": {"name": "halving", "min_epochs": 1, "factor": 2}}
    found = run_study(tiny(stage=[pruned], train={"epochs": 2}, analysis=[]), out=tmp_path / "halved", is_silent=True)
    reasons = [run.reason for run in found.runs if run.status == "pruned"]
    assert len(reasons) == 1
    errors = {run.status: run.records[0]["val_error"] for run in found.runs}
    assert errors["done"] < errors["pruned"]


def test_where_nothing_means_the_same_a_stage_is_not_ranked(tmp_path: Path) -> None:
    model, train = OBJECTIVES[2]["model"], {"epochs": 1, "best": "train_loss"}
    stage = {"name": "s", "model": model, "vary": {"train.objective_settings.beta": [1.0, 8.0]}, "pruner": "median"}
    with pytest.raises(StudyError, match="this stage is not ranked by one metric"):
        run_study(tiny(stage=[stage], train=train), out=tmp_path / "out", is_silent=True)
