"""Adversarial nets of convolutions: images in exactly their size, and what the paper says of layers and weights."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from papilio.errors import SettingError
from papilio.models.dcgan import FromPoint, ToPoint, dcgan, sides_of

SIDE = st.integers(16, 128)


@settings(max_examples=15, deadline=None)
@given(height=SIDE, width=SIDE, channels=st.sampled_from([1, 3]), spectral_norm=st.booleans())
def test_images_come_out_in_exactly_their_size(height: int, width: int, channels: int, spectral_norm: bool) -> None:
    nets = dcgan((channels, height, width), width=2, latents=3, spectral_norm=spectral_norm)
    images = nets["generator"](torch.randn(3, 3))
    assert images.shape == (3, channels, height, width)
    assert images.min() >= 0 and images.max() <= 1
    assert nets["discriminator"](images).shape == (3, 1)


@pytest.mark.parametrize("side", [28, 32, 33, 48, 50, 64, 100])
def test_no_pixel_of_an_image_is_constant_or_unseen(side: int) -> None:
    """Cropping or padding in place of making pixels would leave some that no latent moves, or that no score depends on."""
    torch.manual_seed(0)
    nets = dcgan((1, side, side), width=4, latents=8)
    images = nets["generator"](torch.randn(16, 8))
    assert (images.std(0) > 0).all()
    images = images.detach().requires_grad_(True)
    nets["discriminator"](images).sum().backward()
    assert images.grad is not None and (images.grad != 0).any(0).all()


def test_normalization_is_neither_at_the_output_nor_at_the_input() -> None:
    nets = dcgan((1, 32, 32), width=8)
    up = [type(one).__name__ for one in nets["generator"].layers]  # pyright: ignore
    down = [type(one).__name__ for one in nets["discriminator"].children()]
    assert up[-2:] == ["ConvTranspose2d", "Sigmoid"] and up.count("BatchNorm2d") == 3
    assert down[:3] == ["Conv2d", "LeakyReLU", "Conv2d"] and down.count("BatchNorm2d") == 2


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_outermost_layers_are_convolutions(layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    up, down = FromPoint(5, 6, (4, 3), bias=False).double(), ToPoint(6, 2, (4, 3)).double()
    for layer in (up, down):
        layer.weight.data = layer.weight.data.contiguous(memory_format=layout)
    latents = torch.randn(7, 5, 1, 1, dtype=torch.float64)
    maps = torch.randn(7, 6, 4, 3, dtype=torch.float64).contiguous(memory_format=layout)
    torch.testing.assert_close(up(latents), nn.functional.conv_transpose2d(latents, up.weight), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(down(maps), nn.functional.conv2d(maps, down.weight, down.bias), rtol=1e-12, atol=1e-12)


def test_weights_are_drawn_as_in_the_paper() -> None:
    torch.manual_seed(0)
    for net in dcgan((3, 64, 64), width=32).values():
        for layer in net.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.weight.numel() > 10_000:
                assert abs(layer.weight.mean().item()) < 1e-3 and layer.weight.std().item() == pytest.approx(
                    0.02, rel=0.03
                )
            if isinstance(layer, nn.BatchNorm2d):
                assert layer.weight.mean().item() == pytest.approx(1, abs=0.02) and torch.all(layer.bias == 0)


def test_a_spectrally_normalized_discriminator_has_singular_values_of_one() -> None:
    torch.manual_seed(0)
    net = dcgan((1, 16, 16), width=4, spectral_norm=True)["discriminator"]
    for _ in range(60):
        net(torch.rand(2, 1, 16, 16))
    net.eval()
    for layer in (one for one in net.modules() if isinstance(one, nn.Conv2d)):
        largest = torch.linalg.svdvals(layer.weight.flatten(1).detach())[0]
        assert largest.item() == pytest.approx(1, abs=0.02)
    assert not [one for one in net.modules() if isinstance(one, nn.BatchNorm2d)]


@pytest.mark.parametrize(
    ("shape", "arguments", "complaint"),
    [
        ((1, 8, 8), {}, r"images of 8x8: dcgan generates images of 16 to 128 pixels per side; set data\.size"),
        ((1, 200, 32), {}, "images of 200x32"),
        ((1, 28, 28), {"width": 0}, "width"),
        ((1, 28, 28), {"latents": 0}, "latents"),
        ((1, 28, 28), {"average": 1.0}, "average: must be at least 0 and below 1, not 1.0"),
    ],
)
def test_what_cannot_be_built_is_said(shape: tuple[int, int, int], arguments: dict[str, float], complaint: str) -> None:
    with pytest.raises(SettingError, match=complaint):
        dcgan(shape, **arguments)  # pyright: ignore[reportArgumentType]


def test_both_nets_are_told_of_classes_and_begin_by_minding_them_as_much_as_latents() -> None:
    torch.manual_seed(0)
    nets = dcgan((1, 16, 16), 3, width=4, latents=8, average=0.9, conditional=True)
    latents, told = torch.randn(64, 8), torch.eye(3)
    first = nets["generator"].layers[1]  # pyright: ignore
    of_latents = (first.weight[:8].square().sum() / 8).item()
    of_classes = (first.weight[8:].square().sum() / 3).item()
    assert 8 * of_classes == pytest.approx(8 * of_latents, rel=0.2)  # a one-hot class times the root of 8, squared
    images = [nets["generator"](torch.cat([latents, one.expand(64, 3)], dim=1)) for one in told]
    assert images[0].shape == (64, 1, 16, 16) and (images[0] - images[1]).abs().max() > 1e-3
    down = nets["discriminator"].eval()
    logits = torch.cat([down(images[0], torch.full((64,), number)) for number in range(3)], dim=1)
    assert logits.shape == (64, 3) and (logits[:, 0] != logits[:, 1]).all()
    whole = down.layers(images[0])  # pyright: ignore
    torch.testing.assert_close(logits, whole[:, :1] + whole[:, 1:])
    torch.testing.assert_close(down(images[0]), whole[:, :1])


def test_nets_that_are_told_nothing_are_what_they_were() -> None:
    """The same seed gives the same weights, by the same names, as before nets could be told of classes."""
    names = {
        name: list(net.state_dict()) for name, net in dcgan((1, 16, 16), 3, width=2, latents=3, average=0.5).items()
    }
    assert names["discriminator"][0] == "0.weight" and names["generator"][0] == "layers.1.weight"
    with pytest.raises(SettingError, match="conditional: these images have no classes to condition on"):
        dcgan((1, 16, 16), 1, conditional=True)


def test_maps_are_halved_down_to_four_to_seven_pixels() -> None:
    for side in range(16, 129):
        assert 4 <= sides_of((1, side, side))[-1][0] <= 7
