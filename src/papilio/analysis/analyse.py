"""The analyses of a finished study: which are requested, but which are there already, and the others computed."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from papilio.analysis.store import Header, is_current, write_analysis
from papilio.data.imageset import ImageSet
from papilio.data.progress import Progress
from papilio.engine import Arrays
from papilio.errors import PapilioError, RunFailed, SettingError, StorageError
from papilio.kinds.analyses import section_reference
from papilio.kinds.kind import Analysis, Kind
from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.runs.folder import RunFolder
from papilio.runs.run import Run, load_run
from papilio.settings.references import OwnFunctions, resolve_reference
from papilio.studies.asked import Asked, run_analyses, stage_analyses, where_of
from papilio.studies.images import StudyImages
from papilio.studies.schema import AnalysisSettings
from papilio.studies.study import Study, load_study, slug

FOLDER = "analyses"
EARLIER_TOP = 3  # trials of a stage that were looked at where a study did not say how many


@dataclass(frozen=True)
class WantedOfRun:
    """An analysis of a run that is asked for."""

    analysis: Analysis
    options: Any
    run: RunResult
    images: ImageSet
    title: str  # a word for the images, where they are not the run's own
    has_other_images: bool

    @property
    def file_name(self) -> str:
        words = ["on", self.title or "other images"] if self.has_other_images else [self.title] if self.title else []
        return f"{'-'.join([slug(self.analysis.name), self.run.name, *map(slug, words)])}.npz"

    @property
    def header(self) -> Header:
        return Header(
            analysis=self.analysis.name,
            section=section_reference(self.analysis),
            stage=self.run.stage,
            run=self.run.name,
            trial=self.run.trial,
            split=self.analysis.split or "",
            options=self.options.model_dump(mode="json"),
            images=self.images.name,
            checksum=self.images.checksum,
            title=self.title,
            facts=self.images.facts,
            uses=self._uses,
        )

    @cached_property
    def _uses(self) -> dict[str, str]:
        uses = self.analysis.uses
        return {} if uses is None else resolve_reference(uses)(self.options, self.images)


@dataclass(frozen=True)
class WantedOfStage:
    """An analysis of a stage that is asked for."""

    analysis: Analysis
    options: Any
    stage: str
    file_name: str

    @property
    def header(self) -> Header:
        section, options = section_reference(self.analysis), self.options.model_dump(mode="json")
        return Header(analysis=self.analysis.name, section=section, stage=self.stage, options=options)


def analyse(
    results: StudyResults, study: Study, images: StudyImages, *, progress: Progress = lambda done, total, what: None
) -> list[str]:
    """Make DIR/analyses what the study asks for: of each stage's best trials the best run, and of the stages themselves.

    What was computed before and still stands is not computed again, what is not asked for any more is removed. Where one fails
    the others are made first; then raises RunFailed where a function of the user's own does, DataError where a run and its
    images, or options, do not go together. `progress` is told of each that is computed, and inside those that take long.
    Returns a line for each table that names an analysis of stages for which no stage has anything to show.
    """
    folder, tables = results.folder / FOLDER, study.settings.analysis
    of_runs = _by_file([one for table in tables for one in _of_runs(results, table, images, top=table.top)])
    of_stages = [one for stage in results.stages for one in _of_stage(results, stage, tables, study.own)]
    wanted_files = {*of_runs, *(one.file_name for one in of_stages)}
    unwanted = {file for file in folder.glob("*.npz") if file.name not in wanted_files and file.is_file()}
    for file in unwanted - _still_standing(unwanted, results, tables, images):
        file.unlink()
    missing = {name: one for name, one in of_runs.items() if not is_current(folder / name, one.header)}
    total = len(missing) + len(of_stages)
    shown: set[tuple[str, str]] = set()  # analyses and stages
    failed = _compute_of_runs(folder, missing, study.own, progress=progress, total=total)
    for number, wanted in enumerate(of_stages, start=len(missing) + 1):
        progress(number, total, f"analyses: {wanted.analysis.name} of the stage {wanted.stage}")
        try:
            with _named(wanted.analysis, wanted.stage):
                if _compute_of_stage(folder, wanted, results, images):
                    shown.add((wanted.analysis.name, wanted.stage))
        except StorageError:
            raise
        except PapilioError as error:
            failed.append(error)
    if failed:
        raise failed[0]
    unfinished = {run.stage for run in results.runs if run.status in ("waiting", "running", "stopped")}
    return _notes(tables, [one for one in of_stages if one.stage not in unfinished], shown)


def _notes(
    tables: Sequence[AnalysisSettings], wanted: Sequence[WantedOfStage], shown: Set[tuple[str, str]]
) -> list[str]:
    """What tables ask for by name, and no stage that they are about has."""
    notes = []
    for number, table in enumerate(tables, start=1):
        asked = [one for one in wanted if one.analysis.name == table.kind and table.is_about(one.stage)]
        if asked and not any((one.analysis.name, one.stage) in shown for one in asked):
            needs = f"; it needs {asked[0].analysis.needs}" if asked[0].analysis.needs else ""
            notes.append(f"{where_of(number, table.kind)}: skipped: nothing to show{needs}")
    return notes


def _by_file(wanted: Sequence[WantedOfRun]) -> dict[str, WantedOfRun]:
    """Each by the name of its file, numbered where another of that name has other options or other images."""
    found: dict[str, WantedOfRun] = {}
    for one in wanted:
        names = (
            one.file_name if number == 1 else f"{one.file_name[:-4]}-{number}.npz" for number in itertools.count(1)
        )
        name = next(name for name in names if name not in found or _is_same(found[name], one))
        found[name] = one
    return found


def _is_same(one: WantedOfRun, other: WantedOfRun) -> bool:
    return (one.options, one.images.checksum) == (other.options, other.images.checksum)


def _still_standing(
    files: Set[Path], results: StudyResults, tables: Sequence[AnalysisSettings], images: StudyImages
) -> set[Path]:
    """Of files that are not asked for those of an earlier version, which looked at three trials where a table says nothing."""
    names = {file.name: file for file in files}
    earlier = [table for table in tables if names and "top" not in table.model_fields_set]
    known = [one for table in earlier for one in _of_runs(results, table, images, top=EARLIER_TOP)]
    return {
        names[one.file_name] for one in known if one.file_name in names and is_current(names[one.file_name], one.header)
    }


def add_missing_of_stages(results: StudyResults) -> None:
    """Compute what is missing yet of a study's stages, as in folders of 0.1.0, as far as it can be computed here.

    Left out is what needs images, or a framework that is not installed, and what belongs to kinds of the user's own.
    """
    tables = load_study(results.study).settings.analysis
    for stage in results.stages:
        with contextlib.suppress(ImportError, SettingError):
            for wanted in _of_stage(results, stage, tables, own=None):
                if wanted.analysis.split is None and not (results.folder / FOLDER / wanted.file_name).exists():
                    _compute_of_stage(results.folder / FOLDER, wanted, results)


def _of_runs(results: StudyResults, table: AnalysisSettings, images: StudyImages, *, top: int) -> Iterator[WantedOfRun]:
    stages = filter(table.is_about, results.stages)
    trials = [trial for stage in stages for trial in results.ranked(stage)[:top]]
    for run in (run for trial in trials for run in _runs(trial, table)):
        asked = run_analyses(table, _kind(run, images.own))
        if not asked:
            continue
        image_set = images.of_analysis(table, RunFolder(run.folder).facts().run_settings, run.fold)
        for analysis, options in asked:
            if analysis.split is None or len(image_set.indices(analysis.split)):
                yield WantedOfRun(analysis, options, run, image_set, table.name, bool(table.data))


def _runs(trial: TrialResult, table: AnalysisSettings) -> Sequence[RunResult]:
    if table.seeds == "all":
        return trial.finished
    best = trial.best
    return () if best is None else (best,)


def _of_stage(
    results: StudyResults, stage: str, tables: list[AnalysisSettings], own: OwnFunctions | None
) -> Iterator[WantedOfStage]:
    about = [table for table in tables if table.is_about(stage)]
    asked: list[Asked] = stage_analyses(about, _kinds(results, stage, own))
    for analysis, options in asked:
        yield WantedOfStage(analysis, options, stage, f"{slug(analysis.name)}-{_stage_slug(results, stage)}.npz")


def _kinds(results: StudyResults, stage: str, own: OwnFunctions | None) -> list[Kind]:
    """The kinds of the stage's runs that have begun; `own` None: without those of the user's own, which may run anything."""
    different: dict[str, RunResult] = {}
    for run in results.runs:
        objective = run.settings.get("train", {}).get("objective", "")
        if run.stage == stage and run.settings and (own is not None or ":" not in objective):
            key = json.dumps([objective, str(run.quantity), run.settings["data"]], sort_keys=True)
            different.setdefault(key, run)
    begun = [run for run in different.values() if RunFolder(run.folder).facts().image_shape]
    return list({kind.name: kind for kind in (_kind(run, own or {}) for run in begun)}.values())


def _kind(run: RunResult, own: OwnFunctions) -> Kind:
    return RunFolder(run.folder).kind(own)


def _stage_slug(results: StudyResults, stage: str) -> str:
    """For a file's name; with the stage's number where another has the same."""
    slugs = [slug(name)[:100] for name in results.stages]
    number = results.stages.index(stage)
    return slugs[number] if slugs.count(slugs[number]) == 1 else f"{slugs[number]}-{number + 1}"


def _compute_of_runs(
    folder: Path, wanted: Mapping[str, WantedOfRun], own: OwnFunctions, *, progress: Progress, total: int
) -> list[PapilioError]:
    """What went wrong, in the order of the runs; a disk that is full is raised at once."""
    failed: list[PapilioError] = []
    loaded: Run | None = None
    in_order = sorted(wanted.items(), key=lambda item: item[1].run.name)  # each run is loaded once
    for number, (name, one) in enumerate(in_order, start=1):
        progress(number, total, f"analyses: {one.analysis.name} of {one.run.trial}")
        try:
            if loaded is None or loaded.folder != one.run.folder:
                loaded = load_run(one.run.folder, own=own)
            with _named(one.analysis, one.run.name):
                arrays = _computed(resolve_reference(one.analysis.compute), loaded, one, progress)
                write_analysis(folder / name, one.header, arrays)
        except StorageError:
            raise
        except PapilioError as error:
            failed.append(error)
    return failed


def _computed(compute: Callable[..., Arrays], run: Run, wanted: WantedOfRun, progress: Progress) -> Arrays:
    """What an analysis gives; `progress` is passed to functions that have such a parameter."""
    takes_long = "progress" in inspect.signature(compute).parameters
    inner = {"progress": progress} if takes_long else {}
    return compute(run, wanted.images, wanted.options, **inner)


def _compute_of_stage(
    folder: Path, wanted: WantedOfStage, results: StudyResults, images: StudyImages | None = None
) -> bool:
    """Whether there is something to show; if not, no file is left. Always recomputed, as runs may have come since."""
    path = folder / wanted.file_name
    given: list[Any] = [results, wanted.stage, wanted.options]
    if wanted.analysis.split is not None and images is not None:
        given.append(lambda run: images.of_fold(RunFolder(run.folder).facts().run_settings, run.fold))
    arrays: Arrays | None = resolve_reference(wanted.analysis.compute)(*given)
    if arrays is None:
        path.unlink(missing_ok=True)
    else:
        write_analysis(path, wanted.header, arrays)
    return arrays is not None


@contextlib.contextmanager
def _named(analysis: Analysis, of: str) -> Iterator[None]:
    """Says which analysis it was in which a function, perhaps of the user's own, failed."""
    try:
        yield
    except PapilioError:
        raise
    except Exception as error:
        raise RunFailed(
            f"analysis {analysis.name!r} of {of}: {type(error).__name__}: {error}; what was trained is kept"
        ) from error
