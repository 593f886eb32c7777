"""Papilio beside another checkout of itself: each side runs its own code."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.before import find_checkout
from benchmarks.machine import ROOT
from benchmarks.processes import Contender, run_contender
from benchmarks.run import main


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Another Papilio whose only contender says which package it was given."""
    for folder in ("src/papilio", "benchmarks/contenders"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "benchmarks" / "__init__.py").touch()
    says = "import json, papilio; print(json.dumps({'package': papilio.__file__}))"
    (tmp_path / "benchmarks" / "contenders" / "told.py").write_text(says)
    return tmp_path


def test_a_contender_of_another_checkout_runs_its_code(checkout: Path) -> None:
    answer = run_contender(Contender("before", "told", root=find_checkout(checkout)), "train", {})
    assert answer.facts["package"] == str(checkout / "src" / "papilio" / "__init__.py")


def test_what_is_no_other_checkout_is_refused(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, complaint in [(checkout / "src", "is no checkout of Papilio"), (ROOT, "is this checkout itself")]:
        with pytest.raises(SystemExit) as end:
            main(["--before", str(path), "--quick"])
        assert end.value.code == 2
        assert complaint in capsys.readouterr().err
