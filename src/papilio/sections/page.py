"""The report page: one file that opens without a network, on light and dark screens, on phones and on paper."""

from __future__ import annotations

import base64
import datetime
import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from papilio.analysis.orders import published_orders
from papilio.analysis.store import read_analyses
from papilio.drawing.canvas import rarely_collecting
from papilio.drawing.figure_files import Pictures
from papilio.drawing.palette import DARK, LIGHT, css_variables
from papilio.files import without_places, write_text
from papilio.results import words
from papilio.results.results import StudyResults
from papilio.results.units import shared_units
from papilio.sections import sentences
from papilio.sections import study_sections as sections
from papilio.sections.analyses import run_sections, stage_sections
from papilio.sections.answers import answers
from papilio.sections.blocks import MovingPlane, Section
from papilio.sections.kinds_of_runs import command_of_run
from papilio.sections.published_table import published_table
from papilio.sections.reconstruction_sections import futile_reconstructions
from papilio.sections.setting_rows import shared_settings
from papilio.sections.study_facts import environment_rows, facts, image_sets, shape_words
from papilio.settings.references import OwnFunctions

TEMPLATES = Path(__file__).parent / "templates"
MOST_RUNS = 500


def write_report(results: StudyResults, *, is_live: bool = False, own: OwnFunctions | None = None) -> Path:
    """Draw every figure into DIR/figures and write DIR/report.html; the page's path.

    `is_live`: the study is being trained, and the page loads itself again every minute. `own` are the kinds that Python handed
    over, by the names that the study has for them.

    Raises RunError for an analysis that is not readable, StorageError where the folder cannot be written.
    """
    path = results.folder / "report.html"
    with rarely_collecting():
        write_text(path, render_page(results, Pictures(results.folder / "figures"), is_live=is_live, own=own))
    return path


def render_page(
    results: StudyResults, pictures: Pictures, *, is_live: bool = False, own: OwnFunctions | None = None
) -> str:
    """The page as text; the figures go through `pictures`."""
    found = read_analyses(results.folder)
    analyses = run_sections(results, found, pictures, own)
    of_stages = stage_sections(results, found, pictures, own)
    scripts = _scripts([one.section for one in analyses])
    run_metrics = sections.run_metrics(results)
    problems = [run for run in results.runs if run.status in ("failed", "diverged", "stopped")]
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            results=results,
            policy=_content_policy(scripts),
            scripts=[Markup(script) for script in scripts],
            light=Markup(css_variables(LIGHT)),
            dark=Markup(css_variables(DARK)),
            headline=sections.headline(results),
            answers=answers(results),
            fruitless=sentences.fruitless_words(results),
            facts=facts(results),
            written=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S") if is_live else None,
            progress=sentences.progress_words(results),
            reasons=sentences.reasons(results),
            image_sets=image_sets(results),
            settings=shared_settings(results),
            stages=[sections.stage_section(results, stage, pictures) for stage in results.stages],
            models=sections.model_sections(results),
            published=published_table(results),
            orders=published_orders(results),
            analyses=analyses,
            of_stages=of_stages,
            futile={stage: futile_reconstructions(found, stage) for stage in results.stages},
            problems=problems[:MOST_RUNS],
            runs=results.runs[:MOST_RUNS],
            run_metrics=run_metrics,
            run_units=shared_units(results.runs, run_metrics),
            best=results.best,
            suggested=None if results.best is None else command_of_run(results.best),
            environment_rows=environment_rows(results),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "code": _with_code,
        "counted": words.counted,
        "duration": words.duration,
        "metric_number": words.metric_number,
        "metric_words": words.metric_words,
        "number": words.plain_number,
        "placeless": without_places,
        "shape": shape_words,
        "sentence": words.sentence,
        "swap_words": sentences.swap_words,
        "title_of": words.trial_words,
        "value": words.value_words,
    }
    return environment


def _with_code(text: str) -> Markup:
    """A description's text; what stands between backticks is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _scripts(shown: Iterable[Section]) -> list[str]:
    """The page's scripts: what moves over a plane only where there is one."""
    has_plane = any(isinstance(block, MovingPlane) for section in shown for block in section.blocks)
    return [(TEMPLATES / name).read_text() for name in ("theme.js", *(["plane.js"] if has_plane else []))]


def _content_policy(scripts: Sequence[str]) -> str:
    """What the browser may load for this page: nothing from anywhere, and no script but the page's own."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}"
