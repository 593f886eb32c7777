"""Nets that compute with fewer digits while they learn; weights, losses and optimisers stay float32 ("mixed precision").

Source: Kalamkar et al., A study of BFLOAT16 for deep learning training, 2019. bfloat16 has float32's range, so that losses
need no scaling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

Precision = Literal["float32", "bfloat16"]
PROCESSORS = ("avx512_bf16", "amx_bf16")  # instructions without which a processor is slower with bfloat16 than without


def best_precision(asked: Precision | None, device: torch.device) -> Precision:
    """What nets compute in on the device: what is asked, or float32 where the device has no instructions for it."""
    return "bfloat16" if asked == "bfloat16" and has_bfloat16(device) else "float32"


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16, rather than imitating it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return any(capabilities.get(name) for name in PROCESSORS)


@contextmanager
def computing_in(precision: Precision, nets: Mapping[str, nn.Module], device: torch.device) -> Iterator[None]:
    """For as long as it lasts, the nets' forward passes compute in `precision`; what they give is float32."""
    with ExitStack() as stack:
        for net in nets.values() if precision == "bfloat16" else ():
            # an attribute of this very net, in front of its class' method
            stack.callback(_put_back, net, vars(net).get("forward"))
            net.forward = _in_bfloat16(net.forward, device)
        yield


def _put_back(net: nn.Module, forward: Callable[..., Any] | None) -> None:
    del net.forward
    if forward is not None:
        net.forward = forward


def _in_bfloat16(forward: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    def compute(*inputs: Any, **options: Any) -> Any:
        with torch.autocast(device.type, torch.bfloat16):
            outputs = forward(*inputs, **options)
        return _widened(outputs)

    return compute


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
