"""What an engine is: what does a run's arithmetic. Nothing here, and nothing that uses it, imports a framework.

A run's epochs, its best epoch, its checkpoints and records are the same for every engine (papilio.runs.loop); an engine
trains for one epoch, measures, and returns its state as arrays.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from pydantic import BaseModel

from papilio.data.facts import ImageFacts
from papilio.data.imageset import ImageSet
from papilio.data.splits import SplitName
from papilio.errors import SettingError, did_you_mean
from papilio.models.description import Description
from papilio.settings.references import OwnFunctions, find_own, resolve_reference
from papilio.settings.run_settings import RunSettings

Arrays = Mapping[str, np.ndarray]  # all that crosses an engine's border: by name, `network/0.weight`
Record = dict[str, Any]

# what both engines do alike, so that their records are
STEPS_BETWEEN_LOOKS = 50  # at whether the loss is still a number
PROBED_STEPS = 4  # of training, and of validation, to know what an epoch takes; the fastest but the first counts
EVALUATION_BATCH = 500  # images: small enough to stay in the cache, large enough to fill the cores
PREFIXES: dict[SplitName, str] = {"train": "train", "validation": "val", "test": "test"}

ENGINES = {
    "torch": "papilio.training.torch_engine:TorchEngine",
    "numpy": "papilio.numpy_engine.engine:NumpyEngine",
}


@dataclass(frozen=True)
class Seeds:
    """Independent seeds for a run's parts, all a function of the run's one seed."""

    weights: int
    shuffling: int
    noise: int
    evaluation: int

    @classmethod
    def of(cls, seed: int) -> Seeds:
        return cls(*(int(word) for word in np.random.SeedSequence(seed).generate_state(4)))


@dataclass(frozen=True)
class Diverged:
    """In place of a record: the loss or a metric is not a number any more; `reason` says which and when."""

    reason: str


def with_prefix(prefix: str, arrays: Arrays) -> dict[str, np.ndarray]:
    """The arrays under `prefix/name`."""
    return {f"{prefix}/{name}": one for name, one in arrays.items()}


def under_prefix(prefix: str, arrays: Arrays) -> dict[str, np.ndarray]:
    """Those arrays that `with_prefix` put there, by their own names again."""
    return {name.removeprefix(f"{prefix}/"): one for name, one in arrays.items() if name.startswith(f"{prefix}/")}


class NotANumber(Exception):
    """A metric is not finite; the message says which and when."""


def seconds_a_batch(batches: Iterable[Any], work: Callable[[Any], object]) -> float:
    """The fastest of a few, the first left out: it allocates and chooses kernels."""
    times = []
    for batch, _ in zip(batches, range(PROBED_STEPS), strict=False):
        start = time.perf_counter()
        work(batch)
        times.append(time.perf_counter() - start)
    return min(times[1:] or times, default=0.0)


@dataclass(frozen=True)
class Lane:
    """One run's place in a session; `starts` are weights that it takes from elsewhere, by the names of its own."""

    settings: RunSettings
    images: ImageSet
    seed: int
    starts: Arrays = field(default_factory=dict)
    precision: str | None = None  # that was decided for it, or that it began with; None: its settings say


@runtime_checkable
class OnStep(Protocol):
    """Is told of each step of an epoch, counted from 1."""

    def __call__(self, *, step: int, num_steps: int) -> None: ...


@runtime_checkable
class Nets(Protocol):
    """A run's nets, ready to use."""

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def modules(self) -> dict[str, Any]:
        """The nets by name, as the engine has them: torch modules, say."""
        ...

    def forward(self, net: str, inputs: np.ndarray, *, until: str | None = None, is_quick: bool = False) -> np.ndarray:
        """What a net gives for `inputs`, float32: uint8 images (num, channel, height, width), or numbers as they are.

        `until` ends at a layer, by its name, and gives its output. Where the run averages over several views of an
        image, `is_quick` takes one. Raises RunError for a net or a layer that does not exist.
        """
        ...


@runtime_checkable
class Session(Protocol):
    """Runs that train together, one per lane; lanes are numbered from 0.

    A context manager: it seeds the global generators on entry, and restores their state on exit.
    """

    @property
    def precision(self) -> str:
        """What nets compute in while they learn."""
        ...

    def __enter__(self) -> Session: ...

    def __exit__(self, *error: object) -> None: ...

    def describe(self, lane: int) -> Description: ...

    def epoch_seconds(self) -> float:
        """What an epoch of all lanes will take, training and validation, by timing a few steps of each."""
        ...

    def train_epoch(self, on_step: OnStep | None = None) -> dict[int, Record | Diverged]:
        """One pass over the training images of every lane that is not retired: their records, with epoch and step."""
        ...

    def evaluate(self, split: SplitName, lane: int | None = None) -> dict[int, Record | Diverged]:
        """The metrics of every such lane on a split (`val_loss`, `test_loss`), or of one, which may be retired.

        None of a split that is empty. The noise is the same each time.
        """
        ...

    def state(self, lane: int) -> Arrays:
        """Copies of all that a lane's next epoch depends on, besides its counters: nets, optimizers, generators."""
        ...

    def weights(self, lane: int) -> Arrays:
        """Copies of a lane's nets, as `net/parameter`."""
        ...

    def load(self, lane: int, state: Arrays, *, epoch: int, step: int) -> None:
        """Take up what `state` gave after so many epochs and steps. Raises RunError for a state of other nets."""
        ...

    def load_weights(self, lane: int, weights: Arrays) -> None:
        """Take up what `weights` gave. Raises RunError for weights of other nets."""
        ...

    def nets(self, lane: int) -> Nets: ...

    def retire(self, lane: int) -> None:
        """Let a lane rest: it has come to its end."""
        ...


@runtime_checkable
class TellsBatches(Protocol):
    """A session that can tell more than means: kinds that keep every batch's metrics ask for them."""

    def batches(self, lane: int) -> Mapping[str, Sequence[float]]:
        """What a lane's last epoch measured of each training batch, by metric, in their order."""
        ...


@runtime_checkable
class Engine(Protocol):
    """Builds, trains and loads nets. It knows the functions that Python passed, by the names that settings give them."""

    def families(self) -> Sequence[str]:
        """The names of the model families that it has, besides builders of the user's own."""
        ...

    def model_settings(self, family: str) -> type[BaseModel]:
        """What a family's builder takes. Raises SettingError for a family that this engine does not have."""
        ...

    def purpose(self, family: str) -> str:
        """The objective that a family is for, where a study names none."""
        ...

    def check(self, settings: RunSettings, facts: ImageFacts) -> None:
        """Raises SettingError, before anything is trained, for what cannot be built or is not known to this engine."""
        ...

    def describe(self, settings: RunSettings, facts: ImageFacts) -> Description:
        """The nets that these settings build."""
        ...

    def refuse_other_starts(self, settings: RunSettings, facts: ImageFacts, starts: Arrays) -> None:
        """Raises RunError, before anything is trained, for weights from elsewhere of another network: any of `Lane.starts`."""
        ...

    def refuse_missing_device(self, name: str) -> None:
        """Raises SettingError where there is no such device, or not here."""
        ...

    def prepare(self, lanes: Sequence[Lane], *, threads: int) -> Session:
        """A session of runs; `max_lanes` says how many it may have."""
        ...

    def load(self, settings: RunSettings, facts: ImageFacts, weights: Arrays) -> Nets:
        """Nets with weights that were trained, on the CPU. Raises RunError where the weights are another net's."""
        ...

    def max_lanes(self, settings: RunSettings) -> int:
        """How many runs of one structure a session may have."""
        ...


@runtime_checkable
class TellsWeights(Protocol):
    """An engine that can tell the weights of a run before that is trained: whether others can begin with them."""

    def first_weights(self, settings: RunSettings, facts: ImageFacts) -> Arrays:
        """Weights as the run's nets will have them by name and shape, as `Session.weights` gives them."""
        ...


@runtime_checkable
class ChoosesPrecision(Protocol):
    """An engine of which nets can learn in several precisions: where `train.precision` is "auto", they are compared."""

    def precisions(self, settings: RunSettings) -> Sequence[str]:
        """The precisions that the device has instructions for, the usual one first."""
        ...


def find_engine(name: str, own: OwnFunctions) -> Engine:
    """The engine of that name, or what `module:name` makes of `own`; raises SettingError where there is none."""
    if ":" in name:
        return _made_by_user(name, own)
    if name not in ENGINES:
        hint = did_you_mean(name, ENGINES)
        raise SettingError(f"train.engine: {name!r} is not an engine; {hint} (your own: module:name)")
    return resolve_reference(ENGINES[name])(own)


def _made_by_user(name: str, own: OwnFunctions) -> Engine:
    make = find_own(name, what="train.engine", own=own)
    try:
        engine = make(own)
    except TypeError as error:
        raise SettingError(f"train.engine: {name} cannot be called with the user's functions ({error})") from error
    methods = [method for method in vars(Engine) if not method.startswith("_")]
    if missing := [method for method in methods if not callable(getattr(engine, method, None))]:
        raise SettingError(f"train.engine: {name} is not an engine (papilio.engine.Engine): it has no {missing[0]}")
    return engine
