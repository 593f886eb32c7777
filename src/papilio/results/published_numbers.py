"""Published numbers, and the trials of a study that stand next to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from papilio.results.results import Published, StudyResults, TrialResult
from papilio.settings.values import value_at


@dataclass(frozen=True)
class PublishedNumber:
    """One number of what was published, and a trial that its conditions fit; None where no trial of the study does."""

    published: Published
    metric: str
    trial: TrialResult | None

    @property
    def value(self) -> float:
        return self.published.metrics[self.metric]


def published_numbers(results: StudyResults) -> list[PublishedNumber]:
    """Each published number with every trial that its conditions fit, in the study's order."""
    return [number for published in results.published for number in _with_trials(results, published)]


def published_beside(results: StudyResults, trial: TrialResult) -> list[Published]:
    """What was published of a trial."""
    return [one for one in results.published if one.stage == trial.stage and fits(one.where, trial)]


def fits(where: Mapping[str, Any], trial: TrialResult) -> bool:
    """Whether a trial is the one that a published number's conditions describe.

    `trial` is its name (or the part of it before what varies), other keys are settings by dotted key.
    """
    return all(_condition_holds(key, value, trial) for key, value in where.items())


def _with_trials(results: StudyResults, published: Published) -> list[PublishedNumber]:
    trials = [trial for trial in results.trials(published.stage) if fits(published.where, trial)]
    return [PublishedNumber(published, metric, trial) for metric in published.metrics for trial in (trials or [None])]


def _condition_holds(key: str, wanted: Any, trial: TrialResult) -> bool:
    if key == "trial":
        return wanted in (trial.name, trial.base_name)
    # a varied table ({ name = "adam", ... }) is spread over several settings once resolved: either may be meant
    return trial.varied.get(key) == wanted or (wanted is not None and value_at(trial.runs[0].settings, key) == wanted)
