"""Nets that compute with fewer digits while they learn; weights, losses and optimizers stay float32 ("mixed precision").

Source: Kalamkar et al., A study of BFLOAT16 for deep learning training, 2019. bfloat16 has float32's range, so that losses
need no scaling.
"""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal["float32", "bfloat16"]
PROCESSORS = ("avx512_bf16", "amx_bf16")  # instructions without which a processor is slower with bfloat16 than without


def best_precision(asked: str | None, device: torch.device) -> Precision:
    """What nets compute in on the device: what is asked, or float32 where the device has no instructions for it.

    "auto" is float32 here: whoever may choose has compared both, and asks for one of them.
    """
    return "bfloat16" if asked == "bfloat16" and has_bfloat16(device) else "float32"


def known_precision(name: str | None) -> Precision | None:
    """A precision by the name that files and messages have for it; None for any other."""
    match name:
        case "float32" | "bfloat16":
            return name
        case _:
            return None


def precisions_of(device: torch.device) -> list[Precision]:
    """What nets may compute in on the device, without imitating it."""
    return ["float32", "bfloat16"] if has_bfloat16(device) else ["float32"]


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16, rather than imitating it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return any(capabilities.get(name) for name in PROCESSORS)
