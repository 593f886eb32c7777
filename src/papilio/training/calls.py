"""What stands between an objective and a net: modules that call the net in another way, and are it in all else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from papilio.settings.train_settings import TrainSettings, Views
from papilio.training.augmentation import resampled

Images = Float[Tensor, "batch channel height width"]


class Call(nn.Module):
    """A way to call `net`; whatever else is asked of it is the net's own."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.training = net.training

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("net"), name)

    def state_dict(self, *arguments: Any, **options: Any) -> Any:
        """The net's own, by its names."""
        return self.net.state_dict(*arguments, **options)

    def load_state_dict(self, *arguments: Any, **options: Any) -> Any:
        """Into the net itself."""
        return self.net.load_state_dict(*arguments, **options)


class Averaged(Call):
    """While it does not learn, the mean of what a net gives for several views of an image: test-time augmentation."""

    def __init__(self, net: nn.Module, views: Views) -> None:
        super().__init__(net)
        self.degrees, self.flips = views.degrees, views.flip

    def forward(self, images: Images) -> Tensor:
        if self.net.training:
            return self.net(images)
        turned = (_turned(images, one) for one in self.degrees)
        seen = (
            view.flip(-1) if flip else view for view in turned for flip in ((False, True) if self.flips else (False,))
        )
        return torch.stack([self.net(view) for view in seen]).mean(0)


class InBfloat16(Call):
    """A net that computes in bfloat16; what it gives is float32."""

    def __init__(self, net: nn.Module, device: torch.device) -> None:
        super().__init__(net)
        self.device = device

    def forward(self, *inputs: Any, **options: Any) -> Any:
        with torch.autocast(self.device.type, torch.bfloat16):
            outputs = self.net(*inputs, **options)
        return _widened(outputs)


def bare(net: nn.Module) -> nn.Module:
    """The net itself, whatever stands in front of it."""
    while isinstance(net, Call):
        net = net.net
    return net


def with_views(nets: Mapping[str, nn.Module], settings: TrainSettings) -> dict[str, nn.Module]:
    """The nets as they are measured and used: averaging over views where the settings say so."""
    return {name: net if settings.views is None else Averaged(net, settings.views) for name, net in nets.items()}


def in_bfloat16(nets: Mapping[str, nn.Module], device: torch.device) -> dict[str, nn.Module]:
    """Every net, computing in bfloat16."""
    return {name: InBfloat16(net, device) for name, net in nets.items()}


def _turned(images: Images, degrees: float) -> Images:
    if degrees == 0:
        return images
    angle = torch.full((images.shape[0],), math.radians(degrees), device=images.device)
    return resampled(images, angle, torch.ones_like(angle))


def _widened(outputs: Any) -> Any:
    """The same with float32 in place of bfloat16, also within tuples, lists and dictionaries."""
    match outputs:
        case Tensor():
            return outputs.float() if outputs.dtype == torch.bfloat16 else outputs
        case tuple() | list():
            widened = map(_widened, outputs)
            is_named = hasattr(outputs, "_fields")  # a named tuple takes its fields one by one
            return type(outputs)(*widened) if is_named else type(outputs)(widened)
        case dict():
            return {name: _widened(one) for name, one in outputs.items()}
        case _:
            return outputs
