"""Files of runs that are torn, cut or changed in one bit: said in a line, and made again as they were."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save as to_bytes
from tiny import tiny

import papilio as product
from in_process import execute_run
from papilio.data.load import load_images
from papilio.errors import PapilioError, RunError
from papilio.runs.arrays import load_arrays, load_facts, save_arrays
from papilio.runs.folder import RunFolder
from papilio.runs.mending import mend_run
from papilio.search.expected import plan_runs
from papilio.studies.study import load_study

pytestmark = pytest.mark.usefixtures("no_reports")

STUDY = tiny(stage=[{"name": "a"}], train__epochs=3)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original") / "out"
    product.run_study(STUDY, out=folder, is_silent=True)
    return folder


@pytest.fixture
def run(original: Path, tmp_path: Path) -> RunFolder:
    """The only run of a finished study, to be damaged."""
    shutil.copytree(original, tmp_path / "out")
    (folder,) = (tmp_path / "out" / "runs").iterdir()
    return RunFolder(folder)


@pytest.fixture
def stopped(tmp_path: Path) -> RunFolder:
    """A run that was killed in its third epoch."""
    folder = RunFolder(tmp_path / "stopped")
    train(folder, last=2)
    return folder


def train(folder: RunFolder, *, last: int = 3) -> None:
    (plan,) = plan_runs(load_study(STUDY))

    class Killed:
        def on_step(self, *, epoch: int, step: int, num_steps: int) -> None:
            if epoch > last:
                raise KeyboardInterrupt

        def on_epoch(self, record: dict[str, object]) -> None: ...

        def wants_stop(self) -> bool:
            return False

    images = load_images("digits", fraction=0.3)
    if last < 3:
        with pytest.raises(KeyboardInterrupt):
            execute_run(folder.path, plan, images, threads=1, own={}, watcher=Killed())
    else:
        execute_run(folder.path, plan, images, threads=1, own={})


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def damage_weights(path: Path, how: str) -> None:
    match how:
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(path.read_bytes()[:900])
        case "flipped":
            flip(path, -10)
        case "gone":
            path.unlink()


@pytest.mark.parametrize("how", ["empty", "cut", "flipped", "gone"])
def test_damaged_weights_of_a_finished_run_are_made_again(
    how: str, run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """`run` answered done, exit 0, for good."""
    whole = run.weights_file.read_bytes()
    damage_weights(run.weights_file, how)
    if how != "gone":
        with pytest.raises(RunError, match="not a complete weights file"):
            product.load_run(run.path)
    product.run_study(STUDY, out=run.path.parents[1])
    assert run.weights_file.read_bytes() == whole
    assert run.facts().status == "done" and len(run.read_records()) == 3
    told = capsys.readouterr()
    said = [line for line in (told.out + told.err).splitlines() if "the run will be trained again" in line]
    assert len(said) == 1 and "weights.safetensors" in said[0]


@pytest.mark.parametrize("name", ["weights.safetensors", "records.jsonl", "checkpoint/state.safetensors", "run.json"])
@pytest.mark.parametrize("what", ["folder", "loop", "pipe"])
def test_what_is_no_file_in_the_place_of_one_is_one_line_or_mended(what: str, name: str, run: RunFolder) -> None:
    """A folder in the place of weights was a traceback, and a pipe was waited for without end."""
    whole, path = run.weights_file.read_bytes(), run.path / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    if what == "folder":
        (path / "of somebody's").mkdir(parents=True)
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path)
    if what == "folder" or name in ("run.json", "records.jsonl"):
        with pytest.raises(PapilioError) as caught:
            product.run_study(STUDY, out=run.path.parents[1], is_silent=True)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    else:
        product.run_study(STUDY, out=run.path.parents[1], is_silent=True)
        assert run.weights_file.read_bytes() == whole and run.facts().status == "done"
    assert what != "folder" or (path / "of somebody's").is_dir()


@pytest.mark.parametrize(
    ("before", "after", "is_again"),
    [(b"", b'{"epoch": 4, "st', False), (b"\x00\xff", b"", True), (b'{"epoch": 7}\n', b"", True)],
)
def test_records_of_a_finished_run_are_whole_again(before: bytes, after: bytes, is_again: bool, run: RunFolder) -> None:
    """A torn last line was glued to the next record, and a damaged first line stayed, with all after it unread."""
    whole = run.read_records()
    run.records_file.write_bytes(before + run.records_file.read_bytes() + after)
    (note,) = mend_run(run)
    assert "records.jsonl" in note and ("the run will be trained again" in note) == is_again
    product.run_study(STUDY, out=run.path.parents[1], is_silent=True)
    again = run.read_records()
    assert [one | {"seconds": 0} for one in again] == [one | {"seconds": 0} for one in whole]
    assert len(run.records_file.read_bytes().splitlines()) == 3
    assert run.facts().metrics["val_accuracy"] == again[run.facts().best_epoch - 1]["val_accuracy"]  # pyright: ignore[reportOptionalOperand]


def test_a_record_is_written_whole_or_not_at_all(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run.records_file.read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        run.append_record({"epoch": 4, "loss": float("nan")})
    assert run.records_file.read_bytes() == before


@pytest.mark.parametrize("how", ["empty", "cut", "flipped", "gone"])
def test_the_checkpoint_before_takes_the_place_of_a_damaged_one(how: str, stopped: RunFolder, run: RunFolder) -> None:
    """A torn checkpoint made a run fail until somebody deleted it by hand."""
    assert stopped.older_checkpoint_file.exists()
    damage_weights(stopped.checkpoint_file, how)
    notes = mend_run(stopped)
    assert len(notes) == (how != "gone")
    assert all("checkpoint" in note and "resumes from epoch 1" in note for note in notes)
    train(stopped)
    assert stopped.weights_file.read_bytes() == run.weights_file.read_bytes()
    assert not stopped.checkpoint_file.parent.exists()


@pytest.mark.parametrize(
    ("key", "value"), [("epoch", {"a": 1}), ("step", -3), ("seconds", "x"), ("best", []), ("patience", {"epoch": "x"})]
)
def test_counters_of_another_type_are_a_damaged_checkpoint(key: str, value: object, stopped: RunFolder) -> None:
    """An epoch that is a table was compared with a number."""
    arrays, facts = load_arrays(stopped.checkpoint_file)
    save_arrays(stopped.checkpoint_file, arrays, facts | {key: value})
    (note,) = mend_run(stopped)
    assert f"its counters are damaged: {key}" in note and note.endswith("the run resumes from epoch 1")


def test_where_both_checkpoints_are_damaged_the_run_begins_anew(stopped: RunFolder, run: RunFolder) -> None:
    flip(stopped.checkpoint_file, -10)
    flip(stopped.older_checkpoint_file, -10)
    notes = mend_run(stopped)
    assert len(notes) == 2 and all("the run will be trained again" in note for note in notes)
    train(stopped)
    assert stopped.weights_file.read_bytes() == run.weights_file.read_bytes()


def test_somebody_elses_file_beside_a_checkpoint_stays(stopped: RunFolder) -> None:
    """A `.DS_Store` turned a finished run into a failed one, its state already deleted."""
    foreign = stopped.checkpoint_file.with_name(".DS_Store")
    foreign.write_text("x")
    train(stopped)
    assert stopped.facts().status == "done"
    assert foreign.read_text() == "x" and not stopped.checkpoint_file.exists()


def test_a_file_system_without_links_keeps_the_older_checkpoint_too(
    tmp_path: Path, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*paths: Path) -> None:
        raise PermissionError

    monkeypatch.setattr("papilio.runs.arrays.os.link", no_links)
    folder = RunFolder(tmp_path / "stopped")
    train(folder, last=2)
    assert load_arrays(folder.older_checkpoint_file)[1]["epoch"] == 1
    train(folder)
    assert folder.weights_file.read_bytes() == run.weights_file.read_bytes()


def test_one_bit_in_arrays_or_facts_is_noticed_and_files_without_a_checksum_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    arrays = {"one": np.arange(6, dtype=np.float32).reshape(2, 3), "none": np.zeros((0, 2)), "step": np.array(3.0)}
    save_arrays(path, arrays, {"epoch": 8})
    whole = path.read_bytes()
    loaded, facts = load_arrays(path)
    assert facts == {"epoch": 8} and all(np.array_equal(loaded[name], array) for name, array in arrays.items())
    for place in (len(whole) - 3, whole.index(b"epoch") + len(b'epoch\\": ')):
        path.write_bytes(whole)
        flip(path, place)
        with pytest.raises(RunError, match="checksum"):
            load_arrays(path)
    path.write_bytes(whole.replace(b'\\"sha256\\"', b'\\"sha257\\"'))
    assert load_arrays(path)[1] == {"epoch": 8}


@pytest.mark.parametrize("header", ["[" * 100_000, "[]", '{"facts": {"a": ' + "[" * 5000, "7"])
def test_a_header_of_weights_that_is_none_is_one_line(header: str, tmp_path: Path) -> None:
    """One that is nested deep was a traceback."""
    path = tmp_path / "weights.safetensors"
    path.write_bytes(to_bytes({"a": np.zeros(2)}, metadata={"papilio": header}))
    for read in (load_arrays, load_facts):
        with pytest.raises(RunError, match=r"weights\.safetensors: not a complete weights file") as error:
            read(path)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("metrics", 7), ("settings", []), ("settings", {}), ("seconds", "x"), ("image_shape", "8"), ("status", 3)],
)
def test_values_of_another_type_in_run_json_are_named(key: str, value: object, run: RunFolder) -> None:
    run.facts_file.write_text(json.dumps(json.loads(run.facts_file.read_text()) | {key: value}))
    with pytest.raises(RunError, match=r"run\.json.*") as error:
        product.load_run(run.path)
    assert "\n" not in str(error.value)


def test_a_network_s_settings_are_held_to_what_its_builder_takes(run: RunFolder) -> None:
    """Text in the place of a number was compared with one."""
    facts = json.loads(run.facts_file.read_text())
    facts["settings"]["model"]["units"] = ["x"]
    run.facts_file.write_text(json.dumps(facts))
    with pytest.raises(RunError, match=r"run\.json: model\.units\.0: "):
        product.load_run(run.path)


@pytest.mark.parametrize(
    ("table", "key", "value", "complaint"),
    [
        ("train", "epochs", "many", r"run\.json: not a valid run\.json \(epochs: "),
        ("data", "name", None, r"run\.json: not a valid run\.json"),
        ("train", "objective", "supervysed", r"run\.json: train\.objective: 'supervysed' is not a kind of run"),
    ],
)
def test_settings_in_run_json_are_valid_or_told_with_the_file(
    table: str, key: str, value: object, complaint: str, run: RunFolder
) -> None:
    """Text in the place of a number ended the report with a traceback; a kind of none did not name the file."""
    facts = json.loads(run.facts_file.read_text())
    facts["settings"][table][key] = value
    run.facts_file.write_text(json.dumps(facts))
    with pytest.raises(RunError, match=complaint):
        product.run_study(STUDY, out=run.path.parent.parent, is_silent=True)


@pytest.mark.parametrize("value", ["650", None, [650], 650.5])
def test_rows_of_layers_are_held_to_what_they_are_for(value: object, run: RunFolder) -> None:
    """A number in quotes passed, and ended the report with a traceback."""
    facts = json.loads(run.facts_file.read_text())
    facts["layers"][0]["num_parameters"] = value
    run.facts_file.write_text(json.dumps(facts))
    with pytest.raises(RunError, match=r"run\.json: not a valid run\.json \(layers\.0\.num_parameters"):
        product.load_run(run.path)
