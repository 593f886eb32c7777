"""Layers by names that mean the same in every network: conv_1, dense_2, output, input, latents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from papilio.errors import SettingError, did_you_mean
from papilio.kinds.kind import Kind
from papilio.kinds.options import ProjectionOptions
from papilio.models.description import Description, LayerRow
from papilio.runs.run import Run

INPUT, LATENTS, OUTPUT = "input", "latents", "output"
WITH_WEIGHTS = {"Conv2d": "conv", "ConvTranspose2d": "conv_transpose", "Linear": "dense"}
BEHIND = ("Flatten", "Unflatten")  # a layer's features end here: behind it they only have another shape


def named_layers(rows: Sequence[LayerRow]) -> dict[str, str]:
    """The layers of a network, its name for each by a name that tells what it is: `conv_1`, `dense_1`.

    A convolution or a dense layer is meant with what follows it up to the next one, which is what that one sees:
    normalization, activation, pooling. The last one of the network is not among them, it is the output.

    >>> rows = [LayerRow(str(n), kind, (), 0) for n, kind in enumerate(["Conv2d(1, 6)", "ReLU()", "Flatten()", "Linear()"])]
    >>> named_layers(rows)
    {'conv_1': '1'}
    """
    found: dict[str, str] = {}
    counts: dict[str, int] = {}
    present = ""
    for row in rows:
        kind = row.kind.partition("(")[0]
        if kind in WITH_WEIGHTS:
            sort = WITH_WEIGHTS[kind]
            counts[sort] = counts.get(sort, 0) + 1
            present = f"{sort}_{counts[sort]}"
        elif kind in BEHIND:
            present = ""
        if present:
            found[present] = row.name
    return dict(list(found.items())[:-1])


def chosen_layers(names: Sequence[str], rows: Sequence[LayerRow], *, has_latents: bool) -> dict[str, str]:
    """What the names stand for in a network with these layers: a layer's own name, or `input`, `latents`, `output` themselves.

    Without names: the latents, where there are some, else the last hidden layer and the output. Raises SettingError for a
    name that is none.
    """
    special = [INPUT, OUTPUT, *([LATENTS] if has_latents else [])]
    known = {**{row.name: row.name for row in rows}, **named_layers(rows), **{name: name for name in special}}
    if not names:
        return {LATENTS: LATENTS} if has_latents else dict([*list(named_layers(rows).items())[-1:], (OUTPUT, OUTPUT)])
    for name in names:
        if name not in known:
            allowed = [*special, *named_layers(rows)]
            raise SettingError(
                f"projection: layers: {name!r} is not a layer of this network; {did_you_mean(name, allowed)}, or a name"
                " as papilio show lists it"
            )
    return {name: known[name] for name in names}


def check_layers(options: ProjectionOptions, kind: Kind, describe: Callable[[], Description]) -> None:
    """Raises SettingError where a network that is yet to be trained does not have the layers that are to be projected."""
    if options.layers:
        chosen_layers(options.layers, describe().layers, has_latents="encode" in kind.offers)


def layers_of(run: Run, names: Sequence[str]) -> dict[str, str]:
    """As `chosen_layers`, for a run that was trained."""
    return chosen_layers(names, _rows(run.facts.layers), has_latents="encode" in run.kind.offers)


def features_of(run: Run, layer: str, images: np.ndarray) -> np.ndarray:
    """What a layer gives for uint8 images (num, channel, height, width): float32 (num, ...), not flattened.

    `layer` is one of the values that `layers_of` gives.
    """
    if layer == INPUT:
        return images.astype(np.float32) / 255
    if layer == LATENTS:
        return run.encode(images)
    return run.outputs(images) if layer == OUTPUT else run.layer(layer, images)


def _rows(plain: Iterable[dict[str, Any]]) -> list[LayerRow]:
    return [LayerRow(row["name"], row["kind"], tuple(row["output_shape"]), row["num_parameters"]) for row in plain]
