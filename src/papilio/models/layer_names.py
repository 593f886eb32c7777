"""Layers by names that mean the same in every network: conv_1, dense_2, output, input, latents."""

from __future__ import annotations

from collections.abc import Sequence

from papilio.errors import SettingError, did_you_mean
from papilio.models.description import LayerRow

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


def find_layer(name: str, rows: Sequence[LayerRow], *, has_latents: bool) -> str:
    """What a name stands for in a network with these layers: a layer's own name, or `input`, `latents`, `output` themselves.

    A name is one of these three, one that `named_layers` gives, or the network's own name of a layer. Raises SettingError for
    an unknown name.
    """
    special = [INPUT, OUTPUT, *([LATENTS] if has_latents else [])]
    named = named_layers(rows)
    known = {**{row.name: row.name for row in rows}, **named, **{one: one for one in special}}
    if name in known:
        return known[name]
    of_this_name = next((row.name for row in rows if row.name.endswith(f".{name}")), None)
    nearest = did_you_mean(name, known) if of_this_name is None else f"did you mean {of_this_name}?"
    allowed = f"allowed are {', '.join([*special, *named])}, and names as papilio show lists them"
    raise SettingError(f"{name!r} is not a layer of this network; {nearest if nearest.endswith('?') else allowed}")
