"""Options of the command line that are about it and not about a study: help, completion, --quiet, --dry-run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from in_process import papilio
from papilio.cli import app
from papilio.execution import preview
from papilio.studies.study import bundled_studies

STUDY = """
title = "Tiny"
analysis = []
[data]
name = "digits"
fraction = 0.3
[model]
family = "mlp"
units = [16]
[train]
epochs = 2
[[stage]]
name = "only"
seeds = 2
vary = { "model.dropout" = [0.0, 0.2] }
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(STUDY)
    return tmp_path / "tiny.toml"


def commands() -> list[list[str]]:
    group = typer.main.get_command(app)
    names = [[name] for name in group.commands]  # pyright: ignore[reportAttributeAccessIssue]
    of_data = [["data", name] for name in group.commands["data"].commands]  # pyright: ignore[reportAttributeAccessIssue]
    return [[], *names, *of_data]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_h_is_help_everywhere(command: list[str]) -> None:
    short, long = papilio(*command, "-h"), papilio(*command, "--help")
    assert (short.returncode, short.stdout) == (0, long.stdout) and "Usage:" in short.stdout


def completed(words: str, *, shell: str = "bash") -> list[str]:
    """What a shell is offered for the last of the words."""
    given = {
        "bash": {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": words},
        "fish": {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    # as the installed script does it, whose name is papilio
    program = "import sys; sys.argv[0] = 'papilio'; from papilio.cli import main; main()"
    environment = os.environ | given | {"_PAPILIO_COMPLETE": f"complete_{shell}"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    return done.stdout.split()


def test_shells_complete_commands_options_and_bundled_studies() -> None:
    assert completed("papilio stu") == ["studies"]
    assert "--dry-run" in completed("papilio run --d")
    names = [name for name in bundled_studies() if name.startswith("fashion")]
    assert completed("papilio run fashion") == names
    assert completed("papilio run my-own") == []  # the shell then offers files
    assert completed("papilio results x --format ") == ["table", "csv", "json"]
    assert "first-look" in completed("papilio run first-", shell="fish")
    assert '"first-look"' in " ".join(completed("papilio run first-", shell="zsh"))


def test_quiet_prints_one_line_where_all_is_well(study: Path, tmp_path: Path) -> None:
    done = papilio("run", study, "--out", tmp_path / "out", "--quiet")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"report: {tmp_path / 'out' / 'report.html'}"] and done.stderr == ""


@pytest.mark.usefixtures("no_report")
def test_quiet_still_says_what_failed(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_net.py").write_text(
        "from torch import nn\n\nclass Broken(nn.Linear):\n    def __init__(self, num_classes):\n"
        "        super().__init__(64, num_classes)\n\n    def forward(self, images):\n"
        "        if self.training:\n            raise ValueError('my bug')\n        return super().forward(images.flatten(1))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    study.write_text(STUDY.replace('family = "mlp"\nunits = [16]', 'family = "failing_net:Broken"').split("vary")[0])
    done = papilio("run", study, "--out", tmp_path / "out", "-q")
    sys.modules.pop("failing_net", None)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert all(line.startswith(("failed: ", "papilio: ")) for line in done.stderr.splitlines())
    assert done.stderr.count("my bug") == 1 and "and 1 more run: ValueError: my bug (" in done.stderr


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.usefixtures("no_report")
def test_a_dry_run_prints_the_plan_and_writes_nothing(study: Path, tmp_path: Path) -> None:
    before = everything_in(tmp_path)
    done = papilio("run", study, "--dry-run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert everything_in(tmp_path) == before
    lines = done.stdout.splitlines()
    assert lines[0] == "Tiny" and any(line.split()[-4:] == ["2", "0", "2", "1,210"] for line in lines)
    assert any(line.startswith("4 runs on 1 worker: ") and " in all" in line for line in lines)
    assert lines[-1].endswith(f"in {Path('results') / 'tiny'}")


@pytest.mark.usefixtures("no_report")
def test_a_dry_run_of_a_study_that_has_begun_says_what_is_there_and_leaves_it(study: Path, tmp_path: Path) -> None:
    papilio("run", study, "--out", tmp_path / "out")
    before = everything_in(tmp_path)
    done = papilio("run", study, "--out", tmp_path / "out", "--dry-run")
    assert "every run is finished" in done.stdout and everything_in(tmp_path) == before
    fresh = papilio("run", study, "--out", tmp_path / "out", "--dry-run", "--fresh")
    assert "4 runs on 1 worker" in fresh.stdout and everything_in(tmp_path) == before


def test_a_dry_run_refuses_what_a_run_would(study: Path, tmp_path: Path) -> None:
    wrong = papilio("run", study, "--dry-run", "--set", "model.unitz=[3]")
    assert wrong.returncode == 2 and "units" in wrong.stderr
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    taken = papilio("run", study, "--dry-run", "--out", tmp_path / "taken")
    assert taken.returncode == 2 and "is not a study folder" in taken.stderr
    both = papilio("run", study, "--dry-run", "--quiet")
    assert both.returncode == 2 and "leave --quiet out" in both.stderr


def test_a_dry_run_without_times_still_has_its_plan(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: object, **options: object) -> None:
        raise RuntimeError("no time today")

    monkeypatch.setattr(preview, "measure_cost", fails)
    done = papilio("run", study, "--dry-run", "--out", tmp_path / "out")
    assert done.returncode == 0 and "4 runs on 1 worker: how long training takes is not known\n" in done.stdout
    assert "the runs could not be timed" in done.stdout and "RuntimeError: no time today" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run"], "missing argument 'STUDY'; see papilio run --help"),
        (["rn"], "no such command 'rn'; did you mean 'run'? See papilio --help"),
        (["run", "x", "--max-epoch", "3"], "no such option: --max-epoch; did you mean --max-epochs? See papilio run"),
        (["run", "x", "y"], "too many arguments: y; see papilio run --help"),
        (
            ["results", ".", "--format", "xml"],
            "invalid value for '--format': 'xml' is not one of 'table', 'csv', 'json'",
        ),
        (["sample", "x", "--num", "many"], "invalid value for '--num': must be a valid integer; see papilio sample"),
        (["data", "chek"], "no such command 'chek'; did you mean 'check'? See papilio data --help"),
        (["new", "x", "--data"], "option '--data' requires an argument; see papilio "),
    ],
)
def test_what_is_wrong_with_options_is_one_line(arguments: list[str], line: str) -> None:
    done = papilio(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"papilio: {line}") and done.stderr.count("\n") == 1


def test_of_a_very_long_argument_the_two_ends_are_told() -> None:
    done = papilio("run", "x", "y" * 5000)
    assert done.returncode == 2 and "too many arguments: yyy" in done.stderr
    assert done.stderr.endswith("yyy; see papilio run --help\n") and len(done.stderr) < 1000


@pytest.mark.parametrize("arguments", [[], ["data"]])
def test_a_command_without_anything_prints_its_help(arguments: list[str]) -> None:
    done = papilio(*arguments)
    assert done.returncode == 2 and "Usage: papilio" in done.stdout + done.stderr


def test_ctrl_c_at_the_question_whether_to_start_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(**given: object) -> None:
        raise typer.Abort

    monkeypatch.setattr("papilio.studies.study.bundled_studies", stop)
    done = papilio("studies")
    assert (done.returncode, done.stderr) == (130, "papilio: stopped; nothing was started\n")
