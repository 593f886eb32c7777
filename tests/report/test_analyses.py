"""Sections of analyses on the page: those of a user's own, and what earlier versions left."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import study_folders
from matplotlib.figure import Figure as Drawing
from pages import Page

from papilio.analysis.store import Header, write_analysis
from papilio.data.facts import ImageFacts
from papilio.data.quantities import CLOCK
from papilio.drawing.figure_files import Pictures, data_uri
from papilio.engine import Arrays
from papilio.errors import RunError
from papilio.kinds.analyses import analyses_of, section_reference
from papilio.kinds.kind import Analysis, Kind
from papilio.kinds.registry import reconstruction_metrics
from papilio.results.results import StudyResults
from papilio.sections.blocks import Gallery, Picture, Section, Table, Text
from papilio.sections.context import SectionContext
from papilio.sections.page import render_page

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)> {{ 7 * 7 }}'


def walk_section(arrays: Arrays, context: SectionContext) -> Section:
    """Each sort of block."""

    def draw(width: float) -> Drawing:
        drawing = Drawing(figsize=(width, 1))
        drawing.subplots().plot(arrays["steps"])
        return drawing

    assert context.run is not None and context.facts is not None
    picture = Picture(data_uri(arrays["image"]), f"an image of {HOSTILE}", "name", "above", "beside", HOSTILE)
    return Section(
        title=f"Walks of {context.trial}",
        note=f"Seed {context.run.seed}, `num = {context.options['num']}` of {context.images_name}.",
        blocks=(
            Text(f"In `code` and {HOSTILE}", items=("one", HOSTILE), heading="Said"),
            Text("Said in passing", is_note=True),
            context.figure(draw, name="steps", label="Steps", caption="Steps drawn", heading="Drawn", is_square=True),
            Table(
                ("Step", "Size", "Word"), (("first", "0.5", "ä"), (HOSTILE, "1", "")), "Steps told", ("Size",), "Told"
            ),
            Gallery((picture, replace(picture, below="")), heading="Seen"),
        ),
    )


def nothing_to_show(arrays: Arrays, context: SectionContext) -> None:
    """For an analysis without a section."""


def broken_section(arrays: Arrays, context: SectionContext) -> Section:
    return Section(str(arrays["missing"]))


def kind(section: object) -> Kind:
    analysis = Analysis("walk", "not_here:compute", section)  # pyright: ignore[reportArgumentType]
    return Kind("walker", {}, reconstruction_metrics, None, analyses=(analysis,))


def study(folder: Path, section: object, *, title: str = "") -> StudyResults:
    """A finished run with an analysis that a kind from outside brings, as a study leaves it."""
    plan = study_folders.plan(stage="first", trial="a walk", seed=3)
    study_folders.write_run(folder, plan, metrics={"val_accuracy": 0.5})
    (analysis,) = analyses_of(kind(section)).values()
    header = Header(
        analysis=analysis.name, section=section_reference(analysis), stage="first", run=plan.name, trial="a walk",
        split="test", options={"num": 4}, images="digits", title=title, facts=ImageFacts((1, 8, 8)), checksum="1",
    )  # fmt: skip
    arrays = {"steps": np.arange(3), "image": np.full((1, 8, 8), 100, np.uint8)}
    write_analysis(folder / "analyses" / f"walk-{plan.name}.npz", header, arrays)
    module = header.section.partition(":")[0]
    return study_folders.write_study(folder, [plan], train={"objective": f"{module}:KIND"})


def rendered(results: StudyResults) -> Page:
    return Page(render_page(results, Pictures(results.folder / "figures")))


def test_an_analysis_from_outside_has_its_section(tmp_path: Path) -> None:
    page = rendered(study(tmp_path, walk_section, title="by night"))
    assert [one.text for one in page.all("h2")][-4] == "Walks of a walk, by night"
    assert [one.text for one in page.all("h3")][:4] == ["Said", "Drawn", "Told", "Seen"]
    anchor = "analysis-walk-first-a-walk-seed3-foldnone"
    assert [one.text for one in page.all("a") if one.attributes["href"] == f"#{anchor}"] == [
        "Walks of a walk, by night"
    ]
    assert anchor in [one.attributes.get("id") for one in page.all("section")]
    assert "Seed 3, num = 4 of digits." in page.text
    assert {"code", "num = 4", "walk"} & {one.text for one in page.all("code")} == {"code", "num = 4"}
    assert page.with_class("pairs")[0].text == f"one{HOSTILE}"
    table = next(one for one in page.all("table") if "Steps told" in one.text)
    assert re.sub(r"\s+", " ", table.text).strip() == f"Steps told Step Size Word first 0.5 ä {HOSTILE} 1"
    assert [one.text for one in page.with_class("number") if one.text in ("Size", "0.5", "Word")] == ["Size", "0.5"]
    first, second = (one.text for one in page.all("li") if one.text.strip().startswith("above"))
    assert first == f"above name beside {HOSTILE}" and second == "above name beside"
    assert "Steps drawn" in page.with_class("square")[0].text
    assert len(page.all("script")) == 1 and not [one for one in page.elements if "onerror" in one.attributes]
    assert {path.suffix for path in (tmp_path / "figures").glob("walk-*-steps.*")} == {".svg", ".png"}


def test_an_analysis_may_have_nothing_to_show(tmp_path: Path) -> None:
    assert "analysis-walk" not in rendered(study(tmp_path, nothing_to_show)).source


def test_a_section_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"walk-first.*\.npz: cannot be shown \(KeyError: 'missing'\)"):
        rendered(study(tmp_path, broken_section))


@pytest.mark.parametrize("section", ["not_here:section", "study_folders:not_there"])
def test_a_section_that_is_not_here_is_said(tmp_path: Path, section: str) -> None:
    text = rendered(study(tmp_path, section)).text
    assert f"Walk of a walk Not shown: {section} cannot be imported here (" in text
    assert "Its arrays are in analyses/walk-first-a-walk-seed3-foldNone.npz." in text


def test_readings_of_the_first_version_are_reported(tmp_path: Path) -> None:
    plan = study_folders.plan(stage="first", trial="a clock", seed=0)
    study_folders.write_run(tmp_path, plan, metrics={"val_accuracy": 0.5}, quantity=CLOCK)
    values, errors = np.linspace(0, 719, 40), np.linspace(-4, 4, 40)
    (tmp_path / "analyses").mkdir()
    np.savez_compressed(
        tmp_path / "analyses" / f"reading-{plan.name}-on-others.npz",
        run=plan.name, stage="first", trial="a clock", split="test", name="others", asked_pictures=2, period=720.0,
        unit="min", is_time=True, values=values, predicted=values + errors, confidence=np.ones(40, np.float32),
        errors=errors, by_value=np.ones(48), shown=np.arange(6).reshape(3, 2),
        shown_images=np.zeros((3, 2, 1, 16, 16), np.uint8),
    )  # fmt: skip
    page = rendered(study_folders.write_study(tmp_path, [plan]))
    assert "Readings of a clock, others" in page.text
    assert "Error over 40 test images: mean 2.1 min (0.034 h), median 2.1 min, nine in ten within" in page.text
    assert f"The trial’s best run, seed 0 ({plan.name})." in page.text
    headings = ["Predicted against true values", "Where the errors are", "The best 2", "The median 2", "The worst 2"]
    assert [one.text for one in page.all("h3")][:5] == headings
    assert len(page.with_class("gallery")) == 3
