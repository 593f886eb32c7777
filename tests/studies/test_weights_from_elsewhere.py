"""Nets, or parts of them, that begin with the weights of another run: real runs of tiny nets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pretend import PretendWorkers, worked
from torch import Tensor, nn

from papilio.engine import Lane, find_engine
from papilio.errors import RunError, SettingError, StudyError
from papilio.files import checksum
from papilio.models.autoencoder import autoencoder
from papilio.results.results import StudyResults
from papilio.runs.arrays import load_arrays, save_arrays
from papilio.runs.folder import RunFacts, RunFolder
from papilio.runs.plan import RunPlan
from papilio.runs.starts import Origin, bring_weights, taken_weights
from papilio.search.expected import plan_runs
from papilio.settings.run_settings import NetFrom, RunSettings
from papilio.studies.images import StudyImages
from papilio.studies.study import load_study
from papilio.workbench import load_run, run_study
from papilio.workers.ray_node import END_FILES, Mirror, read_files, write_files

pytestmark = pytest.mark.usefixtures("no_reports")

DIGITS = {"name": "digits", "fraction": 0.2}
AUTOENCODER = {"family": "autoencoder", "filters": [], "dense": [12], "latents": 6}


class Classifier(nn.Module):
    """The encoder of an `autoencoder`, and a head on it."""

    def __init__(self, image_shape: tuple[int, int, int], num_classes: int, units: int = 12) -> None:
        super().__init__()
        self.encoder = autoencoder(image_shape, filters=[], dense=[units], latents=6).encoder
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(6, num_classes))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(images))


def study_of(*stages: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "title": "Weights from elsewhere",
        "data": DIGITS,
        "model": {"family": Classifier},
        "train": {"epochs": 2, "batch_size": 32, "learning_rate": 0.01},
        "stage": list(stages),
        "analysis": [],
        **changes,
    }


def pretraining(name: str = "pretraining", **changes: Any) -> dict[str, Any]:
    return {"name": name, "model": AUTOENCODER, **changes}


def classes(source: dict[str, Any], name: str = "classes", **changes: Any) -> dict[str, Any]:
    return {"name": name, "model": {"encoder": source}, **changes}


FINISHED = study_of(
    pretraining(seeds=2, vary={"train.learning_rate": [0.01, 0.0001]}),
    classes({"stage": "pretraining"}, seeds=[1, 2], vary={"model.encoder.freeze": [True, False]}),
    pretraining("pretraining in folds", folds=2),
    classes({"stage": "pretraining in folds", "freeze": True}, "classes in folds", folds=2, seeds=[1]),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    """A study of four stages, of which two take weights of the other two."""
    return run_study(FINISHED, out=tmp_path_factory.mktemp("weights") / "out", is_silent=True)


def encoder_of(folder: Path) -> dict[str, bytes]:
    arrays, _ = load_arrays(RunFolder(folder).weights_file)
    return {name: array.tobytes() for name, array in arrays.items() if name.startswith("network/encoder.")}


def facts_of(folder: Path) -> RunFacts:
    return RunFolder(folder).facts()


def source_of(folder: Path) -> Path:
    """The folder of the run of the same study that a run's encoder came from."""
    return folder.parent / Path(facts_of(folder).starts["encoder"]["run"]).name


def settings_of(study: dict[str, Any]) -> tuple[RunSettings, dict[str, Any]]:
    loaded = load_study(study)
    return plan_runs(loaded)[-1].settings, dict(loaded.own)


def test_a_frozen_encoder_stays_as_it_was_bit_for_bit_and_another_does_not(finished: StudyResults) -> None:
    runs = [run for run in finished.runs if run.stage == "classes"]
    assert len(runs) == 4
    for run in runs:
        is_frozen = run.settings["model"]["encoder"]["freeze"]
        assert (encoder_of(run.folder) == encoder_of(source_of(run.folder))) == is_frozen
        started, _ = load_arrays(RunFolder(run.folder).start_file)
        taken = {f"network/{name.replace('/', '.')}": array.tobytes() for name, array in started.items()}
        assert taken == encoder_of(source_of(run.folder))


def test_only_what_training_may_change_is_counted(finished: StudyResults) -> None:
    frozen, free = (
        {
            run.parameters
            for run in finished.runs
            if run.stage == "classes" and run.settings["model"]["encoder"]["freeze"] == one
        }
        for one in (True, False)
    )
    assert (frozen, free) == ({6 * 10 + 10}, {64 * 12 + 12 + 12 * 6 + 6 + 6 * 10 + 10})


def test_weights_are_of_the_best_trial_and_there_of_the_same_seed(finished: StudyResults) -> None:
    best = finished.ranked("pretraining")[0]
    by_seed = {run.seed: run.name for run in best.runs}
    fallback = best.best
    assert fallback is not None
    for run in (run for run in finished.runs if run.stage == "classes"):
        assert source_of(run.folder).name == by_seed.get(run.seed, fallback.name)


def test_in_folds_weights_are_of_the_same_fold(finished: StudyResults) -> None:
    runs = [run for run in finished.runs if run.stage == "classes in folds"]
    assert len(runs) == 2
    for run in runs:
        assert facts_of(source_of(run.folder)).fold == run.fold
        assert encoder_of(run.folder) == encoder_of(source_of(run.folder))


def test_a_trained_run_is_loaded_without_its_source(finished: StudyResults, tmp_path: Path) -> None:
    run = next(run.folder for run in finished.runs if run.stage == "classes")
    alone = shutil.copytree(run, tmp_path / "alone")
    images = StudyImages({}).of(facts_of(run).run_settings.data)
    assert load_run(alone).probabilities(images.images[:2]).shape == (2, 10)


def test_a_node_gets_the_weights_and_does_not_send_them_back(finished: StudyResults, tmp_path: Path) -> None:
    run = next(run.folder for run in finished.runs if run.stage == "classes")
    write_files(tmp_path, read_files(run))
    assert (tmp_path / "start.safetensors").read_bytes() == RunFolder(run).start_file.read_bytes()
    assert Mirror(tmp_path).changed(END_FILES) == {}


@pytest.mark.parametrize("damage", ["torn", "flipped", "without starts", "other starts"])
def test_damaged_weights_from_elsewhere_are_taken_anew(damage: str, finished: StudyResults, tmp_path: Path) -> None:
    """Facts of another kind in start.safetensors were a traceback, and one bit changed began another run."""
    run = next(run.folder for run in finished.runs if run.stage == "classes")
    source, file = source_of(run), tmp_path / "start.safetensors"
    whole = (run / "start.safetensors").read_bytes()
    if damage == "torn":
        file.write_bytes(whole[:300])
    elif damage == "flipped":
        file.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    else:
        save_arrays(
            file, load_arrays(run / "start.safetensors")[0], {} if damage == "without starts" else {"starts": [3]}
        )
    checksums = {"encoder": checksum(RunFolder(source).weights_file)}
    origins = {"encoder": Origin(source, f"pretraining/{source.name}")}
    sources = facts_of(run).run_settings.model.sources
    bring_weights(RunFolder(tmp_path), {"encoder": sources["encoder"]}, origins, checksums)
    assert file.read_bytes() == whole


def test_a_run_says_where_its_weights_came_from(finished: StudyResults) -> None:
    run = next(run for run in finished.runs if run.stage == "classes")
    source = source_of(run.folder)
    assert facts_of(run.folder).starts == {
        "encoder": {
            "run": f"pretraining/{source.name}",
            "net": "encoder",
            "checksum": checksum(RunFolder(source).weights_file),
        }
    }


def test_weights_come_from_a_run_or_from_another_study(finished: StudyResults, tmp_path: Path) -> None:
    run = str(next(run.folder for run in finished.runs if run.stage == "pretraining"))
    of_study = {"study": str(finished.folder), "stage": "pretraining", "net": "encoder", "freeze": True}
    stage = {"name": "classes", "vary": {"model.encoder": [{"run": run, "freeze": True}, of_study]}}
    of_run, of_best = run_study(study_of(stage), out=tmp_path / "out", is_silent=True).runs
    assert encoder_of(of_run.folder) == encoder_of(Path(run))
    assert facts_of(of_run.folder).starts["encoder"]["run"] == run
    best = finished.ranked("pretraining")[0].runs[0].folder
    assert encoder_of(of_best.folder) == encoder_of(best)
    assert facts_of(of_best.folder).starts["encoder"]["run"] == str(best)


def test_the_same_command_again_trains_nothing(finished: StudyResults) -> None:
    before = {file: file.stat().st_mtime_ns for file in finished.folder.glob("runs/*/*")}
    run_study(FINISHED, out=finished.folder, is_silent=True)
    assert {file: file.stat().st_mtime_ns for file in finished.folder.glob("runs/*/*")} == before


def test_a_source_that_has_changed_is_noticed(finished: StudyResults, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(finished.folder, out)
    run = next(run.name for run in finished.runs if run.stage == "classes")
    file = RunFolder(source_of(out / "runs" / run)).weights_file
    arrays, facts = load_arrays(file)
    save_arrays(file, {name: array + np.float32(1) for name, array in arrays.items()}, facts)
    with pytest.raises(
        RunError, match=r"runs/classes-.* started from model\.encoder of pretraining/.*delete the folder"
    ):
        run_study(FINISHED, out=out, is_silent=True)


def test_a_source_that_was_trained_on_test_images_is_refused(finished: StudyResults, tmp_path: Path) -> None:
    run = str(next(run.folder for run in finished.runs if run.stage == "pretraining"))
    other = study_of(classes({"run": run}), data=DIGITS | {"seed": 1})
    with pytest.raises(StudyError, match=r"model\.encoder: .* of this run's test images are among"):
        run_study(other, out=tmp_path / "out", is_silent=True)
    stages = pretraining(data={"seed": 1}), classes({"stage": "pretraining"})
    with pytest.raises(StudyError, match=r'model\.encoder: stage "pretraining": \d+ of this run\'s test images'):
        run_study(study_of(*stages), out=tmp_path / "out", is_silent=True)
    assert not (tmp_path / "out" / "runs").exists()


def test_what_a_sources_own_weights_have_seen_counts_too(finished: StudyResults, tmp_path: Path) -> None:
    folders = [next(run.folder for run in finished.runs if run.stage == one) for one in ("pretraining", "classes")]
    seen, tuned = (shutil.copytree(one, tmp_path / one.name) for one in folders)
    facts = json.loads((seen / "run.json").read_text())
    facts["settings"]["data"]["seed"] = 1
    loaded = StudyImages({}).of(RunSettings.of(facts["settings"]).data)
    (seen / "run.json").write_text(json.dumps(facts | {"data_checksum": loaded.checksum}))
    start = {"encoder": {"run": str(seen), "net": "encoder", "checksum": checksum(seen / "weights.safetensors")}}
    facts = json.loads((tuned / "run.json").read_text())
    (tuned / "run.json").write_text(json.dumps(facts | {"starts": start}))
    with pytest.raises(StudyError, match=rf"model\.encoder: {seen}: \d+ of this run's test images"):
        run_study(study_of(classes({"run": str(tuned)})), out=tmp_path / "out", is_silent=True)
    shutil.rmtree(seen)
    with pytest.raises(StudyError, match=r"which no longer exist, so it is unknown"):
        run_study(study_of(classes({"run": str(tuned)})), out=tmp_path / "out", is_silent=True)


def test_a_source_of_a_source_is_found_from_another_folder(
    finished: StudyResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its path was relative to the folder in which that study was run: elsewhere it "no longer existed"."""
    folders = [next(run.folder for run in finished.runs if run.stage == one) for one in ("pretraining", "classes")]
    there = tmp_path / "there"
    seen, tuned = (shutil.copytree(one, there / "results" / one.parent.name / one.name / "r") for one in folders)
    facts = json.loads((tuned / "run.json").read_text())
    start = {"run": str(seen.relative_to(there)), "net": "encoder", "checksum": checksum(seen / "weights.safetensors")}
    (tuned / "run.json").write_text(json.dumps(facts | {"starts": {"encoder": start}}))
    monkeypatch.chdir(tmp_path)
    study = study_of(classes({"run": str(tuned)}), data=DIGITS | {"num_train": 60})
    assert run_study(study, out=tmp_path / "out", is_silent=True).is_whole


def test_in_folds_a_source_that_has_seen_the_validation_images_is_refused(
    finished: StudyResults, tmp_path: Path
) -> None:
    stages = pretraining(), classes({"stage": "pretraining"}, folds=2)
    with pytest.raises(StudyError, match=r"of this fold's validation images are among its training images"):
        run_study(study_of(*stages), out=tmp_path / "out", is_silent=True)
    in_two = next(run for run in finished.runs if run.stage == "pretraining in folds" and run.fold == 2)
    with pytest.raises(StudyError, match=r"there is no run of fold 1, and runs of other folds have seen"):
        run_study(study_of(classes({"run": str(in_two.folder)}, folds=2)), out=tmp_path / "out", is_silent=True)


def test_a_stage_waits_until_those_are_over_whose_weights_it_takes(tmp_path: Path) -> None:
    study = study_of(pretraining(seeds=2), classes({"stage": "pretraining"}))
    workers = PretendWorkers(study, tmp_path, num=3, seed=0)
    while "classes" not in workers.search.searches:
        workers.work(turns=1)
    assert workers.search.searches["pretraining"].is_over
    assert workers.work()


def test_a_stage_is_blocked_whose_weights_nobody_has(tmp_path: Path) -> None:
    def failing(plan: RunPlan, epoch: int) -> float:
        raise ArithmeticError

    study = study_of(pretraining(), classes({"stage": "pretraining"}))
    workers = worked(study, tmp_path, seed=0, curve=failing)
    reason = 'stage "classes" takes weights of "pretraining", but no trial of that stage has finished'
    assert workers.search.blocked == {"classes": reason}


def test_paths_of_runs_are_seen_from_the_study_file(tmp_path: Path) -> None:
    (tmp_path / "runs" / "one").mkdir(parents=True)
    file = tmp_path / "study.toml"
    file.write_text(
        'title = "t"\ndata = { name = "digits" }\nmodel = { family = "mlp", network = { run = "runs/one" } }\n'
        '[[stage]]\nname = "s"\nvary = { "model.network" = [{ run = "runs/one", freeze = false }, { run = "clock" }] }'
    )
    settings = load_study(file).settings
    assert settings.model["network"]["run"] == str(tmp_path / "runs" / "one")
    varied = settings.stage[0].vary["model.network"]
    assert [one["run"] for one in varied] == [str(tmp_path / "runs" / "one"), "clock"]


@pytest.mark.parametrize(
    ("stages", "complaint"),
    [
        ([classes({"stage": "pretrain"})], "there is no stage 'pretrain' before this one; this is the first one"),
        ([pretraining(), classes({"stage": "pretrain"})], "did you mean pretraining"),
        ([classes({"stage": "pretraining"}), pretraining()], "there is no stage 'pretraining' before this one"),
        ([classes({"stage": "classes"})], "there is no stage 'classes' before this one"),
        ([classes({"study": "nowhere"})], "the results of nowhere do not exist"),
        ([classes({"run": "nowhere"})], "nowhere: no such folder"),
        ([classes({"freeze": True})], "model.encoder"),
        (
            [
                pretraining(),
                {**pretraining(), "name": "b", "model": {"network": {"stage": "pretraining", "freeze": True}}},
            ],
            'stage "b", .*the phase network has nothing to train: network is frozen or empty',
        ),
        ([pretraining(), {"name": "classes", "model": {"encode": {"stage": "pretraining"}}}], "did you mean encoder"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_trained(
    stages: list[dict[str, Any]], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises((StudyError, SettingError), match=complaint):
        run_study(study_of(*stages), out=tmp_path / "out", is_silent=True)
    assert not (tmp_path / "out" / "runs").exists()


def test_the_best_of_several_trials_that_nothing_ranks_is_refused(tmp_path: Path) -> None:
    games = {"name": "games", "model": {"family": "gan"}, "vary": {"train.batch_size": [16, 32]}}
    stages = games, {"name": "more", "model": {"family": "gan", "generator": {"stage": "games"}}}
    with pytest.raises(StudyError, match=r'takes weights of "games", whose 2 trials are not ranked by one metric'):
        run_study(study_of(*stages), out=tmp_path / "out", is_silent=True)


def test_a_net_or_a_layer_that_a_run_does_not_have_is_refused(finished: StudyResults) -> None:
    origin = Origin(next(run.folder for run in finished.runs if run.stage == "pretraining"), "one")
    net, weights = taken_weights(origin, NetFrom(run="one", until="encoder.dense1"), "encoder")
    assert (net, set(weights)) == ("encoder", {"dense1.weight", "dense1.bias"})
    _, weights = taken_weights(origin, NetFrom(run="one", net="encoder", until="latents"), "features")
    assert set(weights) == {"dense1.weight", "dense1.bias", "latents.weight", "latents.bias"}
    with pytest.raises(RunError, match="there is no net or part of a net 'encode'; did you mean encoder"):
        taken_weights(origin, NetFrom(run="one", net="encode"), "encoder")
    with pytest.raises(
        RunError, match="until: there is no layer '7'; allowed are dense1, dense1_activation, flatten, latents"
    ):
        taken_weights(origin, NetFrom(run="one", until="7"), "encoder")


def test_layers_up_to_one_are_taken_and_frozen_and_the_rest_learns() -> None:
    settings, own = settings_of(study_of(classes({"run": "one", "until": "dense1", "freeze": True})))
    images = StudyImages({}).of(settings.data)
    starts = {"encoder/dense1.weight": np.ones((12, 64), np.float32), "encoder/dense1.bias": np.zeros(12, np.float32)}
    with find_engine("torch", own).prepare([Lane(settings, images, 0, starts)], threads=1) as session:
        before = session.weights(0)
        session.train_epoch()
        after = session.weights(0)
        assert session.describe(0).num_parameters == 12 * 6 + 6 + 6 * 10 + 10
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {
        f"network/{name}" for name in ("encoder.latents.weight", "encoder.latents.bias", "head.1.weight", "head.1.bias")
    }
    assert np.array_equal(after["network/encoder.dense1.weight"], starts["encoder/dense1.weight"])


@pytest.mark.parametrize(
    ("starts", "complaint"),
    [
        (
            {"encoder/dense1.weight": np.ones((3, 64), np.float32)},
            r"model\.encoder: .* gets no dense1\.bias, latents\.weight",
        ),
        ({"encoder/9.weight": np.ones((3, 64), np.float32)}, r"model\.encoder: .* has no 9\.weight"),
    ],
)
def test_weights_of_another_network_are_refused(starts: dict[str, np.ndarray], complaint: str) -> None:
    settings, own = settings_of(study_of(classes({"run": "one"})))
    images = StudyImages({}).of(settings.data)
    with pytest.raises(RunError, match=complaint):
        find_engine("torch", own).prepare([Lane(settings, images, 0, starts)], threads=1)
    settings, own = settings_of(study_of(classes({"run": "one", "until": "dense1"})))
    with pytest.raises(RunError, match=r"model\.encoder: made for another network"):
        find_engine("torch", own).prepare([Lane(settings, images, 0, starts)], threads=1)
    assert float(torch.tensor(1e-40) + 0) > 0, "denormal numbers are taken as zero although no session began"


@pytest.mark.parametrize(
    ("source", "units", "complaint"),
    [
        ({}, 13, r"model\.encoder: made for another network; dense1\.bias is \(12,\), expected is \(13,\)"),
        ({"until": "dense1"}, 13, r"model\.encoder: made for another network; dense1\.bias"),
        ({"net": "decoder"}, 12, r"model\.encoder: made for another network: it has no "),
    ],
)
def test_weights_that_do_not_fit_are_found_before_anything_is_trained(
    finished: StudyResults, source: dict[str, str], units: int, complaint: str, tmp_path: Path
) -> None:
    """Their shapes showed only when the run began, perhaps after hours of other stages."""
    first = next(run for run in finished.runs if run.stage == "pretraining")
    later = classes({"run": str(first.folder), **source}, "later")
    later["model"]["units"] = units
    with pytest.raises(StudyError, match=rf'^the study: stage "later", trial "[^"]*": {complaint}') as caught:
        run_study(study_of(pretraining("first"), later), out=tmp_path / "out", is_silent=True)
    assert "\n" not in str(caught.value) and not (tmp_path / "out" / "runs").exists()
