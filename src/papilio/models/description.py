"""What is told of nets. Nothing here imports a framework: tables show layers where none is installed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerRow:
    """One layer: its place in the network, its kind and settings, the shape it gives for one image, its parameters."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    num_parameters: int


@dataclass(frozen=True)
class Description:
    """The layers of nets, and how many numbers training may change."""

    layers: tuple[LayerRow, ...]
    num_parameters: int
