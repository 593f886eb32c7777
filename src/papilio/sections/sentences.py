"""The report's sentences, computed from the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.results.words import counted


def runs_words(runs: Iterable[RunResult]) -> str:
    """What a mean was taken over: '3 seeds', '5 folds', '15 runs (3 seeds, 5 folds)'."""
    runs = list(runs)
    seeds = len({run.seed for run in runs})
    folds = len({run.fold for run in runs if run.fold is not None})
    if not folds:
        return counted(len(runs), "seed")
    return f"{counted(len(runs), 'run')} ({counted(seeds, 'seed')}, {counted(folds, 'fold')})"


def best_trial(results: StudyResults) -> TrialResult | None:
    """The best trial of the last stage that has one: later stages start from what earlier ones found."""
    ranked = [trials[0] for stage in results.stages if (trials := results.ranked(stage))]
    return ranked[-1] if ranked else None


def headline_metric(results: StudyResults, trial: TrialResult) -> str:
    """The metric on test images that goes with the one that chose, or that one itself where there is none."""
    test = "test_" + results.chosen_by.removeprefix("val_")
    return test if trial.values(test) else results.chosen_by


def reasons(results: StudyResults) -> list[str]:
    """Why runs ended without a result, each reason once, most frequent first."""
    ended = [run for run in results.runs if run.status in ("failed", "diverged", "stopped")]
    counts = Counter((run.status, run.reason or "no reason was recorded") for run in ended)
    return [f"{number} {status}: {reason}" for (status, reason), number in counts.most_common()]


def progress_words(results: StudyResults) -> str | None:
    """How far a study is ('12 of 18 runs are done; 1 failed, 5 waiting'), None where all are done, or cut early as asked."""
    counts = Counter(run.status for run in results.runs)
    total, done, pruned = len(results.runs), counts.pop("done", 0), counts.pop("pruned", 0)
    if done + pruned == total:
        return None
    others = ", ".join(f"{number:,} {status}" for status, number in counts.most_common())
    cut = f", {pruned:,} cut early" if pruned else ""
    return f"{done:,} of {counted(total, 'run')} {'is' if done == 1 else 'are'} done{cut}; {others}"
