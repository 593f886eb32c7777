"""A number on a circle as a target: a design of `papilio.targets.periodic`, and errors in the number's own units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from papilio.data.facts import ImageFacts
from papilio.data.quantities import Quantity
from papilio.errors import SettingError, did_you_mean
from papilio.settings.train_settings import TrainSettings
from papilio.targets.periodic import (
    Bins,
    CoarseToFine,
    Harmonics,
    PeriodicTarget,
    Reading,
    Regression,
    SinCos,
    SoftBins,
    TwoHeads,
    VonMises,
    circular_error,
    share_within,
)

Design = Regression | Bins | TwoHeads | SinCos | VonMises | SoftBins | Harmonics | CoarseToFine
DESIGNS: dict[str, type[Design]] = {
    "regression": Regression,
    "classes": Bins,
    "two_heads": TwoHeads,
    "sin_cos": SinCos,
    "von_mises": VonMises,
    "soft_classes": SoftBins,
    "harmonics": Harmonics,
    "coarse_to_fine": CoarseToFine,
}
DEFAULT_DESIGN = "sin_cos"


@dataclass(frozen=True)
class QuantityTarget:
    """A quantity in a design; `error` is the mean circular error in the quantity's units (minutes, of times)."""

    quantity: Quantity
    design: PeriodicTarget

    @property
    def heads(self) -> tuple[int, ...]:
        return self.design.heads

    def loss(self, outputs: Float[Tensor, "batch outputs"], labels: Float[Tensor, " batch"]) -> Float[Tensor, ""]:
        """The design's own, a mean over the batch."""
        return self.design.loss(outputs, labels)

    def metrics(
        self,
        outputs: Float[Tensor, "batch outputs"],
        labels: Float[Tensor, " batch"],
        *,
        loss: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """The circular error of each image, and batch means: the loss, how many are near, of times in the right hour."""
        loss = self.design.loss(outputs, labels) if loss is None else loss
        return {"loss": loss} | scores(self.design.decode(outputs).values, labels, self.quantity)

    def decode(self, outputs: Float[Tensor, "batch outputs"]) -> Reading:
        """Values in the quantity's units, and a confidence of each."""
        return self.design.decode(outputs)


def scores(
    predicted: Float[Tensor, " batch"], values: Float[Tensor, " batch"], quantity: Quantity
) -> dict[str, Tensor]:
    """The circular error of each image, and over all of them how many are small, of times how many are in the right hour."""
    found = {"error": circular_error(predicted, values, quantity.period)}
    for name, limit in quantity.small_errors.items():
        found[name] = share_within(predicted, values, quantity.period, limit)
    return found | ({"hour_accuracy": hour_accuracy(predicted, values)} if quantity.is_time else {})


def hour_accuracy(predicted: Float[Tensor, " batch"], values: Float[Tensor, " batch"]) -> Float[Tensor, ""]:
    """The share of times, in minutes, whose hour is right once they are rounded to minutes."""
    hours = [torch.remainder(times.round(), 720).div(60, rounding_mode="floor") for times in (predicted, values)]
    return (hours[0] == hours[1]).float().mean()


def make_design(given: str | Mapping[str, Any] | None, period: float) -> PeriodicTarget:
    """The design that `train.target` names: a name, or a table with a name and the design's own settings.

    Raises SettingError for an unknown name or setting.
    """
    table = {"name": given or DEFAULT_DESIGN} if isinstance(given, str | None) else dict(given)
    name = table.pop("name", None)
    if name is None:
        raise SettingError(f"train.target: a table needs a name; one of {', '.join(DESIGNS)}")
    if name not in DESIGNS:
        raise SettingError(f"train.target: {name!r} is not a target design; {did_you_mean(str(name), DESIGNS)}")
    parameters = [one for one in fields(DESIGNS[name]) if one.name != "period"]
    allowed = [one.name for one in parameters]
    if unknown := [key for key in table if key not in allowed]:
        raise SettingError(f"train.target: {name} has no {unknown[0]}; {did_you_mean(unknown[0], allowed)}")
    if missing := [one.name for one in parameters if one.default is MISSING and one.name not in table]:
        raise SettingError(
            f'train.target: {name} needs {missing[0]}: target = {{ name = "{name}", {missing[0]} = 72 }}'
        )
    try:
        return TypeAdapter(DESIGNS[name]).validate_python({"period": period, **table})
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}: " for part in first["loc"])
        message = f"{where}{first['msg'].removeprefix('Value error, ')}"
        raise SettingError(f"train.target: {name}: {message}") from error


def heads_of(train: TrainSettings, facts: ImageFacts) -> tuple[int, ...]:
    """How many numbers each head of a net outputs in the design that `train.target` names."""
    assert facts.quantity is not None
    return make_design(train.target, facts.quantity.period).heads


def read_outputs(
    outputs: Float[np.ndarray, "num outputs"], target: str | Mapping[str, Any] | None, period: float
) -> tuple[Float[np.ndarray, " num"], Float[np.ndarray, " num"]]:
    """Values and confidences, of outputs as an engine gives them, in the design that `train.target` names."""
    values, confidence = make_design(target, period).decode(torch.from_numpy(outputs))
    return values.numpy(), confidence.numpy()
