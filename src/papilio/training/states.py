"""The state of nets and optimizers as arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from papilio.engine import Arrays
from papilio.errors import RunError


def as_array(tensor: Tensor) -> np.ndarray:
    """A copy in plain order: `np.ascontiguousarray` would make an optimizer's step, which has no axis, an array with one."""
    return np.array(tensor.detach().cpu().numpy(), order="C", copy=True)


def arrays_of_nets(nets: Mapping[str, nn.Module]) -> dict[str, np.ndarray]:
    """Every net's parameters and buffers as `net/parameter`, copied."""
    return {
        f"{net_name}/{name}": as_array(tensor)
        for net_name, net in nets.items()
        for name, tensor in net.state_dict().items()
    }


@torch.no_grad()
def load_nets(nets: Mapping[str, nn.Module], arrays: Arrays) -> None:
    """Copy the arrays of `arrays_of_nets` into the nets, each into the memory layout that it has there.

    Raises RunError where names or shapes differ.
    """
    places = {f"{net_name}/{name}": place for net_name, net in nets.items() for name, place in net.state_dict().items()}
    if places.keys() != arrays.keys():
        different = sorted(places.keys() ^ arrays.keys())
        raise RunError(f"made for another network; these differ: {', '.join(different[:4])}")
    copy_into(places, arrays)


@torch.no_grad()
def copy_into(places: Mapping[str, Tensor], arrays: Arrays) -> None:
    """Copy arrays into the tensors of the same names; raises RunError where shapes differ."""
    for name, array in arrays.items():
        place = places[name]
        if tuple(place.shape) != array.shape:
            raise RunError(f"made for another network; {name} is {array.shape}, expected is {tuple(place.shape)}")
        place.copy_(torch.from_numpy(array))


def arrays_of_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, np.ndarray]:
    """The optimizer's tensors as `index/key`, parameters counted over all groups."""
    return {
        f"{index}/{key}": as_array(value)
        for index, parameter in enumerate(_parameters(optimizer))
        for key, value in optimizer.state[parameter].items()
        if isinstance(value, Tensor)
    }


def load_optimizer(optimizer: torch.optim.Optimizer, arrays: Arrays) -> None:
    """Put the arrays of `arrays_of_optimizer` back; raises RunError for those of other parameters.

    State of a parameter's shape takes the parameter's memory layout: contiguous momenta next to a channels-last
    parameter make torch's fused steps pair the wrong numbers, silently.
    """
    parameters = _parameters(optimizer)
    for name, array in arrays.items():
        index, _, key = name.partition("/")
        tensor, parameter = torch.from_numpy(np.array(array)), parameters[int(index)]
        if tensor.shape == parameter.shape:
            tensor = torch.empty_like(parameter, requires_grad=False).copy_(tensor)
        elif tensor.dim() > 0:
            found, expected = tuple(tensor.shape), tuple(parameter.shape)
            raise RunError(f"made for another optimizer; {name} is {found}, expected is {expected}")
        elif optimizer.defaults.get("fused"):
            tensor = tensor.to(parameter.device)  # a fused step counts on the device
        optimizer.state[parameter][key] = tensor


def _parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
