"""What the nets minimize: an objective is a list of phases, and the engine knows nothing else of it.

A classifier has one phase. A game of two nets has two, each moving its own net. What a phase may use is handed to it: the
nets by name, the batch, the run's noise, the number of the step; so a weight can grow with the step, a phase can move parts
of several nets, repeat, or share a batch of fakes with the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from papilio.kinds.ranking import Direction
from papilio.training.batches import Batch
from papilio.training.noise import Noise

Nets = Mapping[str, nn.Module]
Loss = Callable[[Nets, Batch, Noise, int], tuple[Tensor, dict[str, Tensor]]]


@dataclass(frozen=True)
class Phase:
    """One kind of step: a loss, and what it moves.

    `trains` names nets, or parts of nets by dotted prefix: "network", "encoder", ("network.encoder", "network.8"). What no
    phase of an objective trains is frozen: it gets no gradient, and stays in evaluation mode while the others learn. `loss`
    gets the nets, the batch, the noise and the number of the step (from 0), and returns a scalar to minimize with the
    metrics (batch means, of this phase alone) that the records keep as `train_...`. `repeats` is how often the phase runs
    on each batch, with fresh noise. By its `name`, [train.phases] gives it an optimizer of its own.
    """

    trains: str | tuple[str, ...]
    loss: Loss
    name: str = ""  # by default the first of what it trains
    repeats: int = 1

    @property
    def parts(self) -> tuple[str, ...]:
        """What it trains, always as several."""
        return (self.trains,) if isinstance(self.trains, str) else tuple(self.trains)

    @property
    def title(self) -> str:
        """What settings, records and messages call it."""
        return self.name or self.parts[0]


@dataclass(frozen=True)
class Objective:
    """Phases, and how the nets are measured.

    `evaluate` returns metrics of a batch, kept as `val_...`: 0-d tensors are batch means; 1-d ones have a number per image,
    of which mean, median and 90th percentile are kept; rows of 2-d ones are gathered over a whole split for `over_set`,
    which makes further metrics of them. `share` makes tensors once a batch for all phases (`batch.shared`); `after_step`
    may change nets (an averaged generator). With `keeps_batches` a session can tell the metrics of each training batch.
    Without `sees_images` an objective does nothing with a batch's images but call its net on them: what the net's frozen
    layers give may then take their place (`training/frozen_front.py`).

    Where a function of a user's own returns an objective, it also says for each metric in `directions` whether less or more
    is better, and in `best` which recorded metric chooses the best epoch (None: the last one counts). For a Kind both
    stand there.
    """

    phases: tuple[Phase, ...]
    evaluate: Callable[[Nets, Batch, Noise], dict[str, Tensor]]
    directions: Mapping[str, Direction] = field(default_factory=dict)
    best: str | None = None
    share: Callable[[Nets, Batch, Noise, int], dict[str, Tensor]] | None = None
    after_step: Callable[[Nets, int], None] | None = None
    over_set: Callable[[Mapping[str, Tensor]], Mapping[str, float]] | None = None
    keeps_batches: bool = False
    sees_images: bool = True
