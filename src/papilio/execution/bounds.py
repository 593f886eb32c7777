"""What a study takes at most, from its networks' sizes alone: where that is little, nothing need be timed before it starts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from papilio.engine import find_engine
from papilio.execution.spans import most_seconds
from papilio.models.description import Description
from papilio.runs.plan import RunPlan
from papilio.settings.train_settings import num_batches
from papilio.studies.images import StudyImages

# chosen for a single slow core, well below what current ones do: what is meant is a bound, not an estimate
OPERATIONS_PER_SECOND = 2e9
SECONDS_PER_PIXEL = 1e-6  # of a training image: picked, augmented, turned into float32
SECONDS_PER_STEP = 0.02
PASSES_OF_TRAINING = 3  # forward, and backward to weights and to inputs
KINDS = ("classify", "read", "autoencoder")  # one network, one pass per step
MOST_STRUCTURES = 100  # describing one takes some milliseconds


@dataclass(frozen=True)
class Question:
    """What is asked before a study starts: only where it may take so many seconds or more."""

    ask: Callable[[float], bool]
    from_seconds: float

    def __call__(self, seconds: float) -> bool:
        return seconds < self.from_seconds or self.ask(seconds)


NO_QUESTION = Question(lambda seconds: True, math.inf)
LONGEST_UNTIMED = 3600.0  # seconds: of what may take longer the time is told before it starts


def is_short(seconds: float, confirm: Callable[[float], bool]) -> bool:
    """Whether what takes at most so long can start untimed: nobody would be asked, nor want to know before."""
    return isinstance(confirm, Question) and seconds <= min(LONGEST_UNTIMED, confirm.from_seconds / 2)


@dataclass
class Bounds:
    """Seconds of an epoch, by structure, each network described once."""

    images: StudyImages
    by_structure: dict[str, float | None] = field(default_factory=dict)

    def study_seconds(self, plans: Iterable[RunPlan], *, num_workers: int) -> float:
        """An upper bound on the training time of these runs; infinite if it is unknown for any of them."""
        known = list(plans)
        if len({self.images.structure_of(plan) for plan in known}) > MOST_STRUCTURES:
            return math.inf
        runs = [plan.settings.train.epochs * (self.epoch_seconds(plan) or math.inf) for plan in known]
        return most_seconds(runs, num_workers)

    def epoch_seconds(self, plan: RunPlan) -> float | None:
        """Of a run's epoch, None where it is not known: on an accelerator, and of what is not Papilio's own."""
        structure = self.images.structure_of(plan)
        if structure not in self.by_structure:
            self.by_structure[structure] = self._epoch_seconds(plan)
        return self.by_structure[structure]

    def _epoch_seconds(self, plan: RunPlan) -> float | None:
        settings, train = plan.settings, plan.settings.train
        is_usual = train.engine == "torch" and train.device == "cpu" and train.views is None and train.loss is None
        if not is_usual or settings.model.sources or self.images.kind_of(plan).name not in KINDS:
            return None
        engine, images = find_engine(train.engine, self.images.own), self.images.of_run(plan)
        if settings.model.family not in engine.families():
            return None
        operations = operations_per_image(engine.describe(settings, images.facts))
        if operations is None:
            return None
        num_train, num_validation = len(images.train), len(images.validation)
        passes = PASSES_OF_TRAINING * num_train + num_validation
        per_pixel = SECONDS_PER_PIXEL * math.prod(images.facts.shape) * (num_train + num_validation)
        steps = SECONDS_PER_STEP * (num_batches(num_train, train.batch_size) + 1)
        return passes * operations / OPERATIONS_PER_SECOND + per_pixel + steps


def operations_per_image(described: Description) -> float | None:
    """Of a forward pass, additions and multiplications: each parameter once for every place of its layer's output.

    None where a layer's output is not known.
    """
    if any(not row.output_shape for row in described.layers):
        return None
    return sum(2.0 * row.num_parameters * math.prod(row.output_shape[1:]) for row in described.layers)
