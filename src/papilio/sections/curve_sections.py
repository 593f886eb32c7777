"""What the page shows of how trials learned: their curves by epoch, of very many those that tell most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from matplotlib.figure import Figure

from papilio.drawing import figures
from papilio.drawing.figure_files import FigureBox, Pictures
from papilio.drawing.palette import LINES
from papilio.kinds.ranking import Ranking
from papilio.results import words
from papilio.results.metrics import on_split
from papilio.results.results import StudyResults, TrialResult
from papilio.results.units import has_one_unit
from papilio.sections import result_tables as tables
from papilio.studies.study import slug

MOST_CURVES = 150  # of trials that ran to their end, and as many of those that were pruned

Item = TypeVar("Item")


def all_curves(results: StudyResults, stage: str, *, name: str, pictures: Pictures) -> list[FigureBox]:
    """The curve of the metric that ranks, and the losses where that is another one; all metrics where nothing ranks."""
    shown = _drawn(results, stage)
    metrics = _drawn_metrics(results.ranking(stage), shown)
    boxes = [_curves(results, stage, shown, metric, name=name, pictures=pictures) for metric in metrics]
    return [box for box in boxes if box]


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many of the items, evenly spread, the first and the last among them.

    >>> evenly("abcdefg", 3), evenly("ab", 3)
    (['a', 'd', 'g'], ['a', 'b'])
    """
    if len(items) <= most:
        return list(items)
    return [items[round(index * (len(items) - 1) / (most - 1))] for index in range(most)]


def _drawn_metrics(ranking: Ranking | None, trials: Sequence[TrialResult]) -> list[str]:
    """Metrics as recorded, each on validation images, or on training images where it is not measured on others."""
    names = dict.fromkeys(name for trial in trials for run in trial.runs for record in run.records for name in record)
    recorded = [name for name in names if name.startswith(("train_", "val_"))]
    solid = dict.fromkeys(val if (val := on_split(name, "val")) in names else name for name in recorded)
    runs = [run for trial in trials for run in trial.runs]
    # losses of several kinds of runs do not share an axis
    alike = [name for name in solid if has_one_unit(runs, name)]
    if ranking is None:
        return alike
    return list(dict.fromkeys([ranking.metric, *(name for name in alike if name.endswith("loss"))]))


def _curves(
    results: StudyResults, stage: str, shown: Sequence[TrialResult], metric: str, *, name: str, pictures: Pictures
) -> FigureBox | None:
    ranking = results.ranking(stage)
    names = tables.short_names(results, stage, shown)
    # a trial has one color in all figures, if there are enough
    colors = LINES if len(shown) <= len(LINES) else [""] * len(shown)
    drawn = [
        _curve(trial, metric, label=names[trial.name], color=color) for trial, color in zip(shown, colors, strict=False)
    ]
    curves = [curve for curve in drawn if curve.validation]
    if not curves:
        return None
    ranks = ranking is not None and metric == ranking.metric
    higher = None if ranking is None else ranks and ranking.is_maximized
    title = words.sentence(words.metric_words(metric))

    def draw(width: float) -> Figure:
        return figures.learning_curves(curves, metric=title, higher_is_better=higher, has_cut_ends=ranks, width=width)

    label = f"{words.metric_words(metric)} by epoch of {words.counted(len(curves), 'trial')}; at the end of training: "
    label += "; ".join(f"{curve.label} {words.plain_number(figures.end_of(curve)[1])}" for curve in curves[:8])
    return FigureBox(
        pictures.keep(draw, name=f"{name}-{slug(metric)}", label=label), _curve_caption(results, stage, curves, metric)
    )


def _drawn(results: StudyResults, stage: str) -> list[TrialResult]:
    """The best trials and, evenly from best to worst, others; and evenly in the study's order those without a rank."""
    every = tables.best_first(results, stage)
    num_ranked = 0 if results.ranking(stage) is None else len(results.ranked(stage))
    num_best = min(figures.MOST_COLORED, num_ranked or len(every))
    best, others, unranked = every[:num_best], every[num_best:num_ranked], every[max(num_best, num_ranked) :]
    return best + evenly(others, MOST_CURVES - len(best)) + evenly(unranked, MOST_CURVES)


def _curve_caption(results: StudyResults, stage: str, curves: Sequence[figures.Curve], metric: str) -> str:
    is_ranked = results.ranking(stage) is not None
    text = words.sentence(words.metric_words(metric)) + " by epoch"
    if any(len(curve.validation) > 1 for curve in curves):
        first = "best" if is_ranked else "first"
        few = f" (of the {first} {figures.MOST_BANDS})" if len(curves) > figures.MOST_BANDS else ""
        text += f": a line is the mean over a trial’s runs, a band{few} their range"
    if any(len({len(run) for run in curve.validation}) > 1 for curve in curves):
        text += "; thin lines are runs that outlasted the others"
    num_colored = len(curves) if len(curves) <= figures.MOST_COLORED else figures.NUM_HIGHLIGHTED
    has_training = num_colored <= figures.MOST_WITH_TRAINING and any(curve.train for curve in curves)
    text += ". Dashed: the same on training images." if has_training else "."
    if len(curves) > num_colored:
        text += f" The {'best' if is_ranked else 'first'} {figures.NUM_HIGHLIGHTED} are colored."
    if any(curve.is_pruned for curve in curves):
        text += " Lines that end in a dot were pruned."
    begun = sum(any(len(_series(run.records, metric)) for run in trial.runs) for trial in results.trials(stage))
    if begun > len(curves):
        order = "from best to worst" if is_ranked else "in the study’s order"
        text += f" Drawn: {len(curves)} of {begun:,} trials, evenly {order}."
    return text


def _curve(trial: TrialResult, metric: str, *, label: str, color: str) -> figures.Curve:
    """A trial's curves: of its finished runs, or of all while none is finished."""
    runs = trial.finished or trial.runs
    validation = [_series(run.records, metric) for run in runs]
    is_on_validation = metric.startswith("val_")
    train = [_series(run.records, on_split(metric, "train")) for run in runs] if is_on_validation else []
    return figures.Curve(
        label,
        tuple(one for one in validation if len(one)),
        tuple(one for one in train if len(one)),
        is_pruned=trial.is_pruned,
        color=color,
    )


def _series(records: Sequence[dict[str, Any]], metric: str) -> figures.Series:
    """A metric by epoch, up to the first epoch that lacks it."""
    values = [record.get(metric) for record in records]
    return np.array(values[: values.index(None)] if None in values else values, dtype=float)
