"""Several looks at each picture, once a net has learned: test-time augmentation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

from papilio.settings.train_settings import Views
from papilio.training.augmentation import resampled

Images = Float[Tensor, "batch channel height width"]


def see_views(net: nn.Module, views: Views) -> None:
    """From now on, while it does not learn, the net gives the mean of what it gives for each view of an image."""
    # an attribute of this very net, in front of its class' method
    net.forward = _averaged(net, net.forward, views.degrees)


@contextmanager
def one_view(net: nn.Module) -> Iterator[None]:
    """Within it a net that sees views looks at each image once, as it is: sooner done, a little less sure."""
    seeing = net.__dict__.pop("forward", None)
    try:
        yield
    finally:
        if seeing is not None:
            net.forward = seeing


def _averaged(net: nn.Module, forward: Callable[[Images], Tensor], degrees: list[float]) -> Callable[[Images], Tensor]:
    def see(images: Images) -> Tensor:
        if net.training:
            return forward(images)
        return torch.stack([forward(_turned(images, one)) for one in degrees]).mean(0)

    return see


def _turned(images: Images, degrees: float) -> Images:
    if degrees == 0:
        return images
    angle = torch.full((len(images),), math.radians(degrees), device=images.device)
    return resampled(images, angle, torch.ones_like(angle))
