"""A study's results as plain data: its runs, its trials and how they rank; nothing is computed that is not in its files."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from papilio.data.quantities import Quantity
from papilio.errors import SettingError, did_you_mean, shown
from papilio.kinds.ranking import UNRANKED, Ranking, Standing, common_ranking
from papilio.results.words import trial_words
from papilio.runs.folder import OVER, RunFolder
from papilio.settings.references import resolve_reference
from papilio.settings.values import short_keys

if TYPE_CHECKING:
    from pandas import DataFrame

T = TypeVar("T")
FIRST_COLUMNS = ("run", "stage", "trial", "seed", "fold")
LAST_COLUMNS = ("status", "epochs", "best_epoch", "parameters", "seconds", "reason")
WHOLE = ("seed", "fold", "epochs", "best_epoch", "parameters")  # columns of whole numbers


@dataclass(frozen=True)
class RunResult:
    """One run: a trial with one seed and one fold, as its folder tells it."""

    name: str
    stage: str
    trial: str
    seed: int
    fold: int | None
    varied: dict[str, Any]
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict, repr=False)
    defaults: dict[str, Any] = field(default_factory=dict, repr=False)  # what settings leave to them, by dotted key
    status: str = "waiting"  # running, stopped, pruned, done, diverged, failed
    reason: str | None = None
    epochs: int = 0
    best_epoch: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    parameters: int | None = None
    seconds: float = 0.0
    standing: Standing = UNRANKED  # by what it is ranked among others
    quantity: Quantity | None = None  # what its images show in place of classes
    precision: str | None = None  # in which its nets learned; None before it has begun
    data_name: str = ""  # the image set, as its facts name it; empty while it waits

    def __repr__(self) -> str:
        return _in_words("run", self)

    def _repr_html_(self) -> str:
        return _in_html("run", self)

    @property
    def ranking(self) -> Ranking | None:
        """What chose its best epoch; None: nothing did."""
        return self.standing.ranking

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """One dictionary per epoch, oldest first; empty where no epoch was finished."""
        return RunFolder(self.folder).read_records()


@dataclass(frozen=True)
class TrialResult:
    """One point of the search space with all its runs (seeds and folds)."""

    stage: str
    name: str
    varied: dict[str, Any]
    runs: tuple[RunResult, ...]
    known: frozenset[str] = frozenset()  # the metrics that any run of the study has
    keys: frozenset[str] = frozenset()  # what varies anywhere in the study: it may stand in the name

    def __repr__(self) -> str:
        return _in_words("trial", self)

    def _repr_html_(self) -> str:
        return _in_html("trial", self)

    @property
    def title(self) -> str:
        """What pages and figures call it."""
        return trial_words(self.name, [*self.varied, *sorted(self.keys)])

    @property
    def base_name(self) -> str:
        """What stands before the first varied key in its name."""
        if not self.varied:
            return self.name
        first = next(iter(short_keys(self.varied).values()))
        before, found, _ = f", {self.name}".partition(f", {first} ")
        return before.removeprefix(", ") if found else self.name

    @property
    def finished(self) -> tuple[RunResult, ...]:
        """The runs that are done: not those that diverged, failed, or still wait."""
        return tuple(run for run in self.runs if run.status == "done")

    @property
    def is_whole(self) -> bool:
        """Whether all of its runs are done."""
        return len(self.finished) == len(self.runs)

    @property
    def is_pruned(self) -> bool:
        """Whether the trial was pruned: with one of its runs all of them are."""
        return any(run.status == "pruned" for run in self.runs)

    @property
    def ranking(self) -> Ranking | None:
        """What chose the best epoch of all of its runs; None where there is no such metric."""
        return _ranking(self.runs)

    @property
    def quantity(self) -> Quantity | None:
        """What its images show in place of classes; None where they show classes, or no run has begun."""
        return next((run.quantity for run in self.runs if run.quantity is not None), None)

    @property
    def best(self) -> RunResult | None:
        """Its best finished run by what ranks its runs, its first one where nothing does; None where there is none."""
        ranking = self.ranking
        if ranking is None:
            return next(iter(self.finished), None)
        runs = [run for run in self.finished if ranking.metric in run.metrics]
        choose = max if ranking.is_maximized else min
        return choose(runs, key=lambda run: run.metrics[ranking.metric]) if runs else None

    def has(self, metric: str) -> bool:
        """Whether a finished run has the metric."""
        return any(metric in run.metrics for run in self.finished)

    def values(self, metric: str) -> list[float]:
        """The metric of every finished run that has it; raises SettingError for one that no run of the study has."""
        if self.known and metric not in self.known:
            raise SettingError(
                f'trial "{self.name}": {shown(metric)} is not a metric; {did_you_mean(str(metric), self.known)}'
            )
        return [run.metrics[metric] for run in self.finished if metric in run.metrics]

    def mean(self, metric: str) -> float | None:
        """None where no finished run has the metric; raises SettingError for one that no run of the study has."""
        values = self.values(metric)
        return statistics.fmean(values) if values else None

    def spread(self, metric: str) -> float | None:
        """The standard deviation over runs (n - 1), None for fewer than two; raises SettingError as `mean`."""
        values = self.values(metric)
        return statistics.stdev(values) if len(values) > 1 else None


@dataclass(frozen=True)
class Published:
    """A number that somebody published, to stand next to ours."""

    stage: str
    where: dict[str, Any]
    metrics: dict[str, float]
    source: str


@dataclass(frozen=True)
class StudyResults:
    """A study's folder: what was asked, on what machine, and every run of it, finished or not."""

    folder: Path
    study: dict[str, Any] = field(repr=False)  # study.toml, as resolved
    environment: dict[str, Any] = field(repr=False)  # environment.json
    runs: tuple[RunResult, ...] = field(repr=False)  # in the study's order; those that wait have no folder yet
    published: tuple[Published, ...] = ()

    def __repr__(self) -> str:
        return _in_words("study", self)

    def _repr_html_(self) -> str:
        return _in_html("study", self)

    @property
    def title(self) -> str:
        """What the study is called."""
        return self.study["title"]

    @property
    def reduced(self) -> str | None:
        """What was left out of the study as written ("10% of the images, at most 2 epochs"), None for nothing."""
        return describe_reduction(self.study["data"].get("fraction", 1.0), self.study.get("max_epochs"))

    @property
    def stages(self) -> list[str]:
        """The names of the stages, in the study's order."""
        return list(dict.fromkeys(run.stage for run in self.runs))

    @property
    def is_whole(self) -> bool:
        """Whether every stage has begun and every known run has ended for good."""
        has_all_stages = len(self.stages) == len(self.study["stage"])
        return has_all_stages and all(run.status in OVER for run in self.runs)

    def trials(self, stage: str | None = None) -> list[TrialResult]:
        """The stage's trials, or without a stage those of all, in the study's order.

        Raises SettingError for a stage that the study does not have.
        """
        if stage is None:
            return [trial for one in self.stages for trial in self.trials(one)]
        self._refuse_unknown(stage)
        groups: dict[str, list[RunResult]] = {}
        for run in self.runs:
            if run.stage == stage:
                groups.setdefault(run.trial, []).append(run)
        return [
            TrialResult(stage, name, runs[0].varied, tuple(runs), self._known, self._keys)
            for name, runs in groups.items()
        ]

    def ranking(self, stage: str) -> Ranking | None:
        """What ranks the stage's trials: what chose the best epoch of all of its runs and means the same in all, or else
        does; None where there is no such metric. Raises SettingError as `trials`."""
        self._refuse_unknown(stage)
        return _ranking(run for run in self.runs if run.stage == stage)

    def is_ranked_otherwise(self, stage: str) -> bool:
        """Whether another metric ranks its trials than chose their epochs, as that one does not mean the same in all."""
        ranking = self.ranking(stage)
        return ranking is not None and any(
            run.stage == stage and run.ranking not in (None, ranking) for run in self.runs
        )

    def quantities(self, stage: str) -> list[Quantity]:
        """The different numbers that the images of the stage's runs show; none where they show classes, or nothing.

        Raises SettingError as `trials`.
        """
        self._refuse_unknown(stage)
        found = (run.quantity for run in self.runs if run.stage == stage)
        return list(dict.fromkeys(quantity for quantity in found if quantity is not None))

    def ranked(self, stage: str) -> list[TrialResult]:
        """The stage's finished trials, best mean first, in the study's order where nothing ranks them; none that was pruned.

        Those of which only some runs are done come after the others, as a search leaves them out: their means are over
        other seeds. Raises SettingError as `trials`.
        """
        trials = [trial for trial in self.trials(stage) if trial.finished and not trial.is_pruned]
        ranking = self.ranking(stage)
        if ranking is None:
            return trials
        sign = -1 if ranking.is_maximized else 1
        known = [(sign * mean, trial) for trial in trials if (mean := trial.mean(ranking.metric)) is not None]
        return [trial for _, trial in sorted(known, key=lambda pair: (not pair[1].is_whole, pair[0]))]

    @property
    def best_trial(self) -> TrialResult | None:
        """The best trial of the last stage that has one: later stages start from what earlier ones found.

        Of a stage that nothing ranks its first finished one.
        """
        return next((ranked[0] for stage in reversed(self.stages) if (ranked := self.ranked(stage))), None)

    @property
    def best(self) -> RunResult | None:
        """Of the last stage's best trial, the run that validation data choose."""
        ranked = self.ranked(self.stages[-1])
        return ranked[0].best if ranked else None

    def rows(self) -> list[dict[str, Any]]:
        """One plain dictionary per run, the columns of results.csv."""
        return [row_of(run) for run in self.runs]

    def to_frame(self) -> DataFrame:
        """The same as a pandas DataFrame: a row per run; seeds, folds, epochs and parameters are whole numbers or missing."""
        import pandas as pd

        rows = self.rows()
        frame = pd.DataFrame(rows, columns=columns_of(rows))
        return frame.astype(dict.fromkeys(WHOLE, "Int64"))

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(key for run in self.runs for key in run.varied)

    @cached_property
    def _known(self) -> frozenset[str]:
        """The metrics that any run has, or is ranked by."""
        rankings = (one for run in self.runs for one in (run.ranking, run.standing.otherwise) if one is not None)
        return frozenset(name for run in self.runs for name in run.metrics) | {one.metric for one in rankings}

    def _refuse_unknown(self, stage: str) -> None:
        names = [*self.stages, *(one["name"] for one in self.study.get("stage", []))]
        if stage not in names:
            raise SettingError(f"{self.folder}: there is no stage {shown(stage)}; {did_you_mean(str(stage), names)}")


def _in_words(what: str, shown: object) -> str:
    return resolve_reference(f"papilio.results.notebook:{what}_words")(shown)


def _in_html(what: str, shown: object) -> str:
    return resolve_reference(f"papilio.results.notebook:{what}_html")(shown)


def _ranking(runs: Iterable[RunResult]) -> Ranking | None:
    """What ranks the runs that have begun."""
    return common_ranking(run.standing for run in runs if run.epochs or run.ranking)


def describe_reduction(fraction: float, max_epochs: int | None) -> str | None:
    """In words, what `--fraction` and `--max-epochs` leave out; None for nothing."""
    parts = [f"{100 * fraction:.3g}% of the images" if fraction < 1 else ""]
    parts.append(f"at most {max_epochs} epoch{'s' if max_epochs > 1 else ''}" if max_epochs else "")
    return ", ".join(filter(None, parts)) or None


def columns_of(rows: list[dict[str, Any]]) -> list[str]:
    """The columns of results.csv: what a run is, what was varied, its metrics, what became of it."""
    columns = dict.fromkeys(column for row in rows for column in row if column not in LAST_COLUMNS)
    return [*(columns or FIRST_COLUMNS), *LAST_COLUMNS]


def row_of(run: RunResult) -> dict[str, Any]:
    """A run as a row of results.csv."""
    first = {"run": run.name, "stage": run.stage, "trial": run.trial, "seed": run.seed, "fold": run.fold}
    varied = {key: json.dumps(value) if isinstance(value, dict | list) else value for key, value in run.varied.items()}
    last = {
        "status": run.status,
        "epochs": run.epochs,
        "best_epoch": run.best_epoch,
        "parameters": run.parameters,
    }
    return first | varied | run.metrics | last | {"seconds": run.seconds, "reason": run.reason}
