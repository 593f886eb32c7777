"""The driver: it learns, it is a function of the seed, it goes on bit for bit, it stops and gives up when it should."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from toys import Stopper, reconstruction, same_weights, toy_images, toy_training, weights_of

from papilio.errors import RunError, SettingError
from papilio.settings.train_settings import TrainSettings
from papilio.targets.classes import Classes
from papilio.training.batches import Batches
from papilio.training.driver import Training
from papilio.training.noise import Noise
from papilio.training.objectives import Objective, Phase, supervised
from papilio.training.optimisers import OPTIMISERS

KINDS = ["mlp", "cnn", "autoencoder", "game"]
FIRST_METRIC = {"mlp": "val_loss", "cnn": "val_loss", "autoencoder": "val_loss", "game": "val_distance"}


@pytest.mark.parametrize("kind", KINDS)
def test_training_improves_what_the_objective_measures(kind: str) -> None:
    watcher = Stopper()
    outcome = toy_training(kind, epochs=25, learning_rate=0.01).run(watcher=watcher)
    values = [record[FIRST_METRIC[kind]] for record in watcher.records]
    assert outcome.status == "done"
    assert min(values[-5:]) < 0.9 * values[0]


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_weights_other_seed_other_weights(kind: str) -> None:
    first, again, other = toy_training(kind), toy_training(kind), toy_training(kind, seed=2)
    for training in (first, again, other):
        torch.rand(3)  # what else happens in the process must not matter
        training.run()
    assert same_weights(weights_of(first), weights_of(again))
    assert not same_weights(weights_of(first), weights_of(other))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("optimizer", list(OPTIMISERS))
def test_resumed_equals_uninterrupted_bit_for_bit(kind: str, optimizer: str, tmp_path: Path) -> None:
    settings = {"optimizer": optimizer, "schedule": "one_cycle", "augment": {"shift": 1, "flip": True, "erase": 0.5}}
    settings |= {"weight_decay": 0.01, "epochs": 5}
    whole, watcher = toy_training(kind, **settings), Stopper()
    expected = whole.run(watcher=watcher)
    records = []
    checkpoint = tmp_path / "state.safetensors"
    for epochs in (1, 2, None):
        part, part_watcher = toy_training(kind, **settings), Stopper(epochs)
        outcome = part.run(checkpoint=checkpoint, watcher=part_watcher)
        records += part_watcher.records
    assert same_weights(weights_of(whole), weights_of(part))
    assert (outcome.epochs, outcome.best_epoch) == (expected.epochs, expected.best_epoch)
    assert [without_seconds(one) for one in records] == [without_seconds(one) for one in watcher.records]


def without_seconds(record: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in record.items() if name != "seconds"}


def test_resumed_momenta_have_the_layout_of_their_channels_last_weights(tmp_path: Path) -> None:
    """Contiguous momenta beside channels-last weights made fused Adam pair the wrong numbers, silently."""
    training = toy_training("cnn", optimizer="adam")
    training.run(checkpoint=tmp_path / "state", watcher=Stopper(1))
    resumed = toy_training("cnn", optimizer="adam")
    resumed.restore(tmp_path / "state")
    weights = [one for one in resumed.nets["network"].parameters() if one.dim() == 4]
    assert weights
    for weight in weights:
        assert resumed.optimisers[0].state[weight]["exp_avg"].stride() == weight.stride()
    assert any(not weight.is_contiguous() for weight in weights)


def test_the_nets_end_with_the_best_epochs_weights() -> None:
    watcher = Stopper()
    training = toy_training("mlp", epochs=12, learning_rate=0.1, best="val_loss")
    outcome = training.run(watcher=watcher)
    losses = [record["val_loss"] for record in watcher.records]
    assert outcome.best_epoch == 1 + int(np.argmin(losses))
    assert training.evaluate()["val_loss"] == pytest.approx(min(losses), abs=1e-12)


def test_early_stopping_ends_the_run_when_patience_is_out() -> None:
    watcher = Stopper()
    stopping = {"metric": "val_loss", "patience": 2, "min_delta": 10.0}  # no epoch improves by ten nats
    outcome = toy_training("mlp", epochs=30, early_stopping=stopping).run(watcher=watcher)
    assert (outcome.status, outcome.epochs) == ("done", 3)


def test_an_objective_without_a_best_epoch_keeps_the_last() -> None:
    training = toy_training("game", epochs=3)
    before = weights_of(training)
    outcome = training.run()
    assert outcome.best_epoch == 3
    assert not same_weights(before, weights_of(training))


def test_a_phase_moves_only_what_it_touches() -> None:
    whole = reconstruction()
    part = Objective(
        phases=(Phase("network", whole.phases[0].loss, touches=lambda name: name.startswith("decoder.")),),
        evaluate=whole.evaluate,
        directions=whole.directions,
        best=whole.best,
    )
    training = toy_training("autoencoder")
    frozen = Training(
        training.nets,
        part,
        settings=training.settings,
        train_batches=training.train_batches,
        validation_batches=training.validation_batches,
        seed=1,
    )
    before = weights_of(frozen)
    frozen.run()
    after = weights_of(frozen)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert "network/decoder.1.weight" in moved
    assert "network/encoder.1.weight" not in moved


def test_repeats_move_a_net_more_often_than_the_others() -> None:
    training = toy_training("game", epochs=1, optimizer="adam")
    training.run()
    steps = [next(iter(optimiser.state.values()))["step"].item() for optimiser in training.optimisers]
    assert steps == [8, 4]  # four batches; two critic steps on each, one of the generator


def test_a_run_whose_loss_is_not_a_number_ends_as_diverged_with_its_last_good_epoch() -> None:
    training = toy_training("mlp", epochs=6)
    loss = training.objective.phases[0].loss

    def exploding(nets, batch, noise, step):
        value, metrics = loss(nets, batch, noise, step)
        return value, {"loss": metrics["loss"] * (math.nan if step >= 9 else 1)}

    broken = Objective((Phase("network", exploding),), training.objective.evaluate, {"loss": "min"}, "val_loss")
    watcher = Stopper()
    diverging = Training(
        training.nets,
        broken,
        settings=training.settings,
        train_batches=training.train_batches,
        validation_batches=training.validation_batches,
        seed=1,
    )
    outcome = diverging.run(watcher=watcher)
    assert outcome.status == "diverged"
    assert outcome.reason == "train_loss became nan in epoch 3"
    assert len(watcher.records) == 2
    assert outcome.best_epoch in (1, 2)
    best = watcher.records[outcome.best_epoch - 1]["val_loss"]
    assert diverging.evaluate()["val_loss"] == pytest.approx(best, abs=1e-12)


def test_a_learning_rate_that_is_far_too_high_diverges() -> None:
    outcome = toy_training("cnn", optimizer="sgd", learning_rate=1e30, epochs=4).run()
    assert outcome.status == "diverged"


def test_dropout_draws_from_the_runs_own_noise() -> None:
    one, other = toy_training("cnn"), toy_training("cnn")
    one.run()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        other.run()
    assert same_weights(weights_of(one), weights_of(other))


def test_a_torn_checkpoint_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    toy_training("mlp").run(checkpoint=path, watcher=Stopper(1))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RunError, match=r"state\.safetensors: not a whole file of weights .* delete it"):
        toy_training("mlp").run(checkpoint=path)


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    toy_training("mlp").run(checkpoint=path, watcher=Stopper(1))
    with pytest.raises(RunError, match="made for another network"):
        toy_training("cnn").run(checkpoint=path)


def test_a_checkpoint_of_another_optimiser_is_refused(tmp_path: Path) -> None:
    """Its tensors count parameters in another order: momenta would pass to the wrong ones."""
    path = tmp_path / "state.safetensors"
    toy_training("mlp", weight_decay=0.1, optimizer="adamw").run(checkpoint=path, watcher=Stopper(1))
    with pytest.raises(RunError, match=r"state\.safetensors: made for another optimiser; .* delete it"):
        toy_training("mlp", optimizer="adamw").run(checkpoint=path)


def test_unknown_metrics_and_missing_validation_images_are_refused() -> None:
    with pytest.raises(SettingError, match=r"'val_acuracy' is not a metric .* allowed are val_loss, train_loss"):
        toy_training("mlp", best="val_acuracy")
    images, labels = toy_images()
    with pytest.raises(SettingError, match="there are no validation images"):
        Training(
            {"network": nn.Sequential(nn.Flatten(), nn.Linear(64, 3))},
            supervised(Classes(3)),
            settings=TrainSettings(),
            train_batches=Batches(images, labels, np.arange(9), batch_size=3),
            validation_batches=None,
            seed=0,
        )


def test_the_penalties_add_what_keras_kernel_regularisers_add() -> None:
    images, labels = toy_images()
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    noise = Noise(torch.Generator())
    batch = next(iter(Batches(images, labels, np.arange(9), batch_size=9).in_order()))
    plain, _ = supervised(Classes(3)).phases[0].loss({"network": net}, batch, noise, 0)
    both, metrics = supervised(Classes(3), l1=0.01, l2=0.02).phases[0].loss({"network": net}, batch, noise, 0)
    weight = net[1].weight
    expected = plain + 0.01 * weight.abs().sum() + 0.02 * weight.square().sum()
    assert both.item() == pytest.approx(expected.item(), rel=1e-5)
    assert metrics["loss"].item() == pytest.approx(plain.item(), rel=1e-6)
