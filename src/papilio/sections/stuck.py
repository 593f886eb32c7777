"""Runs that are done but learned nothing after their first epoch, and what their trials come to without them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.results.words import counted, metric_words
from papilio.sections.result_tables import Spread, plain_number, spread_of
from papilio.sections.sentences import headline_metric

FEWEST_EPOCHS = 5  # in fewer a slow net is no stuck one
MOVED = 0.01  # of the second epoch's loss (the first one's holds the start): one that falls by less has not moved


def stuck_notes(results: StudyResults, trials: Iterable[TrialResult]) -> list[str]:
    """A sentence or two for each trial whose numbers count runs that are stuck."""
    notes = []
    for trial in trials:
        stuck = [run for run in trial.finished if is_stuck(run)]
        if stuck:
            notes.append(_note(results, trial, stuck))
    return notes


def is_stuck(run: RunResult) -> bool:
    """Whether the loss on training images, of five or more epochs, never got lower than in the second."""
    losses = _training_losses(run)
    return len(losses) >= FEWEST_EPOCHS and losses[1] - min(losses[1:]) < MOVED * abs(losses[1])


def stuck_words(trial: TrialResult) -> str | None:
    """How many of a trial's runs are stuck; None where none is."""
    num = sum(map(is_stuck, trial.finished))
    if num == 0:
        return None
    return f"{num} of {counted(len(trial.finished), 'run')} of {trial.name} learned nothing after the first epoch"


def _training_losses(run: RunResult) -> list[float]:
    return [record["train_loss"] for record in run.records if record.get("train_loss") is not None]


def _note(results: StudyResults, trial: TrialResult, stuck: list[RunResult]) -> str:
    which = ", ".join(f"seed {run.seed}" + ("" if run.fold is None else f" fold {run.fold}") for run in stuck)
    first, *_, last = map(plain_number, _training_losses(stuck[0]))
    note = f"{stuck_words(trial)} ({which}; training loss {first} in it, {last} in the last)."
    metric = headline_metric(results, trial)
    others = _without(trial, stuck, metric)
    return f"{note} The table counts {'it' if len(stuck) == 1 else 'them'}; " + (
        f"without, {metric_words(metric)} is {others}." if others else "there are no others."
    )


def _without(trial: TrialResult, stuck: list[RunResult], metric: str) -> Spread | None:
    left = replace(trial, runs=tuple(run for run in trial.runs if run not in stuck))
    return spread_of(left, metric)
