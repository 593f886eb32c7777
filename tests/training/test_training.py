"""Training by torch: it learns, it is a function of the seed, it goes on bit for bit, it stops and gives up when it should."""

from __future__ import annotations

import math
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from toys import Stopper, ToyRun, reconstruction, same_weights, toy_set, toy_training, weights_of

from papilio.errors import RunError, SettingError
from papilio.kinds.choosing import ranking_of
from papilio.kinds.ranking import Ranking
from papilio.kinds.registry import CLASSIFY
from papilio.models.families import build_nets, find_builder
from papilio.runs.loop import BestSoFar, TrainingRun
from papilio.runs.train import prepare
from papilio.settings.run_settings import RunSettings
from papilio.settings.train_settings import TrainSettings
from papilio.targets.classes import Classes
from papilio.training import vae as variational
from papilio.training.batches import Batches
from papilio.training.noise import Noise
from papilio.training.objectives import Objective, Phase
from papilio.training.optimizers import OPTIMIZERS
from papilio.training.supervised import supervised

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
@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
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
    with resumed.session as session:
        TrainingRun(resumed.settings, None, checkpoint=tmp_path / "state").restore(session, 0)
    weights = [one for one in resumed.nets["network"].parameters() if one.dim() == 4]
    assert weights
    for weight in weights:
        assert resumed.session.optimizers[0].state[weight]["exp_avg"].stride() == weight.stride()
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


def part_of_reconstruction(part: str, **settings: object) -> ToyRun:
    """The toy autoencoder, of which one part learns."""
    whole, training = reconstruction(), toy_training("autoencoder", **settings)
    objective = Objective((Phase(part, whole.phases[0].loss),), whole.evaluate, whole.directions, whole.best)
    return ToyRun(training.nets, objective, settings=training.settings, images=training.images, seed=1)


def test_what_no_phase_trains_is_frozen_statistics_of_batches_too() -> None:
    training = part_of_reconstruction("network.decoder")
    before = weights_of(training)
    training.run()
    after = weights_of(training)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"network/decoder.1.weight", "network/decoder.1.bias"}
    whole = toy_training("autoencoder")
    whole.run()
    assert not torch.equal(
        before["network/encoder.2.running_mean"], weights_of(whole)["network/encoder.2.running_mean"]
    )


def test_a_phase_may_train_parts_of_several_nets() -> None:
    training = toy_training("game", epochs=1)
    loss = training.objective.phases[1].loss
    both = replace(training.objective, phases=(Phase(("generator", "discriminator.1.bias"), loss, name="both"),))
    joint = ToyRun(training.nets, both, settings=training.settings, images=training.images, seed=1)
    before = weights_of(joint)
    joint.run()
    after = weights_of(joint)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert {"discriminator/1.bias", "generator/0.weight", "generator/0.bias"} <= moved
    assert "discriminator/1.weight" not in moved


@pytest.mark.parametrize(
    ("part", "complaint"), [("encoder", "only the nets network"), ("network.head", "no parameters")]
)
def test_a_phase_of_what_is_not_there_is_refused(part: str, complaint: str) -> None:
    with pytest.raises(SettingError, match=complaint):
        part_of_reconstruction(part)


def test_two_phases_may_not_have_a_metric_of_the_same_name() -> None:
    training = toy_training("game", epochs=1)
    critic, generator = training.objective.phases

    def same_name(nets, batch, noise, step):
        value, _ = generator.loss(nets, batch, noise, step)
        return value, {"critic": value}

    twice = replace(training.objective, phases=(critic, replace(generator, loss=same_name)))
    with pytest.raises(SettingError, match="the phase generator has a metric 'critic', which another phase also has"):
        ToyRun(training.nets, twice, settings=training.settings, images=training.images, seed=1).run()


def test_a_phase_has_an_optimizer_of_its_own() -> None:
    phases = {"generator": {"optimizer": "sgd", "learning_rate": 0.5, "schedule": "cosine"}}
    phases |= {"discriminator": {"betas": (0.5, 0.9), "learning_rate": 0.0002}}
    training, watcher = toy_training("game", epochs=2, phases=phases), Stopper()
    critic, generator = training.session.optimizers
    assert (type(critic).__name__, critic.param_groups[0]["betas"]) == ("Adam", (0.5, 0.9))
    assert type(generator).__name__ == "SGD"
    training.run(watcher=watcher)
    assert [record["learning_rate"] for record in watcher.records] == [0.0002, 0.0002]
    rates = [record["learning_rate_generator"] for record in watcher.records]
    assert 0.5 > rates[0] > rates[1] > 0


def test_metrics_over_a_whole_set_are_not_means_of_batches() -> None:
    plain = reconstruction()

    def evaluate(nets, batch, noise):
        return plain.evaluate(nets, batch, noise) | {"rows": nets["network"](batch.images).flatten(1)}

    def over_set(rows):
        return {"spread": rows["rows"].std(dim=0).mean().item(), "rows": float(len(rows["rows"]))}

    training = toy_training("autoencoder", epochs=1)
    objective = replace(plain, evaluate=evaluate, over_set=over_set)
    run = ToyRun(training.nets, objective, settings=training.settings, images=toy_set(700), seed=1)
    record = run.evaluate()
    assert record["val_rows"] == 700
    outputs = run.nets["network"](torch.from_numpy(run.images.images[70:]) / 255).flatten(1)
    assert record["val_spread"] == pytest.approx(outputs.std(dim=0).mean().item(), rel=1e-4)


def test_repeats_move_a_net_more_often_than_the_others() -> None:
    training = toy_training("game", epochs=1, optimizer="adam")
    training.run()
    steps = [next(iter(optimizer.state.values()))["step"].item() for optimizer in training.session.optimizers]
    assert steps == [8, 4]  # four batches; two critic steps on each, one of the generator


def test_a_run_whose_loss_is_not_a_number_ends_as_diverged_with_its_last_good_epoch() -> None:
    training = toy_training("mlp", epochs=6)
    loss = training.objective.phases[0].loss

    def exploding(nets, batch, noise, step):
        value, metrics = loss(nets, batch, noise, step)
        return value, {"loss": metrics["loss"] * (math.nan if step >= 9 else 1)}

    broken = Objective((Phase("network", exploding),), training.objective.evaluate, {"loss": "min"}, "val_loss")
    watcher = Stopper()
    diverging = ToyRun(training.nets, broken, settings=training.settings, images=training.images, seed=1)
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
    with pytest.raises(RunError, match=r"state\.safetensors: not a complete weights file .* delete it"):
        toy_training("mlp").run(checkpoint=path)


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    toy_training("mlp").run(checkpoint=path, watcher=Stopper(1))
    with pytest.raises(RunError, match="made for another network"):
        toy_training("cnn").run(checkpoint=path)


def test_a_checkpoint_of_another_optimizer_is_refused(tmp_path: Path) -> None:
    """Its tensors count parameters in another order: momenta would pass to the wrong ones."""
    path = tmp_path / "state.safetensors"
    toy_training("mlp", weight_decay=0.1, optimizer="adamw").run(checkpoint=path, watcher=Stopper(1))
    with pytest.raises(RunError, match=r"state\.safetensors: made for another optimizer; .* delete it"):
        toy_training("mlp", optimizer="adamw").run(checkpoint=path)


def test_unknown_metrics_and_missing_validation_images_are_refused() -> None:
    with pytest.raises(SettingError, match=r"'val_acuracy' is not a metric .* did you mean val_accuracy"):
        toy_training("mlp", best="val_acuracy").run()
    training = toy_training("mlp")
    without = ToyRun(training.nets, training.objective, settings=training.settings, images=toy_set(0), seed=1)
    with pytest.raises(SettingError, match="there are no validation images"):
        without.run()


def test_patience_with_nothing_to_watch_is_refused() -> None:
    with pytest.raises(SettingError, match=r"early_stopping: nothing ranks the epochs .* name a metric"):
        toy_training("game", early_stopping={"patience": 2}).run()
    watcher = Stopper()
    stopping = {"metric": "val_distance", "patience": 1, "min_delta": 10.0}
    outcome = toy_training("game", epochs=9, early_stopping=stopping).run(watcher=watcher)
    assert outcome.epochs == len(watcher.records) == 2


def test_the_penalties_add_what_keras_kernel_regularizers_add() -> None:
    images = toy_set()
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    noise = Noise(torch.Generator())
    batch = next(iter(Batches(images.images, images.labels, np.arange(9), batch_size=9).in_order()))
    plain, _ = supervised(Classes(3)).phases[0].loss({"network": net}, batch, noise, 0)
    both, metrics = supervised(Classes(3), l1=0.01, l2=0.02).phases[0].loss({"network": net}, batch, noise, 0)
    weight = net[1].weight
    expected = plain + 0.01 * weight.abs().sum() + 0.02 * weight.square().sum()
    assert both.item() == pytest.approx(expected.item(), rel=1e-5)
    assert metrics["loss"].item() == pytest.approx(plain.item(), rel=1e-6)


PROCESS_THAT_TRAINS = """
import resource
import numpy as np, torch
from papilio.data.imageset import ImageSet
from papilio.runs.train import prepare
from papilio.settings.run_settings import RunSettings
images = ImageSet("x", np.zeros((8, 1, 8, 8), np.uint8), np.arange(8) % 2, ("a", "b"), *np.split(np.arange(8), [4, 6]), "x")
settings = RunSettings.of({"data": {"name": "mnist"}, "model": {"family": "mlp"}, "train": {}})
with prepare(settings, images, seed=0, threads=2, own={}) as session:
    session.train_epoch()
"""


def after_an_epoch(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROCESS_THAT_TRAINS + code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_process_that_trains_takes_denormal_numbers_as_zero_in_all_of_its_threads() -> None:
    """A step of Adam took six times as long on moments that had decayed to them."""
    assert after_an_epoch("    print(int((torch.full((1_000_000,), 1e-39) * 1).count_nonzero()))") == "0"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc is told what to keep")
def test_a_process_that_trains_keeps_large_blocks_that_it_frees() -> None:
    code = """
    for step in range(5):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.zeros(64 << 20, dtype=torch.uint8), torch.zeros(96 << 20, dtype=torch.uint8)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    assert int(after_an_epoch(code)) < 100, "each step faults its pages in again"


@pytest.mark.parametrize(
    ("direction", "values"), [("max", [0.5, 0.55, 0.61, 0.7]), ("min", [0.7, 0.65, 0.59, 0.5])], ids=["max", "min"]
)
def test_an_improvement_is_larger_than_min_delta(direction: Any, values: list[float]) -> None:
    best, ranking = BestSoFar(), Ranking("val_metric", direction)
    found = [
        best.improves(ranking, {"epoch": epoch, "val_metric": value}, min_delta=0.1)
        for epoch, value in enumerate(values, start=1)
    ]
    assert found == [True, False, True, False] and best.epoch == 3


@pytest.mark.parametrize("direction", ["min", "max"])
def test_of_equally_good_epochs_the_first_is_the_best(direction: Any) -> None:
    best = BestSoFar()
    for epoch in (1, 2):
        best.improves(Ranking("val_accuracy", direction), {"epoch": epoch, "val_accuracy": 0.5})
    assert best.epoch == 1


def test_patience_watches_its_own_metric() -> None:
    """What chooses the best epoch may be another one."""
    training = toy_training("mlp", best="val_accuracy", early_stopping={"metric": "val_loss", "patience": 1})
    run = TrainingRun(training.settings, Ranking("val_accuracy", "max"), Ranking("val_loss", "min"))
    for epoch, (accuracy, loss) in enumerate([(0.5, 1.0), (0.6, 2.0)], start=1):
        record = {"epoch": epoch, "step": epoch, "val_accuracy": accuracy, "val_loss": loss}
        run.hear(training.session, 0, record, seconds=1.0)
    assert run.outcome is not None and (run.outcome.status, run.outcome.best_epoch) == ("done", 2)


def test_a_phase_with_another_optimizer_has_that_ones_usual_numbers_and_may_decay_nothing() -> None:
    phases = {"generator": {"optimizer": "momentum"}, "discriminator": {"weight_decay": 0.0}}
    settings: Mapping[str, Any] = {"learning_rate": 0.0002, "betas": (0.5, 0.9), "weight_decay": 0.1, "phases": phases}
    critic, generator = toy_training("game", **settings).session.optimizers
    assert [group["weight_decay"] for group in critic.param_groups] == [0.0]
    assert critic.param_groups[0]["lr"] == 0.0002
    assert [group["weight_decay"] for group in generator.param_groups] == [0.1, 0.0]
    assert (generator.param_groups[0]["lr"], generator.param_groups[0]["momentum"]) == (0.01, 0.9)


def variational_run() -> ToyRun:
    nets = build_nets(find_builder("vae"), {"filters": [], "dense": [8]}, image_shape=(1, 8, 8), heads=(3,), seed=1)
    settings = TrainSettings(epochs=2, batch_size=20)
    return ToyRun(nets, variational.objective(settings), settings=settings, images=toy_set(), seed=1)


def test_measuring_draws_the_same_noise_each_time_and_none_of_trainings() -> None:
    once, often = variational_run(), variational_run()
    with once.session as session:
        session.train_epoch()
    with often.session as session:
        assert session.evaluate("validation") == session.evaluate("validation")
        session.train_epoch()
    assert same_weights(weights_of(once), weights_of(often))


def test_what_is_taken_off_images_is_of_training_images() -> None:
    toys = toy_set()
    bright = np.where(np.arange(len(toys.images))[:, None, None, None] < 70, toys.images // 4, 255).astype(np.uint8)
    images = replace(toys, images=bright, validation=toys.validation[:13], test=toys.validation[13:])
    plain = {"data": {"name": "digits"}, "model": {"family": "mlp"}, "train": {"standardize": True}}
    with prepare(RunSettings.of(plain), images, seed=0, threads=1, own={}) as session:
        mean = session.weights(0)["network/input_mean"]
    assert float(mean.squeeze()) == pytest.approx(bright[:70].mean() / 255, rel=1e-5)


def test_patience_may_watch_another_metric_than_chooses() -> None:
    train = TrainSettings.model_validate({"best": "val_accuracy", "early_stopping": {"metric": "val_loss"}})
    found = ranking_of(CLASSIFY, train, toy_set().facts, has_validation=True)
    assert found == (Ranking("val_accuracy", "max"), Ranking("val_loss", "min"))


def test_a_resumed_run_still_has_the_weights_of_a_best_epoch_before_its_last(tmp_path: Path) -> None:
    ranking, first, resumed = Ranking("val_loss", "min"), toy_training("mlp"), toy_training("mlp")
    run = TrainingRun(first.settings, ranking, checkpoint=tmp_path / "state.safetensors")
    with first.session as session:
        best = session.weights(0)
        run.hear(session, 0, {"epoch": 1, "step": 4, "val_loss": 1.0}, seconds=1.0)
        session.train_epoch()
        run.hear(session, 0, {"epoch": 2, "step": 8, "val_loss": 2.0}, seconds=1.0)
    again = TrainingRun(resumed.settings, ranking, checkpoint=run.checkpoint)
    with resumed.session as session:
        again.restore(session, 0)
    assert again.progress.best == BestSoFar(1.0, 1)
    assert all(np.array_equal(again.best_weights[name], one) for name, one in best.items())
