"""Adversarial nets of convolutions: Radford, Metz & Chintala 2016, for images of any side from 16 to 128."""

from __future__ import annotations

import copy
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm as normalized

from papilio.errors import SettingError
from papilio.models.layers import BatchNorm2d
from papilio.models.sizes import positive_integer
from papilio.settings.since import Since

SIDES = (16, 128)  # pixels
SMALLEST = 4  # pixels of a side where the generator begins, at least
MOST_TIMES = 8  # of `width`: the channels of the smallest feature maps
DEVIATION = 0.02  # of the weights that nets begin with


class FromPoint(nn.ConvTranspose2d):
    """A transposed convolution of maps of one pixel, as the matrix product that it is: a tenth of the time."""

    def forward(self, features: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride] (called so alone)
        _, channels, height, width = self.weight.shape
        rows = self.weight.permute(0, 2, 3, 1).flatten(1)  # a view where weights are channels-last
        maps = features.flatten(1) @ rows
        return maps.view(features.shape[0], height, width, channels).permute(0, 3, 1, 2)


class ToPoint(nn.Conv2d):
    """A convolution with a kernel as large as its maps, as the matrix product that it is: a fifth of the time."""

    def forward(self, features: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride] (called so alone)
        columns = self.weight.permute(0, 2, 3, 1).flatten(1)
        assert self.bias is not None  # the discriminator's last layer has one
        return (features.permute(0, 2, 3, 1).flatten(1) @ columns.t() + self.bias)[:, :, None, None]


class ConvolutionalGenerator(nn.Module):
    """Makes images in [0, 1] of `latents` numbers each; an averaged one knows its `decay`.

    With `classes` a class follows the latents: so many numbers, 1 for the class and 0 for the others (Mirza & Osindero 2014,
    "Conditional generative adversarial nets"). They are multiplied by the root of `latents`, so that at first the class moves
    an image as much as all latents together.
    """

    def __init__(self, layers: nn.Module, latents: int, classes: int = 0) -> None:
        super().__init__()
        self.layers = layers
        self.latents = latents
        self.classes = classes
        self.decay = 0.0

    def forward(self, numbers: Tensor) -> Tensor:
        if self.classes:
            latents, told = numbers.split([self.latents, self.classes], dim=1)
            numbers = torch.cat([latents, self.latents**0.5 * told], dim=1)
        return _as_channels_last(self.layers(numbers))


class ProjectingDiscriminator(nn.Module):
    """Judges images of a class: a logit for the image, and one more for each class, of which that of its own is added.

    Miyato & Koyama 2018, "cGANs with projection discriminator", equation 3: the inner product of features with an embedding of
    the class is here the last convolution's output for that class. Without classes it gives the first logit alone.
    """

    def __init__(self, layers: nn.Module, classes: int) -> None:
        super().__init__()
        self.layers = layers
        self.classes = classes

    def forward(self, images: Tensor, classes: Tensor | None = None) -> Tensor:
        logits = self.layers(images)
        if classes is None:
            return logits[:, :1]
        return logits[:, :1] + logits[:, 1:].gather(1, classes.long()[:, None])


def dcgan(
    image_shape: tuple[int, int, int],
    num_classes: int = 0,
    *,
    latents: int = 100,
    width: int = 64,
    average: float = 0.0,
    spectral_norm: bool = False,
    conditional: Annotated[bool, Since("0.2")] = False,
) -> dict[str, nn.Module]:
    """A `generator` of transposed convolutions and a `discriminator` of convolutions, kernel 4, stride 2.

    Images come out in exactly the size of `image_shape`. The generator begins with a map of 4 pixels per side or a few more
    and up to 8 `width` channels, and ends in a sigmoid; batch normalization and ReLU follow all other layers. The
    discriminator, which gives a logit, has leaky ReLU of 0.2, and batch normalization but in its first layer. Weights are
    drawn from N(0, 0.02), factors of the normalization from N(1, 0.02).

    With `average` above 0 there is a third net, `average`, whose weights follow the generator's: at each step it keeps that
    share of its own. With `spectral_norm` the discriminator's layers are divided by their largest singular value (Miyato et
    al. 2018), in place of its batch normalization. With `conditional` both nets are told which of `num_classes` classes an
    image is of, see `ConvolutionalGenerator` and `ProjectingDiscriminator`.

    Raises SettingError for arguments out of range, for images of other sides than 16 to 128 pixels, and where `conditional`
    has no two classes to tell of.
    """
    positive_integer(latents, what="latents")
    positive_integer(width, what="width")
    if not 0 <= average < 1:
        raise SettingError(f"average: must be at least 0 and below 1, not {average}")
    if conditional and num_classes < 2:
        raise SettingError(
            "conditional: these images have no classes to condition on; leave it out, or use images with two"
            " classes or more"
        )
    classes = num_classes if conditional else 0
    sides = sides_of(image_shape)
    channels = [image_shape[0], *(width * min(2**step, MOST_TIMES) for step in range(len(sides) - 1))]
    generator = ConvolutionalGenerator(_up(sides, channels, latents + classes), latents, classes)
    down = _down(sides, channels, num_logits=1 + classes, is_spectral=spectral_norm)
    discriminator = ProjectingDiscriminator(down, classes) if classes else down
    nets: dict[str, nn.Module] = {"generator": generator, "discriminator": discriminator}
    if average:
        slow = copy.deepcopy(generator).requires_grad_(False)
        slow.decay = average
        nets["average"] = slow
    return nets


def sides_of(image_shape: tuple[int, int, int]) -> list[tuple[int, int]]:
    """(height, width) of the image and of each map on the way down, halved (rounded up) while 4 pixels are left.

    >>> sides_of((1, 28, 28)), sides_of((3, 33, 50))
    ([(28, 28), (14, 14), (7, 7), (4, 4)], [(33, 50), (17, 25), (9, 13), (5, 7)])
    """
    _, height, width = image_shape
    low, high = SIDES
    if not (low <= height <= high and low <= width <= high):
        raise SettingError(
            f"images of {height}x{width}: dcgan generates images of {low} to {high} pixels per side; set data.size, or use"
            ' family = "gan"'
        )
    found = [(height, width)]
    while min(-(-side // 2) for side in found[-1]) >= SMALLEST:
        height, width = -(-height // 2), -(-width // 2)
        found.append((height, width))
    return found


def _as_channels_last(images: Tensor) -> Tensor:
    """The same images, gray ones by the strides of channels-last, which a single channel has in two ways.

    By the strides the discriminator's first convolution decides on the layout of what it gives; in the other one each map
    would be copied before the next convolution.
    """
    num, channels, height, width = images.shape
    return images if channels > 1 else images.reshape(num, height, width, 1).permute(0, 3, 1, 2)


def _up(sides: list[tuple[int, int]], channels: list[int], numbers: int) -> nn.Sequential:
    """From numbers to an image: from a map of n rows to one of 2n, or of 2n - 1 where the image has an odd side there."""
    layers: list[nn.Module] = [nn.Unflatten(1, (numbers, 1, 1))]
    # a dense layer, written as the transposed convolution that it is in the paper
    layers += [FromPoint(numbers, channels[-1], sides[-1], bias=False), *_normal(channels[-1])]
    for step in range(len(sides) - 1, 0, -1):
        is_last = step == 1
        height, width = (int(want < 2 * have) for have, want in zip(sides[step], sides[step - 1], strict=True))
        # 2 have + 2 - 2 padding + output_padding: 2 have with a padding of 1; 2 have - 1 with one of 2, and one row back
        layers.append(
            nn.ConvTranspose2d(
                channels[step],
                channels[step - 1],
                4,
                stride=2,
                padding=(1 + height, 1 + width),
                output_padding=(height, width),
                bias=is_last,
            )
        )
        layers += [nn.Sigmoid()] if is_last else _normal(channels[step - 1])
    return _drawn(nn.Sequential(*layers))


def _down(sides: list[tuple[int, int]], channels: list[int], *, num_logits: int, is_spectral: bool) -> nn.Sequential:
    """From an image to its logits; an odd side is padded to the even one above it."""
    layers: list[nn.Module] = []
    for step, (height, width) in enumerate(sides[:-1], start=1):
        if height % 2 or width % 2:
            layers.append(nn.ZeroPad2d((0, width % 2, 0, height % 2)))
        has_norm = step > 1 and not is_spectral
        layers.append(nn.Conv2d(channels[step - 1], channels[step], 4, stride=2, padding=1, bias=not has_norm))
        layers += [BatchNorm2d(channels[step])] if has_norm else []
        layers.append(nn.LeakyReLU(0.2, inplace=True))  # no new memory: of large maps that takes longer than they do
    layers += [ToPoint(channels[-1], num_logits, sides[-1]), nn.Flatten()]
    _drawn(nn.Sequential(*layers))
    return nn.Sequential(*(normalized(one) if is_spectral and isinstance(one, nn.Conv2d) else one for one in layers))


def _normal(channels: int) -> list[nn.Module]:
    return [BatchNorm2d(channels), nn.ReLU(inplace=True)]


def _drawn(layers: nn.Sequential) -> nn.Sequential:
    """Radford et al. 2016, section 4; the factors of batch normalization as in the authors' code."""
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, DEVIATION)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, DEVIATION)
    return layers
