"""The run that a study's folder stands for."""

from __future__ import annotations

from pathlib import Path

from papilio.errors import RunError
from papilio.files import possible_path
from papilio.results.results import RunResult, StudyResults, read_results
from papilio.results.words import metric_number, metric_words
from papilio.runs.shipped import shipped_runs
from papilio.study_folder import is_study_folder


def place_of_run(run: Path | str) -> tuple[Path | str, str | None]:
    """A run as it was named; where that is a study's folder, its best run's folder, and a line that names it.

    Raises RunError where no run of the study is finished.
    """
    folder = possible_path(run, error=RunError)
    is_shipped = isinstance(run, str) and run in shipped_runs()
    if is_shipped or (folder / "run.json").exists() or not is_study_folder(folder):
        return run, None
    results = read_results(folder)
    best = results.best
    if best is None:
        raise RunError(f"{folder}: no run of its last stage is finished; go on with the study, or name a run in runs/")
    return best.folder, f"{folder}: using {best_words(results, best)}"


def best_words(results: StudyResults, best: RunResult) -> str:
    """A study's best run in words: its name, its trial, and what made it the best."""
    trials = results.ranked(best.stage)
    ranking, several = trials[0].ranking, len(trials) > 1 or len(trials[0].finished) > 1
    value = None if ranking is None else best.metrics.get(ranking.metric)
    if ranking is None or value is None:
        why = "the first: nothing ranks them" if several else "its only run"
    else:
        why = (
            f"{'the best by ' if several else ''}{metric_words(ranking.metric)}, {metric_number(ranking.metric, value)}"
        )
    return f"runs/{best.name} ({best.trial}, seed {best.seed}; {why})"
