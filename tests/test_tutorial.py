"""The tutorial's commands, typed one after another in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from in_process import papilio

TUTORIAL = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text()
FASTER = ("--max-epochs", "1", "--fraction", "0.1")  # the only change: one epoch on a tenth of the images


def test_every_command_of_the_tutorial_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```(python|sh)\n(.*?)^```", TUTORIAL, re.MULTILINE | re.DOTALL)
    typed = []
    for language, text in blocks:
        if language == "python":
            exec(compile(text, "tutorial.md", "exec"), {"__name__": "tutorial"})
            continue
        for line in text.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "papilio"
            done = papilio(*arguments, *(FASTER if arguments[0] == "run" else ()), folder=tmp_path)
            assert done.returncode == 0, f"{line}: {done.stderr}"
            typed.append(arguments[0])
    assert set(typed) == {"data", "new", "show", "run", "predict", "compare", "explore", "export"}
    for made in (
        "results/digits/report.html",
        "results/digits-mlp/report.html",
        "digits-model/model.onnx",
        "threes.csv",
    ):
        assert (tmp_path / made).is_file()
    assert len((tmp_path / "threes.csv").read_text().splitlines()) == 1 + len(list((tmp_path / "pictures/3").iterdir()))
