"""The sections of analyses: what DIR/analyses holds, each shown by its own function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from papilio.analysis.store import StoredAnalysis
from papilio.drawing.figure_files import Pictures
from papilio.engine import Arrays
from papilio.errors import PapilioError, RunError
from papilio.kinds.analyses import ANALYSES
from papilio.results.results import StudyResults
from papilio.results.words import sentence, trial_words
from papilio.sections.blocks import Section
from papilio.sections.context import SectionContext
from papilio.sections.known import KnownSections
from papilio.sections.result_tables import best_first
from papilio.settings.references import OwnFunctions, resolve_reference
from papilio.studies.study import slug

MakeSection = Callable[[Arrays, SectionContext], Section | None]


@dataclass(frozen=True)
class RunSection:
    """The section of a run's analysis, with its place in the page."""

    section: Section
    anchor: str
    kicker: str  # the stage, where a study has several
    heading: str  # the title, and a word for the images where they are not the study's


def run_sections(
    results: StudyResults, found: Sequence[StoredAnalysis], pictures: Pictures, own: OwnFunctions | None = None
) -> list[RunSection]:
    """A section for each analysis of a run that has something to show, in the order of papilio.kinds.analyses, own ones last.

    Of an analysis of several trials the best comes first, in a study with stages that of the last stage, which is the answer.

    `own` are the kinds that Python passed. Raises RunError where one cannot be shown.
    """
    sections = []
    known = KnownSections(results, own or {})
    places = {name: place for place, name in enumerate(ANALYSES)}
    ranks = _ranks(results)
    last = (len(results.stages), 0)

    def order(one: StoredAnalysis) -> tuple[int, tuple[int, int], bool]:
        rank = ranks.get((one.header.stage, one.header.trial), last)
        return places.get(one.header.analysis, len(places)), rank, not _is_of_best_run(results, one)

    for stored in sorted(found, key=order):
        name = slug(stored.path.stem)[:60]
        section = _section(results, stored, known, name=name, pictures=pictures) if stored.header.run else None
        if section is not None:
            kicker = sentence(stored.header.stage) if len(results.stages) > 1 else ""
            heading = ", ".join(filter(None, [section.title, stored.header.title]))
            sections.append(RunSection(section, f"analysis-{name}", kicker, heading))
    return sections


def _ranks(results: StudyResults) -> dict[tuple[str, str], tuple[int, int]]:
    """The place of each stage, the last one first, and of each trial in it, the best first."""
    return {
        (stage, trial.name): (place, rank)
        for place, stage in enumerate(reversed(results.stages))
        for rank, trial in enumerate(best_first(results, stage))
    }


def _varied_keys(results: StudyResults) -> dict[str, None]:
    return dict.fromkeys(key for run in results.runs for key in run.varied)


def _is_of_best_run(results: StudyResults, stored: StoredAnalysis) -> bool:
    header = stored.header
    there = results.trials(header.stage) if header.stage in results.stages else []
    trials = [trial for trial in there if trial.name == header.trial]
    return any((run := trial.best) is not None and run.name == header.run for trial in trials)


def stage_sections(
    results: StudyResults, found: Sequence[StoredAnalysis], pictures: Pictures, own: OwnFunctions | None = None
) -> dict[str, list[Section]]:
    """What analyses of stages have to show, by stage; raises RunError where one cannot be shown."""
    known = KnownSections(results, own or {})
    sections: dict[str, list[Section]] = {stage: [] for stage in results.stages}
    for stored in found:
        header = stored.header
        if not header.run and header.stage in sections:
            name = f"{results.stages.index(header.stage) + 1}-{slug(header.stage)[:40]}"
            section = _section(results, stored, known, name=name, pictures=pictures)
            sections[header.stage] += [] if section is None else [section]
    return sections


def _section(
    results: StudyResults, stored: StoredAnalysis, known: KnownSections, *, name: str, pictures: Pictures
) -> Section | None:
    header = stored.header
    if header.section and header.section not in known:
        return _missing(stored, "is of no kind, and in no module, that the study names")
    try:
        make = _maker(stored)
    except (ImportError, AttributeError) as error:
        return _missing(stored, f"cannot be imported here ({error})")
    context = SectionContext(
        results=results,
        pictures=pictures,
        name=name,
        stage=header.stage,
        trial=trial_words(header.trial, _varied_keys(results)),
        run_name=header.run,
        run=next((run for run in results.runs if run.name == header.run), None),
        split=header.split,
        images_name=header.images,
        facts=header.facts,
        options=header.options,
    )
    if context.run is not None and not context.is_first_choice:
        context = replace(context, trial=f"{context.trial}, seed {context.run.seed}")
    try:
        return _as_section(make(stored.arrays, context))
    except PapilioError:
        raise
    except Exception as error:  # a function of the user's own may raise anything, and a file may lack an array
        raise RunError(
            f"{stored.path}: cannot be shown ({type(error).__name__}: {error}); delete it and run the study"
            " again to recreate it"
        ) from error


def _maker(stored: StoredAnalysis) -> MakeSection:
    header = stored.header
    if header.section:
        return resolve_reference(header.section)
    if header.analysis not in ANALYSES:
        raise RunError(f"{stored.path}: {header.analysis!r} is not an analysis that this version of Papilio knows")
    return resolve_reference(ANALYSES[header.analysis].section)


def _as_section(made: Any) -> Section | None:
    if made is not None and not isinstance(made, Section):
        raise TypeError(f"{type(made).__name__} is no section")
    return made


def _missing(stored: StoredAnalysis, why: str) -> Section:
    """In place of a section whose function is of the user's own, and is not here or not known."""
    header = stored.header
    note = f"Not shown: `{header.section}` {why}. Its arrays are in `analyses/{stored.path.name}`."
    return Section(f"{sentence(header.analysis)} of {header.trial or header.stage}", note)
