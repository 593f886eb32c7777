"""The table of a stage's trials as plain data: numbers stay numbers; page and terminal format them as they like."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from papilio.analysis.spreads import Spread, spread_of
from papilio.kinds.ranking import Ranking
from papilio.results.metrics import shown_metrics
from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.results.units import shared_units
from papilio.results.words import value_words

FEWEST_COLUMNS, MOST_COLUMNS = 2, 6  # varied keys with a column of their own


@dataclass(frozen=True)
class TrialRow:
    """One trial in the table of its stage."""

    rank: int | None  # 1 is the best by validation; None where no run has the metric, or nothing ranks the stage
    trial: str
    base: str  # the trial's name without what varies: empty where nothing else names it
    varied: dict[str, Any]
    parameters: int | None
    num_runs: int
    metrics: dict[str, Spread]
    seconds: float | None  # mean of the finished runs
    unfinished: dict[str, int]  # how many runs have which status, where it is not "done"


@dataclass(frozen=True)
class ResultsTable:
    """A stage's trials, best first, those without a result last; in the study's order where nothing ranks them."""

    stage: str
    metrics: tuple[str, ...]
    rows: tuple[TrialRow, ...]
    keys: tuple[str, ...]  # what varies
    is_ranked: bool
    otherwise: str | None  # the metric that ranks, where it is another than chose the trials' epochs
    units: dict[str, str]  # of metrics, as far as they are known

    @property
    def has_parts(self) -> bool:
        """Whether trials of which only some runs are done stand behind others that are whole."""
        return self.is_ranked and {bool(row.unfinished) for row in self.rows if row.rank} == {False, True}

    @property
    def is_unranked(self) -> bool:
        """Whether there are several finished trials and nothing ranks them: before the first ends, nobody knows."""
        return not self.is_ranked and sum(row.num_runs > 0 for row in self.rows) > 1


def results_table(results: StudyResults, stage: str) -> ResultsTable:
    """The stage's trials: the metric that ranks them, the test metrics, parameters, seconds."""
    is_ranked = results.ranking(stage) is not None
    ranks = {trial.name: rank for rank, trial in enumerate(results.ranked(stage), start=1)} if is_ranked else {}
    trials = best_first(results, stage)
    metrics = shown_metrics(results, stage)
    rows = [_trial_row(trial, metrics=metrics, rank=ranks.get(trial.name)) for trial in trials]
    otherwise = results.ranking(stage) if results.is_ranked_otherwise(stage) else None
    keys = tuple(varied_keys(trials))
    units = shared_units((run for trial in trials for run in trial.runs), metrics)
    return ResultsTable(stage, metrics, tuple(rows), keys, is_ranked, otherwise and otherwise.metric, units)


def best_first(results: StudyResults, stage: str) -> list[TrialResult]:
    """Every trial of the stage: those that have a rank; then those that were pruned, the last ones to be pruned first, of those
    pruned at the same epoch the best first; then the others. In the study's order where nothing ranks them."""
    ranking = results.ranking(stage)
    if ranking is None:
        return results.trials(stage)
    ranked = results.ranked(stage)
    names = {trial.name for trial in ranked}
    others = [trial for trial in results.trials(stage) if trial.name not in names]
    return ranked + sorted(others, key=lambda trial: _behind(trial, ranking))


def _behind(trial: TrialResult, ranking: Ranking) -> tuple[bool, int, float]:
    if not trial.is_pruned:
        return True, 0, 0.0
    value = reached(trial, ranking)
    value = -value if ranking.is_maximized else value
    return False, -max(run.epochs for run in trial.runs), value if math.isfinite(value) else math.inf


def reached(trial: TrialResult, ranking: Ranking) -> float:
    """The metric that ranks: as ranked; of a trial that was cut, the mean of the best that its runs had come to."""
    if not trial.is_pruned:
        values = trial.values(ranking.metric)
    else:
        choose = max if ranking.is_maximized else min
        series = ([record[ranking.metric] for record in run.records if ranking.metric in record] for run in trial.runs)
        values = [choose(one) for one in series if one]
    return sum(values) / len(values) if values else float("nan")


def varied_keys(trials: Iterable[TrialResult]) -> list[str]:
    """Every key that varies between trials, in the study's order; some may be missing in some trials."""
    return list(dict.fromkeys(key for trial in trials for key in trial.varied))


def has_own_columns(keys: Sequence[str]) -> bool:
    """Whether a column per key reads better than trials' names, which repeat every key, do: where keys are few, but not one."""
    return FEWEST_COLUMNS <= len(keys) <= MOST_COLUMNS


def short_names(results: StudyResults, stage: str, shown: Sequence[TrialResult]) -> dict[str, str]:
    """What a figure of some trials calls each: by its name, or by its place and values where the table has a column per key.

    Values that all of them share are left out.
    """
    keys = varied_keys(results.trials(stage))
    if not has_own_columns(keys):
        return {trial.name: trial.title for trial in shown}
    numbered = results.trials(stage) if results.ranking(stage) is None else results.ranked(stage)
    places = {trial.name: f"{place}: " for place, trial in enumerate(numbered, start=1)}
    values = {trial.name: {key: value_words(one) for key, one in trial.varied.items()} for trial in shown}
    differing = [key for key in keys if len({one.get(key) for one in values.values()}) > 1]
    return {
        trial.name: places.get(trial.name, "")
        + " · ".join(filter(None, [trial.base_name, *(values[trial.name].get(key) for key in differing)]))
        for trial in shown
    }


def status_counts(runs: Iterable[RunResult]) -> dict[str, int]:
    """How many runs have which status, most frequent first."""
    return dict(Counter(run.status for run in runs).most_common())


def _trial_row(trial: TrialResult, *, metrics: tuple[str, ...], rank: int | None) -> TrialRow:
    parameters = [run.parameters for run in trial.runs if run.parameters is not None]
    seconds = [run.seconds for run in trial.finished]
    return TrialRow(
        rank=rank,
        trial=trial.name,
        base=trial.base_name,
        varied=trial.varied,
        parameters=parameters[0] if parameters else None,
        num_runs=len(trial.finished),
        metrics={name: spread for name in metrics if (spread := _whole_spread(trial, name))},
        seconds=sum(seconds) / len(seconds) if seconds else None,
        unfinished=status_counts(run for run in trial.runs if run.status != "done"),
    )


def _whole_spread(trial: TrialResult, metric: str) -> Spread | None:
    """Test metrics only where all finished runs have them: a trial that was the best before it got more folds has some."""
    spread = spread_of(trial, metric)
    is_part = spread is not None and metric.startswith("test_") and spread.n < len(trial.finished)
    return None if is_part else spread
