"""What reads results needs no framework: it works where torch cannot be imported."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from papilio.analysis.store import Header, write_analysis
from papilio.data.facts import ImageFacts

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


def test_a_report_shows_stored_projections(here: Path) -> None:
    run = next(one for one in sorted((here / "finished" / "runs").iterdir()) if (one / "run.json").exists())
    arrays = {
        "indices": np.arange(20), "labels": np.arange(20) % 2, "layers": np.array(["output"]), "methods": np.array(["tsne"]),
        "shapes": np.array(["10"]), "dimensions": np.array([10]), "points": np.random.default_rng(0).random((1, 1, 20, 2)),
        "variance": np.array([[0.5, 0.2]]), "original": np.array([0.75]), "projected": np.array([[0.625]]),
        "kept": np.array([[0.5]]), "trustworthiness": np.array([[np.nan]]), "perplexity": np.float64(5),
        "thumbnails": np.zeros((2, 1, 8, 8), np.uint8), "thumbnail_indices": np.arange(2),
    }  # fmt: skip
    facts = ImageFacts((1, 8, 8), ("zero", "one"))
    header = Header("projection", "first", run=run.name, trial="a net", split="test", options={"seed": 0}, facts=facts)
    write_analysis(here / "finished" / "analyses" / "projection-one.npz", header, arrays)
    said(here, "report", "finished")
    assert "k-NN 75.0% → 62.5%" in (here / "finished" / "report.html").read_text()


def test_the_numpy_engine_trains(here: Path) -> None:
    """All of a run but a classifier's probabilities: planned, trained, measured, its nets used."""
    code = """
import sys
from pathlib import Path
from papilio.data.load import load_images
from papilio.runs.run import load_run
from papilio.runs.train import RunJob, execute_runs
from papilio.search.expected import plan_runs
from papilio.studies.checks import refuse_impossible_runs
from papilio.studies.images import StudyImages
from papilio.studies.study import load_study

study = load_study({
    "title": "By hand", "data": {"name": "digits", "fraction": 0.2}, "model": {"family": "cnn", "filters": [2]},
    "train": {"epochs": 2, "engine": "numpy"}, "stage": [{"name": "one"}], "analysis": [],
})
images, (plan,) = StudyImages(study.own), plan_runs(study)
refuse_impossible_runs(study, [plan], images)
ended = {}
job = RunJob(Path("run"), plan, images.of_run(plan))
execute_runs([job], threads=1, own={}, on_end=ended.__setitem__)
(facts,) = ended.values()
assert facts.status == "done", facts.reason
print(load_run(Path("run")).outputs(images.of_run(plan).images[:3]).shape, "torch" in sys.modules)
"""
    done = python(here, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(3, 10) False"


def test_help_imports_nothing_slow(here: Path) -> None:
    code = "import runpy, sys; sys.argv = ['papilio', '--help']\n"
    code += "try: runpy.run_module('papilio', run_name='__main__')\n"
    code += "except SystemExit: print([one for one in ('openTSNE', 'umap', 'numba', 'sklearn') if one in sys.modules])"
    done = python(here, "-c", code)
    assert done.returncode == 0 and done.stdout.strip().endswith("[]")


@pytest.mark.parametrize(("name", "section"), [("finished", "classification"), ("finished-readings", "reading")])
def test_a_report_is_made_again_with_the_sections_of_its_analyses(name: str, section: str, here: Path) -> None:
    assert "report.html" in said(here, "report", name)
    page = (here / name / "report.html").read_text()
    assert page.rstrip().endswith("</html>") and "<svg" in page and "data:image/" in page
    assert f'id="analysis-{section}-' in page
    assert list((here / name / "figures").glob("*.svg"))
