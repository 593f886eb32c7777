"""Which devices there are to train on."""

from __future__ import annotations

import torch

from papilio.errors import SettingError


def available_devices() -> list[str]:
    """The names that `train.device` can have here: cpu, cuda (the first one) and cuda:0, cuda:1, ..., mps."""
    num_cuda = torch.cuda.device_count()
    cuda = ["cuda", *(f"cuda:{index}" for index in range(num_cuda))] if num_cuda else []
    return ["cpu", *cuda, *(["mps"] if torch.backends.mps.is_available() else [])]


def refuse_missing_device(name: str) -> None:
    """Raises SettingError, saying which there are, for a device that is not here."""
    available = available_devices()
    if name not in available:
        raise SettingError(f"train.device: {name!r} is not available; allowed are {', '.join(available)}")
