"""The builders: shapes, counts that others published, settings, and what they refuse."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from papilio.errors import SettingError
from papilio.models.classifiers import cnn, lenet5, mlp
from papilio.models.describe import count_parameters, describe_layers
from papilio.models.families import FAMILIES, build_nets, find_builder
from papilio.models.layers import ACTIVATIONS, INITIALIZERS, initialize
from papilio.models.parts import NON_DECREASING
from papilio.models.plans import PURPOSES
from papilio.settings.references import find_own, name_of

MNIST = (1, 28, 28)


OF_LABELS = [family for family in FAMILIES if family not in PURPOSES]
SHAPES = [MNIST, (3, 32, 32), (1, 30, 21)]


@pytest.mark.parametrize("family", OF_LABELS)
@pytest.mark.parametrize("image_shape", SHAPES)
def test_families_for_labels_give_one_logit_a_class(family: str, image_shape: tuple[int, int, int]) -> None:
    nets = build_nets(find_builder(family), {}, image_shape=image_shape, heads=(7,), seed=0)
    assert nets["network"](torch.rand(5, *image_shape)).shape == (5, 7)


@pytest.mark.parametrize("image_shape", SHAPES)
def test_an_autoencoder_gives_back_images_by_way_of_its_latents(image_shape: tuple[int, int, int]) -> None:
    settings = {"latents": 3, "dense": [20, 10]}
    network = build_nets(find_builder("autoencoder"), settings, image_shape=image_shape, heads=(1,), seed=0)["network"]
    images = torch.rand(5, *image_shape)
    latents = network.encoder(images)
    assert latents.shape == (5, 3)
    assert torch.equal(network.decoder(latents), network(images))
    assert network(images).shape == images.shape


@pytest.mark.parametrize("image_shape", SHAPES)
def test_a_generator_draws_what_a_discriminator_takes(image_shape: tuple[int, int, int]) -> None:
    nets = build_nets(find_builder("gan"), {"latents": 4}, image_shape=image_shape, heads=(1,), seed=0)
    fakes = nets["generator"](torch.randn(5, 4))
    assert fakes.shape == (5, *image_shape) and fakes.min() >= 0 and fakes.max() <= 1
    assert nets["discriminator"](fakes).shape == (5, 1)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_weights_are_a_function_of_the_seed_alone(family: str) -> None:
    builder = find_builder(family)

    def build(seed: int) -> list[nn.Parameter]:
        nets = build_nets(builder, {}, image_shape=MNIST, heads=(10,), seed=seed)
        return [parameter for net in nets.values() for parameter in net.parameters()]

    torch.manual_seed(1)
    first = build(5)
    before = torch.get_rng_state()
    again, other = build(5), build(6)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    assert any(not torch.equal(one, three) for one, three in zip(first, other, strict=True))


def test_parameter_counts_that_everybody_knows() -> None:
    assert count_parameters(lenet5(MNIST, 10)) == 61_706
    assert count_parameters(mlp(MNIST, 10, units=[512, 512])) == 669_706  # Keras' mnist_mlp
    # Keras' mnist_cnn has valid padding; with same padding: 320 + 18,496 + 14 * 14 * 64 * 128 + 128 + 1,290
    assert count_parameters(cnn(MNIST, 10, filters=[32, 64], pool_after=[2], dense=[128])) == 1_625_866


def test_groups_of_equal_filters_are_pooled_once() -> None:
    network = cnn((1, 32, 32), 10, filters=[8, 16, 16, 32, 32])
    sizes = [row.output_shape for row in describe_layers(network, (1, 32, 32)) if row.kind.startswith("MaxPool")]
    assert sizes == [(8, 16, 16), (16, 8, 8), (32, 4, 4)]


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_pooling_first_is_the_same_function_wherever_it_is_done(activation: str) -> None:
    layer = ACTIVATIONS[activation]()
    features = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 3
    pool = nn.MaxPool2d(2)
    is_same = torch.allclose(pool(layer(features)), layer(pool(features)), atol=1e-7)
    assert is_same or activation not in NON_DECREASING
    assert activation in NON_DECREASING or not is_same


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("glorot_uniform", math.sqrt(2 / 700)),
        ("glorot_normal", math.sqrt(2 / 700)),
        ("he_uniform", math.sqrt(2 / 400)),
        ("he_normal", math.sqrt(2 / 400)),
        ("random_normal", 0.05),
    ],
)
def test_initializers_have_the_deviation_of_their_formula(name: str, deviation: float) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = initialize(nn.Linear(400, 300), name)
    assert layer.weight.std().item() == pytest.approx(deviation, rel=0.02)
    assert not layer.bias.any()


def test_every_initializer_and_activation_builds() -> None:
    for initializer in INITIALIZERS:
        for activation in ACTIVATIONS:
            assert mlp((1, 4, 4), 3, units=[5], initializer=initializer, activation=activation)  # pyright: ignore


@settings(max_examples=30, deadline=None)
@given(
    filters=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    dense=st.lists(st.integers(1, 9), max_size=2),
    batch_norm=st.booleans(),
    head=st.sampled_from(["flatten", "average"]),
    channels=st.sampled_from([1, 3]),
)
def test_any_sensible_cnn_builds_and_learns(
    filters: list[int], dense: list[int], batch_norm: bool, head: str, channels: int
) -> None:
    network = cnn((channels, 16, 16), 4, filters=filters, dense=dense, batch_norm=batch_norm, head=head)  # pyright: ignore
    network(torch.rand(3, channels, 16, 16)).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_classifiers_train_on_one_image_with_batch_normalization() -> None:
    for network in (
        mlp((1, 4, 4), 3, units=[5], batch_norm=True),
        cnn((1, 4, 4), 3, filters=[2], batch_norm=True, dense_norm=True, dense=[4]),
    ):
        network.train()(torch.rand(1, 1, 4, 4)).sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())


def test_layers_are_described_with_shapes_and_counts() -> None:
    network = cnn(MNIST, 10, filters=[4], dense=[8], dropout=0.5)
    rows = describe_layers(network, MNIST)
    assert [row.kind.split("(")[0] for row in rows] == [
        "Conv2d", "MaxPool2d", "ReLU", "Flatten", "Linear", "ReLU", "Dropout", "Linear",
    ]  # fmt: skip
    assert rows[1].output_shape == (4, 14, 14)
    assert sum(row.num_parameters for row in rows) == count_parameters(network)
    assert network.training


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: mlp(MNIST, 10, units=[8, 8], dropout=[0.1]), "dropout: 1 values for 2 layers"),
        (lambda: mlp(MNIST, 10, units=[0]), "units: .0. is not a list of"),
        (lambda: cnn(MNIST, 10, conv_dropout=1.2), "^conv_dropout: must be at least 0 and below 1, not 1.2"),
        (lambda: cnn(MNIST, 10, flatten_dropout=-0.1), "^flatten_dropout: must be at least 0 and below 1, not -0.1"),
        (lambda: mlp(MNIST, 10, units=[8], dropout=1.0), "dropout: must be at least 0 and below 1, not 1.0"),
        (lambda: cnn(MNIST, 10, filters=[]), "filters: .* one at least"),
        (lambda: cnn(MNIST, 10, kernel_size=4), "kernel_size: 4 changes the image size"),
        (lambda: cnn(MNIST, 10, kernel_size=29), "kernel_size: 29 is larger than the images, 28x28; .* up to 28"),
        (lambda: cnn(MNIST, 10, filters=[4], pool_after=[2]), "pool_after: .2. names convolutions that do not exist"),
        (lambda: cnn((1, 8, 8), 10, filters=[2, 3, 4, 5]), "too small for this network"),
        (lambda: lenet5((1, 8, 8), 10), "too small for this network"),
        (lambda: find_builder("mlpp"), "did you mean mlp?"),
        (lambda: find_builder("no.such.module:net"), "cannot import 'no.such.module'"),
        (lambda: find_builder("math:sinhh"), "has no function or class 'sinhh'; did you mean sinh?"),
        (lambda: find_builder("math:no_such"), "has no function or class 'no_such'"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_line(build, message: str) -> None:
    with pytest.raises(SettingError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)


def test_own_functions_are_found_by_the_name_they_are_given() -> None:
    assert find_own(name_of(mlp), what="model.family", own={}) is mlp
    assert find_own("here:f", what="model.family", own={"here:f": math.sin}) is math.sin


def test_a_builder_that_returns_no_network_is_refused() -> None:
    with pytest.raises(SettingError, match="got str, expected a torch module"):
        build_nets(lambda: "no network", {}, image_shape=MNIST, heads=(2,), seed=0)  # pyright: ignore
