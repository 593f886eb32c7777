"""The page's table of published numbers next to ours."""

from __future__ import annotations

from dataclasses import dataclass

from papilio.analysis.spreads import Spread, spread_of
from papilio.results.published_numbers import PublishedNumber, published_numbers
from papilio.results.results import StudyResults
from papilio.results.units import reads_numbers
from papilio.results.words import condition_words
from papilio.sections.result_tables import status_counts


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
    if trial is None or all(run.status == "waiting" for run in trial.runs):
        return "not run"
    if not trial.finished:
        return ", ".join(status_counts(trial.runs))
    has_folds = any(run.fold is not None for run in trial.runs)
    if has_folds and number.metric.startswith("test_"):
        return "not tested: with folds, only the best trial is"
    return "not measured"


def _reads_times(results: StudyResults, number: PublishedNumber) -> bool:
    """Whether the trial's runs read times; of one that has not begun, those of its stage."""
    own = [run for run in number.trial.runs if run.quantity is not None] if number.trial else []
    of_stage = [run for run in results.runs if run.stage == number.published.stage and run.quantity is not None]
    known = own or of_stage
    return bool(known) and all(reads_numbers(run) and run.quantity and run.quantity.is_time for run in known)
