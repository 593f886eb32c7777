"""What a kind shows of how its runs learn, from their folders alone: while they train, too."""

from __future__ import annotations

from collections.abc import Sequence

from papilio.drawing.figure_files import Pictures
from papilio.errors import PapilioError, RunError
from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.sections.blocks import Section
from papilio.sections.context import SectionContext
from papilio.sections.kinds_of_runs import kind_of_run
from papilio.settings.references import resolve_reference
from papilio.studies.study import slug

MOST_WATCHED = 3  # trials of a stage, of each one run


def watched_sections(
    results: StudyResults, trials: Sequence[TrialResult], pictures: Pictures, *, name: str
) -> list[Section]:
    """A section for each of the first trials whose kind has one; raises RunError where one cannot be shown."""
    sections: list[Section] = []
    for trial in trials:
        run = trial.best or next((run for run in trial.runs if run.records), None)
        section = None if run is None else _watched(results, trial, run, pictures, name=name)
        sections += [] if section is None else [section]
        if len(sections) == MOST_WATCHED:
            break
    return sections


def _watched(
    results: StudyResults, trial: TrialResult, run: RunResult, pictures: Pictures, *, name: str
) -> Section | None:
    kind = kind_of_run(run)
    if kind is None or kind.watch is None:
        return None
    context = SectionContext(
        results=results,
        pictures=pictures,
        name=f"{name}-{slug(trial.name)[:40]}",
        stage=trial.stage,
        trial=trial.title,
        run_name=run.name,
        run=run,
        split="",
        images_name="",
        facts=None,
        options={},
    )
    try:
        return resolve_reference(kind.watch)(context)
    except PapilioError:
        raise
    except Exception as error:  # a function of the user's own may raise anything
        raise RunError(f"{run.folder}: how it learns cannot be shown ({type(error).__name__}: {error})") from error
