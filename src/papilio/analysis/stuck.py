"""Runs that are done but learned nothing after their first epoch, and what their trials come to without them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from papilio.analysis.spreads import Spread, spread_of
from papilio.kinds.registry import AUTOENCODER, VAE
from papilio.results.metrics import told_metric
from papilio.results.results import RunResult, StudyResults, TrialResult

FEWEST_EPOCHS = 5  # in fewer a slow net is no stuck one
MOVED = 0.01  # of the second epoch's loss (the first one's holds the start): one that falls by less has not moved


@dataclass(frozen=True)
class StuckRuns:
    """The stuck runs of a trial, at least one."""

    trial: TrialResult
    runs: tuple[RunResult, ...]
    first_loss: float  # of the first of them, on training images
    last_loss: float
    metric: str | None  # the one that speaks for the trial
    others: Spread | None  # what the metric is without them; None where all are stuck


def stuck_trials(results: StudyResults, trials: Iterable[TrialResult]) -> list[StuckRuns]:
    """The trials whose numbers count runs that are stuck."""
    return [_stuck(results, trial, runs) for trial in trials if (runs := stuck_runs(trial))]


def stuck_runs(trial: TrialResult) -> tuple[RunResult, ...]:
    """The trial's finished runs that learned nothing."""
    return tuple(run for run in trial.finished if is_stuck(run))


def is_stuck(run: RunResult) -> bool:
    """Whether the loss on training images, of five or more epochs, never got lower than in the second.

    Not of autoencoders, whose loss may have a part that no net can take away, as a Bernoulli likelihood of gray pixels has,
    and which have warnings of their own.
    """
    if run.settings.get("train", {}).get("objective") in (AUTOENCODER.name, VAE.name):
        return False
    losses = _training_losses(run)
    return len(losses) >= FEWEST_EPOCHS and losses[1] - min(losses[1:]) < MOVED * abs(losses[1])


def _stuck(results: StudyResults, trial: TrialResult, runs: tuple[RunResult, ...]) -> StuckRuns:
    first, *_, last = _training_losses(runs[0])
    metric = told_metric(results, trial)
    left = replace(trial, runs=tuple(run for run in trial.runs if run not in runs))
    return StuckRuns(trial, runs, first, last, metric, None if metric is None else spread_of(left, metric))


def _training_losses(run: RunResult) -> list[float]:
    return [record["train_loss"] for record in run.records if record.get("train_loss") is not None]
