"""Encoders and decoders: any side comes back in exactly its size, and the reports' nets are what they say."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from papilio.errors import SettingError
from papilio.models.autoencoder import Coded, autoencoder, vae
from papilio.models.encoder_classifier import encoder_classifier
from papilio.models.modules import Residual

SIDES = st.integers(8, 128)


@settings(max_examples=40, deadline=None)
@given(
    channels=st.sampled_from([1, 3]),
    height=SIDES,
    width=SIDES,
    filters=st.lists(st.integers(1, 4), max_size=5),
    kernel_size=st.sampled_from([1, 3, 5]),
    decoder=st.sampled_from(["mirror", "resize", "single"]),
    dense=st.lists(st.integers(1, 4), max_size=2),
    blocks=st.integers(0, 1),
    batch_norm=st.booleans(),
)
def test_images_of_any_side_come_back_in_exactly_their_size(
    channels: int, height: int, width: int, filters: list[int], decoder: Any, **others: Any
) -> None:
    shape = (channels, height, width)
    if decoder == "single" and not filters:
        filters = [2]
    for builder in (autoencoder, vae):
        network = builder(shape, filters=filters, decoder=decoder, latents=3, **others).eval()
        images = torch.rand(1, *shape)  # a last batch of one
        again = network(images)
        assert again.shape == (1, *shape)
        assert again.min() >= 0 and again.max() <= 1
        assert network.decoder(torch.zeros(2, 3)).shape == (2, *shape)


def test_the_nets_of_the_reports() -> None:
    """R4: three convolutions, two dense layers; its VAE 784-512-256-2 and back."""
    convolutions = 16 * 10 + 32 * (16 * 9 + 1) + 32 * (32 * 9 + 1)
    mirrored = 32 * 32 * 9 + 32 + 32 * 16 * 9 + 16 + 16 * 9 + 1
    dense = 32 * (512 + 1) + 10 * (32 + 1) + 32 * (10 + 1) + 512 * (32 + 1)
    assert count(autoencoder((1, 28, 28))) == convolutions + mirrored + dense
    network = vae((1, 28, 28), filters=[], dense=[512, 256], latents=2)
    widths = [(784, 512), (512, 256), (256, 4), (2, 256), (256, 512), (512, 784)]
    assert count(network) == sum(after * (before + 1) for before, after in widths)


def test_one_transposed_convolution_behind_a_dense_layer() -> None:
    network = autoencoder((1, 28, 28), filters=[8, 16, 16, 16], dense=[], decoder="single")
    kinds = [type(layer).__name__ for layer in network.decoder]
    assert kinds.count("ConvTranspose2d") == 1 and "Conv2d" not in kinds
    assert [type(layer) for layer in network.encoder].count(nn.Conv2d) == 4


def test_layers_have_names_that_say_what_they_are() -> None:
    network = autoencoder((1, 28, 28), filters=[4, 8], dense=[16], dropout=0.1, batch_norm=True, blocks=1)
    assert list(network.encoder._modules) == [
        *("conv1", "conv1_norm", "conv1_activation", "conv1_block1"),
        *("conv2", "conv2_norm", "conv2_activation", "conv2_block1"),
        *("flatten", "dense1", "dense1_norm", "dense1_activation", "dense1_dropout", "latents"),
    ]
    assert list(network.decoder._modules)[-1] == "image"


def test_a_vae_gives_an_image_or_with_noise_what_a_loss_needs() -> None:
    network = vae((1, 12, 12), filters=[4], dense=[8], latents=3).eval()
    images = torch.rand(5, 1, 12, 12)
    found = network(images, torch.zeros(5, 3))
    assert isinstance(found, Coded) and found.mean.shape == found.log_variance.shape == (5, 3)
    # without noise the draw is the mean
    torch.testing.assert_close(torch.sigmoid(found.logits), network(images))
    torch.testing.assert_close(network.encoder(images), torch.cat(found[1:], dim=1))
    drawn = network(images, torch.ones(5, 3))
    expected = network.decoder[:-1](found.mean + (found.log_variance / 2).exp())
    torch.testing.assert_close(drawn.logits, expected)


def test_a_residual_block_that_changes_nothing_is_the_identity() -> None:
    block = Residual(3, activation="relu", batch_norm=False)
    for layer in block.change:
        if isinstance(layer, nn.Conv2d):
            nn.init.zeros_(layer.weight), nn.init.zeros_(layer.bias)
    features = torch.randn(2, 3, 5, 4)
    torch.testing.assert_close(block(features), features)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"kernel_size": 4}, "kernel_size: 4 is even; only odd numbers are allowed"),
        ({"kernel_size": 99}, "kernel_size: 99 is larger than the images, .*; allowed are odd numbers up to"),
        ({"filters": [8, 0]}, r"filters: \[8, 0\] is not a list of positive integers"),
        ({"latents": 0}, "latents"),
        ({"blocks": -1}, "blocks: -1"),
        ({"decoder": "single", "filters": []}, 'decoder: "single" is a transposed convolution; it needs filters'),
        ({"dropout": 1.0}, "dropout: must be at least 0 and below 1, not 1.0"),
    ],
)
def test_what_cannot_be_built_is_one_line(arguments: dict[str, Any], complaint: str) -> None:
    for builder in (autoencoder, vae):
        with pytest.raises(SettingError, match=complaint):
            builder((1, 28, 28), **arguments)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("cut", ["latents", "dense", "convolutions"])
@pytest.mark.parametrize("builder", [autoencoder, vae])
def test_a_classifier_has_the_encoder_of_an_autoencoder_up_to_its_cut(builder: Any, cut: Any) -> None:
    arguments: dict[str, Any] = {"filters": [4, 8], "dense": [16], "latents": 3, "batch_norm": True, "blocks": 1}
    whole = builder((1, 12, 12), **arguments).encoder.state_dict()
    network = encoder_classifier((1, 12, 12), 7, cut=cut, head=[5], variational=builder is vae, **arguments)
    assert network(torch.rand(2, 1, 12, 12)).shape == (2, 7)
    part = network.encoder.state_dict()
    assert all(whole[name].shape == weight.shape for name, weight in part.items())
    left_out = {name.partition(".")[0] for name in whole.keys() - part.keys()}
    assert (
        left_out
        == {
            "latents": set(),
            "dense": {"latents"},
            "convolutions": {"dense1", "dense1_norm", "latents"},
        }[cut]
    )
    if cut == "latents":  # the head stands on the numbers themselves, not on an activation of them
        assert isinstance(network.encoder[-1], nn.Linear)


def test_a_batch_of_one_trains_with_batch_normalization() -> None:
    network = autoencoder((1, 8, 8), filters=[2, 2, 2], dense=[4], batch_norm=True, blocks=1, latents=2).train()
    before = network.encoder.dense1_norm.running_mean.clone()
    network(torch.rand(1, 1, 8, 8)).mean().backward()
    assert torch.equal(network.encoder.dense1_norm.running_mean, before)
    assert all(module.training for module in network.modules())
    network(torch.rand(2, 1, 8, 8))
    assert not torch.equal(network.encoder.dense1_norm.running_mean, before)


def test_a_head_may_normalize_what_the_encoder_gives() -> None:
    network = encoder_classifier((1, 8, 8), 3, filters=[2], dense=[4], latents=2, head_norm=True).train()
    images = torch.rand(64, 1, 8, 8)
    given = network.head[0](network.encoder(images) * 1000)
    torch.testing.assert_close(given.mean(0), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(given.std(0, correction=0), torch.ones(2), atol=1e-3, rtol=0)
