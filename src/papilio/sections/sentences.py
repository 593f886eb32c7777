"""The report's sentences, computed from the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from papilio.analysis.orders import Swap
from papilio.analysis.stuck import StuckRuns
from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.results.words import counted, metric_number, metric_words, plain_number


def runs_words(runs: Iterable[RunResult]) -> str:
    """What a mean was taken over: '3 seeds', '5 folds', '15 runs (3 seeds, 5 folds)'."""
    runs = list(runs)
    seeds = len({run.seed for run in runs})
    folds = len({run.fold for run in runs if run.fold is not None})
    if not folds:
        return counted(len(runs), "seed")
    return f"{counted(len(runs), 'run')} ({counted(seeds, 'seed')}, {counted(folds, 'fold')})"


def range_words(trials: Iterable[TrialResult], metric: str) -> str:
    """From the smallest to the largest mean of the trials that have the metric."""
    means = [mean for trial in trials if (mean := trial.mean(metric)) is not None]
    ends = dict.fromkeys(metric_number(metric, end) for end in (min(means), max(means)))
    return " to ".join(ends)


def stuck_words(num: int, total: int, trial: str) -> str:
    """How many of a trial's runs are stuck.

    >>> stuck_words(1, 3, "sgd 0.01")
    '1 of 3 runs of sgd 0.01 learned nothing after the first epoch'
    """
    return f"{num} of {counted(total, 'run')} of {trial} learned nothing after the first epoch"


def stuck_note(stuck: StuckRuns) -> str:
    """A sentence or two about a trial whose numbers count runs that are stuck."""
    which = ", ".join(f"seed {run.seed}" + ("" if run.fold is None else f" fold {run.fold}") for run in stuck.runs)
    note = stuck_words(len(stuck.runs), len(stuck.trial.finished), stuck.trial.title)
    first, last = plain_number(stuck.first_loss), plain_number(stuck.last_loss)
    note += f" ({which}; training loss {first} in the first epoch, {last} in the last)."
    note += f" The table includes {'it' if len(stuck.runs) == 1 else 'them'}; "
    if stuck.metric is None or stuck.others is None:
        return note + "there are no other runs."
    return note + f"without {'it' if len(stuck.runs) == 1 else 'them'}, {metric_words(stuck.metric)} is {stuck.others}."


def swap_words(swap: Swap) -> str:
    """Which trial we found better than which, against what was published."""
    ours, theirs = swap.ours, swap.theirs
    measured = f"measured {ours.ours} and {theirs.ours}"
    published = f"published {plain_number(ours.published)} and {plain_number(theirs.published)}"
    remarks = ["within the spread of one trial’s runs"] if swap.is_within_spread else []
    remarks += [stuck_words(one.num_stuck, one.ours.n, one.trial) for one in (ours, theirs) if one.num_stuck]
    return f"{ours.trial} before {theirs.trial} ({'; '.join([measured, published, *remarks])})"


def reasons(results: StudyResults) -> list[str]:
    """Why runs ended without a result, each reason once, most frequent first."""
    ended = [run for run in results.runs if run.status in ("failed", "diverged", "stopped")]
    counts = Counter((run.status, run.reason or "no reason was recorded") for run in ended)
    return [f"{number} {status}: {reason}" for (status, reason), number in counts.most_common()]


def fruitless_words(results: StudyResults) -> str | None:
    """What a study came to of which every run has ended and none is done, and what to do; None of any other."""
    counts = Counter(run.status for run in results.runs)
    if not counts or counts.keys() - {"diverged", "failed", "pruned"}:
        return None
    ended = ", ".join(f"{number:,} {status}" for status, number in counts.most_common())
    remedy = "lower train.learning_rate" if counts["diverged"] else "see error.txt in each run's folder"
    return f"No run has a result: of {counted(len(results.runs), 'run')} {ended}; {remedy}, and run the study again"


def progress_words(results: StudyResults) -> str | None:
    """How far a study is ('12 of 18 runs are done; 1 failed, 5 waiting'), None where all are done, or pruned as asked."""
    counts = Counter(run.status for run in results.runs)
    total, done, pruned = len(results.runs), counts.pop("done", 0), counts.pop("pruned", 0)
    if done + pruned == total:
        return None
    others = ", ".join(f"{number:,} {status}" for status, number in counts.most_common())
    cut = f", {pruned:,} pruned" if pruned else ""
    return f"{done:,} of {counted(total, 'run')} {'is' if done == 1 else 'are'} done{cut}; {others}"
