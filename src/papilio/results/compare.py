"""Studies or runs side by side: what was set differently, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papilio.errors import RunError
from papilio.results.results import StudyResults, TrialResult, read_results
from papilio.runs.folder import RunFolder

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
    trials: dict[tuple[str, str], Measured]  # of a study: the metric that chooses, by stage and trial
    chosen_by: str


@dataclass(frozen=True)
class Comparison:
    """Columns side by side; a cell is None where a column has nothing there."""

    columns: tuple[Column, ...]

    @property
    def settings(self) -> dict[str, list[Any]]:
        """The settings that are not the same in all columns, by dotted key."""
        keys = dict.fromkeys(key for column in self.columns for key in column.settings)
        rows = {key: [column.settings.get(key) for column in self.columns] for key in keys if key not in NOT_SHOWN}
        return {key: values for key, values in rows.items() if any(value != values[0] for value in values)}

    @property
    def metrics(self) -> dict[str, list[Measured | None]]:
        """Validation and test metrics, by name."""
        names = dict.fromkeys(name for column in self.columns for name in column.metrics)
        return {name: [column.metrics.get(name) for column in self.columns] for name in names}

    @property
    def shared_trials(self) -> dict[tuple[str, str], list[Measured | None]]:
        """The trials that two or more studies have, by stage and name."""
        keys = dict.fromkeys(key for column in self.columns for key in column.trials)
        rows = {key: [column.trials.get(key) for column in self.columns] for key in keys}
        return {key: cells for key, cells in rows.items() if sum(cell is not None for cell in cells) > 1}


def compare(folders: Sequence[Path | str]) -> Comparison:
    """Studies' or runs' folders side by side, in any mixture; raises RunError for a folder that is neither."""
    if len(folders) < 2:
        raise RunError("compare needs two folders or more, of studies or of runs")
    paths = [Path(folder) for folder in folders]
    names = _short_names(paths)
    return Comparison(tuple(_column(path, name) for path, name in zip(paths, names, strict=True)))


def _column(path: Path, name: str) -> Column:
    if (path / "study.toml").exists():
        return _study_column(read_results(path), name)
    if (path / "run.json").exists():
        return _run_column(path, name)
    raise RunError(f"{path}: neither a study's folder (study.toml) nor a run's (run.json)")


def _study_column(results: StudyResults, name: str) -> Column:
    best = next((ranked[0] for stage in reversed(results.stages) if (ranked := results.ranked(stage))), None)
    trials = [trial for stage in results.stages for trial in results.ranked(stage)]
    known = {(trial.stage, trial.name): _measured(trial, results.chosen_by) for trial in trials}
    notes = [f"reduced: {results.reduced}" if results.reduced else "", "" if results.is_whole else "not finished"]
    return Column(
        name=name,
        what=best.name if best else "no run is finished",
        note="; ".join(filter(None, notes)),
        settings=_flat(best.finished[0].settings) if best else {},
        metrics=_metrics(best) if best else {},
        parameters=best.finished[0].parameters if best else None,
        seconds=sum(run.seconds for run in results.runs),
        trials={key: measured for key, measured in known.items() if measured is not None},
        chosen_by=results.chosen_by,
    )


def _run_column(path: Path, name: str) -> Column:
    facts = RunFolder(path).facts()
    shown = {key: value for key, value in facts.metrics.items() if key.startswith(("val_", "test_"))}
    return Column(
        name=name,
        what=f"{facts.trial}, seed {facts.seed}",
        note="" if facts.status == "done" else facts.status,
        settings=_flat(facts.settings),
        metrics={key: Measured(value, None, 1) for key, value in shown.items()},
        parameters=facts.parameters,
        seconds=facts.seconds,
        trials={},
        chosen_by=facts.chosen_by or "",
    )


def _metrics(trial: TrialResult) -> dict[str, Measured]:
    names = dict.fromkeys(name for run in trial.finished for name in run.metrics if name.startswith(("val_", "test_")))
    found = {name: _measured(trial, name) for name in names}
    return {name: measured for name, measured in found.items() if measured is not None}


def _measured(trial: TrialResult, metric: str) -> Measured | None:
    mean = trial.mean(metric)
    return None if mean is None else Measured(mean, trial.spread(metric), len(trial.values(metric)))


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _short_names(paths: Sequence[Path]) -> list[str]:
    """The folders' own names, with as much of their parents as tells them apart."""
    for depth in range(1, 10):
        names = ["/".join(path.resolve().parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]
