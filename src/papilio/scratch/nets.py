"""Trained nets behind the engine's border: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from papilio.errors import RunError, did_you_mean
from papilio.scratch.network import Network

BATCH = 500  # images


class NumpyNets:
    """See `papilio.engine.Nets`; a dotted net is a part of it: "network.decoder"."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @property
    def names(self) -> Sequence[str]:
        return ["network"]

    @property
    def modules(self) -> dict[str, Any]:
        return {"network": self.network}

    def forward(self, net: str, inputs: np.ndarray, *, until: str | None = None, is_quick: bool = False) -> np.ndarray:
        name, _, part = net.partition(".")
        if name != "network" or (part and part not in self.network.stacks):
            known = ["network", *(f"network.{one}" for one in self.network.stacks if one)]
            raise RunError(f"{net!r} is not a net of this run; {did_you_mean(net, known)}")
        pieces = [inputs[begin : begin + BATCH] for begin in range(0, max(1, len(inputs)), BATCH)]
        try:
            return np.concatenate([self._given(part, piece, until) for piece in pieces])
        except ValueError as error:  # shapes that do not go together
            raise RuntimeError(str(error)) from error

    def _given(self, part: str, inputs: np.ndarray, until: str | None) -> np.ndarray:
        x = np.moveaxis(inputs, 0, -1).astype(self.network.values.dtype)
        outputs = self.network.forward(x / 255 if inputs.dtype == np.uint8 else x, part=part, until=until)
        return np.ascontiguousarray(np.moveaxis(outputs, -1, 0), dtype=np.float32)
