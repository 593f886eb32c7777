"""The run that a study's folder stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from papilio.errors import PapilioError, RunError
from papilio.files import possible_path
from papilio.results.reading import read_results
from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.results.words import metric_number, metric_words
from papilio.runs.folder import RunFolder
from papilio.runs.shipped import shipped_runs
from papilio.study_folder import is_study_folder

CAN = {"sample": "can generate images", "predict": "can look at pictures"}  # what runs offer, in words


def place_of_run(run: Any, *, offer: str | None = None) -> tuple[Path | str, str | None]:
    """What stands for a run as that run's folder or name, and where one of several was chosen a line that says which.

    A study's folder or its results stand for their best run, a trial for its best one. Of a study whose best run lacks the
    `offer`, one of `CAN`, the next best that has it is taken, if there is one. Raises RunError where none of these runs is
    finished, and for anything else.
    """
    match run:
        case RunResult():
            return run.folder, None
        case TrialResult():
            if run.best is None:
                raise RunError(f'trial "{run.name}": no run of it is finished; choose another trial')
            return run.best.folder, None
        case StudyResults():
            return _of_study(run, offer)
        case str() | Path():
            folder = possible_path(run, error=RunError)
            is_shipped = isinstance(run, str) and run in shipped_runs()
            if is_shipped or (folder / "run.json").exists() or not is_study_folder(folder):
                return run, None
            return _of_study(read_results(folder), offer)
        case _:
            raise RunError(
                f"got a {type(run).__name__} in place of a run; give a run's or a study's folder, or results, or a trial"
                " or run of them"
            )


def _of_study(results: StudyResults, offer: str | None) -> tuple[Path, str]:
    best, folder = results.best, results.folder
    if best is None:
        raise RunError(f"{folder}: no run of its last stage is finished; resume the study, or name a run in runs/")
    if offer is None or _offers(best, offer):
        return best.folder, f"{folder}: using {best_words(results, best)}"
    others = [trial.best for trial in results.ranked(best.stage) if trial.best is not None]
    able = next((run for run in others if _offers(run, offer)), None)
    if able is None:
        return best.folder, f"{folder}: using {best_words(results, best)}"
    which = "first" if results.ranking(best.stage) is None else "best"
    return able.folder, f"{folder}: using {_run_words(able, f'the {which} that {CAN[offer]}')}"


def _offers(run: RunResult, offer: str) -> bool:
    """Whether a run has an offer, and also where its kind cannot be found here, which whoever loads it will say."""
    try:
        return offer in RunFolder(run.folder).kind({}).offers
    except PapilioError:
        return True


def best_words(results: StudyResults, best: RunResult) -> str:
    """A study's best run in words: its name, its trial, and what made it the best."""
    trials = results.ranked(best.stage)
    ranking, several = results.ranking(best.stage), len(trials) > 1 or len(trials[0].finished) > 1
    value = None if ranking is None else best.metrics.get(ranking.metric)
    if ranking is None or value is None:
        why = "the first: nothing ranks them" if several else "its only run"
    else:
        why = (
            f"{'the best by ' if several else ''}{metric_words(ranking.metric)}, {metric_number(ranking.metric, value)}"
        )
    return _run_words(best, why)


def _run_words(run: RunResult, why: str) -> str:
    return f"runs/{run.name} ({run.trial}, seed {run.seed}; {why})"
