"""Random changes to whole batches of uint8 images, a few tensor operations each, no loop over images."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from papilio.settings.train_settings import Augmentation

Images = UInt8[Tensor, "batch channel height width"]


def augment(images: Images, augmentation: Augmentation, generator: torch.Generator) -> Images:
    """The batch with every image changed on its own; a function of the generator's state."""
    if augmentation.flip:
        images = flip(images, generator)
    if augmentation.rotate or augmentation.zoom:
        images = turn(images, degrees=augmentation.rotate, zoom=augmentation.zoom, generator=generator)
    if augmentation.shift:
        images = shift(images, augmentation.shift, generator)
    if augmentation.erase:
        images = erase(images, share=augmentation.erase, area=augmentation.erase_area, generator=generator)
    return images


def flip(images: Images, generator: torch.Generator) -> Images:
    """Mirror each image left to right with probability 1/2."""
    is_flipped = torch.rand(len(images), generator=generator, device=images.device) < 0.5
    return torch.where(is_flipped[:, None, None, None], images.flip(3), images)


def turn(images: Images, *, degrees: float, zoom: float, generator: torch.Generator) -> Images:
    """Turn each image by up to `degrees`, each way, and enlarge it by a factor of up to 1 + `zoom`, or shrink it as much.

    Bilinear; where the image has nothing, its rim is repeated.
    """
    draws = 2 * torch.rand(2, len(images), generator=generator, device=images.device) - 1
    turned = resampled(images.float(), draws[0] * math.radians(degrees), (1 + zoom) ** -draws[1])
    return turned.round_().to(torch.uint8)


def resampled(
    images: Float[Tensor, "batch channel height width"], angle: Float[Tensor, " batch"], factor: Float[Tensor, " batch"]
) -> Float[Tensor, "batch channel height width"]:
    """Each image turned by its `angle` (radians), as if seen from `factor` times as far away; bilinear, the rim is repeated."""
    height, width = images.shape[2:]
    sin, cos, zero = angle.sin() * factor, angle.cos() * factor, torch.zeros_like(angle)
    # in units of half a side, which differ where the image is not square
    rows = [torch.stack([cos, -sin * (height / width), zero], 1), torch.stack([sin * (width / height), cos, zero], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def shift(images: Images, pixels: int, generator: torch.Generator) -> Images:
    """Move each image by up to `pixels`, rows and columns drawn independently; what comes in is zero."""
    height, width = images.shape[2:]
    padded = F.pad(images, (pixels, pixels, pixels, pixels))
    offsets = _integers((2, len(images)), 2 * pixels + 1, images, generator)
    rows = offsets[0, :, None] + torch.arange(height, device=images.device)
    columns = offsets[1, :, None] + torch.arange(width, device=images.device)
    image = torch.arange(len(images), device=images.device)[:, None, None]
    # advanced indices on both sides of the channel slice put the channel last: (batch, height, width, channel)
    return padded[image, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1).contiguous()


def erase(images: Images, *, share: float, area: float, generator: torch.Generator) -> Images:
    """Blacken one rectangle in each of a `share` of the images, of up to `area` of the image.

    Its height and width, as shares of the image's own, are to each other between 1:2 and 2:1.
    Source: Zhong et al., Random erasing data augmentation, 2020 (there filled with noise).
    """
    num, _, height, width = images.shape
    draws = torch.rand(5, num, generator=generator, device=images.device)
    size = (draws[0] * area).sqrt()
    stretch = 2 ** (draws[1] - 0.5)
    tall = (size * stretch * height).clamp(max=height)
    wide = (size / stretch * width).clamp(max=width)
    top = draws[2] * (height - tall)
    left = draws[3] * (width - wide)
    rows = torch.arange(height, device=images.device) + 0.5
    columns = torch.arange(width, device=images.device) + 0.5
    in_rows = (rows > top[:, None]) & (rows < (top + tall)[:, None])
    in_columns = (columns > left[:, None]) & (columns < (left + wide)[:, None])
    is_erased = in_rows[:, :, None] & in_columns[:, None, :] & (draws[4] < share)[:, None, None]
    return images.masked_fill(is_erased[:, None], 0)


def _integers(shape: tuple[int, ...], end: int, like: Tensor, generator: torch.Generator) -> Int[Tensor, ...]:
    return torch.randint(0, end, shape, generator=generator, device=like.device)
