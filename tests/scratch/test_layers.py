"""Every layer and loss by hand against PyTorch, and against finite differences, in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from slopes import concrete_layers, slope
from torch import Tensor

from papilio.scratch.convolutions import Convolution, TransposedConvolution
from papilio.scratch.layers import Dense, Dropout, Flatten, Layer, LeakyRelu, Relu, Sigmoid, Tanh, Unflatten
from papilio.scratch.losses import cross_entropy, squared_error
from papilio.scratch.network import Stack
from papilio.scratch.pooling import AveragePooling, MaxPooling

TorchLayer = Callable[..., Tensor]
few = settings(max_examples=60, deadline=None)


def with_weights(layer: Layer, rng: np.random.Generator) -> Layer:
    """The layer with random weights, float64."""
    for name, shape in layer.shapes.items():
        layer.weights[name] = rng.standard_normal(shape)
        layer.gradients[name] = np.full(shape, np.nan)  # what is not written is seen
    return layer


def as_columns(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(array, 0, -1))


def as_rows(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, -1, 0)


def compare(layer: Layer, torch_layer: TorchLayer, shape: tuple[int, ...], seed: int = 0) -> None:
    """Outputs and all gradients of both, for a batch of that shape; twice, for buffers are used again."""
    rng = np.random.default_rng(seed)
    with_weights(layer, rng)
    for _ in range(2):
        x = torch.tensor(rng.standard_normal(shape), requires_grad=True)
        weights = {name: torch.tensor(value, requires_grad=True) for name, value in layer.weights.items()}
        wanted = torch_layer(x, **weights)
        dy = rng.standard_normal(wanted.shape)
        wanted.backward(torch.tensor(dy))
        y = layer.forward(as_columns(x.detach().numpy()), rng)
        np.testing.assert_allclose(as_rows(y), wanted.detach().numpy(), rtol=1e-10, atol=1e-10)
        dx = layer.backward(as_columns(dy))
        assert x.grad is not None
        np.testing.assert_allclose(as_rows(dx), x.grad.numpy(), rtol=1e-10, atol=1e-10)
        for name, weight in weights.items():
            assert weight.grad is not None
            np.testing.assert_allclose(layer.gradients[name], weight.grad.numpy(), rtol=1e-10, atol=1e-10)


@few
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5))
def test_dense(inputs: int, outputs: int, batch: int) -> None:
    compare(Dense(inputs, outputs), F.linear, (batch, inputs))


@few
@given(st.data())
def test_convolution(data: st.DataObject) -> None:
    kernel, stride, padding = (data.draw(st.integers(low, 4)) for low in (1, 1, 0))
    least = max(1, kernel - 2 * padding)
    height, width = (data.draw(st.integers(least, least + 7)) for _ in range(2))
    inputs, outputs, batch = (data.draw(st.integers(1, 3)) for _ in range(3))
    layer = Convolution(inputs, outputs, kernel, stride=stride, padding=padding)
    shape = (batch, inputs, height, width)
    compare(layer, lambda x, weight, bias: F.conv2d(x, weight, bias, stride=stride, padding=padding), shape)


@few
@given(st.data())
def test_transposed_convolution(data: st.DataObject) -> None:
    kernel, stride = (data.draw(st.integers(1, 4)) for _ in range(2))
    missing = tuple(data.draw(st.integers(0, stride - 1)) for _ in range(2))
    height, width = (data.draw(st.integers(1, 6)) for _ in range(2))
    least = min((side - 1) * stride + kernel + more for side, more in zip((height, width), missing, strict=True))
    padding = data.draw(st.integers(0, min(kernel - 1, (least - 1) // 2)))  # of y a pixel is left at least
    inputs, outputs, batch = (data.draw(st.integers(1, 3)) for _ in range(3))
    layer = TransposedConvolution(inputs, outputs, kernel, stride=stride, padding=padding, missing=missing)

    def wanted(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.conv_transpose2d(x, weight, bias, stride=stride, padding=padding, output_padding=missing)

    compare(layer, wanted, (batch, inputs, height, width))


def test_convolutions_in_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("papilio.scratch.convolutions.BLOCK", 500)
    compare(
        Convolution(2, 3, 3, stride=2, padding=1),
        lambda x, weight, bias: F.conv2d(x, weight, bias, stride=2, padding=1),
        (4, 2, 11, 9),
    )
    compare(
        TransposedConvolution(3, 2, 3, stride=2, padding=1),
        lambda x, weight, bias: F.conv_transpose2d(x, weight, bias, stride=2, padding=1),
        (4, 3, 9, 7),
    )


@few
@given(st.integers(1, 3), st.integers(1, 3), st.integers(3, 9), st.integers(3, 9), st.integers(1, 3))
def test_poolings(size: int, stride: int, height: int, width: int, batch: int) -> None:
    shape = (batch, 2, height, width)
    compare(MaxPooling(size, stride), lambda x: F.max_pool2d(x, size, stride), shape)
    compare(AveragePooling(size, stride), lambda x: F.avg_pool2d(x, size, stride), shape)


def test_of_several_largest_pixels_the_first_has_the_gradient() -> None:
    x = torch.zeros(1, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    layer = MaxPooling(2)
    layer.forward(np.zeros((1, 4, 4, 1)))
    assert x.grad is not None
    np.testing.assert_array_equal(as_rows(layer.backward(np.ones((1, 2, 2, 1)))), x.grad.numpy())


@pytest.mark.parametrize("shape", [(3, 7), (2, 3, 4, 5)])
@pytest.mark.parametrize(
    ("layer", "torch_layer"),
    [(Relu(), F.relu), (LeakyRelu(), F.leaky_relu), (Tanh(), torch.tanh), (Sigmoid(), torch.sigmoid)],
    ids=["relu", "leaky_relu", "tanh", "sigmoid"],
)
def test_activations(layer: Layer, torch_layer: TorchLayer, shape: tuple[int, ...]) -> None:
    compare(layer, torch_layer, shape)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sigmoid_never_overflows(dtype: type) -> None:
    x = np.array([-1e4, -100, 0, 100, 1e4], dtype)[:, None]
    assert np.array_equal(np.round(Sigmoid().forward(x)[:, 0], 20), [0, 0, 0.5, 1, 1])


def test_gradients_behind_saturated_sigmoids_are_not_denormal() -> None:
    """Of an autoencoder with too large a momentum all were, which made its steps 28 times slower."""
    rng = np.random.default_rng(0)
    layer, images = Dense(20, 30), rng.random((30, 8)).astype(np.float32)
    for name, shape in layer.shapes.items():
        layer.weights[name] = rng.standard_normal(shape).astype(np.float32)
        layer.gradients[name] = np.empty(shape, np.float32)
    net = Stack({"dense": layer, "sigmoid": Sigmoid()})
    y = net.forward(1000 * rng.standard_normal((20, 8)).astype(np.float32))
    dx = net.backward(squared_error(y, images)[1])
    labels = np.zeros(8, np.int64)
    for array in (dx, *layer.gradients.values(), cross_entropy(1000 * y, labels)[1]):
        assert not np.any((array != 0) & (np.abs(array) < np.finfo(np.float32).tiny))


def test_flatten_orders_features_as_torch_does() -> None:
    compare(Flatten(), lambda x: x.flatten(1), (2, 3, 4, 5))
    compare(Unflatten((3, 4, 5)), lambda x: x.unflatten(1, (3, 4, 5)), (2, 60))


def test_dropout_lets_through_what_it_scales_and_its_gradient() -> None:
    layer, x = Dropout(0.25), np.ones((100, 1000))
    y = layer.forward(x, np.random.default_rng(0))
    assert set(np.unique(y)) == {0, 1 / 0.75}
    assert abs(y.mean() - 1) < 5 * (0.25 / 0.75 / x.size) ** 0.5  # five standard errors
    np.testing.assert_array_equal(layer.backward(x), y)
    assert layer.forward(x) is x
    np.testing.assert_array_equal(layer.backward(x), x)


LAYERS = {
    "dense": (Dense(5, 4), (5, 3)),
    "convolution": (Convolution(2, 3, 3, stride=2, padding=1), (2, 5, 6, 2)),
    "transposed": (TransposedConvolution(2, 3, 3, stride=2, padding=1, missing=(1, 0)), (2, 3, 4, 2)),
    "max": (MaxPooling(2), (2, 4, 5, 2)),
    "average": (AveragePooling(3, 2), (2, 7, 5, 2)),
    "relu": (Relu(), (5, 3)),
    "leaky_relu": (LeakyRelu(0.2), (5, 3)),
    "tanh": (Tanh(), (5, 3)),
    "sigmoid": (Sigmoid(), (5, 3)),
    "dropout": (Dropout(0.4), (5, 3)),
    "flatten": (Flatten(), (2, 3, 4, 5)),
    "unflatten": (Unflatten((2, 3, 4)), (24, 2)),
}


def test_every_layer_is_held_against_its_slopes() -> None:
    assert {type(layer) for layer, _ in LAYERS.values()} == set(concrete_layers())


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_slopes(name: str) -> None:
    layer, shape = LAYERS[name]
    rng = np.random.default_rng(3)
    x = rng.standard_normal(shape)
    with_weights(layer, rng)
    dy = rng.standard_normal(layer.forward(x, np.random.default_rng(1)).shape)

    def value() -> float:
        return float((layer.forward(x, np.random.default_rng(1)) * dy).sum())

    slopes = {own: slope(value, weight) for own, weight in layer.weights.items()}
    of_x = slope(value, x)
    value()
    np.testing.assert_allclose(layer.backward(dy), of_x, rtol=1e-6, atol=1e-7)
    for own, wanted in slopes.items():
        np.testing.assert_allclose(layer.gradients[own], wanted, rtol=1e-6, atol=1e-7)


def test_where_nobody_wants_dx_the_weights_have_the_same_gradients() -> None:
    rng = np.random.default_rng(0)
    first, second = with_weights(Convolution(1, 2, 3), rng), with_weights(Dense(32, 4), rng)
    stack = Stack({"first": first, "relu": Relu(), "flatten": Flatten(), "second": second})
    dy = rng.standard_normal(stack.forward(rng.standard_normal((1, 6, 6, 5))).shape)
    stack.backward(dy)
    with_dx = {name: value.copy() for layer in (first, second) for name, value in layer.gradients.items()}
    stack.backward(dy, wants_dx=False)
    for name, value in with_dx.items():
        np.testing.assert_array_equal((second if name in second.gradients else first).gradients[name], value)
