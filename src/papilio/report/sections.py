"""What each section of the page shows: results in, plain data and drawn figures out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from papilio.report import class_figures, figures, tables, words
from papilio.report.analyses import ClassAnalysis
from papilio.report.pictures import Pictures, data_uri
from papilio.runs.folder import RunFolder
from papilio.studies.results import StudyResults, TrialResult
from papilio.studies.study import slug

MOST_TRIALS = 20
MOST_GREY_CURVES = 100
MOST_MODELS = 12
MOST_CLASSES = 30
MOST_MISTAKES = 24
MOST_PAIRS = 10


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
class FigureBox:
    """A figure with its caption."""

    svg: Markup
    caption: str


@dataclass(frozen=True)
class StageSection:
    """A stage's table and figures."""

    anchor: str
    name: str
    summary: str
    table: tables.ResultsTable
    num_hidden: int
    comparison: FigureBox | None
    curves: list[FigureBox]


@dataclass
class ModelSection:
    """One network and the trials that train it."""

    family: str
    layers: list[dict[str, Any]]
    parameters: int | None
    trials: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ClassRow:
    """One class of a classifier."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Mistake:
    """One wrongly classified image."""

    uri: str
    true: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class AnalysisSection:
    """What a trained classifier gets wrong."""

    anchor: str
    analysis: ClassAnalysis
    num_stages: int
    seed: int | None
    num_images: int
    classes: list[ClassRow]
    num_hidden_classes: int
    pairs: list[str]
    per_class: FigureBox
    confusion: FigureBox
    mistakes: list[Mistake]


def headline(results: StudyResults) -> Headline | None:
    """The best trial of the last stage that has one, None while no run is finished."""
    trial = words.best_trial(results)
    if trial is None:
        return None
    metric = words.headline_metric(results, trial)
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
        over=words.runs_words(run for run in trial.finished if metric in run.metrics),
        published=[(one.metrics[metric], one.source) for one in stands_beside if metric in one.metrics],
    )


def facts(results: StudyResults) -> list[tuple[str, str]]:
    """The few facts under the title, as label and text."""
    environment = results.environment
    done = sum(run.status == "done" for run in results.runs)
    num_trials = sum(len(results.trials(stage)) for stage in results.stages)
    rows = [
        ("Images", ", ".join(str(images.get("name", "")) for images in environment.get("data", []))),
        ("Trials", f"{num_trials:,} in {words.counted(len(results.stages), 'stage')}"),
        ("Runs", f"{done:,} of {len(results.runs):,} done"),
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
    shown = tables.ResultsTable(stage, table.metrics, table.rows[:MOST_TRIALS])
    return StageSection(
        anchor=f"stage-{number}",
        name=stage,
        summary=_stage_summary(results, stage),
        table=shown,
        num_hidden=len(table.rows) - len(shown.rows),
        comparison=_comparison(results, stage, name=name, pictures=pictures),
        curves=_all_curves(results, stage, name=name, pictures=pictures),
    )


def model_sections(results: StudyResults) -> list[ModelSection]:
    """The different networks of the shown trials, each once, with the trials that train it."""
    found: dict[str, ModelSection] = {}
    for stage in results.stages:
        for trial in _best_first(results, stage)[:MOST_TRIALS]:
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


def analysis_section(results: StudyResults, analysis: ClassAnalysis, pictures: Pictures) -> AnalysisSection:
    """Each class by itself, which classes are taken for which, and the most confident mistakes."""
    run = next((run for run in results.runs if run.name == analysis.run), None)
    rows = _class_rows(analysis)
    name = slug(analysis.slug)[:60]
    _keep_gallery(analysis, name=name, pictures=pictures)
    return AnalysisSection(
        anchor=f"analysis-{name}",
        analysis=analysis,
        num_stages=len(results.stages),
        seed=run.seed if run else None,
        num_images=int(analysis.support.sum()),
        classes=rows,
        num_hidden_classes=len(analysis.class_names) - len(rows),
        pairs=_pairs(analysis),
        per_class=_per_class(analysis, rows, name=name, pictures=pictures),
        confusion=_confusion(analysis, name=name, pictures=pictures),
        mistakes=_mistakes(analysis),
    )


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


def _stage_summary(results: StudyResults, stage: str) -> str:
    trials = results.trials(stage)
    runs = [run for trial in trials for run in trial.runs]
    varied = list(dict.fromkeys(key for trial in trials for key in trial.varied))
    text = f"{words.counted(len(trials), 'trial')} with {words.runs_words(trials[0].runs)} each"
    if len(runs) != len(trials) * len(trials[0].runs):
        text = f"{words.counted(len(trials), 'trial')}, {words.counted(len(runs), 'run')}"
    return f"{text}; what varies: {', '.join(varied)}" if varied else text


def _best_first(results: StudyResults, stage: str) -> list[TrialResult]:
    ranked = results.ranked(stage)
    names = {trial.name for trial in ranked}
    return ranked + [trial for trial in results.trials(stage) if trial.name not in names]


def _comparison(results: StudyResults, stage: str, *, name: str, pictures: Pictures) -> FigureBox | None:
    trials = results.ranked(stage)[:MOST_TRIALS]
    if len(trials) < 2 and not any(one.stage == stage for one in results.published):
        return None
    if not trials:
        return None
    test = "test_" + results.chosen_by.removeprefix("val_")
    metrics = [results.chosen_by] + ([test] if any(trial.values(test) for trial in trials) else [])
    panels = [_panel(results, trials, metric) for metric in dict.fromkeys(metrics)]
    label = f"{' and '.join(map(words.metric_words, metrics))} of {words.counted(len(trials), 'trial')}, best first: "
    label += "; ".join(f"{trial.name} {tables.plain_number(trial.mean(metrics[-1]) or 0)}" for trial in trials[:8])
    has_published = any(any(panel.published) for panel in panels)
    caption = "Trials, best by " + words.metric_words(results.chosen_by) + " first. Small dots are runs, large ones"
    caption += " their means, bars one standard deviation" + ("; diamonds were published." if has_published else ".")
    names = [trial.name for trial in trials]

    def draw(width: float) -> Figure:
        return figures.trial_comparison(names, panels, width=width)

    return FigureBox(pictures.keep(draw, name=f"{name}-comparison", label=label), caption)


def _panel(results: StudyResults, trials: Sequence[TrialResult], metric: str) -> figures.Panel:
    return figures.Panel(
        metric=words.sentence(words.metric_words(metric)),
        values=tuple(tuple(trial.values(metric)) for trial in trials),
        published=tuple(tuple(tables.published_for(results, trial, metric)) for trial in trials),
    )


def _all_curves(results: StudyResults, stage: str, *, name: str, pictures: Pictures) -> list[FigureBox]:
    """The curve of the metric that chooses, and the loss where that is another one."""
    metrics = dict.fromkeys([results.chosen_by, "val_loss"])
    boxes = [_curves(results, stage, metric, name=name, pictures=pictures) for metric in metrics]
    return [box for box in boxes if box]


def _curves(results: StudyResults, stage: str, metric: str, *, name: str, pictures: Pictures) -> FigureBox | None:
    trials = _best_first(results, stage)[:MOST_GREY_CURVES]
    curves = [curve for trial in trials if (curve := _curve(trial, metric)).validation]
    if not curves:
        return None
    higher = results.direction == "max" if metric == results.chosen_by else False
    title = words.sentence(words.metric_words(metric))

    def draw(width: float) -> Figure:
        return figures.learning_curves(curves, metric=title, higher_is_better=higher, width=width)

    label = f"{words.metric_words(metric)} by epoch of {words.counted(len(curves), 'trial')}; at the end of training: "
    label += "; ".join(f"{curve.label} {tables.plain_number(float(curve.validation[0][-1]))}" for curve in curves[:8])
    return FigureBox(
        pictures.keep(draw, name=f"{name}-{slug(metric)}", label=label), _curve_caption(results, stage, curves, metric)
    )


def _curve_caption(results: StudyResults, stage: str, curves: Sequence[figures.Curve], metric: str) -> str:
    text = words.sentence(words.metric_words(metric)) + " by epoch"
    if any(len(curve.validation) > 1 for curve in curves):
        text += ": a line is a trial's mean over its runs, the band their range; runs that went on alone are thin"
    text += "." if not any(curve.train for curve in curves) else ". Dashed: the same on training images."
    if len(curves) > figures.MOST_COLOURED:
        text += f" The best {figures.NUM_HIGHLIGHTED} are coloured."
    hidden = len(results.trials(stage)) - len(curves)
    return f"{text} {words.counted(hidden, 'further trial')} not drawn." if hidden > 0 else text


def _curve(trial: TrialResult, metric: str) -> figures.Curve:
    """A trial's curves: of its finished runs, or of all while none is finished."""
    runs = trial.finished or trial.runs
    validation = [_series(run.records, metric) for run in runs]
    train = [_series(run.records, metric.replace("val_", "train_", 1)) for run in runs] if "val_" in metric else []
    return figures.Curve(
        trial.name, tuple(one for one in validation if len(one)), tuple(one for one in train if len(one))
    )


def _series(records: Sequence[dict[str, Any]], metric: str) -> figures.Series:
    """A metric by epoch, up to the first epoch that lacks it."""
    values = [record.get(metric) for record in records]
    return np.array(values[: values.index(None)] if None in values else values, dtype=float)


def _class_rows(analysis: ClassAnalysis) -> list[ClassRow]:
    """The classes in their order; of very many, the worst by F1."""
    order = range(len(analysis.class_names))
    if len(order) > MOST_CLASSES:
        order = [int(index) for index in np.argsort(analysis.f1, kind="stable")[:MOST_CLASSES]]
    return [
        ClassRow(
            name=analysis.class_names[index],
            precision=float(analysis.precision[index]),
            recall=float(analysis.recall[index]),
            f1=float(analysis.f1[index]),
            support=int(analysis.support[index]),
        )
        for index in order
    ]


def _pairs(analysis: ClassAnalysis) -> list[str]:
    return [
        words.pair_words(
            true=analysis.class_names[true],
            predicted=analysis.class_names[predicted],
            count=int(count),
            support=int(analysis.support[true]),
        )
        for true, predicted, count in analysis.pairs[:MOST_PAIRS].tolist()
        if count
    ]


def _per_class(analysis: ClassAnalysis, rows: Sequence[ClassRow], *, name: str, pictures: Pictures) -> FigureBox:
    names = [row.name for row in rows]
    precision, recall = np.array([row.precision for row in rows]), np.array([row.recall for row in rows])

    def draw(width: float) -> Figure:
        return class_figures.per_class(names, precision=precision, recall=recall, width=width)

    worst = min(rows, key=lambda row: row.f1)
    label = f"Precision and recall of {words.counted(len(rows), 'class')[:-1]}es; the lowest F1 is {worst.name}'s"
    caption = "Precision: of the images taken for a class, the share that is of it. Recall: of a class’s images, the"
    caption += " share that was found."
    return FigureBox(pictures.keep(draw, name=f"{name}-per-class", label=label), caption)


def _confusion(analysis: ClassAnalysis, *, name: str, pictures: Pictures) -> FigureBox:
    counts = analysis.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    largest = float((shares - np.diag(np.diag(shares))).max())

    def draw(width: float) -> Figure:
        return class_figures.confusion(counts, analysis.class_names, width=width)

    label = f"Confusion matrix of {len(counts)} classes; " + ("; ".join(_pairs(analysis)[:5]) or "no mistakes")
    caption = (
        "A row is a true class, a column what was predicted. Blue: right, as a share of the row. Orange: wrong, on a"
    )
    caption += f" scale of its own that ends at {100 * largest:.3g} % of the row."
    return FigureBox(pictures.keep(draw, name=f"{name}-confusion", label=label), caption)


def _mistakes(analysis: ClassAnalysis) -> list[Mistake]:
    names = analysis.class_names
    return [
        Mistake(data_uri(image), names[true], names[predicted], float(confidence))
        for image, true, predicted, confidence in zip(
            analysis.mistake_images[:MOST_MISTAKES],
            analysis.mistake_true.tolist(),
            analysis.mistake_predicted.tolist(),
            analysis.mistake_confidence.tolist(),
            strict=False,
        )
    ]


def _keep_gallery(analysis: ClassAnalysis, *, name: str, pictures: Pictures) -> None:
    """The gallery as files; in the page it is made of single images, which flow with the width."""
    if not len(analysis.mistake_images):
        return
    drawn = class_figures.mistakes(
        analysis.mistake_images[:MOST_MISTAKES],
        true=[analysis.class_names[index] for index in analysis.mistake_true.tolist()],
        predicted=[analysis.class_names[index] for index in analysis.mistake_predicted.tolist()],
        confidence=analysis.mistake_confidence,
    )
    pictures.save(drawn, name=f"{name}-mistakes")
