"""Where a stage starts from another study: the best trials in that study's folder."""

from __future__ import annotations

from pathlib import Path

from papilio.errors import RunError, StudyError, agreed, did_you_mean
from papilio.files import full_path
from papilio.results.reading import read_results
from papilio.results.results import StudyResults, TrialResult
from papilio.studies.planning import Sources, Tables, own_base
from papilio.studies.study import Study


class MissingResultsError(StudyError):
    """The results that a stage starts from are missing."""


def read_sources(study: Study, folder: Path) -> Sources:
    """By stage, the trials of other studies that it starts from: names and tables; the images stay this study's.

    A study is looked for as a folder, next to `folder`, and in results/. Raises StudyError where it is missing, has no
    such stage, or too few finished trials.
    """
    found: dict[str, list[tuple[str, Tables]]] = {}
    for stage in study.settings.stage:
        if stage.source is not None and stage.source.study is not None:
            where = f'{study.where}: stage "{stage.name}": from'
            results = results_of(stage.source.study, folder, where=where)
            trials = best_trials(results, stage.source.stage, top=stage.source.top, where=where)
            found[stage.name] = [(trial.name, _tables(trial, study)) for trial in trials]
    return found


def results_of(name: str, folder: Path, *, where: str) -> StudyResults:
    """The results of a study by its folder or its name; raises StudyError where they are missing."""
    beside = full_path(folder).parent if folder == Path() else folder.parent
    places = [Path(name), beside / name, Path("results") / name]
    place = next((one for one in places if (one / "study.toml").is_file()), None)
    if place is None:
        looked = ", ".join(dict.fromkeys(map(str, places)))
        raise MissingResultsError(
            f"{where}: the results of {name} do not exist (looked in {looked});"
            f" create them first (papilio run {name}), or name their folder"
        )
    try:
        return read_results(place)
    except RunError as error:
        raise StudyError(f"{where}: {error}") from error


def best_trials(results: StudyResults, stage: str | None, *, top: int, where: str) -> list[TrialResult]:
    """The best finished trials of a study's stage, by default of its last; raises StudyError where there are too few."""
    stage = results.stages[-1] if stage is None else stage
    if stage not in results.stages:
        raise StudyError(f"{where}: {results.folder} has no stage {stage!r}; {did_you_mean(stage, results.stages)}")
    trials = [trial for trial in results.ranked(stage) if len(trial.finished) == len(trial.runs)]
    if results.ranking(stage) is None and len(results.trials(stage)) > 1:
        raise StudyError(f'{where}: no metric ranks the trials of "{stage}" in {results.folder}: it has no best trial')
    if len(trials) < top:
        requested = agreed(top, f'{{}} trial of "{stage}" is', f'{{}} trials of "{stage}" are')
        done = agreed(len(trials), "only {} is", "only {} are") if trials else "none is"
        raise StudyError(f"{where}: {requested} requested, but in {results.folder} {done} finished")
    return trials[:top]


def _tables(trial: TrialResult, study: Study) -> Tables:
    """The trial's model and training, on this study's images and device, logged as it says."""
    settings, base = trial.runs[0].settings, own_base(study).tables
    here = {key: base["train"][key] for key in ("device", "log") if key in base["train"]}
    train = {key: value for key, value in settings["train"].items() if key != "device"}
    return {"data": base["data"], "model": settings["model"], "train": train | here}
