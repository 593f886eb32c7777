"""bfloat16 while nets learn: they learn, everything but their forward passes stays float32, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import nn
from toys import Stopper, same_weights, toy_training, weights_of

from papilio.training import precision
from papilio.training.calls import in_bfloat16
from papilio.training.precision import best_precision, has_bfloat16

CPU = torch.device("cpu")
KINDS = ["mlp", "cnn", "autoencoder", "game"]
LONG = {"epochs": 25, "learning_rate": 0.01}


@pytest.fixture
def any_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """bfloat16 also where it would be slow."""
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: True)


@pytest.mark.usefixtures("any_processor")
@pytest.mark.parametrize("kind", KINDS)
def test_nets_learn_in_bfloat16_and_keep_float32_weights(kind: str) -> None:
    metric = "val_distance" if kind == "game" else "val_loss"
    narrow, whole, watcher = toy_training(kind, precision="bfloat16", **LONG), toy_training(kind, **LONG), Stopper()
    outcome = narrow.run(watcher=watcher)
    whole.run()
    values = [record[metric] for record in watcher.records]
    assert outcome.status == "done"
    assert narrow.session.precision == "bfloat16"
    assert min(values[-5:]) < 0.9 * values[0]
    assert all(weight.dtype == torch.float32 for weight in weights_of(narrow).values() if weight.is_floating_point())
    assert not same_weights(weights_of(narrow), weights_of(whole))


@pytest.mark.usefixtures("any_processor")
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = toy_training("cnn", precision="bfloat16")
    whole.run()
    for epochs in (2, None):
        part = toy_training("cnn", precision="bfloat16")
        part.run(checkpoint=tmp_path / "state.safetensors", watcher=Stopper(epochs))
    assert same_weights(weights_of(whole), weights_of(part))


@pytest.mark.usefixtures("any_processor")
def test_measuring_is_in_float32() -> None:
    training = toy_training("cnn", precision="bfloat16", best="val_loss")
    training.run()
    reference = toy_training("cnn")
    for name, net in reference.nets.items():
        net.load_state_dict(training.nets[name].state_dict())
    assert training.evaluate() == reference.evaluate()


def test_a_machine_without_it_computes_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"architecture": "x86_64", "avx512_f": True})
    asked, plain = toy_training("mlp", precision="bfloat16"), toy_training("mlp")
    asked.run()
    plain.run()
    assert asked.session.precision == "float32"
    assert same_weights(weights_of(asked), weights_of(plain))


def test_what_a_processor_has_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    for capabilities, expected in (({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx2": True}, False)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=capabilities: found)
        assert has_bfloat16(CPU) is expected
        assert best_precision(None, CPU) == "float32"


class Named(NamedTuple):
    outputs: torch.Tensor
    nothing: None


class Twofold(nn.Module):
    """A net that gives more than one tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, features: torch.Tensor) -> dict[str, object]:
        outputs = self.layer(features)
        named = Named(outputs, None)
        return {"outputs": (outputs, [outputs.argmax(1)]), "narrow": outputs.dtype, "named": named}


def test_what_nets_give_is_float32_and_the_net_itself_is_left_alone() -> None:
    net = Twofold()
    given = in_bfloat16({"network": net}, CPU)["network"](torch.rand(3, 4))
    outputs, (chosen,) = given["outputs"]
    assert given["named"].outputs.dtype == torch.float32 and given["named"].nothing is None
    assert (given["narrow"], outputs.dtype, chosen.dtype) == (torch.bfloat16, torch.float32, torch.int64)
    assert net(torch.rand(3, 4))["narrow"] == torch.float32
    assert "forward" not in vars(net)
