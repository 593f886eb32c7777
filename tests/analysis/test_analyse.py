"""The analyses of a study that ran: what is computed, kept, computed again, removed."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from papilio.analysis.analyse import analyse
from papilio.analysis.store import read_analyses, write_analysis
from papilio.errors import RunError, RunFailed, StudyError
from papilio.results.reading import read_results
from papilio.studies.images import StudyImages
from papilio.studies.study import load_study
from papilio.workbench import remake_report, run_study

STUDY: dict[str, Any] = {
    "title": "Sorters",
    "data": {"name": "digits", "fraction": 0.2},
    "model": {"family": "mlp", "units": [8]},
    "train": {"epochs": 1, "batch_size": 32, "objective": "brightness:KIND"},
    "stage": [{"name": "sorts", "vary": {"train.learning_rate": [0.01, 0.001]}}],
    "analysis": [{"top": 1}],
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    run_study(STUDY, out=folder / "out", is_silent=True)
    return folder / "out"


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    """A copy to do something to."""
    return Path(shutil.copytree(finished, tmp_path / "out"))


def changed(out: Path, **study: Any) -> dict[str, bool]:
    """Which files of analyses there are after the study ran again, and whether each is another."""
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("analyses/*.npz")}
    run_study(STUDY | study, out=out, is_silent=True)
    return {path.name: path.stat().st_mtime_ns != before.get(path.name) for path in sorted(out.glob("analyses/*.npz"))}


def test_a_kind_from_outside_brings_its_analyses(finished: Path) -> None:
    classification, bright, trials = sorted(
        read_analyses(finished), key=lambda one: one.header.analysis != "classification"
    )
    assert [one.header.analysis for one in (classification, bright, trials)] == [
        "classification",
        "brightness",
        "trials",
    ]
    assert bright.header.section == "brightness:section" and bright.header.options == {
        "pictures": 2,
        "is_broken": False,
    }
    assert bright.header.run == classification.header.run and bright.header.checksum == classification.header.checksum
    assert trials.path.name == "trials-sorts.npz" and trials.header.section == "brightness:trials_section"
    page = (finished / "report.html").read_text()
    assert "Brightness of learning rate 0.01" in page and "Mistakes of learning rate 0.01" in page
    assert page.index("<h3>Trials of sorts</h3>") < page.index("Brightness of learning rate 0.01</h2>")


def test_what_stands_is_not_computed_again(out: Path) -> None:
    again = changed(out, analysis=[{"top": 1, "pictures": 3}])
    assert [is_other for name, is_other in again.items() if name.startswith("classification")] == [False]
    assert [is_other for name, is_other in again.items() if name.startswith("brightness")] == [True]


def test_what_is_not_asked_for_goes(out: Path) -> None:
    (out / "analyses" / "classification-of-a-run-that-is-no-more.npz").write_bytes(b"")
    again = changed(out, analysis=[{"kind": "classification", "top": 2}])
    assert sorted(name.partition("-")[0] for name in again) == ["classification", "classification", "trials"]
    assert not changed(out, analysis=[])


def test_a_function_that_raises_is_named(out: Path) -> None:
    with pytest.raises(
        RunFailed, match=r"analysis 'brightness' of sorts-.*: ZeroDivisionError: no light; what was trained"
    ):
        changed(out, analysis=[{"is_broken": True}])


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"kind": "reading"}, r"the study: \[\[analysis\]\] 1: kind: reading does not apply to any run of this study"),
        (
            {"data": {"name": "digits", "size": 6}},
            r"\[\[analysis\]\] 1: data: the images of digits differ from the run's images in shape",
        ),
        ({"data": {"nam": "digits"}}, r"\[\[analysis\]\] 1: data\.nam is not a setting; did you mean name"),
        ({"picture": 3}, r"\[\[analysis\]\] 1: picture is not a setting; did you mean pictures"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_trained(
    tmp_path: Path, table: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(StudyError, match=complaint):
        run_study(STUDY | {"analysis": [table]}, out=tmp_path / "out", is_silent=True)
    assert not (tmp_path / "out" / "study.toml").exists()


def with_section(out: Path, section: str) -> str:
    """The report's text, made again after the file of an analysis names another function."""
    path = next(out.glob("analyses/brightness-*.npz"))
    found = next(one for one in read_analyses(out) if one.path == path)
    write_analysis(path, replace(found.header, section=section), found.arrays)
    return remake_report(out).read_text()


def test_a_report_elsewhere_does_without_what_it_cannot_import(out: Path) -> None:
    page = with_section(out, "brightness.gone:section")
    assert "Not shown: <code>brightness.gone:section</code> cannot be imported here (No module named" in page
    assert "Brightness of learning_rate 0.01" in page


def test_a_file_of_an_analysis_imports_nothing_that_the_study_does_not_name(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`papilio report` imported whatever module a file of somebody else's folder named."""
    (tmp_path / "planted.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    page = with_section(out, "planted:section")
    assert "Not shown: <code>planted:section</code> is of no kind, and in no module, that the study names" in page
    assert "planted" not in sys.modules


@pytest.mark.parametrize("section", ["builtins:print", "brightness:KIND", "brightness:nothing", "brightness:trials"])
def test_a_function_that_makes_no_section_is_one_line(section: str, out: Path) -> None:
    try:
        page = with_section(out, section)
    except RunError as error:
        assert "cannot be shown" in str(error) and "\n" not in str(error)
    else:
        assert f"Not shown: <code>{section}</code>" in page


def test_who_waits_is_told_which_analysis_is_made(out: Path) -> None:
    told: list[tuple[int, int, str]] = []
    study, results = load_study(STUDY), read_results(out)
    for path in out.glob("analyses/brightness-*.npz"):
        path.unlink()
    analyse(results, study, StudyImages(study.own), progress=lambda *how_far: told.append(how_far))
    best = results.ranked("sorts")[0].name
    assert told == [(1, 2, f"analyses: brightness of {best}"), (2, 2, "analyses: trials of the stage sorts")]


def test_a_run_that_cannot_be_loaded_costs_no_analysis_of_others(tmp_path: Path) -> None:
    """Weights that were gone came before the others' analyses."""
    stages = [{"name": name, "train": {"learning_rate": rate}} for name, rate in (("first", 0.01), ("second", 0.001))]
    study = STUDY | {"stage": stages, "analysis": []}
    run_study(study, out=tmp_path / "out", is_silent=True)
    results = read_results(tmp_path / "out")
    (broken,) = (run for run in results.runs if run.stage == "first")
    (broken.folder / "weights.safetensors").unlink()
    asked = load_study(study | {"analysis": [{"kind": "brightness"}]})
    with pytest.raises(RunError, match=re.escape(str(broken.folder))):
        analyse(results, asked, StudyImages(asked.own))
    assert [one.header.stage for one in read_analyses(tmp_path / "out")] == ["second"]


def test_the_best_trial_is_looked_at_and_what_an_earlier_version_saw_of_others_stays(out: Path) -> None:
    """The analyses of three trials a stage made long reports of studies with many stages."""
    assert load_study(STUDY | {"analysis": [{}]}).settings.analysis[0].top == 1
    both = changed(out, analysis=[{"top": 2}])
    assert len(both) == 5
    unsaid = changed(out, analysis=[{}])
    assert unsaid.keys() == both.keys() and [name for name, is_new in unsaid.items() if is_new] == ["trials-sorts.npz"]
    assert len(changed(out, analysis=[{"top": 1}])) == 3
    assert len(changed(out, analysis=[{}])) == 3


def test_a_table_can_be_about_one_stage_only(tmp_path: Path) -> None:
    """Also where both stages have the same network: the check before training is then made for one of them only."""
    stages = [{"name": name, "train": {"learning_rate": rate}} for name, rate in (("first", 0.01), ("second", 0.001))]
    tables = [{"kind": "brightness", "stage": "second", "pictures": 2}]
    run_study(STUDY | {"stage": stages, "analysis": tables}, out=tmp_path / "out", is_silent=True)
    found = {(one.header.analysis, one.header.stage) for one in read_analyses(tmp_path / "out")}
    assert found == {("brightness", "second")}  # "trials" sets two trials of a stage side by side
    wrong = [{"kind": "brightness", "stage": "second", "data": {"name": "digits", "size": 6}}]
    with pytest.raises(StudyError, match=r'stage "second", .*\[\[analysis\]\] 1 \(brightness\): data: the images of'):
        run_study(STUDY | {"stage": stages, "analysis": wrong}, out=tmp_path / "other", is_silent=True)


def test_tables_that_differ_in_their_images_only_are_all_made(out: Path) -> None:
    tables = [
        {"kind": "brightness", "pictures": 2, "data": {"name": "digits", "binarize": one}} for one in (True, False)
    ]
    found = [name for name in changed(out, analysis=tables) if name.startswith("brightness")]
    assert len(found) == 2


def test_images_that_the_run_was_trained_on_are_not_test_images(tmp_path: Path) -> None:
    tables = [{"kind": "classification", "data": {"seed": 3}}]
    with pytest.raises(
        StudyError, match=r"\[\[analysis\]\] 1 \(classification\): data: \d+ of its test images are among"
    ):
        run_study(STUDY | {"analysis": tables}, out=tmp_path / "out", is_silent=True)
