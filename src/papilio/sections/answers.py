"""What a study answers, in sentences for the head of its page: published orders, spreads of seeds, what carries over."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from papilio.analysis.orders import Order, published_orders
from papilio.analysis.spreads import Spread, spread_of
from papilio.errors import agreed
from papilio.results.metrics import on_split
from papilio.results.results import StudyResults, TrialResult
from papilio.results.words import counted, metric_words

MOST_TRIALS = 200  # whose pairs are compared


def answers(results: StudyResults) -> list[str]:
    """A sentence or two for each stage that stands next to published numbers, or takes its trials from another study."""
    orders = {order.stage: order for order in published_orders(results)}
    found: list[str] = []
    for stage in results.stages:
        source = _other_study(results, stage)
        parts = [
            _order_words(orders[stage]) if stage in orders else None,
            _carried_words(results, stage, source) if source else None,
            _spread_words(results, stage) if stage in orders or source else None,
        ]
        if text := " ".join(filter(None, parts)):
            found.append(f"“{stage}”: {text}" if len(results.stages) > 1 else text)
    return found


def _other_study(results: StudyResults, stage: str) -> str | None:
    """The study of whose best trials the stage consists."""
    tables: Sequence[dict[str, Any]] = results.study.get("stage", [])
    origin = next((table.get("from") for table in tables if table.get("name") == stage), None)
    return str(origin["study"]) if isinstance(origin, dict) and "study" in origin else None


def _has_trials_of_its_own(results: StudyResults, stage: str) -> bool:
    """Whether the stage varies something, or names trials, besides what it takes from another study."""
    tables: Sequence[dict[str, Any]] = results.study.get("stage", [])
    return any(table.get("name") == stage and (table.get("vary") or table.get("trial")) for table in tables)


def _order_words(order: Order) -> str:
    kept, within = order.num_pairs - len(order.swaps), sum(swap.is_within_spread for swap in order.swaps)
    text = f"{kept} of {counted(order.num_pairs, 'pair')} of trials are in the published order"
    if not order.swaps:
        return f"{text}."
    if len(order.swaps) == 1:
        return f"{text}; the other differs by {'no more' if within else 'more'} than the spread of seeds."
    differ = agreed(within, "{} differs", "{} differ") if within else "none differs"
    return f"{text}; of the other {len(order.swaps)}, {differ} by no more than the spread of seeds."


def _carried_words(results: StudyResults, stage: str, study: str) -> str | None:
    """How the best trials of another study do here, next to the best of the same kind of network that this study found."""
    ranking, ranked = results.ranking(stage), results.ranked(stage)
    if ranking is None or not ranked:
        return None
    metric, best = on_split(ranking.metric, "test"), ranked[0]
    measured = spread_of(best, metric)
    if measured is None:
        return None
    asked = [trial.name for trial in results.trials(stage)]
    if _has_trials_of_its_own(results, stage):
        text = f"Starting from the best of {study}, “{best.title}” is the best here"
    elif len(asked) > 1:
        text = f"Of the top {len(asked)} trials of {study}, its no. {asked.index(best.name) + 1} performs best here"
    else:
        text = f"The best of {study}"
    text += f" ({metric_words(metric)} {measured})"
    rival = _best_elsewhere(results, stage, best, metric)
    if rival is None:
        return f"{text}."
    trial, its = rival
    sign = 1 if ranking.is_maximized else -1
    how = "worse than" if sign * (its.mean - measured.mean) > 0 else "at least as good as"
    apart = "" if measured.is_apart_from(its) else ", though within the spread of seeds"
    return f"{text}; {how} the best of the other stages, “{trial.title}” in “{trial.stage}” ({its}){apart}."


def _best_elsewhere(
    results: StudyResults, stage: str, best: TrialResult, metric: str
) -> tuple[TrialResult, Spread] | None:
    """The best trial of the same family in the stages that take nothing from another study."""
    others = [name for name in results.stages if name != stage and _other_study(results, name) is None]
    firsts = [
        next((trial for trial in results.ranked(name) if _family(trial) == _family(best)), None)
        for name in others
        if results.ranking(name) == results.ranking(stage)
    ]
    found = [(trial, its) for trial in firsts if trial is not None and (its := spread_of(trial, metric)) is not None]
    ranking = results.ranking(stage)
    if not found or ranking is None:
        return None
    return (max if ranking.is_maximized else min)(found, key=lambda one: one[1].mean)


def _family(trial: TrialResult) -> str:
    return str(trial.runs[0].settings.get("model", {}).get("family", "")) if trial.runs else ""


def _spread_words(results: StudyResults, stage: str) -> str | None:
    """How many pairs of trials differ by more than the spread of their runs; None without several runs each."""
    ranking = results.ranking(stage)
    if ranking is None:
        return None
    metric = on_split(ranking.metric, "test")
    spreads = [spread_of(trial, metric) for trial in results.ranked(stage)[:MOST_TRIALS]]
    known = [one for one in spreads if one is not None and one.sd is not None]
    if len(known) < 2:
        return None
    if len(known) == 2:
        more = "more" if known[0].is_apart_from(known[1]) else "no more"
        which = "Its two trials" if len(spreads) == 2 else "The two trials with several runs"
        return f"{which} differ by {more} than the spread of seeds."
    pairs = list(combinations(known, 2))
    apart = sum(one.is_apart_from(other) for one, other in pairs)
    text = f"{apart} of {counted(len(pairs), 'pair')} of trials differ by more than the spread of seeds"
    return f"{text}; the first and the second best {'do' if known[0].is_apart_from(known[1]) else 'do not'}."
