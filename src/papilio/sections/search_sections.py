"""What the page shows of a stage as a search: which settings matter, who was pruned, whether the best is really ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from papilio.analysis.comparison import PairedComparison, paired_comparison
from papilio.analysis.importance import MOST_TRIALS, Importance, setting_importance
from papilio.analysis.main_effects import MainEffect, Observation, main_effects
from papilio.drawing import search_figures
from papilio.drawing.figure_files import FigureBox, Pictures
from papilio.drawing.scales import Scale, metric_scale, setting_scale
from papilio.errors import agreed
from papilio.kinds.ranking import Ranking
from papilio.results import words
from papilio.results.metrics import possible_range
from papilio.results.results import StudyResults, TrialResult
from papilio.sections import result_tables as tables
from papilio.sections.blocks import Table
from papilio.sections.curve_sections import evenly
from papilio.sections.result_tables import best_first, reached
from papilio.settings.run_settings import RunSettings

MOST_DRAWN = 300  # trials in a figure: more cannot be told apart, and make the page heavy
MOST_SETTINGS = 12  # axes and panels, the most important first
FEWEST_TRIALS = 6  # that make a picture of a search: fewer are read from the table
LONGEST_NAME = 30
BASE = "trial"  # next to what varies: the named trial that a point stands on
CLEAR = 0.05  # a p-value below it is called a lead


@dataclass(frozen=True)
class Pruning:
    """How many trials were pruned, and what that saved."""

    sentence: str
    figure: FigureBox


@dataclass(frozen=True)
class SearchSection:
    """What a stage's search found out about its settings."""

    comparison: str | None
    importance: FigureBox | None
    without_importance: str | None  # why there is none
    parallel: FigureBox | None
    slices: FigureBox | None
    pruning: Pruning | None
    effects: Table | None = None  # of a grid


def search_section(results: StudyResults, stage: str, *, name: str, pictures: Pictures) -> SearchSection:
    """The search of a stage; parts that would show nothing are None, as all are where nothing ranks its trials."""
    ranking = results.ranking(stage)
    if ranking is None:
        return SearchSection(None, None, None, None, None, None)
    tried = _tried(results, stage)
    keys = _differing_keys(tried)
    is_search = bool(keys) and len(tried) >= FEWEST_TRIALS
    found = _importance(ranking, tried) if is_search and len(keys) > 1 else None
    order = sorted(keys, key=lambda key: -found.shares.get(key, 0.0)) if found else keys
    drawing = _Search(results, stage, ranking, _thinned(tried), order[:MOST_SETTINGS], found, num_tried=len(tried))
    return SearchSection(
        comparison=comparison_words(results, stage),
        importance=_importance_box(drawing, name=name, pictures=pictures) if found and found.shares else None,
        without_importance=found.reason if found else None,
        parallel=_parallel_box(drawing, name=name, pictures=pictures) if is_search and len(keys) > 1 else None,
        slices=_slices_box(drawing, name=name, pictures=pictures) if is_search else None,
        pruning=_pruning(results, stage, name=name, pictures=pictures),
        effects=effects_table(results, stage),
    )


def effects_table(results: StudyResults, stage: str) -> Table | None:
    """What each setting of a grid does by itself; None where the stage is no grid, or has too few runs to tell."""
    ranking, ranked = results.ranking(stage), results.ranked(stage)
    if ranking is None or not _is_grid(results, stage):
        return None
    observations = [
        Observation({BASE: trial.base_name, **trial.varied}, (run.seed, run.fold), run.metrics[ranking.metric])
        for trial in ranked
        for run in trial.finished
        if ranking.metric in run.metrics
    ]
    keys = _differing_keys(ranked)
    if keys and len({trial.base_name for trial in ranked}) > 1:
        keys = [BASE, *keys]  # named trials, each combined with all that varies
    found = main_effects(observations, keys, test_share=_test_share(ranked[0]) if ranked else None)
    if not found:
        return None
    names, metric = words.key_words(keys), words.metric_words(ranking.metric)
    limits = possible_range(ranking.metric, ranked[0])
    most = limits[1] - limits[0]
    rows = [
        (
            names[one.key],
            words.value_words(one.value),
            words.plain_number(one.mean),
            _signed(one.difference, like=one.mean),
            _effect_interval(one, most),
            f"{one.num:,}",
            "yes" if one.is_clear else "no",
        )
        for one in sorted(found, key=lambda one: keys.index(one.key))
    ]
    columns = ("Setting", "Value", "Mean", "Difference", "95% interval", "Pairs", "Clear")
    return Table(
        columns,
        tuple(rows),
        f"{words.sentence(metric)} at each value, averaged over all combinations of the other settings, and its difference from"
        " the setting’s other values in the same combinations (pairs). A combination with several runs counts once, with"
        " their mean; if there is only one, its runs are the pairs. Clear: the interval excludes 0.",
        numbers=("Mean", "Difference", "95% interval", "Pairs"),
        heading="Main effects",
    )


def _effect_interval(effect: MainEffect, most: float) -> str:
    if effect.half_width is None:
        return "–"
    ends = (effect.difference - effect.half_width, effect.difference + effect.half_width)
    return " to ".join(_signed(min(max(end, -most), most), like=effect.mean) for end in ends)


def _signed(value: float, *, like: float) -> str:
    """With as many decimals as the metric `like` has, or in another form where the metric has so small values."""
    if abs(like) < 0.0005:
        text = words.plain_number(value)
        return f"+{text}" if value > 0 else text
    return words.signed(f"{value:+.{words.decimals(like)}f}").replace("+0.0000", "0.0000")


def _is_grid(results: StudyResults, stage: str) -> bool:
    (found,) = [one for one in results.study.get("stage", []) if one.get("name") == stage] or [{}]
    sampler = found.get("sampler", "grid")
    return (sampler.get("name") if isinstance(sampler, Mapping) else sampler) == "grid"


def comparison_words(results: StudyResults, stage: str) -> str | None:
    """Whether the best trial really beats the next one, None where there are no two, or nothing ranks them."""
    trials = results.trials(stage)
    ranking, ranked = results.ranking(stage), results.ranked(stage)
    if ranking is None or len(ranked) < 2:
        return None
    best, second = ranked[:2]  # whole trials, then partly finished ones: the second may be the better one
    names = ("the best trial", "the next one")
    if max(len(best.title), len(second.title)) <= LONGEST_NAME:
        names = (best.title, second.title)
    pairs = _pairs(best, second, ranking.metric)
    metric = words.metric_words(ranking.metric)
    if len(pairs) < 2:
        if all(len(trial.runs) == 1 for trial in (best, second)):
            return f"One run per trial cannot tell {names[0]} and {names[1]} apart by {metric}: set seeds = 3 or more."
        in_common = f"only {words.counted(len(pairs), 'run')} in common" if pairs else "no run in common"
        return f"By {metric}, {names[0]} and {names[1]} cannot be told apart: they have {in_common}."
    share = _test_share(best)
    found = paired_comparison(*zip(*pairs, strict=True), test_share=share)
    sentences = [_lead_words(*names, metric, found, is_max=ranking.is_maximized)]
    if share is not None:
        sentences.append("The interval allows for the folds' overlapping training sets.")
    if len(trials) > 2 and second.is_whole:
        sentences.append(f"The best of {len(trials):,} was selected on these numbers, so its lead is biased upwards.")
    return " ".join(sentences)


def _test_share(trial: TrialResult) -> float | None:
    """Of folds, the number of images held out over the number trained on; None without folds."""
    num_folds = len({run.fold for run in trial.finished if run.fold is not None})
    return 1 / (num_folds - 1) if num_folds > 1 else None


@dataclass(frozen=True)
class _Search:
    """A stage's trials that are drawn, best first, and the settings on their axes, the most important first."""

    results: StudyResults
    stage: str
    ranking: Ranking
    trials: Sequence[TrialResult]
    keys: Sequence[str]
    importance: Importance | None
    num_tried: int

    @property
    def num_highlighted(self) -> int:
        return min(search_figures.NUM_HIGHLIGHTED, sum(not trial.is_pruned for trial in self.trials))

    @property
    def metric(self) -> str:
        return words.metric_words(self.ranking.metric)

    def scales(self, *, has_shares: bool) -> list[Scale]:
        space, names = _space(self.results, self.stage), words.key_words(self.keys)
        shares = self.importance.shares if self.importance and has_shares else {}
        labels = {key: f"{names[key]} · {100 * shares[key]:.0f}%" if key in shares else names[key] for key in self.keys}
        return [
            setting_scale(labels[key], [trial.varied.get(key) for trial in self.trials], space=space.get(key))
            for key in self.keys
        ]

    def metric_scale(self) -> Scale:
        values = [reached(trial, self.ranking) for trial in self.trials]
        return metric_scale(self.metric, values, higher_is_better=self.ranking.is_maximized)

    def caption(self) -> str:
        """What every picture of the trials has to say of which they are."""
        text = (
            f" The best {self.num_highlighted} are colored as in the curves above." if self.num_highlighted > 1 else ""
        )
        if len(self.trials) < self.num_tried:
            text += f" Drawn: {len(self.trials)} of {self.num_tried:,} trials, evenly from best to worst."
        has_pruned = any(trial.is_pruned for trial in self.trials)
        return text + (" Pruned trials are shown with the best value that they reached." if has_pruned else "")


def _tried(results: StudyResults, stage: str) -> list[TrialResult]:
    """The trials that have reached something: the ranked, best first, then the pruned, the last to be pruned first."""
    every = best_first(results, stage)[len(results.ranked(stage)) :]
    return results.ranked(stage) + [one for one in every if one.is_pruned and any(run.epochs for run in one.runs)]


def _importance(ranking: Ranking, tried: Sequence[TrialResult]) -> Importance:
    trials = evenly(tried, MOST_TRIALS)
    return setting_importance([trial.varied for trial in trials], [reached(trial, ranking) for trial in trials])


def _importance_box(search: _Search, *, name: str, pictures: Pictures) -> FigureBox:
    assert search.importance is not None
    keys = list(search.importance.shares)[:MOST_SETTINGS]
    names, shares = words.key_words(list(search.importance.shares)), search.importance.shares

    def draw(width: float) -> Figure:
        return search_figures.importance_bars([names[key] for key in keys], [shares[key] for key in keys], width=width)

    label = "Importance of settings: " + "; ".join(f"{names[key]} {100 * shares[key]:.0f}%" for key in keys)
    caption = f"How much of the variation in {search.metric} each setting explains by itself, as a share of the total explained"
    caption += f": functional ANOVA over {words.counted(search.importance.num_trials, 'trial')}."
    if any(trial.is_pruned for trial in search.trials):
        caption += " Pruned trials count with the value they had reached."
    if len(shares) > len(keys):
        caption += f" {words.counted(len(shares) - len(keys), 'setting')} of lower importance not shown."
    return FigureBox(pictures.keep(draw, name=f"{name}-importance", label=label), caption)


def _parallel_box(search: _Search, *, name: str, pictures: Pictures) -> FigureBox:
    scales = [*search.scales(has_shares=False), search.metric_scale()]

    def draw(width: float) -> Figure:
        return search_figures.parallel_coordinates(scales, num_highlighted=search.num_highlighted, width=width)

    label = f"Parallel coordinates of {words.counted(len(search.trials), 'trial')}; the best: {search.trials[0].title}"
    caption = "Each line is a trial: its settings, and its result on the last axis." + search.caption()
    return FigureBox(pictures.keep(draw, name=f"{name}-parallel", label=label), caption)


def _slices_box(search: _Search, *, name: str, pictures: Pictures) -> FigureBox:
    scales, metric = search.scales(has_shares=True), search.metric_scale()
    pruned = np.array([trial.is_pruned for trial in search.trials])
    is_whole = len(search.trials) == search.num_tried and not pruned.any()
    has_medians = is_whole and any(scale.has_named_places for scale in scales)

    def draw(width: float) -> Figure:
        return search_figures.slices(
            scales, metric, pruned=pruned, num_highlighted=search.num_highlighted, has_medians=has_medians, width=width
        )

    names = words.key_words(search.keys)
    label = f"{words.sentence(search.metric)} against {', '.join(names.values())}, a panel each"
    caption = f"{words.sentence(search.metric)} against each setting; each dot is a trial"
    caption += ", each ring a pruned one" if pruned.any() else ""
    caption += ", short lines are medians of equal values." if has_medians else "."
    if metric.num_clipped:
        beyond = agreed(metric.num_clipped, "{} trial beyond the axis is", "{} trials beyond the axis are")
        caption += f" {beyond} drawn at its end."
    return FigureBox(pictures.keep(draw, name=f"{name}-slices", label=label), caption + search.caption())


def _pruning(results: StudyResults, stage: str, *, name: str, pictures: Pictures) -> Pruning | None:
    """None where nothing was cut."""
    trials = [trial for trial in results.trials(stage) if any(run.epochs for run in trial.runs)]
    pruned = [trial for trial in trials if trial.is_pruned]
    if not pruned:
        return None
    cuts = np.array([max(run.epochs for run in trial.runs) for trial in pruned])
    last = max(run.epochs for trial in trials for run in trial.runs)
    epochs = np.arange(last + 1)
    num_left = len(trials) - np.searchsorted(np.sort(cuts), epochs, side="right")

    def draw(width: float) -> Figure:
        return search_figures.survivors(epochs, num_left, width=width)

    label = f"{words.counted(len(trials), 'trial')} at the start, {num_left[-1]:,} not pruned"
    caption = "Trials not yet pruned after each epoch; finished trials count as not pruned."
    return Pruning(
        _saving_words(trials, pruned), FigureBox(pictures.keep(draw, name=f"{name}-pruning", label=label), caption)
    )


def _saving_words(trials: Sequence[TrialResult], pruned: Sequence[TrialResult]) -> str:
    """What cutting saved against running every cut trial for all the epochs that its settings allow."""
    trained = sum(run.epochs for trial in trials for run in trial.runs)
    saved = sum(max(_most_epochs(run.settings) - run.epochs, 0) for trial in pruned for run in trial.runs)
    share = 100 * saved / (trained + saved)
    text = f"{len(pruned):,} of {words.counted(len(trials), 'trial')} {'was' if len(pruned) == 1 else 'were'} pruned: "
    text += f"{words.counted(trained, 'epoch')} trained instead of {'at most ' if _stops_early(pruned) else ''}"
    return f"{text}{trained + saved:,}, {share:.0f}% fewer."


def _most_epochs(settings: Mapping[str, Any]) -> int:
    return RunSettings.of(settings).train.epochs


def _stops_early(trials: Sequence[TrialResult]) -> bool:
    return any(run.settings["train"].get("early_stopping") for trial in trials for run in trial.runs)


def _pairs(first: TrialResult, second: TrialResult, metric: str) -> list[tuple[float, float]]:
    """The values of both by the same seed and fold, as far as both have them."""
    values = [
        {(run.seed, run.fold): run.metrics[metric] for run in trial.finished if metric in run.metrics}
        for trial in (first, second)
    ]
    return [(one, values[1][key]) for key, one in values[0].items() if key in values[1]]


def _lead_words(best: str, second: str, metric: str, found: PairedComparison, *, is_max: bool) -> str:
    """The comparison as a sentence; the difference as the better one's lead, whichever end of the metric is better."""
    over = f"Over {found.num_pairs} paired runs"
    lead = found.difference if is_max else -found.difference
    if lead < 0:
        best, second, lead = second, best, -lead
    if found.half_width is None or found.p_value is None:
        if not lead:
            return f"{over}, {best} and {second} have the same {metric}."
        amount = words.plain_number(lead)
        return f"{over}, {best} is ahead of {second} by {amount} in {metric} in every pair: equal differences allow no test."
    interval = " to ".join(words.plain_number(end) for end in (lead - found.half_width, lead + found.half_width))
    facts = f"by {words.plain_number(lead)} in {metric} (95% interval {interval}, p = {_p_words(found.p_value)})"
    if found.p_value < CLEAR:
        return f"{over}, {best} beats {second} {facts}."
    return f"{over}, {best} and {second} are not significantly different: they differ {facts}."


def _p_words(p_value: float) -> str:
    return "below 0.0001" if p_value < 0.0001 else f"{p_value:.2g}"


def _thinned(tried: Sequence[TrialResult]) -> list[TrialResult]:
    """The best and, where there are very many, others evenly: half of them ranked, half of them cut."""
    best, others = list(tried[: search_figures.NUM_HIGHLIGHTED]), tried[search_figures.NUM_HIGHLIGHTED :]
    most = MOST_DRAWN - len(best)
    pruned = [trial for trial in others if trial.is_pruned]
    ranked = evenly([trial for trial in others if not trial.is_pruned], max(most // 2, most - len(pruned)))
    return best + ranked + evenly(pruned, most - len(ranked))


def _differing_keys(trials: Sequence[TrialResult]) -> list[str]:
    """The keys that have more than one value, a missing one counted."""
    keys = tables.varied_keys(trials)
    return [key for key in keys if len({words.value_words(trial.varied.get(key)) for trial in trials}) > 1]


def _space(results: StudyResults, stage: str) -> Mapping[str, Any]:
    """What the study file says of each varied key."""
    (found,) = [one for one in results.study["stage"] if one["name"] == stage] or [{}]
    return found.get("vary", {})
