"""What reads results needs no framework: it works where torch cannot be imported."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDERS = Path(__file__).parent / "compatibility" / "folders"
FINISHED = ("finished", "finished-readings")
BLOCKED = """
import sys


class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch is not here")


sys.meta_path.insert(0, Blocked())
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with results that an earlier version left, and in `blocked` what Python imports first, which blocks torch."""
    for name in FINISHED:
        shutil.copytree(FOLDERS / name, tmp_path / name)
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "sitecustomize.py").write_text(BLOCKED)
    return tmp_path


def python(here: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = [str(here / "blocked"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=120, env=environment, cwd=here
    )


def said(here: Path, *arguments: str) -> str:
    """What a command printed that ended well without torch."""
    done = python(here, "-m", "papilio", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_torch_is_blocked_here(here: Path) -> None:
    done = python(here, "-c", "import torch")
    assert done.returncode != 0 and "torch is not here" in done.stderr


def test_studies_and_image_sets_are_listed(here: Path) -> None:
    assert "first-look" in said(here, "studies")
    assert "fashion-mnist" in said(here, "data", "list")


def test_results_are_printed(here: Path) -> None:
    assert "test accuracy" in said(here, "results", "finished")
    assert "test median error" in said(here, "results", "finished-readings")
    assert said(here, "results", "finished", "--format", "csv").startswith("run,stage,trial,")


def test_studies_are_compared(here: Path) -> None:
    text = said(here, "compare", *FINISHED)
    assert "test accuracy" in text and "test median error" in text and "model.units" in text


@pytest.mark.parametrize(("name", "section"), [("finished", "classification"), ("finished-readings", "reading")])
def test_a_report_is_made_again_with_the_sections_of_its_analyses(name: str, section: str, here: Path) -> None:
    assert "report.html" in said(here, "report", name)
    page = (here / name / "report.html").read_text()
    assert page.rstrip().endswith("</html>") and "<svg" in page and "data:image/" in page
    assert f'id="analysis-{section}-' in page
    assert list((here / name / "figures").glob("*.svg"))
