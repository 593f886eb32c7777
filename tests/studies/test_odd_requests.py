"""Study files, settings and paths that nobody means: refused in one line, before anything is written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny import environment, tiny, write_study

import papilio as product
from in_process import papilio
from papilio.data.rendering.sets import render_set
from papilio.data.rendering.settings import RenderSettings
from papilio.errors import SettingError, StudyError
from papilio.studies.study import load_study
from papilio.workbench import parse_settings, sample

IMPOSSIBLE = {
    "~nosuchuser/x": "no home folder for ~nosuchuser",
    "x" * 300: "is too long (a name in it has 300 bytes)",
    "a/" * 3000: "is too long",
    "a\0b": "contains a NUL character",
    "\ud800": "cannot be encoded as UTF-8",
    os.fsdecode(b"caf\xe9"): "cannot be encoded as UTF-8",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("out", IMPOSSIBLE)
def test_nothing_is_begun_for_an_out_that_cannot_be(out: str, here: Path) -> None:
    """A study was trained to its end into `caf\\xe9`, and then could not be read; `~nosuchuser` became a folder here."""
    attempts = (
        lambda: product.run_study(tiny(stage=[{"name": "a"}]), out=out, is_silent=True),
        lambda: sample("clock", out),
        lambda: render_set("gauges", Path(out), RenderSettings(num=2, size=64)),
    )
    for attempt in attempts:
        with pytest.raises(SettingError) as caught:
            attempt()
        assert IMPOSSIBLE[out] in str(caught.value) and "\n" not in str(caught.value)
        assert caught.value.exit_status == 2 and len(str(caught.value)) < 1000
    assert not list(here.iterdir())


@pytest.mark.parametrize("given", [("run", "first-look"), ("sample", "clock"), ("data", "render", "gauges")])
@pytest.mark.parametrize("out", ["~nosuchuser/x", "x" * 300])
def test_commands_say_so_in_one_line(out: str, given: Sequence[str], here: Path) -> None:
    done = papilio(*given, "--out", out)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and IMPOSSIBLE[out] in done.stderr
    assert not list(here.iterdir())


def test_a_home_folder_in_out_is_found(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here / "home"))
    render_set("gauges", Path("~/set"), RenderSettings(num=2, size=64))
    assert (here / "home" / "set" / "images.npy").is_file()


@pytest.mark.parametrize(
    ("name", "hint"),
    [("mnits", "did you mean mnist? For files"), ("zebra", "mnist-5k; for files"), ("x" * 5000, "; for files")],
)
def test_a_name_of_no_image_set_is_told_with_its_study_and_key(name: str, hint: str, here: Path) -> None:
    (here / "s.toml").write_text(f'title = "S"\n[data]\nname = "{name}"\n[model]\nfamily = "mlp"\n')
    for command in (("show", "s.toml"), ("run", "s.toml", "--yes")):
        done = papilio(*command)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and len(done.stderr) < 1000
        assert "s.toml: stage " in done.stderr and "data.name: '" + name[:20] in done.stderr and hint in done.stderr
        assert done.stderr.strip().endswith(" of your own set data.path")
    assert not (here / "results").exists()


DEEP = "[" * 200 + "]" * 200


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"seed = {'9' * 5000}", "an integer is too large"),
        (f"epochs = {'1' + '0' * 30}", "an integer is too large"),
        (f"description = {DEEP}", "nested too deep"),
        (f"description = {'[' * 20000}", "nested too deep"),
    ],
)
def test_files_beyond_what_toml_has_are_one_line(text: str, complaint: str, tmp_path: Path) -> None:
    """Thousands of digits, and thousands of brackets, were tracebacks."""
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(StudyError, match=complaint) as caught:
        load_study(tmp_path / "s.toml")
    assert str(caught.value).startswith(str(tmp_path / "s.toml")) and len(str(caught.value)) < 1000


@pytest.mark.parametrize("value", [DEEP, "9" * 5000, "{" * 3000])
def test_set_arguments_beyond_what_toml_has_are_one_line(value: str) -> None:
    with pytest.raises(StudyError, match=r"--set train\.epochs: ") as caught:
        load_study(tiny(), parse_settings([f"train.epochs={value}"]))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def test_set_takes_one_value() -> None:
    """What stood behind a line break was dropped."""
    with pytest.raises(StudyError, match=r"--set train\.epochs: '5\\nx = 1' is more than one value") as caught:
        parse_settings(["train.epochs=5\nx = 1"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"model__family": 1}, "model.family: 1 is not a name"),
        ({"model__family": []}, r"model.family: [] is not a name"),
        ({"seeds": 10**9}, "seeds"),
        ({"stage": [{"name": "a", "seeds": 10**9}]}, "too many runs"),
        ({"stage": [{"name": "a", "folds": 10**9}]}, "folds"),
        ({"stage": [{"name": "a", "vary": {f"model.x{number}": [1, 2] for number in range(1500)}}]}, "too large"),
        ({"train__epochs": "5"}, "train.epochs"),
        ({"train__learning_rate": float("inf")}, "train.learning_rate: inf"),
        ({"train__learning_rate": float("nan")}, "train.learning_rate: nan"),
        ({"model__units": [[[4]]]}, "model.units"),
        ({"model__units": [1e308]}, "model.units.0: input should be a valid integer (given: 1e+308)"),
    ],
)
def test_values_of_another_kind_or_size_are_one_line(changes: dict[str, Any], complaint: str, here: Path) -> None:
    """Each was a traceback, an endless plan, or taken for a number."""
    with pytest.raises(StudyError) as caught:
        product.run_study(tiny(**changes), out="out", is_silent=True)
    assert complaint in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 1000
    assert not list(here.iterdir())


@pytest.mark.parametrize("value", ["inf", "nan", "-inf"])
def test_numbers_without_an_end_are_refused_from_the_command_line(value: str, here: Path) -> None:
    done = papilio("run", "first-look", "--out", "out", "--set", f"train.learning_rate={value}")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "train.learning_rate" in done.stderr
    assert not list(here.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
def test_a_full_stdout_is_one_line(tmp_path: Path) -> None:
    """A table that nobody could read was a traceback."""
    shell = f"{sys.executable} -m papilio studies > /dev/full"
    done = _shell(shell)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "No space left" in done.stderr


@pytest.mark.parametrize("command", ["studies", "show first-look --set train.epochs=3", "data list"])
def test_a_closed_pipe_ends_a_command_without_a_word(command: str, tmp_path: Path) -> None:
    """`papilio results DIR | head` had a failure's exit status, or a message."""
    status = tmp_path / "status"
    done = _shell(f"(sleep 1; {sys.executable} -m papilio {command}; echo $? > {status}) | true")
    assert status.read_text() == "141\n" and done.stderr == ""


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", ">&- <&- 2>&-"])
def test_closed_streams_are_no_trouble(closed: str, tmp_path: Path) -> None:
    """A file that was opened first took the place of the stream."""
    path = write_study(tmp_path / "t.toml", tiny(stage=[{"name": "a"}]))
    done = _shell(f"{sys.executable} -m papilio show {path} {closed}")
    assert done.returncode == 0 and "Traceback" not in done.stderr


def _shell(line: str) -> Any:
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, env=environment(), timeout=100)


def test_too_little_memory_for_an_import_is_one_line(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    """An ImportError that said so was a traceback."""

    def no_room(*given: object, **named: object) -> None:
        raise ImportError("libtorch.so: failed to map segment from shared object")

    monkeypatch.setattr("papilio.workbench.run_study", no_room)
    done = papilio("run", "first-look", "--out", "out")
    assert done.returncode == 1 and "not enough memory" in done.stderr
    assert len(done.stderr.splitlines()) == 1
