"""The frozen layers that a net begins with: what they give for an image is the same in every epoch, so it is computed once.

What they give takes the images' place, and the layers that follow take the net's. That holds where the net is a chain of
layers, where the frozen ones are known to depend on nothing but their image, and where the objective does nothing with
images but call nets on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import takewhile

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from papilio.engine import seconds_a_batch
from papilio.training.batches import Batch, Batches
from papilio.training.calls import Call
from papilio.training.nets import output_of
from papilio.training.precision import Precision
from papilio.training.standardizing import standardized

LARGEST_BYTES = 1 << 30  # that outputs may take in one run, for training and validation images together
KNOWN = ("torch.nn.modules.", "papilio.models.")  # where layers are from of which we know what they depend on
RANDOM = (nn.FractionalMaxPool2d, nn.FractionalMaxPool3d)  # in evaluation mode, too


class Rest(Call):
    """The layers of a net that follow its frozen front, called on what that gives."""

    def __init__(self, net: nn.Module, layers: Iterable[nn.Module]) -> None:
        super().__init__(net)
        self.layers = tuple(layers)  # not registered: they are the net's own

    def forward(self, outputs: Tensor) -> Tensor:
        for layer in self.layers:
            outputs = layer(outputs)
        return outputs


@dataclass
class Front:
    """A net's frozen layers, the last by its name, and what follows; `room` is how many bytes their outputs may still take."""

    net: nn.Module
    layers: tuple[nn.Module, ...]
    last: str
    rest: Rest
    device: torch.device
    room: int = field(default_factory=lambda: LARGEST_BYTES)

    @torch.no_grad()
    def outputs(self, images: Tensor, precision: Precision) -> Tensor:
        """Just what the layer after them is given when the whole net is called in that precision."""
        for layer in self.layers:
            layer.eval()
        is_narrow = precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16) if is_narrow else nullcontext():
            return output_of(self.net, images, until=self.last)

    def kept(self, batches: Batches, precision: Precision) -> FrontBatches | None:
        """Batches of the outputs, None where they do not fit, or where images change from epoch to epoch."""
        if batches.augmentation is not None:
            return None
        image = torch.zeros(1, *batches.images.shape[1:], device=self.device)
        num_bytes = len(batches.indices) * self.outputs(image, precision).nbytes
        if num_bytes > self.room:
            return None
        self.room -= num_bytes
        return FrontBatches(self, batches, precision)


class FrontBatches:
    """Batches as `batches` gives them, with a front's outputs in place of images: computed in the first pass, then kept."""

    def __init__(self, front: Front, batches: Batches, precision: Precision) -> None:
        self.front = front
        self.batches = batches
        self.precision: Precision = precision
        self.found: Batches | None = None

    def __len__(self) -> int:
        return len(self.batches)

    def shuffled(self, generator: torch.Generator) -> Iterator[Batch]:
        """One pass in an order drawn from the generator."""
        return self._found().shuffled(generator)

    def in_order(self) -> Iterator[Batch]:
        """One pass in the order of the images."""
        return self._found().in_order()

    def forget(self) -> None:
        """Other weights have been loaded."""
        self.found = None

    def probed(self, generator: torch.Generator) -> Iterator[Batch]:
        """Batches of a pass, to time what is done with the first of them: each is computed as it is asked for."""
        for batch in self.batches.probed(generator):
            yield Batch(self.front.outputs(batch.images, self.precision), batch.targets)

    def seconds_once(self) -> float:
        """What computing all outputs will take, by timing a few batches."""
        seconds = seconds_a_batch(
            self.batches.in_order(), lambda batch: self.front.outputs(batch.images, self.precision)
        )
        return seconds * len(self)

    def _found(self) -> Batches:
        if self.found is None:
            self.found = self.batches.with_images(self._computed())
        return self.found

    def _computed(self) -> Tensor:
        """In batches as they are measured and trained on: another size can give other last bits."""
        num, done, found = len(self.batches.indices), 0, torch.empty(0)
        for batch in self.batches.in_order():
            outputs = self.front.outputs(batch.images, self.precision)
            if not done:
                found = _as_many(outputs, num)
            found[done : done + len(batch)] = outputs
            done += len(batch)
        return found


def find_front(nets: Mapping[str, nn.Module], frozen: Iterable[nn.Module], device: torch.device) -> Front | None:
    """The front of the only net; None where it does not begin with layers that are frozen, or where one is unknown.

    `frozen` are modules in evaluation mode to which no gradient goes.
    """
    if list(nets) != ["network"] or _has_hooks(net := nets["network"]):
        return None
    still = {part for module in frozen for part in module.modules()}
    names, layers = zip(*_chain(net), strict=True)
    front = tuple(takewhile(lambda layer: _depends_on_images_alone(layer, still), layers))
    if not front or len(front) == len(layers):
        return None
    return Front(net, front, names[len(front) - 1], Rest(net, layers[len(front) :]), device)


def _chain(net: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The layers that a net calls one after another, by dotted name; a net that is no such chain is one layer."""
    if not isinstance(net, nn.Sequential) or type(net).forward is not nn.Sequential.forward:
        yield name, net
        return
    for own_name, layer in net.named_children():
        yield from _chain(layer, f"{name}.{own_name}" if name else own_name)


def _depends_on_images_alone(layer: nn.Module, still: set[nn.Module]) -> bool:
    parts = list(layer.modules())
    is_still = all(part in still for part in parts if not list(part.children()))
    return is_still and all(
        type(part).__module__.startswith(KNOWN)
        and not isinstance(part, RANDOM)
        and not (isinstance(part, _BatchNorm) and part.running_mean is None)
        for part in parts
    )


def _has_hooks(net: nn.Module) -> bool:
    """Whether something unknown happens when layers are called."""
    hooks = [
        hook for part in net.modules() for hook in (*part._forward_hooks.values(), *part._forward_pre_hooks.values())
    ]
    return any(hook is not standardized for hook in hooks)


def _as_many(outputs: Tensor, num: int) -> Tensor:
    """Memory for `num` such outputs, in their layout."""
    is_last = outputs.dim() == 4 and outputs.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if is_last else torch.contiguous_format
    return torch.empty(num, *outputs.shape[1:], dtype=outputs.dtype, device=outputs.device, memory_format=layout)
