"""What the benchmark compares is the same net on each side, and its arithmetic is counted right."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from benchmarks.contenders import game_nets, papilio_engines, papilio_games, torch_nets
from benchmarks.contenders.papilio_runs import MODELS, SWEEP_MODEL
from benchmarks.multiply_adds import multiply_adds, training_flop
from torch import nn

from papilio.models.families import build_nets, find_builder
from papilio.numpy_engine.nets import build, describe

SHAPE = (1, 28, 28)
PAIRS = [
    (MODELS["mlp"], torch_nets.mlp, 669_706),
    (MODELS["cnn"], torch_nets.cnn, 1_625_866),
    (SWEEP_MODEL | {"dropout": 0.3}, lambda: torch_nets.sweep_cnn(0.3), 105_866),
]


def papilio_net(model: dict) -> nn.Module:
    settings = dict(model)
    builder = find_builder(settings.pop("family"))
    return build_nets(builder, settings, image_shape=SHAPE, heads=(10,), seed=0)["network"]


@pytest.mark.parametrize(("net", "num_parameters"), [("mlp", 669_706), ("lenet", 61_706)])
def test_both_engines_train_the_same_net(net: str, num_parameters: int):
    model = dict(papilio_engines.MODELS[net])
    assert torch_nets.count_parameters(papilio_net(model)) == num_parameters
    by_hand = build(model.pop("family"), model, image_shape=SHAPE, num_classes=10).allocate()
    assert describe(by_hand, SHAPE).num_parameters == num_parameters


@pytest.mark.parametrize(("model", "plain", "num_parameters"), PAIRS)
def test_both_sides_train_the_same_net(model: dict, plain: Callable[[], nn.Module], num_parameters: int):
    ours, theirs = papilio_net(model), plain()
    assert torch_nets.count_parameters(ours) == torch_nets.count_parameters(theirs) == num_parameters
    assert multiply_adds(ours, SHAPE) == multiply_adds(theirs, SHAPE)


def test_both_sides_of_a_game_are_the_same_nets():
    settings = dict(papilio_games.MODEL)
    nets = build_nets(find_builder(settings.pop("family")), settings, image_shape=SHAPE, heads=(10,), seed=0)
    theirs = {"generator": game_nets.generator(), "discriminator": game_nets.discriminator()}
    for name, net in theirs.items():
        shapes = [tuple(one.shape) for one in net.parameters()]
        assert [tuple(one.shape) for one in nets[name].parameters()] == shapes
    assert theirs["generator"](torch.randn(2, game_nets.LATENTS, 1, 1)).shape == (2, *SHAPE)


def test_multiply_adds_of_a_small_net_by_hand():
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1),  # 4x5 outputs of 3 filters, 2 * 3 * 3 weights each
        nn.ReLU(),
        nn.Conv2d(3, 4, 2),  # 3x4 outputs of 4 filters, 3 * 2 * 2 weights each
        nn.Flatten(),
        nn.Linear(48, 7),
    )
    assert multiply_adds(net, (2, 4, 5)) == [20 * 3 * 18, 12 * 4 * 12, 48 * 7]
    # forward, weights' gradient and, but for the first layer, the input's gradient; two operations each
    assert training_flop(net, (2, 4, 5)) == 2 * (2 * 1080 + 3 * (576 + 336))


def test_counting_leaves_the_net_as_it_was():
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.Dropout(0.5)).train()
    multiply_adds(net, (1, 2, 2))
    assert net.training
    assert not net[1]._forward_hooks
