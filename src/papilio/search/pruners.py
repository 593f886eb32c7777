"""How trials are stopped early: those that do worse than the others on validation images after equally many epochs.

A trial's score is the mean over its runs (seeds and folds) of the best epoch so far, turned so that more is better. A trial
is cut as a whole. Runs can be paused and resumed where they were, so that halving is the synchronous kind: it does
not depend on which worker was faster.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from papilio.studies.schema import PrunerSettings


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

    def cut_now(self, trial: Contestant, epoch: int, begun: Sequence[Contestant]) -> str | None:
        """Why a trial ends after this epoch, None where it continues; `begun` has all that have begun, and only grows."""
        ...

    def cut_at_rungs(self, trials: Sequence[Contestant]) -> dict[int, str] | None:
        """Trials, by number, that end because all have come as far as they were allowed to, each with the reason.

        None where not all have, so that nobody's limit has changed.
        """
        ...


@dataclass
class Standings:
    """What trials had after one epoch, sorted; each is asked until it is known, and not again."""

    epoch: int
    scores: list[float] = field(default_factory=list)
    score_of: dict[int, float] = field(default_factory=dict)
    waiting: list[Contestant] = field(default_factory=list)
    num_seen: int = 0

    def look_at(self, begun: Sequence[Contestant]) -> None:
        """Take in what has become known; a trial that failed does not count."""
        asked = [*self.waiting, *begun[self.num_seen :]]
        self.num_seen, self.waiting = len(begun), []
        for one in asked:
            score = one.score_at(self.epoch)
            if score is None:
                self.waiting.append(one)
            elif math.isfinite(score):
                bisect.insort(self.scores, score)
                self.score_of[one.number] = score

    def num_without(self, number: int) -> int:
        return len(self.scores) - (number in self.score_of)

    def median_without(self, number: int) -> float:
        """The median of all but one trial."""
        num = self.num_without(number)
        place = bisect.bisect_left(self.scores, self.score_of[number]) if number in self.score_of else len(self.scores)
        middle = [self.scores[index + (index >= place)] for index in ((num - 1) // 2, num // 2)]
        return sum(middle) / 2


class MedianPruner:
    """Cuts a trial that is below the median of what the others had at the same epoch (Golovin et al., 2017)."""

    def __init__(self, settings: PrunerSettings, *, is_maximized: bool) -> None:
        self.settings = settings
        self.sign = 1 if is_maximized else -1  # of the metric, whose scores are turned so that more is better
        self.standings: dict[int, Standings] = {}  # by epoch

    def limit(self, number: int) -> int | None:
        return None

    def cut_now(self, trial: Contestant, epoch: int, begun: Sequence[Contestant]) -> str | None:
        if epoch < self.settings.min_epochs:
            return None
        standings = self.standings.setdefault(epoch, Standings(epoch))
        standings.look_at(begun)
        score, num_others = trial.score_so_far(epoch), standings.num_without(trial.number)
        if score is None or num_others < self.settings.min_trials:
            return None
        median = standings.median_without(trial.number)
        if score >= median:
            return None
        own, other = self.sign * score, self.sign * median
        return f"pruned at epoch {epoch}: {own:.4f}, the median of {num_others} others was {other:.4f}"

    def cut_at_rungs(self, trials: Sequence[Contestant]) -> dict[int, str] | None:
        return None


@dataclass
class Bracket:
    """A race of some trials: at each rung one in `factor` continues."""

    rungs: list[int]  # epochs, ascending
    factor: int
    racing: list[int]  # numbers of trials that are still in
    level: int = 0
    scores: dict[int, float] = field(default_factory=dict)  # of those that have come to the rung, as far as is known

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

    def cut_now(self, trial: Contestant, epoch: int, begun: Sequence[Contestant]) -> str | None:
        return None

    def cut_at_rungs(self, trials: Sequence[Contestant]) -> dict[int, str] | None:
        cut: dict[int, str] | None = None
        for bracket in self.brackets:
            while bracket.limit is not None and _have_all_come(bracket, trials):
                cut = (cut or {}) | _advance(bracket)
        return cut


def make_pruner(settings: PrunerSettings, *, num_trials: int, epochs: int, is_maximized: bool = True) -> Pruner:
    """The pruner of a stage with so many trials of at most so many epochs; `is_maximized`: more of their metric is better."""
    if settings.name == "median":
        return MedianPruner(settings, is_maximized=is_maximized)
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


def _have_all_come(bracket: Bracket, trials: Sequence[Contestant]) -> bool:
    """Whether all that race are at their rung, whose scores are then known; a trial's number is its place.

    It continues where it left off last time, at the first trial that had not come.
    """
    for number in bracket.racing[len(bracket.scores) :]:
        if number >= len(trials):
            break  # the space had fewer points than were asked for
        score = trials[number].score_at(bracket.rungs[bracket.level])
        if score is None:
            return False
        bracket.scores[number] = score
    return True


def _advance(bracket: Bracket) -> dict[int, str]:
    """Move the best on to the next rung; the others with their reasons."""
    epoch, scores = bracket.rungs[bracket.level], bracket.scores
    bracket.scores = {}
    ranked = sorted(scores, key=lambda number: (-scores[number], number))
    kept = max(1, len(ranked) // bracket.factor)
    bracket.level += 1
    bracket.racing = sorted(ranked[:kept])
    return {
        number: f"pruned at epoch {epoch}: place {place} of {len(ranked)}, the best {kept} continued"
        for place, number in enumerate(ranked[kept:], start=kept + 1)
    }
