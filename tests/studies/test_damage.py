"""What a user changes, deletes or breaks between two commands: nothing wrong is shown as right, and what can be mended is."""

from __future__ import annotations

import contextlib
import csv
import datetime
import json
import math
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import OwnNet, all_weights, command, environment, own_loss, tiny, write_study
from torch import nn

import papilio as product
from in_process import execute_run, papilio
from papilio.data.load import load_images
from papilio.engine import Session
from papilio.errors import RunError, SettingError, StudyError
from papilio.execution import study_run
from papilio.results.reading import read_results
from papilio.runs.folder import RunFolder
from papilio.runs.loop import TrainingRun
from papilio.search.expected import plan_runs
from papilio.studies.study import load_study
from papilio.training.session import as_fast_layout
from papilio.workbench import remake_report
from papilio.workers.pool import Pool, Worker

ONE = tiny(stage=[{"name": "a"}], train__epochs=2, analysis=[{}])


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original") / "out"
    product.run_study(ONE, out=folder, is_silent=True)
    return folder


@pytest.fixture
def out(original: Path, tmp_path: Path) -> Path:
    """A finished study's folder, to be damaged."""
    shutil.copytree(original, tmp_path / "out")
    return tmp_path / "out"


def again(out: Path, **changes: Any) -> None:
    product.run_study(ONE | changes, out=out, is_silent=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_changed_images_do_not_pass_for_those_that_were_trained_on(tmp_path: Path) -> None:
    """A folder of pictures that had changed kept its old results, described as measured on the new pictures."""
    digits = load_images("digits")
    np.save(tmp_path / "images.npy", digits.images)
    np.save(tmp_path / "labels.npy", digits.labels)
    study = ONE | {"data": {"path": str(tmp_path / "images.npy"), "labels": str(tmp_path / "labels.npy")}}
    product.run_study(study, out=tmp_path / "out", is_silent=True)
    before = contents(tmp_path / "out")
    np.save(tmp_path / "images.npy", 255 - digits.images)
    with pytest.raises(
        RunError, match=r"was trained on other images than .* has now; choose another --out, or start over with --fresh"
    ):
        product.run_study(study, out=tmp_path / "out", is_silent=True)
    assert contents(tmp_path / "out") == before
    product.run_study(study, out=tmp_path / "out", is_fresh=True, is_silent=True)


def test_a_kill_between_record_and_checkpoint_loses_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record came after the checkpoint, so that a kill in between lost it, and a run its validation metrics."""
    (plan,) = plan_runs(load_study(ONE | {"train": {"epochs": 3}}))
    images = load_images("digits", fraction=0.3)
    expected = execute_run(tmp_path / "whole", plan, images, threads=1, own={})
    save = TrainingRun.save

    def killed(self: TrainingRun, session: Session, lane: int) -> None:
        if self.progress.epoch == 2:
            raise KeyboardInterrupt
        save(self, session, lane)

    monkeypatch.setattr(TrainingRun, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        execute_run(tmp_path / "run", plan, images, threads=1, own={})
    monkeypatch.undo()
    facts = execute_run(tmp_path / "run", plan, images, threads=1, own={})
    assert [record["epoch"] for record in RunFolder(tmp_path / "run").read_records()] == [1, 2, 3]
    assert facts.metrics == expected.metrics


def test_a_fresh_start_that_is_refused_throws_nothing_away(out: Path) -> None:
    before = contents(out)
    with pytest.raises(StudyError):
        product.run_study(ONE | {"data": {"name": "nothere"}}, out=out, is_fresh=True, is_silent=True)
    with pytest.raises(SettingError):
        product.run_study(ONE, out=out, is_fresh=True, workers=0, is_silent=True)
    assert contents(out) == before


def test_a_signal_between_two_workers_starts_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: None
) -> None:
    """The interrupt was raised inside the pool's making, which nobody then closed."""
    start = Pool._start

    def interrupted(self: Pool) -> Worker:
        worker = start(self)
        if not self.workers:
            signal.raise_signal(signal.SIGINT)
        return worker

    monkeypatch.setattr(Pool, "_start", interrupted)
    assert not product.run_study(tiny(), out=tmp_path / "out", workers=2, is_silent=True).is_whole
    assert not (tmp_path / "out" / "workers.log").exists()


def test_a_signal_whose_exception_is_swallowed_still_stops_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python ignores exceptions in finalizers: a Ctrl-C that came just then was lost, and the study went on to its end."""
    describe = study_run.describe_environment

    def swallowing(*arguments: Any, **others: Any) -> dict[str, Any]:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return describe(*arguments, **others)

    monkeypatch.setattr(study_run, "describe_environment", swallowing)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        product.run_study(tiny(), out=tmp_path / "out", is_silent=True)
    assert not list((tmp_path / "out").glob("runs/*/weights.safetensors"))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_at_the_question_is_the_answer(tmp_path: Path) -> None:
    """It was only counted, and the question waited on; then the report of a study without runs was written."""

    def confirm(seconds: float) -> bool:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("the question went on")

    study = tiny(train__epochs=1_000_000, stage=[{"name": "long"}])
    with pytest.raises(KeyboardInterrupt):
        product.run_study(study, out=tmp_path / "out", confirm=confirm, is_silent=True)
    assert not list((tmp_path / "out").glob("runs/*/weights.safetensors"))


@pytest.mark.parametrize("delay", [0.0, 2.0])
def test_a_signal_while_a_study_starts_stops_it_in_good_order(delay: float, tmp_path: Path) -> None:
    """The signal wrote "stop" into the middle of a task that was on its way to a worker."""
    study = write_study(tmp_path / "tiny.toml", tiny(train__epochs=200, data={"name": "mnist-5k"}))
    arguments = command("run", study, "--out", tmp_path / "out")
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    # before that libraries are imported and images read, and some library swallows the signal
    while not (tmp_path / "out" / "study.toml").exists() and process.poll() is None:
        time.sleep(0.02)
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=100)
    assert process.returncode == 130, stderr
    assert not (tmp_path / "out" / "workers.log").exists()


def test_deleted_weights_are_made_again(out: Path) -> None:
    before = all_weights(out)
    (weights,) = out.glob("runs/*/weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(
        RunError, match=r"not a complete weights file .* delete it and run the study again to recreate it"
    ):
        product.load_run(weights.parent)
    weights.unlink()
    with pytest.raises(RunError, match=r"weights\.safetensors is missing; run the study again to retrain it"):
        product.load_run(weights.parent)
    again(out)
    assert all_weights(out) == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("study.toml", b"title = \n"),
        ("study.toml", b"title = 'Tiny'\n"),
        ("study.toml", b"\xff\xfe\x00"),
        ("environment.json", b"{"),
        ("environment.json", b"[]"),
        ("environment.json", b'{"else": 1e999}'),
        ("results.csv", b""),
        ("results.csv", b"a,b\n1,2\n"),
        ("results.csv", b"run,stage,trial,seed\nx\n"),
        ("analyses", b"torn"),
    ],
)
def test_a_damaged_file_is_one_line_for_readers_and_mended_by_the_study(name: str, content: bytes, out: Path) -> None:
    before = (out / "results.csv").read_bytes()
    path = next((out / name).glob("*.npz")) if (out / name).is_dir() else out / name
    path.write_bytes(content)
    with pytest.raises(RunError) as caught:
        remake_report(out)
    assert "\n" not in str(caught.value)
    again(out)
    assert (out / "results.csv").read_bytes() == before
    assert remake_report(out).stat().st_size > 10_000


def with_cell(row: int, column: int, value: str | None) -> Callable[[Path], None]:
    """Changes a cell of a CSV file, or takes it out."""

    def change(path: Path) -> None:
        rows = list(csv.reader(path.read_text().splitlines()))
        rows[row][column : column + 1] = [] if value is None else [value]
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)

    return change


def with_twin(path: Path) -> None:
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")


def with_entry(key: str, value: Any) -> Callable[[Path], None]:
    """Changes an entry of a JSON file."""

    def change(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))

    return change


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("results.csv", with_twin),
        ("results.csv", with_cell(0, 1, "stagy")),
        ("results.csv", with_cell(1, 2, None)),
        ("results.csv", with_cell(1, 0, "../../etc")),
        ("results.csv", with_cell(1, 0, "..")),
        ("results.csv", with_cell(1, 0, "")),
        ("results.csv", with_cell(1, 3, "x")),
        ("results.csv", with_cell(1, 4, "first")),
        ("environment.json", with_entry("versions", ["papilio"])),
        ("environment.json", with_entry("memory_bytes", "8 GB")),
        ("environment.json", with_entry("data", {"name": "digits"})),
        ("environment.json", with_entry("data", [{"name": "digits", "image_shape": [8, 8]}])),
        ("environment.json", with_entry("command", 3)),
        ("environment.json", with_entry("else", float("inf"))),
    ],
)
def test_values_of_another_kind_are_one_line_that_names_the_file(
    name: str, change: Callable[[Path], None], out: Path
) -> None:
    """Sound JSON and CSV with values of another type was a traceback in whatever looked at them first."""
    change(out / name)
    for command_ in (("results", out), ("report", out)):
        done = papilio(*command_)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
        assert name in done.stderr and "run the study again" in done.stderr


def test_records_with_garbage_in_them_end_where_it_begins(out: Path) -> None:
    (records,) = out.glob("runs/*/records.jsonl")
    records.write_bytes(records.read_bytes() + b"\xff\xfe{garbage\n")
    assert len(read_results(out).runs[0].records) == 2
    assert remake_report(out).exists()


def test_a_file_that_a_kill_left_half_written_does_not_bar_the_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".study.toml.abcdefgh.part").write_text("half")
    assert product.run_study(ONE, out=tmp_path / "out", is_silent=True).runs[0].status == "done"
    assert not list((tmp_path / "out").glob(".*.part"))


def test_another_number_of_mistakes_makes_the_analysis_again(out: Path) -> None:
    (path,) = out.glob("analyses/*.npz")
    again(out, analysis=[{"kind": "classification", "mistakes": 2}])
    with np.load(path) as arrays:
        assert len(arrays["mistake_images"]) == 2


def test_a_study_without_validation_or_test_images_trains(tmp_path: Path) -> None:
    data = {"name": "digits", "fraction": 0.3, "test": 0.0}
    no_test = product.run_study(ONE | {"data": data}, out=tmp_path / "a", is_silent=True)
    assert no_test.runs[0].status == "done" and "test_loss" not in no_test.runs[0].metrics
    with pytest.raises(StudyError, match="there are no validation images"):
        product.run_study(ONE | {"data": data | {"validation": 0.0}}, out=tmp_path / "b", is_silent=True)
    train = {"epochs": 2, "best": "train_loss"}
    blind = ONE | {"data": data | {"validation": 0.0}, "train": train}
    assert product.run_study(blind, out=tmp_path / "b", is_silent=True).runs[0].status == "done"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train__best": "foo"}, "train.best: 'foo' is not a metric of this objective; allowed are train_accuracy"),
        (
            {"train__best": "val_acuracy"},
            "train.best: 'val_acuracy' is not a metric of this objective; did you mean val_accuracy?",
        ),
        ({"train__early_stopping": {"metric": "val_foo"}}, "train.early_stopping.metric: 'val_foo' is not a metric"),
        (
            {"model": {"family": "vae", "filters": [], "dense": [8], "latents": 2}, "train__best": "train_error"},
            "train.best: 'train_error' is not a metric of this objective; did you mean",
        ),
        ({"train__momentum": 0.5}, "train.momentum: adam has no momentum"),
        ({"train__loss": own_loss, "train__label_smoothing": 0.1}, "train.label_smoothing: needs cross entropy"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_before_anything_runs(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(StudyError) as caught:
        product.run_study(tiny(**changes), out=tmp_path / "out", is_silent=True)
    assert message in str(caught.value)
    assert not (tmp_path / "out" / "runs").exists()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"family": OwnNet, "width": math.inf}, "model.width: inf is not text, a finite number"),
        ({"family": OwnNet, "width": datetime.date(2020, 1, 1)}, "model.width: datetime.date"),
        ({"family": OwnNet, "act": nn.Tanh}, "model.act: a function or class can stand at model.family, train.loss"),
    ],
)
def test_values_that_no_file_can_hold_are_refused_by_their_key(model: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(tiny(model=model))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": {"image": np.zeros((9, 8, 8))}}, "data.image: got an array, float64 (9, 8, 8)"),
        ({"data": {"image": np.zeros((9, 8, 8))}}, "did you mean images?"),
        ({"data": np.zeros((9, 8, 8))}, 'data = {"images": images, "labels": labels}'),
        ({"data": (np.zeros((9, 8, 8)), np.zeros(9))}, 'data = {"images": images, "labels": labels}'),
        (
            {"model": {"family": "mlp", "units": np.array([8])}},
            "model.units: got an array, int64 (1,); give a list: .tolist()",
        ),
    ],
)
def test_an_array_in_a_wrong_place_is_told_by_its_shape_and_never_by_its_numbers(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(tiny(**changes))
    assert message in str(caught.value) and "[0." not in str(caught.value) and len(str(caught.value)) < 250


def test_a_refused_study_leaves_no_folder_and_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StudyError("model.encoder: not these weights")

    study = tiny(train__epochs=1)
    monkeypatch.setattr("papilio.workbench.Origins.refuse_impossible", refuse)  # asked while the folder is locked
    with pytest.raises(StudyError, match="not these weights"):
        product.run_study(study, out=tmp_path / "new" / "out", is_silent=True)
    assert not list(tmp_path.iterdir())
    (tmp_path / "kept").mkdir()
    with pytest.raises(StudyError, match="not these weights"):
        product.run_study(study, out=tmp_path / "kept", is_silent=True)
    assert [one.name for one in tmp_path.rglob("*")] == ["kept"]


def test_numbers_of_numpy_and_none_are_plain_values() -> None:
    study = load_study(tiny(train={"epochs": np.int64(3), "learning_rate": np.float32(0.5), "momentum": None}))
    assert study.settings.train == {"epochs": 3, "learning_rate": 0.5}


def with_class_default(num_classes: int, activation: type[nn.Module] = nn.ReLU) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), activation(), nn.Linear(8, num_classes))


def test_a_users_builder_may_have_any_defaults(tmp_path: Path) -> None:
    """A default that is a class could not be written down, and the study ended in a traceback."""
    results = product.run_study(ONE | {"model": {"family": with_class_default}}, out=tmp_path, is_silent=True)
    assert results.runs[0].status == "done"
    assert results.runs[0].settings["model"] == {"family": "test_damage:with_class_default"}


def test_stages_whose_names_look_the_same_as_files_have_folders_of_their_own() -> None:
    plans = plan_runs(load_study(tiny(stage=[{"name": "图一"}, {"name": "图二"}])))
    assert len({plan.name for plan in plans}) == 2


def test_channels_last_leaves_weights_of_other_ranks_alone() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.four = nn.Parameter(torch.zeros(2, 3, 4, 5))
            self.five = nn.Parameter(torch.zeros(2, 3, 4, 5, 6))

    odd = as_fast_layout(Odd())
    assert odd.four.is_contiguous(memory_format=torch.channels_last)  # pyright: ignore
    assert odd.five.is_contiguous()  # pyright: ignore


def test_files_with_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = write_study(tmp_path / "bom.toml", ONE)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_study(path).settings.title == "Tiny"


@pytest.mark.parametrize("where", ["a-file", "/dev/null/x", "/proc/x"])
def test_a_place_that_cannot_be_written_is_one_line(where: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("mine")
    done = papilio("run", write_study(tmp_path / "tiny.toml", ONE), "--out", tmp_path / where)
    assert done.returncode in (1, 2)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "choose another" in done.stderr


def test_a_worker_that_cannot_be_probed_says_why_in_its_run(tmp_path: Path) -> None:
    def evaluate_nothing(*_: object) -> dict[str, torch.Tensor]:
        raise ArithmeticError("cannot measure")

    def objective() -> product.Objective:
        def loss(nets: Any, batch: Any, noise: Any, step: int) -> Any:
            return nets["network"](batch.images).square().mean(), {}

        return product.Objective((product.Phase("network", loss),), evaluate_nothing, {"loss": "min"}, "val_loss")

    study = ONE | {"train": {"epochs": 1, "objective": objective}}
    results = product.run_study(study, out=tmp_path, is_silent=True, allows_failures=True)
    assert (results.runs[0].status, results.runs[0].reason) == ("failed", "ArithmeticError: cannot measure")
    assert json.loads((results.runs[0].folder / "run.json").read_text())["status"] == "failed"
    assert not (tmp_path / "workers.log").exists()


def test_a_study_whose_runs_all_diverge_says_so_and_ends_with_status_1(tmp_path: Path) -> None:
    path = write_study(
        tmp_path / "t.toml", tiny(stage=[{"name": "a"}], train={"epochs": 2, "optimizer": "sgd", "learning_rate": 1e30})
    )
    done = papilio("run", path, "--out", tmp_path / "out")
    said = "No run has a result: of 1 run 1 diverged; lower train.learning_rate, and run the study again"
    assert done.returncode == 1 and said in done.stderr
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert said in page and "No run is finished yet" not in page
