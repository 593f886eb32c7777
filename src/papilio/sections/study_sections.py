"""What the page shows of a study, its stages and its models: results in, plain data and drawn figures out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure

from papilio.drawing import figures
from papilio.drawing.figure_files import FigureBox, Pictures
from papilio.results import words
from papilio.results.results import StudyResults, TrialResult
from papilio.runs.folder import RunFolder
from papilio.sections import result_tables as tables
from papilio.sections import sentences
from papilio.sections.curve_sections import all_curves, best_first
from papilio.sections.design_sections import costs_section
from papilio.sections.search_sections import SearchSection, search_section
from papilio.sections.stuck import stuck_notes
from papilio.studies.study import slug

MOST_TRIALS = 20
MOST_MODELS = 12


@dataclass(frozen=True)
class Headline:
    """The page's first sentence, in the parts that are set apart."""

    trial: str
    stage: str | None  # None where there is only one
    num_trials: int
    chosen_by: str
    metric: str
    spread: tables.Spread
    over: str
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
    unit: str | None  # of errors, where images show a number
    stuck: list[str]  # sentences on runs that learned nothing
    comparison: FigureBox | None
    curves: list[FigureBox]
    costs: FigureBox | None  # of mistakes, where images show a number
    search: SearchSection


@dataclass
class ModelSection:
    """One network and the trials that train it."""

    family: str
    layers: list[dict[str, Any]]
    parameters: int | None
    trials: list[str] = field(default_factory=list)


def headline(results: StudyResults) -> Headline | None:
    """The best trial of the last stage that has one, None while no run is finished."""
    trial = sentences.best_trial(results)
    if trial is None:
        return None
    metric = sentences.headline_metric(results, trial)
    mean = trial.mean(metric)
    assert mean is not None  # the metric is one that the trial has
    stands_beside = [one for one in results.published if one.stage == trial.stage and tables.fits(one.where, trial)]
    return Headline(
        trial=trial.name,
        stage=trial.stage if len(results.stages) > 1 else None,
        num_trials=len(results.trials(trial.stage)),
        chosen_by=results.chosen_by,
        metric=metric,
        spread=tables.Spread(mean, trial.spread(metric), len(trial.values(metric))),
        over=sentences.runs_words(run for run in trial.finished if metric in run.metrics),
        published=[(one.metrics[metric], one.source) for one in stands_beside if metric in one.metrics],
    )


def facts(results: StudyResults) -> list[tuple[str, str]]:
    """The few facts under the title, as label and text."""
    environment = results.environment
    done, pruned = (sum(run.status == status for run in results.runs) for status in ("done", "pruned"))
    num_trials = sum(len(results.trials(stage)) for stage in results.stages)
    rows = [
        ("Images", ", ".join(dict.fromkeys(str(images.get("name", "")) for images in environment.get("data", [])))),
        ("Trials", f"{num_trials:,} in {words.counted(len(results.stages), 'stage')}"),
        ("Runs", f"{done:,} of {len(results.runs):,} done" + (f", {pruned:,} cut early" if pruned else "")),
        ("Training time", words.duration(sum(run.seconds for run in results.runs))),
        ("Machine", str(environment.get("processor") or "")),
        ("Started", str(environment.get("started") or "").partition("T")[0]),
    ]
    return [(label, text) for label, text in rows if text]


def stage_section(results: StudyResults, stage: str, pictures: Pictures) -> StageSection:
    """A stage's table, at most its best trials, and its figures."""
    number = results.stages.index(stage) + 1
    name = f"{number}-{slug(stage)[:40]}"
    table = tables.results_table(results, stage)
    rows = [row for row in table.rows if row.rank or "pruned" not in row.unfinished] or list(table.rows)
    shown = tables.ResultsTable(stage, table.metrics, tuple(rows[:MOST_TRIALS]), table.keys)
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
        unit=_unit(results),
        stuck=stuck_notes(results, best_first(results, stage)[:MOST_TRIALS]),
        comparison=_comparison(results, stage, name=name, pictures=pictures),
        curves=all_curves(results, stage, name=name, pictures=pictures),
        costs=costs_section(results, stage, name=name, pictures=pictures),
        search=search_section(results, stage, name=name, pictures=pictures),
    )


def _unit(results: StudyResults) -> str | None:
    """What errors are measured in, where images show a number on a circle."""
    quantity = tables.study_quantity(results)
    if quantity is None:
        return None
    return "minutes" if quantity.is_time else quantity.unit or "the labels’ own units"


def model_sections(results: StudyResults) -> list[ModelSection]:
    """The different networks of the shown trials, each once, with the trials that train it."""
    found: dict[str, ModelSection] = {}
    for stage in results.stages:
        for trial in best_first(results, stage)[:MOST_TRIALS]:
            run = next((run for run in trial.runs if run.parameters is not None), None)
            known = RunFolder(run.folder).read() if run else None
            if run is None or known is None or not known.layers:
                continue
            family = str(run.settings.get("model", {}).get("family", "model"))
            key = json.dumps([family, known.layers])
            section = found.setdefault(key, ModelSection(family, known.layers, run.parameters))
            if trial.name not in section.trials:
                section.trials.append(trial.name)
    return list(found.values())[:MOST_MODELS]


def run_metrics(results: StudyResults) -> list[str]:
    """The columns of the table of every run."""
    return list(dict.fromkeys(name for stage in results.stages for name in tables.shown_metrics(results, stage)))


def shape_words(shape: Sequence[int]) -> str:
    """An image's shape for people.

    >>> shape_words([1, 28, 28]), shape_words([3, 32, 48])
    ('28 × 28 pixels, grey', '32 × 48 pixels, colour')
    """
    channels, height, width = shape
    colour = {1: "grey", 3: "colour"}.get(channels, f"{channels} channels")
    return f"{height} × {width} pixels, {colour}"


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
    text = f"{words.counted(len(trials), 'trial')} with {sentences.runs_words(trials[0].runs)} each"
    if len(runs) != len(trials) * len(trials[0].runs):
        text = f"{words.counted(len(trials), 'trial')}, {words.counted(len(runs), 'run')}"
    return f"{text}; what varies: {', '.join(varied)}" if varied else text


def _comparison(results: StudyResults, stage: str, *, name: str, pictures: Pictures) -> FigureBox | None:
    trials = results.ranked(stage)[:MOST_TRIALS]
    if len(trials) < 2 and not any(one.stage == stage for one in results.published):
        return None
    if not trials:
        return None
    test = "test_" + results.chosen_by.removeprefix("val_")
    num_tested = sum(bool(trial.values(test)) for trial in trials)  # a search may measure only its best on test images
    metrics = [results.chosen_by] + ([test] if num_tested > 1 or num_tested == len(trials) else [])
    panels = [_panel(results, trials, metric) for metric in dict.fromkeys(metrics)]
    label = f"{' and '.join(map(words.metric_words, metrics))} of {words.counted(len(trials), 'trial')}, best first: "
    label += "; ".join(f"{trial.name} {tables.plain_number(trial.mean(metrics[-1]) or 0)}" for trial in trials[:8])
    has_published = any(any(panel.published) for panel in panels)
    caption = "Trials, best by " + words.metric_words(results.chosen_by) + " first. Small dots are runs, large ones"
    caption += " their means, bars one standard deviation" + ("; diamonds were published." if has_published else ".")
    short = tables.short_names(results, stage, trials)
    names = [short[trial.name] for trial in trials]

    def draw(width: float) -> Figure:
        return figures.trial_comparison(names, panels, width=width)

    return FigureBox(pictures.keep(draw, name=f"{name}-comparison", label=label), caption)


def _panel(results: StudyResults, trials: Sequence[TrialResult], metric: str) -> figures.Panel:
    return figures.Panel(
        metric=words.sentence(words.metric_words(metric)),
        values=tuple(tuple(trial.values(metric)) for trial in trials),
        published=tuple(tuple(tables.published_for(results, trial, metric)) for trial in trials),
    )
