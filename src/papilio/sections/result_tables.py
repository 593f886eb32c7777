"""The report's tables as plain data: numbers stay numbers; page, terminal and CSV format them as they like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from papilio.analysis.comparison import mean_interval
from papilio.data.quantities import Quantity
from papilio.results.results import Published, RunResult, StudyResults, TrialResult
from papilio.results.words import condition_words, duration, value_words

FEWEST_COLUMNS, MOST_COLUMNS = 2, 6  # varied keys with a column of their own


@dataclass(frozen=True)
class Spread:
    """A mean over runs, its standard deviation (n - 1; None for one run), and the number of runs."""

    mean: float
    sd: float | None
    n: int
    half_width: float | None = None  # of the mean's 95 % interval

    def __str__(self) -> str:
        return mean_spread(self.mean, self.sd, self.n)

    @property
    def interval(self) -> str | None:
        """The mean's 95 % interval, None for one run."""
        if self.half_width is None:
            return None
        ends = (self.mean - self.half_width, self.mean + self.half_width)
        return " to ".join(f"{end:.{_decimals(self.mean)}f}" for end in ends)


@dataclass(frozen=True)
class TrialRow:
    """One trial in the table of its stage."""

    rank: int | None  # 1 is the best by validation; None where no run has the metric
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
    """A stage's trials, best first, those without a result last."""

    stage: str
    metrics: tuple[str, ...]
    rows: tuple[TrialRow, ...]
    keys: tuple[str, ...]  # what varies


@dataclass(frozen=True)
class PublishedRow:
    """A published number beside ours, which is None where the trial is not in the study or was not run."""

    stage: str
    where: str
    trial: str | None
    metric: str
    published: float
    ours: Spread | None
    difference: float | None  # ours minus published
    source: str
    in_hours: tuple[float, float | None] | None = None  # published and ours, of an error in minutes


def results_table(results: StudyResults, stage: str) -> ResultsTable:
    """The stage's trials: the metric that chooses, the test metrics, parameters, seconds."""
    ranked = results.ranked(stage)
    ranks = {trial.name: rank for rank, trial in enumerate(ranked, start=1)}
    trials = ranked + [trial for trial in results.trials(stage) if trial.name not in ranks]
    metrics = shown_metrics(results, stage)
    rows = [_trial_row(trial, metrics=metrics, rank=ranks.get(trial.name)) for trial in trials]
    return ResultsTable(stage, metrics, tuple(rows), tuple(varied_keys(trials)))


def varied_keys(trials: Iterable[TrialResult]) -> list[str]:
    """Every key that varies between trials, in the study's order; some may be missing in some trials."""
    return list(dict.fromkeys(key for trial in trials for key in trial.varied))


def has_own_columns(keys: Sequence[str]) -> bool:
    """Whether a column a key reads better than trials' names, which repeat every key, do: where keys are few, but not one."""
    return FEWEST_COLUMNS <= len(keys) <= MOST_COLUMNS


def short_names(results: StudyResults, stage: str, shown: Sequence[TrialResult]) -> dict[str, str]:
    """What a figure of some trials calls each: by its name, or by its place and values where the table has a column a key.

    Values that all of them share are left out.
    """
    keys = varied_keys(results.trials(stage))
    if not has_own_columns(keys):
        return {trial.name: trial.name for trial in shown}
    places = {trial.name: f"{place}: " for place, trial in enumerate(results.ranked(stage), start=1)}
    values = {trial.name: {key: value_words(one) for key, one in trial.varied.items()} for trial in shown}
    differing = [key for key in keys if len({one.get(key) for one in values.values()}) > 1]
    return {
        trial.name: places.get(trial.name, "")
        + " · ".join(filter(None, [_base_name(trial), *(values[trial.name].get(key) for key in differing)]))
        for trial in shown
    }


def shown_metrics(results: StudyResults, stage: str) -> tuple[str, ...]:
    """The metrics of a stage's table: the one that chooses, then those on test images or, without any, the others."""
    names = dict.fromkeys(name for run in results.runs if run.stage == stage for name in run.metrics)
    test = sorted((name for name in names if name.startswith("test_")), key=_metric_order)
    if "test_error" in names:  # readings: losses of different target designs cannot be compared
        test.remove("test_loss")
    others = [name for name in names if not name.startswith(("train_", "test_")) and name != results.chosen_by]
    chosen = [results.chosen_by] if results.chosen_by in names else []
    return (*chosen, *(test or others))


def _metric_order(name: str) -> tuple[int, float, str]:
    """Accuracy or error first, then its quantiles, then shares by their limit."""
    _, _, metric = name.partition("_")
    first = ("accuracy", "error", "median_error", "p90_error")
    limit = next((float(part) for part in metric.split("_") if part.isdigit()), 0.0)
    return (first.index(metric) if metric in first else len(first) + (not limit), limit, name)


def published_table(results: StudyResults) -> list[PublishedRow]:
    """Each published number with every trial that its conditions fit, in the study's order."""
    return [row for published in results.published for row in _published_rows(results, published)]


def published_for(results: StudyResults, trial: TrialResult, metric: str) -> list[float]:
    """The published values of a metric that stand beside a trial."""
    fitting = (one for one in results.published if one.stage == trial.stage and fits(one.where, trial))
    return [one.metrics[metric] for one in fitting if metric in one.metrics]


def fits(where: Mapping[str, Any], trial: TrialResult) -> bool:
    """Whether a trial is the one that a published number's conditions describe.

    `trial` is its name (or the part of it before what varies), other keys are settings by dotted key.
    """
    return all(_condition_holds(key, value, trial) for key, value in where.items())


def study_quantity(results: StudyResults) -> Quantity | None:
    """What the study's images show where that is a number."""
    for images in results.environment.get("data", []):
        if images.get("quantity"):
            return Quantity(**images["quantity"])
    return None


def environment_rows(results: StudyResults) -> list[tuple[str, str]]:
    """What the study ran on, as pairs of label and text; the image sets have a section of their own."""
    rows = [(_label(key), _text(key, value)) for key, value in results.environment.items() if key != "data"]
    rows.append(("Training time, all runs together", duration(sum(run.seconds for run in results.runs))))
    return [(label, text) for label, text in rows if text]


def status_counts(runs: Iterable[RunResult]) -> dict[str, int]:
    """How many runs have which status, most frequent first."""
    return dict(Counter(run.status for run in runs).most_common())


def spread_of(trial: TrialResult, metric: str) -> Spread | None:
    """Over the trial's finished runs; None where none has the metric."""
    mean = trial.mean(metric)
    values = trial.values(metric)
    return None if mean is None else Spread(mean, trial.spread(metric), len(values), mean_interval(values))


def mean_spread(mean: float | None, sd: float | None, n: int) -> str:
    """A mean and its standard deviation, both to the decimals that the mean's size asks for.

    >>> mean_spread(0.98123, 0.00119, 3), mean_spread(34.52, 1.234, 3), mean_spread(0.9, None, 1)
    ('0.9812 ± 0.0012', '34.52 ± 1.23', '0.9000')
    """
    if mean is None or n == 0:
        return "–"
    text = plain_number(mean)
    return text if sd is None or n < 2 else f"{text} ± {sd:.{_decimals(mean)}f}"


def plain_number(value: float) -> str:
    """A metric as text.

    >>> plain_number(0.91834), plain_number(123.456), plain_number(0.0000123), plain_number(-0.00204)
    ('0.9183', '123.5', '1.23e-05', '-0.0020')
    """
    if value and abs(value) < 0.0005:
        return f"{value:.3g}"
    return f"{value:.{_decimals(value)}f}"


def _decimals(value: float) -> int:
    return 4 if abs(value) < 10 else 2 if abs(value) < 100 else 1


def _trial_row(trial: TrialResult, *, metrics: tuple[str, ...], rank: int | None) -> TrialRow:
    parameters = [run.parameters for run in trial.runs if run.parameters is not None]
    seconds = [run.seconds for run in trial.finished]
    return TrialRow(
        rank=rank,
        trial=trial.name,
        base=_base_name(trial),
        varied=trial.varied,
        parameters=parameters[0] if parameters else None,
        num_runs=len(trial.finished),
        metrics={name: spread for name in metrics if (spread := spread_of(trial, name))},
        seconds=sum(seconds) / len(seconds) if seconds else None,
        unfinished=status_counts(run for run in trial.runs if run.status != "done"),
    )


def _base_name(trial: TrialResult) -> str:
    """What stands before the first varied key in a trial's name."""
    if not trial.varied:
        return trial.name
    first = next(iter(trial.varied)).split(".")[-1]
    before, found, _ = f", {trial.name}".partition(f", {first} ")
    return before.removeprefix(", ") if found else trial.name


def _published_rows(results: StudyResults, published: Published) -> list[PublishedRow]:
    trials = [trial for trial in results.trials(published.stage) if fits(published.where, trial)]
    quantity = study_quantity(results)
    is_time = quantity is not None and quantity.is_time
    return [
        _published_row(published, trial, metric, is_time=is_time)
        for metric in published.metrics
        for trial in (trials or [None])
    ]  # fmt: skip


def _published_row(published: Published, trial: TrialResult | None, metric: str, *, is_time: bool) -> PublishedRow:
    ours = spread_of(trial, metric) if trial else None
    number = published.metrics[metric]
    return PublishedRow(
        stage=published.stage,
        where=", ".join(condition_words(key, value) for key, value in published.where.items()),
        trial=trial.name if trial else None,
        metric=metric,
        published=number,
        ours=ours,
        difference=ours.mean - number if ours else None,
        source=published.source,
        in_hours=(number / 60, ours.mean / 60 if ours else None) if is_time and metric.endswith("error") else None,
    )


def _condition_holds(key: str, wanted: Any, trial: TrialResult) -> bool:
    if key == "trial":
        return trial.name == wanted or trial.name.startswith(f"{wanted}, ")
    # a varied table ({ name = "adam", ... }) is spread over several settings once resolved: either may be meant
    return trial.varied.get(key) == wanted or (wanted is not None and _setting(trial.runs[0].settings, key) == wanted)


def _setting(settings: Mapping[str, Any], key: str) -> Any:
    value: Any = settings
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _label(key: str) -> str:
    words = key.removesuffix("_bytes").removesuffix("_seconds").replace("_", " ")
    return words[:1].upper() + words[1:]


def _text(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {one}" for name, one in value.items() if one is not None)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if key.endswith("_bytes"):
        return f"{value / 2**30:.1f} GiB"
    if key.endswith("_seconds"):
        return duration(value)
    if key == "started":
        return str(value).replace("T", " ").replace("+00:00", " UTC")
    return "" if value is None else str(value)
