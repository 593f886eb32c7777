"""What a study asks to be looked at is checked before anything is trained: in one line, with file, table and analysis."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import tiny, write_study

from papilio.errors import StudyError
from papilio.runs.shipped import find_run
from papilio.workbench import run_study

SMALL = {"family": "autoencoder", "filters": [], "dense": [8], "latents": 3}
TABLES = 'stage "first", trial "autoencoder": [[analysis]] 2'


def study(*tables: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An autoencoder of digits (110 test images), and what is to be looked at; the second table is the one in question."""
    stages = [{"name": "first"}]
    return tiny(model=SMALL, stage=stages, train={"epochs": 1}, analysis=[{"kind": "samples"}, *tables]) | changes


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"kind": "plane"}, "[[analysis]] 2 (plane): it needs 2 latents, and there are 3"),
        (
            {"kind": "morph", "pairs": [[3, 110]]},
            f"{TABLES} (morph): pairs: there is no test image 110; test images are",
        ),
        ({"kind": "walk", "start": 110}, f"{TABLES} (walk): start = 110: test images are numbered from 0 to 109"),
        ({"start": 999}, f"{TABLES} (walk): start = 999: test images are numbered from 0 to 109"),
        ({"kind": "walk", "coordinates": [0, [1, 3]]}, "[[analysis]] 2 (walk): coordinates: no 3: coordinates are"),
        (
            {"kind": "walk", "coordinates": [[1, 1]]},
            "[[analysis]] 2 (walk): coordinates: [1, 1] names a coordinate twice",
        ),
        ({"kind": "walk", "steps": 99}, "[[analysis]] 2 (walk): steps: input should be less than or equal to 25"),
        ({"steps": 99}, "[[analysis]] 2 (walk): steps: input should be less than or equal to 25"),
        ({"kind": "walk", "stepps": 9}, "[[analysis]] 2 (walk): stepps is not a setting; did you mean steps?"),
        ({"kind": "wlak"}, "[[analysis]] 2: kind: 'wlak' is not an analysis; did you mean walk?"),
        (
            {"kind": "projection", "layers": ["dens_1"]},
            f"{TABLES} (projection): layers: 'dens_1' is not a layer of this",
        ),
        ({"kind": "quality", "features": "no/run"}, f"{TABLES} (quality): features: no/run: no such folder"),
        (
            {"kind": "quality", "features": "mnist-features"},
            f"{TABLES} (quality): features = mnist-features: that run takes",
        ),
        ({"kind": "walk", "data": {"naem": "x"}}, "[[analysis]] 2 (walk): data.naem is not a setting"),
        (
            {"kind": "walk", "data": {"size": 9}},
            f"{TABLES} (walk): data: the images of digits differ from the run's images",
        ),
    ],
)
def test_a_wrong_table_is_one_line(table: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        run_study(write_study(tmp_path / "asked.toml", study(table)), out=tmp_path / "out", is_silent=True)
    assert str(caught.value).startswith(f"{tmp_path / 'asked.toml'}: {complaint}")
    assert "\n" not in str(caught.value) and "?," not in str(caught.value)
    assert not (tmp_path / "out" / "runs").exists()


def test_a_classifier_that_cannot_compare_images_is_refused(tmp_path: Path) -> None:
    digits = study({"kind": "quality", "features": str(tmp_path / "run")}, data={"name": "digits", "size": 28})
    shutil.copytree(find_run("mnist-features"), tmp_path / "run")
    (tmp_path / "run" / "weights.safetensors").unlink()
    with pytest.raises(StudyError, match=r"features = .*: that run \(done\) has no weights; give one that is trained"):
        run_study(digits, out=tmp_path / "out", is_silent=True)


def test_a_probe_needs_classes(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8))
    unlabeled = {"path": str(tmp_path / "images.npy"), "labels": "none"}
    with pytest.raises(
        StudyError, match=r"\[\[analysis\]\] 2 \(probe\): it needs images with classes, and these have none"
    ):
        run_study(study({"kind": "probe"}, data=unlabeled), out=tmp_path / "out", is_silent=True)


def test_what_some_trials_have_is_looked_at_in_those(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A plane that is asked for of runs with ten latents, too, was left out of those without a word."""
    vary = [{"name": "first", "vary": {"model.latents": [2, 3, 4]}}]
    tables = [{"kind": "plane", "top": 3}, {"kind": "walk", "coordinates": [1], "top": 3}]
    tables.append({"kind": "models", "trials": 1, "labels": 20, "num": 20})
    run_study(study(stage=vary, analysis=tables), out=tmp_path / "out")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[[analysis]]")]
    told = '[[analysis]] 1 (plane): skipped for stage "first", trial "latents 3" and 1 other trial: it needs 2 latents'
    assert lines == [f"{told}, and there are 3"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count('<section id="analysis-plane-') == 1 and page.count('<section id="analysis-walk-') == 3


def test_tables_of_one_kind_stand_side_by_side_and_every_seed_is_looked_at_where_asked(tmp_path: Path) -> None:
    tables = [
        {"kind": "walk", "coordinates": [0]},
        {"kind": "walk", "coordinates": [1]},
        {"kind": "walk", "name": "the largest changes"},
        {"kind": "samples", "num": 4, "seeds": "all"},
    ]
    asked = tiny(model=SMALL, stage=[{"name": "first", "seeds": 2}], train={"epochs": 1}, analysis=tables)
    results = run_study(asked, out=tmp_path / "out", is_silent=True)
    best = results.trials("first")[0].best
    assert best is not None
    names = {path.stem for path in (tmp_path / "out" / "analyses").iterdir()}
    assert names == {
        "models-first",
        f"walk-{best.name}",
        f"walk-{best.name}-2",
        f"walk-{best.name}-the-largest-changes",
        *(f"samples-{run.name}" for run in results.runs),
    }
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    other = next(run for run in results.runs if run != best)
    assert "Walks of autoencoder, the largest changes" in page
    assert f"Samples of autoencoder, seed {other.seed}" in page and f"the run, seed {other.seed}" in page
    assert f"the trial’s best run, seed {best.seed}" in page
