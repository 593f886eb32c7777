"""A study that is run again: when it started, and the commands that its page gives for it."""

from __future__ import annotations

import html
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tiny import tiny, write_study

import papilio as product
from in_process import papilio
from papilio.execution import environment
from papilio.results.reading import read_results
from papilio.search.sources import results_of
from papilio.sections.study_facts import environment_rows

OWN_MODULE = """
from torch import nn

def small(num_classes, width=8):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, num_classes))
"""


def written(out: Path) -> dict[str, Any]:
    return json.loads((out / "environment.json").read_text())


def at(moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock show that moment where it is written down when a study starts."""
    known = environment.describe_environment

    def described(*given: Any, **options: Any) -> dict[str, Any]:
        return known(*given, **options) | {"started": moment, "command": f"papilio at {moment}"}

    monkeypatch.setattr("papilio.execution.study_run.describe_environment", described)


def test_started_stays_and_resumed_is_told_only_where_something_was_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_report: None
) -> None:
    out, study = tmp_path / "out", tiny(train__epochs=1, stage=[{"name": "only", "seeds": 1}])
    moments = [f"2026-03-0{day}T10:00:00+00:00" for day in (1, 2, 3)]
    with monkeypatch.context() as patch:
        at(moments[0], patch)
        product.run_study(study, out=out, is_silent=True)
    first = written(out)
    assert first["started"] == moments[0] and "last_resumed" not in first
    with monkeypatch.context() as patch:
        at(moments[1], patch)
        product.run_study(study, out=out, is_silent=True)
    assert written(out) == first
    with monkeypatch.context() as patch:
        at(moments[2], patch)
        product.run_study(study | {"stage": [{"name": "only", "seeds": 2}]}, out=out, is_silent=True)
    third = written(out)
    assert third["started"] == moments[0] and third["last_resumed"] == moments[2]
    assert third["command"] == f"papilio at {moments[2]}"
    rows = dict(environment_rows(read_results(out)))
    assert rows["Started"] == "2026-03-01 10:00:00 UTC" and rows["Last resumed"] == "2026-03-03 10:00:00 UTC"
    product.run_study(study, out=out, is_silent=True, is_fresh=True)
    assert written(out)["started"] > moments[2] and "last_resumed" not in written(out)


@pytest.fixture(scope="module")
def results_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The results of a study with a network of its own in a module next to its file, which this process then forgets."""
    folder, path = tmp_path_factory.mktemp("study"), [*sys.path]
    (folder / "again_nets.py").write_text(OWN_MODULE)
    pictures = folder / "pictures"
    for name, gray in (("dark", 20), ("light", 220)):
        (pictures / name).mkdir(parents=True)
        for number in range(12):
            Image.new("L", (8, 8), gray + number).save(pictures / name / f"{number}.png")
    study = tiny(model={"family": "again_nets:small"}, train__epochs=1, stage=[{"name": "only"}])
    file = write_study(folder / "mine.toml", study | {"data": {"path": "pictures"}})
    out = tmp_path_factory.mktemp("elsewhere") / "out"
    done = papilio("run", file, "--out", out)
    assert done.returncode == 0, done.stderr
    sys.path[:] = path
    sys.modules.pop("again_nets")
    yield out
    sys.path[:] = path
    sys.modules.pop("again_nets", None)


def commands(out: Path) -> list[list[str]]:
    page = (out / "report.html").read_text().partition('id="again"')[2]
    return [html.unescape(one).split() for one in re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", page)]


def test_the_commands_on_the_page_work_in_the_folder_that_it_names(results_folder: Path, no_report: None) -> None:
    page = (results_folder / "report.html").read_text()
    assert f"for the folder of this page, <code>{results_folder.name}</code>" in page
    resume, elsewhere, predict = commands(results_folder)
    before = {file: file.stat().st_mtime_ns for file in results_folder.glob("runs/*/*")}
    text = (results_folder / "study.toml").read_text()
    done = papilio(*resume[1:], folder=results_folder)
    assert done.returncode == 0, done.stderr
    assert {file: file.stat().st_mtime_ns for file in results_folder.glob("runs/*/*")} == before
    assert (results_folder / "study.toml").read_text() == text
    done = papilio(*elsewhere[1:], folder=results_folder)
    assert done.returncode == 0, done.stderr
    assert [run.name for run in read_results(results_folder / elsewhere[-1]).runs] == [
        run.name for run in read_results(results_folder).runs
    ]
    assert predict[:2] == ["papilio", "predict"] and (results_folder / predict[2] / "run.json").is_file()


def test_results_of_another_study_are_found_next_to_the_folder_that_one_is_in(
    results_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = results_folder.parent / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    assert results_of(results_folder.name, Path(), where="study").title == "Tiny"
