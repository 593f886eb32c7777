"""The nets that this engine has, of plans that it shares with the torch engine: the same settings, names and layers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from papilio.errors import SettingError
from papilio.models.plans import PLANS, PURPOSES
from papilio.scratch.network import ACTIVATIONS, Network

KNOWN: dict[str, Collection[object]] = {  # of settings of which plans take more
    "activation": ACTIVATIONS,
    "batch_norm": [False],
    "dense_norm": [False],
    "split_heads": [False],
    "head": ["flatten"],
    "blocks": [0],
    "decoder": ["mirror"],
}


def build(family: str, arguments: Mapping[str, Any], *, image_shape: tuple[int, int, int], num_classes: int) -> Network:
    """A family's net, without memory for weights; raises SettingError for what it does not take or cannot be built."""
    refuse_unknown("model.family", family, PLANS)
    for name in KNOWN:
        if name in arguments:
            refuse_unknown(f"model.{name}", arguments[name], KNOWN[name])
    given = {} if family in PURPOSES else {"num_classes": num_classes}
    return Network(PLANS[family](image_shape, **given, **arguments), image_shape)


def refuse_unknown(what: str, given: object, known: Collection[object]) -> None:
    """Raises SettingError for what this engine does not have."""
    if given not in known:
        allowed = ", ".join(map(_written, known)) or "none"
        raise SettingError(f'train.engine = "numpy" does not know {what} = {_written(given)}; it knows {allowed}')


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
