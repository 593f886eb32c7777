"""What the page shows of a study, its stages and its models: results in, plain data and drawn figures out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from matplotlib.figure import Figure

from papilio.analysis.spreads import spread_of
from papilio.analysis.stuck import stuck_trials
from papilio.drawing import figures
from papilio.drawing.figure_files import FigureBox, Pictures
from papilio.results import words
from papilio.results.metrics import on_split, possible_range, shown_metrics, told_metric
from papilio.results.published_numbers import published_beside
from papilio.results.results import StudyResults, TrialResult
from papilio.results.units import means_the_same, shared_units
from papilio.runs.folder import RunFolder
from papilio.sections import result_tables as tables
from papilio.sections import sentences
from papilio.sections.blocks import Section
from papilio.sections.curve_sections import all_curves
from papilio.sections.search_sections import SearchSection, search_section
from papilio.sections.warning_notes import warning_notes
from papilio.sections.watching import watched_sections
from papilio.studies.study import slug

MOST_TRIALS = 20
MOST_MODELS = 12
MOST_NUMBERS = 3  # in the first sentence


@dataclass(frozen=True)
class Headline:
    """The page's first sentence, in the parts that are set apart."""

    trial: str | None  # None: several, none of which is best
    stage: str | None  # None where there is only one
    num_trials: int
    chosen_by: str | None  # None: nothing ranks
    lead: str  # of what nothing ranks: when its numbers were measured
    numbers: list[tuple[str, str]]  # metrics, and what they came to
    units: dict[str, str]  # of these metrics, as far as they are known
    over: str | None
    published: list[tuple[float, str]]


@dataclass(frozen=True)
class StageSection:
    """A stage's table and figures."""

    anchor: str
    name: str
    summary: str
    table: tables.ResultsTable
    columns: dict[str, str]  # the varied keys that have a column of their own, with its title; empty: names say it all
    shared: str | None  # what all its trials have alike, in words; None: runs and parameters have a column each
    has_bases: bool  # then only with columns: trials have names apart from what varies
    has_intervals: bool
    has_folds: bool
    num_hidden: int
    stuck: list[str]  # sentences on runs that learned nothing
    warnings: list[str]  # sentences on what was wrong while runs trained
    comparison: FigureBox | None
    watched: list[Section]  # how runs learn, as their kind shows it
    curves: list[FigureBox]
    search: SearchSection


@dataclass
class ModelSection:
    """One network and the trials that train it."""

    family: str
    layers: list[dict[str, Any]]
    parameters: int | None
    trials: list[str] = field(default_factory=list)

    @property
    def has_frozen(self) -> bool:
        """Whether a layer has weights that training leaves alone: they are not counted as parameters."""
        kinds = ("Linear(", "Conv2d(", "ConvTranspose2d(")
        return any(layer["kind"].startswith(kinds) and not layer["num_parameters"] for layer in self.layers)


def headline(results: StudyResults) -> Headline | None:
    """What the last stage that has a finished trial came to, None while no run is finished."""
    trial = results.best_trial
    if trial is None:
        return None
    ranking = results.ranking(trial.stage)
    if ranking is None:
        return _unranked_headline(results, trial.stage)
    metric = told_metric(results, trial) or ranking.metric
    return Headline(
        trial=trial.title,
        stage=_stage_name(results, trial.stage),
        num_trials=len(results.trials(trial.stage)),
        chosen_by=ranking.metric,
        lead="",
        numbers=[(metric, str(spread_of(trial, metric)))],
        units=shared_units(trial.runs, [metric]),
        over=sentences.runs_words(run for run in trial.finished if metric in run.metrics),
        published=[
            (one.metrics[metric], one.source) for one in published_beside(results, trial) if metric in one.metrics
        ],
    )


def _unranked_headline(results: StudyResults, stage: str) -> Headline:
    """What a lone trial came to, or between what ends several of them lie in what all have, where it means the same."""
    trials = results.ranked(stage)
    metrics = shown_metrics(results, stage)
    only = trials[0] if len(trials) == 1 else None
    if only is None:
        runs = [run for trial in trials for run in trial.runs]
        shared = [name for name in metrics if means_the_same(runs, name) and all(trial.has(name) for trial in trials)]
        numbers = [(metric, sentences.range_words(trials, metric)) for metric in shared[:MOST_NUMBERS]]
    else:
        metrics = metrics[:MOST_NUMBERS]
        numbers = [(metric, str(spread)) for metric in metrics if (spread := spread_of(only, metric))]
    return Headline(
        trial=only and only.title,
        stage=_stage_name(results, stage),
        num_trials=len(trials),
        chosen_by=None,
        lead="At the best epochs" if any(trial.ranking for trial in trials) else "After the last epoch",
        numbers=numbers,
        units=shared_units((run for trial in trials for run in trial.runs), metrics),
        over=only and sentences.runs_words(only.finished),
        published=[],
    )


def _stage_name(results: StudyResults, stage: str) -> str | None:
    """None where it need not be told which."""
    return stage if len(results.stages) > 1 else None


def stage_section(results: StudyResults, stage: str, pictures: Pictures) -> StageSection:
    """A stage's table, at most its best trials, and its figures."""
    number = results.stages.index(stage) + 1
    name = f"{number}-{slug(stage)[:40]}"
    table = tables.results_table(results, stage)
    watched = watched_sections(results, tables.best_first(results, stage), pictures, name=name)
    shows_all = len(watched) == len(table.rows)  # they have the curves of every trial: a second time they tell no more
    rows = [row for row in table.rows if row.rank or "pruned" not in row.unfinished] or list(table.rows)
    shown = replace(table, rows=tuple(rows[:MOST_TRIALS]))
    return StageSection(
        anchor=f"stage-{number}",
        name=stage,
        summary=_stage_summary(results, stage),
        table=shown,
        columns=_own_columns(table),
        shared=_shared_columns(shown),
        has_bases=any(row.base for row in shown.rows),
        has_intervals=any(spread.interval for row in shown.rows for spread in row.metrics.values()),
        has_folds=any(run.fold is not None for run in results.runs if run.stage == stage),
        num_hidden=len(table.rows) - len(shown.rows),
        stuck=list(map(sentences.stuck_note, stuck_trials(results, tables.best_first(results, stage)[:MOST_TRIALS]))),
        warnings=warning_notes(tables.best_first(results, stage)[:MOST_TRIALS]),
        comparison=_comparison(results, stage, name=name, pictures=pictures),
        watched=watched,
        curves=[] if shows_all else all_curves(results, stage, name=name, pictures=pictures),
        search=search_section(results, stage, name=name, pictures=pictures),
    )


def model_sections(results: StudyResults) -> list[ModelSection]:
    """The different networks of the shown trials, each once, with the trials that train it."""
    found: dict[str, ModelSection] = {}
    for stage in results.stages:
        for trial in tables.best_first(results, stage)[:MOST_TRIALS]:
            run = next((run for run in trial.runs if run.parameters is not None), None)
            known = RunFolder(run.folder).read() if run else None
            if run is None or known is None or not known.layers:
                continue
            family = str(run.settings.get("model", {}).get("family", "model"))
            key = json.dumps([family, known.layers])
            section = found.setdefault(key, ModelSection(family, known.layers, run.parameters))
            if trial.title not in section.trials:
                section.trials.append(trial.title)
    return list(found.values())[:MOST_MODELS]


def run_metrics(results: StudyResults) -> list[str]:
    """The columns of the table of every run."""
    return list(dict.fromkeys(name for stage in results.stages for name in shown_metrics(results, stage)))


def _own_columns(table: tables.ResultsTable) -> dict[str, str]:
    """Each key that has a column, with its title."""
    return words.key_words(table.keys) if tables.has_own_columns(table.keys) else {}


def _shared_columns(table: tables.ResultsTable) -> str | None:
    """What all trials of a table with many columns have alike, in words: it then needs no column."""
    if not tables.has_own_columns(table.keys) or any(row.unfinished for row in table.rows):
        return None
    alike = {(row.num_runs, row.parameters) for row in table.rows}
    if len(alike) > 1:
        return None
    ((num_runs, parameters),) = alike
    text = f"Each trial has {words.counted(num_runs, 'run')}"
    return text if parameters is None else f"{text} and {words.counted(parameters, 'parameter')}"


def _stage_summary(results: StudyResults, stage: str) -> str:
    trials = results.trials(stage)
    runs = [run for trial in trials for run in trial.runs]
    varied = list(dict.fromkeys(key for trial in trials for key in trial.varied))
    text = f"{words.counted(len(trials), 'trial')} with {sentences.runs_words(trials[0].runs)}"
    text += " each" if len(trials) > 1 else ""
    if len({len(trial.runs) for trial in trials}) > 1:
        text = f"{words.counted(len(trials), 'trial')}, {words.counted(len(runs), 'run')}"
    return f"{text}; varied: {', '.join(words.key_words(varied).values())}" if varied else text


def _comparison(results: StudyResults, stage: str, *, name: str, pictures: Pictures) -> FigureBox | None:
    trials = results.ranked(stage)[:MOST_TRIALS]
    if len(trials) < 2 and not any(one.stage == stage for one in results.published):
        return None
    metrics = _compared_metrics(results, stage, trials)
    if not trials or not metrics:
        return None
    ranking = results.ranking(stage)
    panels = [_panel(results, trials, metric) for metric in metrics]
    label = f"{' and '.join(map(words.metric_words, metrics))} of {words.counted(len(trials), 'trial')}"
    label += ", best first: " if ranking else ": "
    label += "; ".join(f"{trial.title} {_mean_words(trial, metrics[-1])}" for trial in trials[:8])
    has_published = any(any(panel.published) for panel in panels)
    order = f"best by {words.metric_words(ranking.metric)} first" if ranking else "in the study’s order"
    caption = f"Trials, {order}. Small dots are runs, large ones their means, bars one standard deviation"
    caption += "; diamonds were published." if has_published else "."
    short = tables.short_names(results, stage, trials)
    names = [short[trial.name] for trial in trials]

    def draw(width: float) -> Figure:
        return figures.trial_comparison(names, panels, width=width)

    return FigureBox(pictures.keep(draw, name=f"{name}-comparison", label=label), caption)


def _mean_words(trial: TrialResult, metric: str) -> str:
    mean = trial.mean(metric) if trial.has(metric) else None
    return "–" if mean is None else words.metric_number(metric, mean)


def _compared_metrics(results: StudyResults, stage: str, trials: Sequence[TrialResult]) -> list[str]:
    """The metric that ranks, and the same on test images; where nothing ranks, the first that every trial has."""
    ranking = results.ranking(stage)
    if ranking is None:
        shared = [name for name in shown_metrics(results, stage) if all(trial.has(name) for trial in trials)]
        return shared[:2]
    test = on_split(ranking.metric, "test")
    num_tested = sum(trial.has(test) for trial in trials)  # a search may measure only its best on test images
    is_shown = num_tested > 1 or num_tested == len(trials)
    return list(dict.fromkeys([ranking.metric, test] if is_shown else [ranking.metric]))


def _panel(results: StudyResults, trials: Sequence[TrialResult], metric: str) -> figures.Panel:
    return figures.Panel(
        metric=words.sentence(words.metric_words(metric)),
        values=tuple(tuple(trial.values(metric)) for trial in trials),
        published=tuple(
            tuple(one.metrics[metric] for one in published_beside(results, trial) if metric in one.metrics)
            for trial in trials
        ),
        limits=possible_range(metric, trials[0]),
    )
