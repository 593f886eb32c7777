"""Studies or runs side by side: what was set differently, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papilio.errors import RunError, SettingError
from papilio.files import full_path, perhaps_beside, possible_path
from papilio.kinds.choosing import meaning_of, unit_of
from papilio.kinds.registry import KINDS
from papilio.results.metrics import shown_metrics
from papilio.results.reading import read_results
from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.runs.folder import DAMAGED_SETTINGS, RunFolder
from papilio.runs.run import Run
from papilio.settings.references import resolve_reference
from papilio.settings.run_settings import RunSettings
from papilio.settings.since import by_dotted_key
from papilio.settings.train_settings import TrainSettings
from papilio.settings.validation import one_reason

NOT_SHOWN = ("data.folds", "train.device")


@dataclass(frozen=True)
class Measured:
    """A metric's mean over runs, its standard deviation (n - 1; None for one run), and the number of runs."""

    mean: float
    sd: float | None
    n: int


@dataclass(frozen=True)
class Column:
    """A study by its best trial, or a run."""

    name: str
    what: str  # the trial, and in a run the seed
    note: str  # reduced, not finished
    settings: dict[str, Any]  # by dotted key
    metrics: dict[str, Measured]
    parameters: int | None
    seconds: float
    chosen_by: str | None  # the metric that ranks the trial, or chose the run's best epoch; None: nothing did
    trials: dict[tuple[str, str], dict[str, Measured]]  # of a study: every metric, by stage and trial
    firsts: dict[tuple[str, str], RunResult]  # the first run of each of them, which has its settings
    shown: dict[str, tuple[str, ...]]  # by stage: the metric that ranks its trials, all of its table where none does
    units: dict[str, str]  # of its metrics, where that is told
    meanings: dict[str, str]  # of its metrics: equal where they can be compared


@dataclass(frozen=True)
class Comparison:
    """Columns side by side; a cell is None where a column has nothing there."""

    columns: tuple[Column, ...]

    def __repr__(self) -> str:
        return resolve_reference("papilio.results.side_by_side:comparison_words")(self)

    def _repr_html_(self) -> str:
        return resolve_reference("papilio.results.side_by_side:comparison_html")(self)

    @property
    def settings(self) -> dict[str, list[Any]]:
        """The settings that are not the same in all columns, by dotted key."""
        return _differing([column.settings for column in self.columns])

    @property
    def metrics(self) -> dict[str, list[Measured | None]]:
        """Validation and test metrics by name, of what has neither those on training images."""
        names = dict.fromkeys(name for column in self.columns for name in column.metrics)
        return {name: [column.metrics.get(name) for column in self.columns] for name in names}

    @property
    def unlike(self) -> list[str]:
        """The metrics that cannot be compared, as they are of different objectives."""
        found = {
            name: {(one.units.get(name), one.meanings.get(name)) for one in self.columns if name in one.metrics}
            for name in self.metrics
        }
        return [name for name, different in found.items() if len(different) > 1]

    @property
    def shared_trials(self) -> dict[tuple[str, str, str], list[Measured | None]]:
        """The trials that two or more studies have, by stage, name and metric."""
        rows = {key: self._row(*key) for key in self._trial_metrics()}
        return {key: cells for key, cells in rows.items() if sum(cell is not None for cell in cells) > 1}

    def differing(self, stage: str, trial: str) -> list[str]:
        """The settings, by dotted key, in which the trials of one name differ between studies."""
        runs = [column.firsts[stage, trial] for column in self.columns if (stage, trial) in column.firsts]
        return list(_differing([_in_full(run.settings, run.defaults, where=run.folder) for run in runs]))

    def _trial_metrics(self) -> dict[tuple[str, str, str], None]:
        """Of every trial the metrics that any study shows of its stage."""
        shown: dict[tuple[str, str, str], None] = {}
        for stage, trial in dict.fromkeys(key for column in self.columns for key in column.trials):
            for column in self.columns:
                shown |= {(stage, trial, metric): None for metric in column.shown.get(stage, ())}
        return shown

    def _row(self, stage: str, trial: str, metric: str) -> list[Measured | None]:
        return [column.trials.get((stage, trial), {}).get(metric) for column in self.columns]


def _differing(settings: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """By dotted key the values of settings that are not the same in all."""
    keys = dict.fromkeys(key for one in settings for key in one if key not in NOT_SHOWN)
    rows = {key: [one.get(key) for one in settings] for key in keys}
    return {key: values for key, values in rows.items() if any(value != values[0] for value in values)}


def compare(folders: Sequence[Path | str | StudyResults | RunResult | Run]) -> Comparison:
    """Studies or runs side by side, in any mixture, each by its folder or as it was read.

    Raises RunError for a folder that is neither's.
    """
    if isinstance(folders, Path | str) or not hasattr(folders, "__len__"):
        raise RunError("compare needs a list of two or more: folders of studies or of runs, results, runs")
    if len(folders) < 2:
        raise RunError("compare needs at least two folders of studies or runs")
    paths = [possible_path(one if isinstance(one, str | Path) else one.folder, error=RunError) for one in folders]
    names = _short_names(paths)
    return Comparison(tuple(_column(path, name) for path, name in zip(paths, names, strict=True)))


def _column(path: Path, name: str) -> Column:
    if (path / "study.toml").exists():
        return _study_column(read_results(path), name)
    if (path / "run.json").exists():
        return _run_column(path, name)
    if not path.exists():
        raise RunError(f"{path}: no such folder{perhaps_beside(path)}")
    raise RunError(f"{path}: neither a study folder (study.toml) nor a run folder (run.json)")


def _study_column(results: StudyResults, name: str) -> Column:
    best = results.best_trial
    first = best.finished[0] if best else None
    ranking = results.ranking(best.stage) if best else None
    return Column(
        name=name,
        what=best.name if best else "no run is finished",
        note="; ".join(_notes(results, best)),
        settings=_in_full(first.settings, first.defaults, where=first.folder) if first else {},
        metrics=_shown(_metrics(best)) if best else {},
        parameters=first.parameters if first else None,
        seconds=sum(run.seconds for run in results.runs),
        chosen_by=ranking.metric if ranking else None,
        trials={(stage, trial.name): _metrics(trial) for stage in results.stages for trial in results.ranked(stage)},
        firsts={(stage, trial.name): trial.finished[0] for stage in results.stages for trial in results.ranked(stage)},
        shown={stage: _ranked_by(results, stage) for stage in results.stages},
        **(
            _measures(_train_of(first), _metrics(best), where=first.folder)
            if best and first
            else {"units": {}, "meanings": {}}
        ),
    )


def _notes(results: StudyResults, best: TrialResult | None) -> Iterator[str]:
    if best is not None and results.ranking(best.stage) is None and len(results.trials(best.stage)) > 1:
        yield f"the first of {len(results.trials(best.stage)):,} trials, which no metric ranks"
    if results.reduced:
        yield f"reduced: {results.reduced}"
    if not results.is_whole:
        yield "not finished"


def _ranked_by(results: StudyResults, stage: str) -> tuple[str, ...]:
    ranking = results.ranking(stage)
    return shown_metrics(results, stage) if ranking is None else (ranking.metric,)


def _run_column(path: Path, name: str) -> Column:
    facts = RunFolder(path).facts()
    return Column(
        name=name,
        what=f"{facts.trial}, seed {facts.seed}",
        note="" if facts.status == "done" else facts.status,
        settings=_in_full(facts.settings, facts.defaults, where=path),
        metrics=_shown({key: Measured(value, None, 1) for key, value in facts.metrics.items()}),
        parameters=facts.parameters,
        seconds=facts.seconds,
        chosen_by=facts.chosen_by,
        trials={},
        firsts={},
        shown={},
        **_measures(facts.run_settings.train, facts.metrics, where=path),
    )


def _train_of(run: RunResult) -> TrainSettings:
    return RunFolder(run.folder).facts().run_settings.train


def _measures(train: TrainSettings, metrics: Iterable[str], *, where: Path) -> dict[str, dict[str, str]]:
    """By recorded metric what it is measured in and means, as far as kinds of Papilio's own tell.

    Raises RunError for settings that the kind does not have: run.json is damaged.
    """
    try:
        return _told_by_kind(train, list(metrics))
    except SettingError as error:
        raise RunError(f"{where / 'run.json'}: its settings are damaged ({error})") from error


def _told_by_kind(train: TrainSettings, metrics: Iterable[str]) -> dict[str, dict[str, str]]:
    kind = KINDS.get(train.objective)
    if kind is None:
        losses = [name for name in metrics if name.endswith("_loss")]
        return {"units": {}, "meanings": dict.fromkeys(losses, train.objective)}
    bare = {name: name.partition("_")[2] for name in metrics}
    return {
        "units": {name: unit for name, one in bare.items() if (unit := unit_of(kind, train, one))},
        "meanings": {name: meaning for name, one in bare.items() if (meaning := meaning_of(kind, train, one))},
    }


def _metrics(trial: TrialResult) -> dict[str, Measured]:
    names = dict.fromkeys(name for run in trial.finished for name in run.metrics)
    found = {name: _measured(trial, name) for name in names}
    return {name: measured for name, measured in found.items() if measured is not None}


def _shown(metrics: dict[str, Measured]) -> dict[str, Measured]:
    """Those on validation and test images; where there are none, all."""
    return {name: one for name, one in metrics.items() if not name.startswith("train_")} or metrics


def _measured(trial: TrialResult, metric: str) -> Measured | None:
    mean = trial.mean(metric) if trial.has(metric) else None
    return None if mean is None else Measured(mean, trial.spread(metric), len(trial.values(metric)))


def _in_full(settings: Mapping[str, Any], defaults: Mapping[str, Any], *, where: Path) -> dict[str, Any]:
    """By dotted key what was set, and what was left to defaults: runs of earlier versions do not have those written out."""
    try:
        known = RunSettings.of(settings).left_to_defaults() | dict(defaults)
    except DAMAGED_SETTINGS as error:
        raise RunError(f"{where}: the settings in its run.json are damaged ({one_reason(error)})") from None
    filled = {
        key: list(value) if isinstance(value, tuple) else value  # as JSON has it
        for key, value in known.items()
        if value not in (None, {})
    }
    return by_dotted_key(settings) | filled


def _short_names(paths: Sequence[Path]) -> list[str]:
    """The folders' own names, with as much of their parents as tells them apart."""
    for depth in range(1, 10):
        names = ["/".join(full_path(path).parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]
