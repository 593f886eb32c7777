"""The searches of the benchmark are the same on each side, and their rows say what they measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.contenders import contract, torch_nets
from benchmarks.contenders.papilio_searches import data_table, search_model
from benchmarks.images import save_splits, stand_in
from benchmarks.processes import Answer
from benchmarks.training import PAPILIO
from torch import nn

from benchmarks import halving, search, trials
from papilio import load_images
from papilio.models.families import build_nets, find_builder
from papilio.search.pruners import HalvingPruner, make_pruner
from papilio.studies.schema import PrunerSettings
from papilio.studies.study import load_study


def answer(process_seconds: float, **facts: Any) -> Answer:
    return Answer(facts, process_seconds, tree_peak_bytes=2**20)


def search_answer(process_seconds: float, **facts: Any) -> Answer:
    usual = {"trials": 24, "parameters": [1, 2], "accuracy": 0.5, "best": "64 units", "epochs": 100}
    return answer(process_seconds, **(usual | facts))


def papilio_net(width: int, dropout: float) -> nn.Module:
    settings = search_model(width) | {"dropout": dropout}
    builder = find_builder(settings.pop("family"))
    return build_nets(builder, settings, image_shape=(1, 28, 28), heads=(10,), seed=0)["network"]


@pytest.mark.parametrize(("width", "num_parameters"), [(64, 55_050), (128, 118_282), (256, 269_322)])
def test_both_sides_search_over_the_same_nets(width: int, num_parameters: int):
    ours, theirs = papilio_net(width, 0.3), torch_nets.search_mlp(width, 0.3)
    assert torch_nets.count_parameters(ours) == torch_nets.count_parameters(theirs) == num_parameters
    assert [type(layer).__name__ for layer in ours if not isinstance(layer, nn.Flatten)] == [
        type(layer).__name__ for layer in theirs if not isinstance(layer, nn.Flatten)
    ]


@pytest.fixture
def images_folder(tmp_path: Path) -> Path:
    return stand_in("a test").save(tmp_path / "images", 300)


def test_everybody_gets_the_split_that_a_study_draws(images_folder: Path):
    splits = save_splits(images_folder, search.SHARES)
    table = data_table(str(images_folder), search.SHARES)
    ours = load_images(table.pop("path"), **table)
    job: Any = {"images": str(images_folder), "splits": splits.files}
    for split, chosen in (("train", ours.train), ("validation", ours.validation)):
        images, labels = contract.load_split(job, split)
        np.testing.assert_array_equal(np.rint(images * 255), ours.images[chosen])
        np.testing.assert_array_equal(labels, ours.labels[chosen])
    assert splits.counts == {"train": len(ours.train), "validation": len(ours.validation), "test": len(ours.test)}


def test_the_first_stand_in_images_show_every_class():
    """mnist-5k is sorted: its first 300 were all zeros, and the nets of a quick run had fewer outputs than ten."""
    assert set(stand_in("a test").labels[:300].tolist()) == set(range(10))


def test_a_trivial_trial_is_one_step(images_folder: Path):
    splits = save_splits(images_folder, trials.SHARES)
    assert trials.NUM_IMAGES == 300
    assert splits.counts["train"] <= 256


def test_searches_over_other_nets_are_refused():
    with pytest.raises(AssertionError, match="different searches"):
        search._refuse_other_searches({PAPILIO: [search_answer(1.0)], "other": [search_answer(1.0, parameters=[1, 3])]})


def test_a_search_row_pairs_each_peer_with_papilio():
    names = (PAPILIO, search.KERAS_TUNER, search.OPTUNA, search.OPTUNA_BY_HAND)
    answers = {name: [search_answer(10.0 * factor)] for factor, name in enumerate(names, start=1)}
    rows = {row.contender: row for row in search._rows("search", answers) if row.quantity == "seconds"}
    assert [list(rows[name].ratios) for name in names] == [[], [2.0], [3.0], [4.0]]
    assert [rows[name].target is not None for name in names] == [False, True, True, False]
    assert "best: 64 units" in rows[PAPILIO].note


def test_halving_is_beside_the_full_grid_and_loses_what_the_full_grid_is_better_by():
    searches = {halving.FULL: [search_answer(30.0)], halving.HALVING: [search_answer(10.0)]}
    rows = halving._rows("halving", searches, {halving.FULL: [89.5], halving.HALVING: [89.4]}, num_seeds=5)
    (full,) = [row for row in rows if row.quantity == "seconds" and row.contender == halving.FULL]
    assert list(full.ratios) == [3.0]
    assert full.as_json()["is_met"]
    (lost,) = [row for row in rows if row.quantity == "points lost"]
    assert lost.values == pytest.approx([0.1])
    assert lost.as_json()["is_met"]


def test_points_lost_beyond_the_bound_miss_the_target():
    searches = {halving.FULL: [search_answer(30.0)], halving.HALVING: [search_answer(10.0)]}
    rows = halving._rows("halving", searches, {halving.FULL: [89.5], halving.HALVING: [89.2]}, num_seeds=5)
    assert not rows[-1].as_json()["is_met"]


def test_halving_leaves_a_quarter_of_the_epochs():
    """27 trials: 27 of 3 epochs, 9 go on to 9, 3 to 27."""
    num_trials = len(halving.GRID["learning_rates"]) * len(halving.GRID["dropouts"]) * len(halving.GRID["widths"])
    assert num_trials == halving.EPOCHS == 27
    settings = PrunerSettings(**(halving.PRUNERS[halving.HALVING] or {}))
    pruner = make_pruner(settings, num_trials=num_trials, epochs=halving.EPOCHS)
    assert isinstance(pruner, HalvingPruner)
    (bracket,) = pruner.brackets
    assert bracket.rungs == [3, 9]
    assert (27 * 3 + 9 * (9 - 3) + 3 * (27 - 9)) / (num_trials * halving.EPOCHS) == pytest.approx(0.26, abs=0.005)


def test_a_trials_cost_leaves_out_training_and_the_start_of_peers():
    ours = answer(50.0, trials=1000, training_seconds=20.0)
    peer = answer(50.0, trials=10, training_seconds=3.0, seconds=5.0)
    assert (trials.beyond_training(ours), trials.in_all(ours)) == (30.0, 50.0)
    assert (trials.beyond_training(peer), trials.in_all(peer)) == (200.0, 500.0)


def test_the_trials_target_is_on_papilio_alone():
    ours = answer(15.0, trials=1000, training_seconds=5.0)
    peer = answer(50.0, trials=10, training_seconds=3.0, seconds=5.0)
    answers = {PAPILIO: [ours], trials.OPTUNA: [peer], trials.KERAS_TUNER: [peer]}
    rows = trials._rows("trials", answers, [answer(9.0, bytes=2_500_000, seconds=4.0)])
    assert [row.contender for row in rows if row.target is not None] == [PAPILIO]
    assert rows[0].values == [10.0]
    assert "2.5 MB and takes 4.0 s" in rows[0].note
    assert list(rows[1].ratios) == [20.0]


def test_a_setting_is_described_in_the_same_words():
    assert contract.describe_setting(64, 0.10, 0.0005) == "64 units, dropout 0.1, learning rate 0.0005"


def test_the_pruner_of_the_benchmark_is_one_that_studies_have():
    stage = {"name": "grid", "vary": {"model.dropout": [0.1, 0.2]}, "pruner": halving.PRUNERS[halving.HALVING]}
    study = load_study({"title": "x", "data": {"name": "mnist-5k"}, "model": {"family": "mlp"}, "stage": [stage]})
    assert study.settings.stage[0].pruner is not None
