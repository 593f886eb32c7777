"""The page's table of published numbers next to ours."""

from __future__ import annotations

from dataclasses import dataclass

from papilio.analysis.spreads import Spread, spread_of
from papilio.results.published_numbers import PublishedNumber, published_numbers
from papilio.results.results import StudyResults
from papilio.results.words import condition_words


@dataclass(frozen=True)
class PublishedRow:
    """A published number next to ours, which is None where there is none: `missing` says why."""

    stage: str
    where: str
    trial: str | None
    metric: str
    published: float
    ours: Spread | None
    difference: float | None  # ours minus published
    source: str
    missing: str = ""  # why there is no number of ours
    in_hours: tuple[float, float | None] | None = None  # published and ours, of an error in minutes


def published_table(results: StudyResults) -> list[PublishedRow]:
    """Each published number with every trial that its conditions fit, in the study's order."""
    return [_row(results, number) for number in published_numbers(results)]


def _row(results: StudyResults, number: PublishedNumber) -> PublishedRow:
    published, trial = number.published, number.trial
    ours = spread_of(trial, number.metric) if trial else None
    is_time = number.metric.endswith("error") and _reads_times(results, number)
    return PublishedRow(
        stage=published.stage,
        where=", ".join(condition_words(key, value) for key, value in published.where.items()),
        trial=trial.name if trial else None,
        metric=number.metric,
        published=number.value,
        ours=ours,
        difference=ours.mean - number.value if ours else None,
        source=published.source,
        missing="" if ours else _why_missing(number),
        in_hours=(number.value / 60, ours.mean / 60 if ours else None) if is_time else None,
    )


def _why_missing(number: PublishedNumber) -> str:
    """In a few words. With folds, test images are for the best trial alone: the others were run, but not tested."""
    trial = number.trial
    if trial is None or not trial.finished:
        return "not run"
    has_folds = any(run.fold is not None for run in trial.runs)
    if has_folds and number.metric.startswith("test_"):
        return "not tested: with folds, only the best trial is"
    return "not measured"


def _reads_times(results: StudyResults, number: PublishedNumber) -> bool:
    """Whether the trial's images show times; of one that has not begun, those of its stage."""
    own = number.trial.quantity if number.trial else None
    quantities = [own] if own is not None else results.quantities(number.published.stage)
    return bool(quantities) and all(one.is_time for one in quantities)
