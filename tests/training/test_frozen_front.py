"""What frozen layers give is computed once: a run then learns what it learns when they are called in every step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from toys import SHAPE, Stopper, same_weights, toy_set, weights_of

from papilio.kinds.choosing import ranking_of
from papilio.kinds.kind import Kind
from papilio.models.encoder_classifier import encoder_classifier
from papilio.models.families import build_nets
from papilio.runs.loop import TrainingRun, train_runs
from papilio.settings.train_settings import TrainSettings
from papilio.targets.classes import Classes
from papilio.training import frozen_front, precision
from papilio.training.frozen_front import FrontBatches
from papilio.training.session import TorchSession
from papilio.training.standardizing import standardize
from papilio.training.supervised import supervised

MODEL = {"filters": [4, 6], "dense": [], "cut": "convolutions", "batch_norm": True, "head": [8], "head_dropout": 0.3}


class Run:
    """An `encoder_classifier` on frozen layers, whose records and weights are kept; seconds are left out."""

    def __init__(self, frozen: str = "network.encoder", *, net: nn.Module | None = None, **settings: Any) -> None:
        self.settings = TrainSettings(**{"epochs": 3, "batch_size": 10, "views": None, **settings})
        nets = build_nets(encoder_classifier, MODEL, image_shape=SHAPE, heads=(3,), seed=1)
        nets = nets if net is None else {"network": net}
        if self.settings.standardize:
            standardize(nets["network"], torch.full((1, 1, 1), 0.3), torch.full((1, 1, 1), 0.2))
        objective = supervised(Classes(3), l2=0.001)
        images = toy_set(num_validation=25)
        self.session = TorchSession(nets, objective, settings=self.settings, images=images, seed=1, frozen=[frozen])
        self.nets = self.session.modules
        self.records: list[dict[str, Any]] = []

    def run(self, *, checkpoint: Path | None = None, epochs: int | None = None) -> Run:
        kind = Kind("toy", objectives={}, metrics=lambda train, facts: {"loss": "min"}, ranked_by="val_loss")
        watcher = Stopper(epochs)
        rankings = ranking_of(kind, self.settings, self.session.images.facts, has_validation=True)
        with self.session as session:
            train_runs(session, [TrainingRun(self.settings, *rankings, checkpoint, watcher)])
        self.records = [{name: one for name, one in record.items() if name != "seconds"} for record in watcher.records]
        return self

    @property
    def kept(self) -> tuple[bool, bool]:
        """Whether training and validation images are taken through the frozen layers only once."""
        validation = self.session.split_batches.get("validation")
        return isinstance(self.session.train_batches, FrontBatches), isinstance(validation, FrontBatches)


@pytest.fixture
def called_in_every_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """When called: no outputs are kept from here on."""
    return lambda: monkeypatch.setattr(frozen_front.Front, "kept", lambda self, batches, precision: None)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"standardize": True},
        {"precision": "bfloat16"},
        {"frozen": "network.encoder.conv1"},
        {"batch_size": 70},
        {"views": {"num": 2}},
        {"augment": {"shift": 1}},
    ],
    ids=str,
)
def test_a_run_learns_the_same_bit_for_bit(
    changes: dict[str, Any], called_in_every_step: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: True)
    once = Run(**changes).run()
    called_in_every_step()
    each = Run(**changes).run()
    assert once.kept == ("augment" not in changes, "views" not in changes)
    assert each.kept == (False, False)
    assert once.records == each.records
    assert same_weights(weights_of(once), weights_of(each))


def test_batches_that_are_not_all_of_one_size_differ_in_last_bits_at_most(
    called_in_every_step: Callable[[], None],
) -> None:
    once = Run(batch_size=32).run()
    called_in_every_step()
    each = Run(batch_size=32).run()
    for one, other in zip(once.records, each.records, strict=True):
        assert one == pytest.approx(other, rel=1e-5)


def test_a_run_that_was_killed_equals_one_that_was_not(tmp_path: Path) -> None:
    whole = Run().run()
    parts = [Run().run(checkpoint=tmp_path / "state.safetensors", epochs=epochs) for epochs in (1, None)]
    assert parts[-1].kept == (True, True)
    assert [*parts[0].records, *parts[1].records] == whole.records
    assert same_weights(weights_of(parts[-1]), weights_of(whole))


def test_images_pass_through_frozen_layers_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    forward = nn.Conv2d.forward
    monkeypatch.setattr(nn.Conv2d, "forward", lambda self, given: seen.append(len(given)) or forward(self, given))
    Run(epochs=5).run()
    convolutions = len(MODEL["filters"])
    assert sum(num for num in seen if num > 1) == convolutions * (70 + 25)


def test_other_weights_give_other_outputs() -> None:
    run, other = Run().run(), Run()
    with torch.no_grad():
        for parameter in other.nets["network"].parameters():
            parameter.mul_(1.5)
    run.session.load_weights(0, other.session.weights(0))
    assert run.session.evaluate("validation") == other.session.evaluate("validation")


@pytest.mark.parametrize(("room", "kept"), [(70 * 24 * 4 - 1, False), (70 * 24 * 4, True)])
def test_outputs_that_do_not_fit_into_memory_are_not_kept(
    room: int, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen_front, "LARGEST_BYTES", room)
    assert Run().kept[0] is kept


class Own(nn.Module):
    """A layer of a user's own, of which nobody knows what it depends on."""

    def forward(self, images: Tensor) -> Tensor:
        return images + torch.rand(())


def chain(*first: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Sequential(*first, nn.Flatten(), nn.Linear(64, 6)), nn.ReLU(), nn.Linear(6, 3))


def noisy(net: nn.Module) -> nn.Module:
    net.register_forward_pre_hook(lambda net, given: given[0] + torch.rand(()))
    return net


@pytest.mark.parametrize(
    ("net", "kept"),
    [
        (chain(), True),
        (chain(nn.Dropout(0.5)), True),
        (chain(Own()), False),
        (chain(nn.BatchNorm2d(1, track_running_stats=False)), False),
        (noisy(chain()), False),
    ],
    ids=["layers of torch", "dropout at rest", "an own layer", "statistics of batches", "a hook"],
)
def test_only_layers_that_depend_on_nothing_but_their_image_are_called_once(net: nn.Module, kept: bool) -> None:
    assert Run("network.0", net=net).kept[0] is kept


def test_layers_behind_those_that_learn_are_called_in_every_step() -> None:
    assert Run("network.head").kept == (False, False)


def test_a_probed_epoch_is_one_of_the_later_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outputs of all images are not computed for a forecast, but their time is shared among the epochs."""
    run = Run(epochs=10)
    monkeypatch.setattr(frozen_front, "seconds_a_batch", lambda batches, work: 10.0)
    run.session.epoch_seconds()
    assert run.session.train_batches.found is None
    assert run.session.epoch_seconds() > (7 + 1) * 10.0 / 10
