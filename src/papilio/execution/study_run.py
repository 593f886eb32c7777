"""A prepared study is run in its folder, from the lock to the report."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from papilio.analysis.image_samples import write_image_samples
from papilio.engine import find_engine
from papilio.errors import StudyError
from papilio.execution.afterwards import span_afterwards, under_load
from papilio.execution.bounds import Bounds
from papilio.execution.display import end_words
from papilio.execution.environment import (
    describe_environment,
    earlier_environment,
    kept_environment,
    resumed_environment,
)
from papilio.execution.listeners import make_progress
from papilio.execution.preparation import Prepared, refuse_other_images, refuse_other_study
from papilio.execution.schedule import Execution, Workload
from papilio.execution.signals import StopSignals
from papilio.execution.spans import spoken_span
from papilio.files import locked, write_json, write_text
from papilio.kinds.warnings import warnings_of
from papilio.results.reading import read_results
from papilio.results.results import StudyResults
from papilio.results.words import duration
from papilio.runs.folder import RunFolder
from papilio.runs.mending import mend_run
from papilio.runs.plan import RunPlan
from papilio.search.origins import Origins
from papilio.search.search import StudySearch
from papilio.studies.checks import planning_notes
from papilio.studies.study import Study, parse_toml, read_toml
from papilio.studies.written import defaults_as_comments, with_written_defaults
from papilio.study_folder import ENVIRONMENT, OF_SHARED, SHARED, remove_files, remove_study, remove_unfinished
from papilio.workers.sharing import SharedSets


def run_prepared(
    prepared: Prepared,
    *,
    is_fresh: bool,
    is_silent: bool,
    confirm: Callable[[float], bool],
    began: float,
    conclude: Callable[[StudyResults], list[str]],
) -> tuple[StudyResults, str | None]:
    """Train what is left of a study, then `conclude`; what kept stages from beginning comes with the results.

    `conclude` analyzes the results and writes the report, while the folder is still locked. It returns notes for the user.
    """
    study, folder, sources, plans = prepared.study, prepared.folder, prepared.sources, prepared.plans
    images, notes = prepared.images, prepared.notes
    busy = f"{folder}: another process is running this study; wait for it, or choose another --out"
    signals, progress = StopSignals(), make_progress(is_silent=is_silent)
    with signals.listening(), locked(folder / ".lock", busy=busy):
        if not is_fresh:
            refuse_other_study(folder, study)  # again: it may have come since
            remove_unfinished(folder)
            notes = [*_mended(folder), *notes]
        search = StudySearch(study, folder=folder, sources=sources, standing=images.standing_of)
        origins = Origins(search, images)
        origins.refuse_impossible(plans)
        with prepared.hired as crew:
            if is_fresh:
                remove_study(folder)
            refuse_other_images(folder, plans, images)
            # nothing is written before this line: a wrong request leaves the folder as it was
            environment = describe_environment(images.distinct(), crew, modules=study.modules)
            earlier = earlier_environment(folder)
            write_json(folder / ENVIRONMENT, kept_environment(environment, earlier))
            _write_study(folder / "study.toml", with_written_defaults(study, plans), plans)
            write_image_samples(folder, images.distinct())
            shared = SharedSets(folder / SHARED)
            afterwards = under_load(span_afterwards(study, plans, images))
            bounds = Bounds(images)
            workload = Workload(
                folder=folder,
                search=search,
                images=lambda plan: shared.of(images.of_run(plan)),
                structure_of=images.structure_of,
                max_lanes=lambda plan: find_engine(plan.settings.train.engine, study.own).max_lanes(plan.settings),
                crew=crew,
                origins=origins,
                warn_of=lambda plan: warnings_of(images.kind_of(plan)),
                began=began,
                afterwards=afterwards,
                most_seconds=partial(bounds.study_seconds, num_workers=crew.num_workers),
                work_of=bounds.epoch_seconds,
                title=study.settings.title,
                on_begin=lambda: write_json(folder / ENVIRONMENT, resumed_environment(environment, earlier)),
            )
            if planning_notes(
                plans, images
            ):  # which of the runs are finished is read from the disk only where it matters
                unfinished = (plan for plan in plans if not RunFolder(folder / "runs" / plan.name).is_finished())
                notes = [*notes, *planning_notes(unfinished, images)]
            for note in notes:
                progress.on_note(note)
            try:
                with progress.display():
                    Execution(workload, progress, signals=signals, confirm=confirm).run()
            finally:
                remove_files(folder, OF_SHARED)
            results = read_results(folder)
            if any(run.status == "done" for run in results.runs):
                progress.on_note(f"analyzing the best runs, then writing the report: {spoken_span(afterwards)}")
            else:  # stopped before the first was finished, or all failed: there is nothing to analyze
                progress.on_note("writing the report")
            for note in conclude(results):
                progress.on_note(note)
            progress.on_note(f"{end_words(results)}, after {duration(time.monotonic() - began)}")
    return results, next(iter(search.blocked.values()), None)


def _mended(folder: Path) -> list[str]:
    """What of the runs in a study's folder was damaged, and is recreated."""
    return [note for path in sorted((folder / "runs").glob("*/run.json")) for note in mend_run(RunFolder(path.parent))]


def _write_study(file: Path, study: Study, plans: Sequence[RunPlan]) -> None:
    """Write the study as it is run; a file that says the same is left as it is, with the comments of whoever wrote it."""
    text = study.to_toml() + defaults_as_comments(study, plans)
    with contextlib.suppress(StudyError):
        if read_toml(file) == parse_toml(text, where=str(file)):
            return
    write_text(file, text)
