"""The state of training as one safetensors file: tensors by name, and the rest as JSON in its header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from papilio.errors import RunError
from papilio.files import open_atomic

FORMAT = 1
KEY = "papilio"  # the only one in the header: safetensors writes several in any order, and equal files would differ


def save_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and plain facts atomically.

    Raises StorageError when the disk is full; what was at `path` is then still there.
    """
    # copied and made contiguous: safetensors refuses channels-last tensors, and tensors that share memory
    plain = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    header = {KEY: json.dumps({"format": FORMAT, "facts": facts})}
    with open_atomic(path) as file:
        file.write(to_bytes(plain, metadata=header))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and facts of `save_tensors`; raises RunError, naming the file, where it is torn or not one of ours."""
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        return tensors, header["facts"]
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise _torn(path, error) from error


def load_facts(path: Path) -> dict[str, Any]:
    """The facts of `save_tensors` alone; raises RunError as `load_tensors` does."""
    try:
        with safe_open(path, framework="pt") as file:
            return json.loads((file.metadata() or {})[KEY])["facts"]
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise _torn(path, error) from error


def _torn(path: Path, error: Exception) -> RunError:
    return RunError(f"{path}: not a whole file of weights ({error}); delete it, and the study's command makes it again")


def copy_of_nets(nets: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Every net's parameters and buffers as `net/parameter`, copied."""
    return {
        f"{net_name}/{name}": tensor.detach().clone()
        for net_name, net in nets.items()
        for name, tensor in net.state_dict().items()
    }


@torch.no_grad()
def load_nets(nets: Mapping[str, nn.Module], tensors: Mapping[str, Tensor], *, where: Path | str) -> None:
    """Copy the tensors of `copy_of_nets` into the nets, each into the memory layout that it has there.

    Raises RunError where names or shapes differ.
    """
    places = {f"{net_name}/{name}": place for net_name, net in nets.items() for name, place in net.state_dict().items()}
    if places.keys() != tensors.keys():
        different = sorted(places.keys() ^ tensors.keys())
        raise RunError(f"{where}: made for another network; these differ: {', '.join(different[:4])}")
    for name, place in places.items():
        if place.shape != tensors[name].shape:
            found, expected = tuple(tensors[name].shape), tuple(place.shape)
            raise RunError(f"{where}: made for another network; {name} is {found}, expected is {expected}")
        place.copy_(tensors[name])


def copy_of_optimiser(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's tensors as `index/key`, parameters counted over all groups."""
    return {
        f"{index}/{key}": value
        for index, parameter in enumerate(_parameters(optimiser))
        for key, value in optimiser.state[parameter].items()
        if isinstance(value, Tensor)
    }


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor], *, where: Path) -> None:
    """Put the tensors of `copy_of_optimiser` back; raises RunError for those of other parameters.

    State of a parameter's shape takes the parameter's memory layout: contiguous momenta beside a channels-last
    parameter make torch's fused steps pair the wrong numbers, silently.
    """
    parameters = _parameters(optimiser)
    for name, tensor in tensors.items():
        index, _, key = name.partition("/")
        parameter = parameters[int(index)]
        if tensor.shape == parameter.shape:
            tensor = torch.empty_like(parameter, requires_grad=False).copy_(tensor)
        elif tensor.dim() > 0:
            found, expected = tuple(tensor.shape), tuple(parameter.shape)
            what = f"made for another optimiser; {name} is {found}, expected is {expected}"
            raise RunError(f"{where}: {what}; delete it, and the run begins anew")
        elif optimiser.defaults.get("fused"):
            tensor = tensor.to(parameter.device)  # a fused step counts on the device
        optimiser.state[parameter][key] = tensor


def _parameters(optimiser: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under `prefix/name`."""
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def under_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those tensors that `with_prefix` put there, by their own names again."""
    return {name.removeprefix(f"{prefix}/"): one for name, one in tensors.items() if name.startswith(f"{prefix}/")}
