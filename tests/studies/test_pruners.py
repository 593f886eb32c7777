"""Who is cut, and when: halving, Hyperband and the median, fed with made-up trials."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papilio.search.pruners import HalvingPruner, MedianPruner, Pruner, make_pruner
from papilio.studies.schema import PrunerSettings


@dataclass
class MadeUp:
    """A trial with a score an epoch; it has come as far as its scores go, and may have failed there."""

    number: int
    scores: list[float] = field(default_factory=list)
    has_failed: bool = False

    def score_at(self, epoch: int) -> float | None:
        if len(self.scores) >= epoch:
            return self.scores[epoch - 1]
        return -math.inf if self.has_failed else None

    def score_so_far(self, epoch: int) -> float | None:
        return self.score_at(epoch)


def halving(num_trials: int, *, epochs: int = 9, factor: int = 3, min_epochs: int = 1) -> Pruner:
    wanted = PrunerSettings(name="halving", factor=factor, min_epochs=min_epochs)
    return make_pruner(wanted, num_trials=num_trials, epochs=epochs)


def hyperband(num_trials: int, *, epochs: int = 27, factor: int = 3, min_epochs: int = 1) -> HalvingPruner:
    wanted = PrunerSettings(name="hyperband", factor=factor, min_epochs=min_epochs)
    pruner = make_pruner(wanted, num_trials=num_trials, epochs=epochs)
    assert isinstance(pruner, HalvingPruner)
    return pruner


def median(*, min_epochs: int = 1, min_trials: int = 3) -> Pruner:
    wanted = PrunerSettings(name="median", min_epochs=min_epochs, min_trials=min_trials)
    return make_pruner(wanted, num_trials=99, epochs=9)


def raced(pruner: Pruner, goodness: list[float], *, epochs: int, order: random.Random) -> dict[int, int]:
    """A race in which a drawn trial has its next epoch, again and again; how many epochs each came to."""
    trials = [MadeUp(number) for number in range(len(goodness))]
    cut: set[int] = set()
    while True:
        limits = {one.number: pruner.limit(one.number) or epochs for one in trials if one.number not in cut}
        ready = [number for number, limit in limits.items() if len(trials[number].scores) < limit]
        if not ready:
            return {one.number: len(one.scores) for one in trials}
        chosen = trials[order.choice(ready)]
        chosen.scores.append(goodness[chosen.number])
        cut |= (pruner.cut_at_rungs(trials) or {}).keys()


@pytest.mark.parametrize("seed", range(5))
def test_halving_keeps_exactly_the_best_third_at_each_rung_whoever_comes_first(seed: int) -> None:
    goodness = [((7 * number) % 20) / 20 for number in range(20)]
    epochs = raced(halving(20, epochs=27), goodness, epochs=27, order=random.Random(seed))
    ranked = sorted(range(20), key=lambda number: -goodness[number])
    assert [number for number in ranked if epochs[number] == 27] == ranked[:1]  # 20 // 3 = 6, 6 // 3 = 2, 2 // 3 < 1
    assert {number for number in ranked if epochs[number] >= 9} == set(ranked[:2])
    assert {number for number in ranked if epochs[number] >= 3} == set(ranked[:6])
    assert sorted(epochs.values()) == [1] * 14 + [3] * 4 + [9] + [27]


@settings(max_examples=80, deadline=None)
@given(
    goodness=st.lists(st.sampled_from([0.1, 0.2, 0.3, -math.inf]), min_size=1, max_size=30),
    epochs=st.integers(1, 30),
    factor=st.integers(2, 4),
    min_epochs=st.integers(1, 4),
    name=st.sampled_from(["halving", "hyperband"]),
    seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)),
)
def test_a_race_does_not_depend_on_who_comes_first_and_ends(
    goodness: list[float], epochs: int, factor: int, min_epochs: int, name: str, seeds: tuple[int, int]
) -> None:
    wanted = PrunerSettings.model_validate({"name": name, "factor": factor, "min_epochs": min_epochs})
    first, second = (
        raced(
            make_pruner(wanted, num_trials=len(goodness), epochs=epochs),
            goodness,
            epochs=epochs,
            order=random.Random(seed),
        )
        for seed in seeds
    )
    assert first == second
    assert max(first.values()) == epochs
    assert min(first.values()) >= min(min_epochs, epochs)


def test_equally_good_trials_go_on_in_the_order_of_their_numbers() -> None:
    epochs = raced(halving(9), [0.5] * 9, epochs=9, order=random.Random(0))
    assert [number for number, num in epochs.items() if num > 1] == [0, 1, 2]


def test_a_failed_trial_counts_as_worst_and_does_not_hold_up_the_others() -> None:
    pruner = halving(3, epochs=9)
    trials = [MadeUp(0, has_failed=True), MadeUp(1, [-5.0]), MadeUp(2, [-6.0])]
    assert (pruner.cut_at_rungs(trials) or {}).keys() == {0, 2}
    assert pruner.limit(1) == 3


def test_nobody_is_cut_before_all_have_come_to_the_rung() -> None:
    pruner = halving(3, epochs=9, min_epochs=2)
    trials = [MadeUp(0, [0.1, 0.1]), MadeUp(1, [0.9, 0.9]), MadeUp(2, [0.5])]
    assert pruner.cut_at_rungs(trials) is None and pruner.limit(1) == 2
    trials[2].scores.append(0.5)
    assert pruner.cut_at_rungs(trials) == {
        2: "pruned at epoch 2: place 2 of 3, the best 1 continued",
        0: "pruned at epoch 2: place 3 of 3, the best 1 continued",
    }
    assert pruner.limit(1) == 6 and pruner.cut_at_rungs(trials) is None


@pytest.mark.parametrize(
    ("epochs", "factor", "min_epochs", "limits"),
    [
        (9, 3, 1, [1, 3, None]),
        (10, 3, 1, [1, 3, 9, None]),
        (8, 2, 3, [3, 6, None]),
        (3, 3, 3, [None]),
        (1, 2, 1, [None]),
    ],
)
def test_rungs_are_powers_of_the_factor_below_the_last_epoch(
    epochs: int, factor: int, min_epochs: int, limits: list[int | None]
) -> None:
    pruner = halving(1, epochs=epochs, factor=factor, min_epochs=min_epochs)
    trial = MadeUp(0)
    seen = []
    for limit in iter(lambda: pruner.limit(0), None):
        seen.append(limit)
        trial.scores += [0.5] * (limit - len(trial.scores))
        assert pruner.cut_at_rungs([trial]) == {}
    assert [*seen, None] == limits


def test_a_space_with_fewer_points_than_were_asked_for_races_what_there_is() -> None:
    pruner = halving(10, epochs=9)
    trials = [MadeUp(number, [number / 10]) for number in range(4)]
    assert (pruner.cut_at_rungs(trials) or {}).keys() == {0, 1, 2}


@pytest.mark.parametrize("num_trials", [1, 2, 7, 30, 81])
@pytest.mark.parametrize(("epochs", "factor"), [(27, 3), (20, 2), (1, 3)])
def test_brackets_of_hyperband_part_the_trials_and_begin_at_later_and_later_rungs(
    num_trials: int, epochs: int, factor: int
) -> None:
    pruner = hyperband(num_trials, epochs=epochs, factor=factor)
    racing = [number for bracket in pruner.brackets for number in bracket.racing]
    assert sorted(racing) == list(range(num_trials))
    firsts = [bracket.limit or epochs for bracket in pruner.brackets]
    assert firsts == sorted(set(firsts))


def test_hyperband_gives_most_trials_to_the_bracket_that_begins_first_and_mixes_a_grid() -> None:
    pruner = hyperband(81)
    sizes = [len(bracket.racing) for bracket in pruner.brackets]
    assert [bracket.rungs for bracket in pruner.brackets] == [[1, 3, 9], [3, 9], [9], []]
    assert sizes == sorted(sizes, reverse=True)
    assert all(bracket.racing != list(range(bracket.racing[0], bracket.racing[-1] + 1)) for bracket in pruner.brackets)
    assert [one.racing for one in hyperband(81).brackets] == [one.racing for one in pruner.brackets]


def test_brackets_of_hyperband_do_not_wait_for_each_other() -> None:
    pruner = hyperband(12, epochs=9)
    first = pruner.brackets[0]
    trials = [MadeUp(number, [number / 12] if number in first.racing else []) for number in range(12)]
    cut = pruner.cut_at_rungs(trials) or {}
    assert cut and first.limit == 3
    assert not cut.keys() & {number for bracket in pruner.brackets[1:] for number in bracket.racing}


def others(*scores: float, epoch: int = 2) -> list[MadeUp]:
    return [MadeUp(number, [score] * epoch) for number, score in enumerate(scores, start=1)]


@pytest.mark.parametrize(("score", "is_cut"), [(0.49, True), (0.5, False), (0.51, False)])
def test_the_median_cuts_only_what_is_below_it(score: float, is_cut: bool) -> None:
    trial = MadeUp(0, [score] * 2)
    reason = median().cut_now(trial, 2, [trial, *others(0.1, 0.5, 0.9)])
    assert (reason is not None) is is_cut
    assert median().limit(0) is None and median().cut_at_rungs([trial]) is None


def test_the_median_says_what_it_compared() -> None:
    reason = median().cut_now(MadeUp(0, [0.25]), 1, others(0.1, 0.5, 0.9))
    assert reason == "pruned at epoch 1: 0.2500, the median of 3 others was 0.5000"


@pytest.mark.parametrize(("is_maximized", "told"), [(True, ("-5.0000", "-2.0000")), (False, ("5.0000", "2.0000"))])
def test_the_median_tells_metrics_with_their_sign(is_maximized: bool, told: tuple[str, str]) -> None:
    """A log likelihood that is below 0, and a loss, whose scores are turned."""
    pruner = make_pruner(PrunerSettings(name="median", min_trials=3), num_trials=9, epochs=9, is_maximized=is_maximized)
    reason = pruner.cut_now(MadeUp(0, [-5.0]), 1, others(-3.0, -2.0, -1.0))
    assert reason == f"pruned at epoch 1: {told[0]}, the median of 3 others was {told[1]}"


@pytest.mark.parametrize(
    ("min_epochs", "min_trials", "is_cut"), [(2, 3, True), (3, 3, False), (2, 4, False), (1, 1, True)]
)
def test_the_median_waits_for_epochs_and_for_trials(min_epochs: int, min_trials: int, is_cut: bool) -> None:
    pruner = median(min_epochs=min_epochs, min_trials=min_trials)
    assert (pruner.cut_now(MadeUp(0, [0.0] * 2), 2, others(0.1, 0.5, 0.9)) is not None) is is_cut


def test_the_median_is_of_the_same_epoch_and_leaves_out_itself_and_those_that_failed() -> None:
    pruner = median(min_trials=2)
    later, failed = MadeUp(3, [0.0, 0.9]), MadeUp(4, has_failed=True)
    trial = MadeUp(0, [0.2])
    assert pruner.cut_now(trial, 1, [trial, *others(0.1, epoch=1), later, failed]) is None
    assert pruner.cut_now(MadeUp(0, [0.2, 0.2]), 2, [MadeUp(1, [0.1]), MadeUp(2, [0.1]), later, failed]) is None
    assert isinstance(pruner, MedianPruner)


@given(scores=st.lists(st.floats(0, 1), min_size=5, max_size=12, unique=True))
def test_of_trials_that_come_side_by_side_the_median_cuts_the_lower_half(scores: list[float]) -> None:
    trials = [MadeUp(number, [score]) for number, score in enumerate(scores)]
    cut = [one for one in trials if median().cut_now(one, 1, trials)]
    assert 0 < len(cut) <= (len(trials) + 1) / 2
    assert all(one.scores < other.scores for one, other in itertools.product(cut, trials) if other not in cut)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), num=st.integers(1, 12))
def test_the_median_is_that_of_all_others_however_trials_come(data: st.DataObject, num: int) -> None:
    """What is kept from one question to the next gives what asking everybody again would give."""
    pruner, trials, begun = median(min_trials=1), [MadeUp(number) for number in range(num)], []
    for _ in range(data.draw(st.integers(1, 40))):
        trial = data.draw(st.sampled_from(trials))
        if trial.has_failed:
            continue
        if not trial.scores:
            begun.append(trial)
        trial.scores.append(data.draw(st.sampled_from([0.1, 0.25, 0.5, 0.75])))
        trial.has_failed = data.draw(st.booleans())
        epoch = len(trial.scores)
        known = [one.score_at(epoch) for one in begun if one is not trial]
        others = [score for score in known if score is not None and math.isfinite(score)]
        is_below = bool(others) and trial.scores[-1] < statistics.median(others)
        assert (pruner.cut_now(trial, epoch, begun) is not None) == is_below


def test_hyperband_shares_trials_out_as_its_authors_do() -> None:
    """Li et al. (2018): in proportion to factor ** s / (s + 1), s being how many rungs a bracket has."""
    pruner = make_pruner(PrunerSettings(name="hyperband", factor=3), num_trials=49, epochs=27)
    assert isinstance(pruner, HalvingPruner)
    assert [len(bracket.racing) for bracket in pruner.brackets] == [27, 12, 6, 4]
