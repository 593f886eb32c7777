"""The plainest target design: an image belongs to one class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from papilio.errors import SettingError

Logits = Float[Tensor, "batch classes"]
Labels = Int[Tensor, " batch"]


@dataclass(frozen=True)
class Classes:
    """One of `num_classes`, scored by cross entropy in nats, or by a `scoring` function (logits, labels) -> scalar.

    `label_smoothing` in [0, 1) spreads that share of the target evenly over all classes while training (Szegedy et
    al. 2016, section 7); metrics never use it.
    """

    num_classes: int
    label_smoothing: float = 0.0
    scoring: Callable[[Tensor, Tensor], Tensor] | None = None

    @property
    def heads(self) -> tuple[int, ...]:
        return (self.num_classes,)

    def loss(self, outputs: Logits, labels: Labels) -> Float[Tensor, ""]:
        """The mean over the batch that training minimizes."""
        if self.scoring is not None:
            return _scalar(self.scoring(outputs, labels))
        return F.cross_entropy(outputs, labels, label_smoothing=self.label_smoothing)

    def metrics(self, outputs: Logits, labels: Labels, *, loss: Tensor | None = None) -> dict[str, Tensor]:
        """Batch means: `loss` (without smoothing) and `accuracy` in [0, 1].

        What `loss` has made of the same outputs and labels may be given: where nothing is smoothed, it is not recreated.
        """
        if loss is None or self.label_smoothing:
            own = None if self.scoring is None else _scalar(self.scoring(outputs, labels))
            loss = F.cross_entropy(outputs, labels) if own is None else own
        return {"loss": loss, "accuracy": accuracy(outputs, labels)}

    def decode(self, outputs: Logits) -> Float[Tensor, "batch classes"]:
        """The probability of each class."""
        return outputs.softmax(dim=1)


def _scalar(loss: object) -> Tensor:
    """What a loss of the user's own has returned; raises SettingError where it is not one number."""
    if isinstance(loss, Tensor) and loss.ndim == 0:
        return loss
    got = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
    raise SettingError(
        f"train.loss: it returned {got}; return one number, a tensor of shape (): for example loss.mean()"
    )


def accuracy(outputs: Logits, labels: Labels) -> Float[Tensor, ""]:
    """The share of images whose largest logit is their label's."""
    return (outputs.argmax(dim=1) == labels).float().mean()


def class_probabilities(outputs: Float[np.ndarray, "num classes"]) -> Float[np.ndarray, "num classes"]:
    """The probability of each class, of outputs as an engine gives them."""
    return Classes(outputs.shape[1]).decode(torch.from_numpy(outputs)).numpy()
