"""What recorded metrics are measured in, as the kinds of runs tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pydantic import ValidationError

from papilio.errors import PapilioError
from papilio.kinds.choosing import meaning_of, unit_of
from papilio.kinds.kind import Kind
from papilio.kinds.registry import CLASSIFY, KINDS, READ, SUPERVISED
from papilio.results.results import RunResult
from papilio.results.words import metric_words
from papilio.settings.run_settings import RunSettings
from papilio.settings.train_settings import TrainSettings

OF_LABELS = "labels’ units"  # of numbers whose unit nobody named


def shared_units(runs: Iterable[RunResult], metrics: Iterable[str]) -> dict[str, str]:
    """By recorded metric (`test_loss`) its unit, where all runs that have the metric agree; of Papilio's own kinds only."""
    known = list(runs)
    found = {metric: {_unit(run, metric) for run in known if metric in run.metrics} for metric in metrics}
    return {metric: unit for metric, units in found.items() if len(units) == 1 and (unit := units.pop())}


def has_one_unit(runs: Iterable[RunResult], metric: str) -> bool:
    """Whether a recorded metric is measured in the same in all runs, as far as their kinds tell."""
    return len({unit for run in runs if (unit := _unit(run, metric))}) < 2


def means_the_same(runs: Iterable[RunResult], metric: str) -> bool:
    """Whether a recorded metric has one unit and one meaning in all runs, as far as their kinds tell."""
    known = list(runs)
    return has_one_unit(known, metric) and len({_told(run, metric, meaning_of) for run in known}) < 2


def metric_heading(name: str, units: Mapping[str, str]) -> str:
    """A recorded metric in words, with its unit where that is known.

    >>> metric_heading("test_loss", {"test_loss": "nats per image"}), metric_heading("test_accuracy", {})
    ('test loss (nats per image)', 'test accuracy')
    """
    unit = units.get(name)
    return metric_words(name) + (f" ({unit})" if unit else "")


def units_words(units: Mapping[str, str]) -> str:
    """Each unit with the metrics that are measured in it.

    >>> units_words({"val_loss": "nats per image", "test_error": "squared error per pixel", "test_kl": "nats per image"})
    'nats per image (validation loss, test KL); squared error per pixel (test error)'
    """
    metrics: dict[str, list[str]] = {}
    for metric, unit in units.items():
        metrics.setdefault(unit, []).append(metric_words(metric))
    return "; ".join(f"{unit} ({', '.join(names)})" for unit, names in metrics.items())


def reads_numbers(run: RunResult) -> bool:
    """Whether a run learns to read the numbers that its images show: what else learns of such images has other errors."""
    return run.quantity is not None and _kind(run) is READ


def _unit(run: RunResult, metric: str) -> str:
    if run.quantity is not None and reads_numbers(run) and metric.endswith("error"):
        return "minutes" if run.quantity.is_time else run.quantity.unit or OF_LABELS
    return _told(run, metric, unit_of)


def _told(run: RunResult, metric: str, what: Callable[[Kind, TrainSettings, str], str]) -> str:
    """What a run's kind tells of a recorded metric; empty for kinds of the user's own."""
    kind = _kind(run)
    if kind is None:
        return ""
    try:
        return what(kind, RunSettings.of(run.settings).train, metric.partition("_")[2])
    except (PapilioError, ValidationError, KeyError, TypeError):  # damaged settings: the table is shown without
        return ""


def _kind(run: RunResult) -> Kind | None:
    objective = run.settings.get("train", {}).get("objective", SUPERVISED)
    if objective == SUPERVISED:
        return CLASSIFY if run.quantity is None else READ
    return KINDS.get(objective)
