"""Whether trials come out in the order in which others published them."""

from __future__ import annotations

from pathlib import Path

import pytest
import study_folders

from papilio.analysis.orders import Compared, Swap, published_orders
from papilio.analysis.spreads import Spread
from papilio.drawing.figure_files import Pictures
from papilio.sections.page import render_page
from papilio.sections.sentences import swap_words


def test_pairs_that_stand_the_other_way_are_named(tmp_path: Path) -> None:
    results = study_folders.classification_study(
        tmp_path, published=study_folders.published_accuracies(0.9, 0.95, 0.85)
    )
    (order,) = published_orders(results)
    assert order.published == (("dropout 0.3",), ("dropout 0.1",), ("dropout 0.5",))
    assert order.measured == ("dropout 0.1", "dropout 0.3", "dropout 0.5")
    assert (order.metric, order.num_pairs) == ("test_accuracy", 3)
    words = "dropout 0.1 before dropout 0.3 (measured 0.9520 ± 0.0020 and 0.9320 ± 0.0020; published 0.9000 and 0.9500)"
    assert [swap_words(swap) for swap in order.swaps] == [words]
    page = render_page(results, Pictures(tmp_path / "figures"))
    assert "2 of 3 pairs are in the published order; the others:" in page and f"<li>{words}</li>" in page


@pytest.mark.parametrize(
    ("accuracies", "num_pairs", "num_swaps"),
    [((0.95, 0.93, 0.9), 3, 0), ((0.9, 0.95, 0.9), 2, 1), ((0.9, 0.93, 0.95), 3, 3)],
)
def test_only_different_numbers_have_an_order(
    tmp_path: Path, accuracies: tuple[float, ...], num_pairs: int, num_swaps: int
) -> None:
    """Three trials that stand next to the same number were "3 of 3 pairs in the published order"."""
    results = study_folders.classification_study(tmp_path, published=study_folders.published_accuracies(*accuracies))
    (order,) = published_orders(results)
    assert (order.num_pairs, len(order.swaps)) == (num_pairs, num_swaps)
    if num_pairs == 2:
        page = render_page(results, Pictures(tmp_path / "figures"))
        assert "best first, published: dropout 0.3, dropout 0.1 = dropout 0.5." in page
        assert "1 of 2 pairs are in the published order; the others:" in page


def test_equal_numbers_have_no_order(tmp_path: Path) -> None:
    published = study_folders.published_accuracies(0.9, 0.9, 0.9)
    assert published_orders(study_folders.classification_study(tmp_path, published=published)) == []


@pytest.mark.parametrize(
    "published",
    [
        [],
        study_folders.published_accuracies(0.9, 0.95),
        [*study_folders.published_accuracies(0.9, 0.95, 0.8), *study_folders.published_accuracies(0.91)],
    ],
)
def test_two_trials_or_two_numbers_for_one_are_no_order(tmp_path: Path, published: list[dict]) -> None:
    assert published_orders(study_folders.classification_study(tmp_path, published=published)) == []


def test_trials_no_further_apart_than_their_runs_are_said_to_be() -> None:
    one, other = Compared("a", 0.5, Spread(30.0, 1.5, 3)), Compared("b", 0.6, Spread(28.0, 1.5, 3))
    assert swap_words(Swap(theirs=one, ours=other)).endswith("; within the spread of one trial’s runs)")
    stuck = Compared("b", 0.6, Spread(28.0, 1.5, 3), num_stuck=1)
    assert swap_words(Swap(theirs=one, ours=stuck)).endswith(
        "; 1 of 3 runs of b learned nothing after the first epoch)"
    )
    lone = Compared("b", 0.6, Spread(28.0, None, 1))
    assert not Swap(theirs=Compared("a", 0.5, Spread(30.0, None, 1)), ours=lone).is_within_spread


def test_trials_are_apart_by_the_deviation_of_a_difference() -> None:
    one = Spread(30.0, 1.5, 3)
    assert one.is_apart_from(Spread(27.8, 1.5, 3)) and not one.is_apart_from(Spread(27.9, 1.5, 3))  # 1.5 times root 2
