"""Who ends trials early: those that do worse than the others on validation images after equally many epochs.

A trial's score is the mean over its runs (seeds and folds) of the best epoch so far, turned so that more is better. A trial
is cut as a whole. Runs can be put aside and taken up again where they were, so that halving is the synchronous kind: it does
not depend on which worker was faster.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from papilio.studies.settings import PrunerSettings


class Contestant(Protocol):
    """What a pruner sees of a trial."""

    @property
    def number(self) -> int: ...

    def score_at(self, epoch: int) -> float | None:
        """After so many epochs of every run (or all that a run had); None before, and -inf for a trial that failed."""
        ...

    def score_so_far(self, epoch: int) -> float | None:
        """Of the runs that have come so far; None where none has."""
        ...


class Pruner(Protocol):
    """Says how far trials may go, and which end early."""

    def limit(self, number: int) -> int | None:
        """Epochs that a trial's runs may have for now, None for all of them."""
        ...

    def cut_now(self, trial: Contestant, epoch: int, others: Iterable[Contestant]) -> str | None:
        """Why a trial ends after this epoch, None where it goes on."""
        ...

    def cut_at_rungs(self, trials: Sequence[Contestant]) -> dict[int, str] | None:
        """Trials, by number, that end because all have come as far as they were allowed to, each with the reason.

        None where not all have, so that nobody's limit has changed.
        """
        ...


class MedianPruner:
    """Cuts a trial that is below the median of what the others had at the same epoch (Golovin et al., 2017)."""

    def __init__(self, settings: PrunerSettings) -> None:
        self.settings = settings

    def limit(self, number: int) -> int | None:
        return None

    def cut_now(self, trial: Contestant, epoch: int, others: Iterable[Contestant]) -> str | None:
        if epoch < self.settings.min_epochs:
            return None
        score = trial.score_so_far(epoch)
        known = [one.score_at(epoch) for one in others if one.number != trial.number]
        scores = [one for one in known if one is not None and math.isfinite(one)]
        if score is None or len(scores) < self.settings.min_trials:
            return None
        median = statistics.median(scores)
        if score >= median:
            return None
        return f"cut at epoch {epoch}: {abs(score):.4f}, the median of {len(scores)} others was {abs(median):.4f}"

    def cut_at_rungs(self, trials: Sequence[Contestant]) -> dict[int, str] | None:
        return None


@dataclass
class Bracket:
    """A race of some trials: at each rung one in `factor` goes on."""

    rungs: list[int]  # epochs, ascending
    factor: int
    racing: list[int]  # numbers of trials that are still in
    level: int = 0

    @property
    def limit(self) -> int | None:
        """Epochs that those in the race may have for now."""
        return self.rungs[self.level] if self.level < len(self.rungs) else None


@dataclass
class HalvingPruner:
    """Successive halving (Jamieson and Talwalkar, 2016), in one bracket, or in Hyperband's several (Li et al., 2018)."""

    brackets: list[Bracket]
    bracket_of: dict[int, Bracket] = field(init=False)

    def __post_init__(self) -> None:
        self.bracket_of = {number: bracket for bracket in self.brackets for number in bracket.racing}

    def limit(self, number: int) -> int | None:
        return self.bracket_of[number].limit if number in self.bracket_of else None

    def cut_now(self, trial: Contestant, epoch: int, others: Iterable[Contestant]) -> str | None:
        return None

    def cut_at_rungs(self, trials: Sequence[Contestant]) -> dict[int, str] | None:
        cut: dict[int, str] | None = None
        for bracket in self.brackets:
            while bracket.limit is not None and (scores := _scores_at(bracket, trials)) is not None:
                cut = (cut or {}) | _advance(bracket, scores)
        return cut


def make_pruner(settings: PrunerSettings, *, num_trials: int, epochs: int) -> Pruner:
    """The pruner of a stage with so many trials of at most so many epochs."""
    if settings.name == "median":
        return MedianPruner(settings)
    rungs = _rungs(settings, epochs)
    if settings.name == "halving":
        return HalvingPruner([Bracket(rungs, settings.factor, list(range(num_trials)))])
    # Hyperband: the later a bracket's first rung, the fewer trials it has; in a shuffled order, because a grid's is not
    starts = [rungs[index:] for index in range(len(rungs) + 1)]
    weights = np.array([settings.factor ** len(one) / (len(one) + 1) for one in starts])
    ends = np.round(np.cumsum(weights) / weights.sum() * num_trials).astype(int)
    order = np.argsort(np.random.default_rng(0).bit_generator.random_raw(num_trials), kind="stable").tolist()
    begins = [0, *ends[:-1].tolist()]
    parts = [sorted(order[begin:end]) for begin, end in zip(begins, ends.tolist(), strict=True)]
    brackets = [Bracket(one, settings.factor, part) for one, part in zip(starts, parts, strict=True)]
    return HalvingPruner([bracket for bracket in brackets if bracket.racing])


def _rungs(settings: PrunerSettings, epochs: int) -> list[int]:
    rungs = []
    rung = settings.min_epochs
    while rung < epochs:
        rungs.append(rung)
        rung *= settings.factor
    return rungs


def _scores_at(bracket: Bracket, trials: Sequence[Contestant]) -> dict[int, float] | None:
    """The scores of all that race at their rung, None before all have come to it; a trial's number is its place."""
    scores: dict[int, float] = {}
    for number in bracket.racing:
        if number >= len(trials):
            continue  # the space had fewer points than were asked for
        score = trials[number].score_at(bracket.rungs[bracket.level])
        if score is None:
            return None
        scores[number] = score
    return scores


def _advance(bracket: Bracket, scores: dict[int, float]) -> dict[int, str]:
    """Move the best on to the next rung; the others with their reasons."""
    epoch = bracket.rungs[bracket.level]
    ranked = sorted(scores, key=lambda number: (-scores[number], number))
    kept = max(1, len(ranked) // bracket.factor)
    bracket.level += 1
    bracket.racing = sorted(ranked[:kept])
    return {
        number: f"cut at epoch {epoch}: place {place} of {len(ranked)}, the best {kept} went on"
        for place, number in enumerate(ranked[kept:], start=kept + 1)
    }
