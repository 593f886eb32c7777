"""A kind of run, declared: what it asks of images, how it is measured and ranked, what it offers, what is looked at.

Nothing here does arithmetic. Where something has to be computed or drawn a kind has a reference, `module:name`, which is
imported when it is used: a kind can so be looked up where no framework is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel

from papilio.data.facts import ImageFacts, Shows
from papilio.data.imageset import ImageSet
from papilio.data.splits import SplitName
from papilio.kinds.options import Nothing
from papilio.kinds.ranking import Direction
from papilio.models.description import Description
from papilio.settings.references import Reference, name_of
from papilio.settings.run_settings import RunSettings
from papilio.settings.train_settings import TrainSettings

Kept = Literal["previews", "batches"]
ANYTHING: frozenset[Shows] = frozenset({"class", "quantity", "nothing"})


@runtime_checkable
class Metrics(Protocol):
    """The metrics that records will have, without their split, and which end of each is better."""

    def __call__(self, train: TrainSettings, facts: ImageFacts) -> Mapping[str, Direction]: ...


@dataclass(frozen=True)
class Planned:
    """What is known of a run before it is trained, for the checks of analyses."""

    kind: Kind
    settings: RunSettings
    images: ImageSet  # at which the analysis will look
    latents: int | None  # as far as its settings tell
    describe: Callable[[], Description]

    @property
    def num_test(self) -> int:
        return len(self.images.indices("test"))


@dataclass(frozen=True)
class Analysis:
    """Something that is computed after training, and a section of the report that shows it.

    - `compute`: of a run, f(run, images, options) -> arrays by name, for a papilio.runs.run.Run and an ImageSet with images in
      `split`. One that takes long can have a parameter `progress`, a papilio.data.progress.Progress. Of a stage, f(results,
      stage, options) -> arrays, or None if there is nothing to show; with a `split`, f(results, stage, options, images_of),
      where images_of(RunResult) is that run's ImageSet.
    - `section`: f(arrays, context) -> papilio.sections.blocks.Section, or None for no section; context is a
      papilio.sections.context.SectionContext. A function of a module, or its name: the arrays are kept, and the page is made
      of them again, perhaps where no framework is installed.
    - `options`: what its [[analysis]] table may set besides `kind`, `name`, `data`, `stage`, `top` and `seeds`.
    - `check`: f(options, planned), called before training for each structure of a run. Raises SettingError for options that do
      not fit such a run. Returns what the run lacks of what the options ask for, in words, or None. If every run lacks it,
      and the study names the analysis, the study is refused.
    - `uses`: f(options, images) -> checksums, by name, of what is read besides the run and its images; if one changes, the
      analysis is computed again.
    - `needs`: of a stage, what it must have for `compute` to return something, in words that go on after "it needs".
    """

    name: str
    compute: Reference
    section: Reference
    options: type[BaseModel] = Nothing
    of: Literal["run", "stage"] = "run"
    split: SplitName | None = "test"  # None: images are not looked at
    check: Reference | None = None
    uses: Reference | None = None
    needs: str = ""


@dataclass(frozen=True)
class Kind:
    """What a run is.

    - `objectives`: by engine, a function that returns that engine's objective. Its parameters are any of `train`, `facts`,
      `own`, `heads`, `image_shape`, `num_classes`, and the settings in `settings`.
    - `metrics`: f(train, facts) -> the direction of each metric that records have.
    - `measured_only`: those metrics that are measured on validation and test images, and not while training.
    - `ranked_by`: the recorded metric that ranks runs if the study names none; None: none does, and the last epoch is kept.
    - `depends`: by metric (`loss`), the settings in `settings` that change its meaning. Runs that differ in them are ranked by
      the metric `otherwise` (`error`), which means the same in all kinds that name it.
    - `units`: f(settings) -> what metrics are measured in.
    - `nets`: those that the objective calls. `parts`: modules of the one network that what it offers calls by name.
    - `returns`: what the one network must return, as many "numbers" per image as `heads` say, "images" of the same shape, or
      None for anything.
    - `takes`: the settings of [train] that only some kinds have. `defaults`: settings of [train] with another default here.
    - `offers`: what a trained run can do, by name, as f(run, ...).
    - `analyses`; `on_request`: those of them that are made only if a study names them.
    - `finish`: f(nets, images, settings) -> plain facts that run.json keeps.
    - `warnings`: f(records) -> sentences, by a short name each, about what is wrong after the last record so far.
    - `watch`: f(context) -> papilio.sections.blocks.Section of a run's folder, or None; also shown while the run trains.
      context is as of an analysis.
    - `keeps`: what is kept of every epoch (papilio.runs.kept): "previews" of its samples, metrics of all "batches".
    """

    name: str
    objectives: Mapping[str, Reference]
    metrics: Metrics
    ranked_by: str | None
    depends: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    otherwise: str | None = None
    units: Callable[[Any], Mapping[str, str]] = lambda settings: {}
    shows: frozenset[Shows] = ANYTHING
    nets: frozenset[str] = frozenset({"network"})
    parts: frozenset[str] = frozenset()
    returns: Literal["numbers", "images"] | None = None
    settings: type[BaseModel] = Nothing
    takes: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    heads: Reference | None = (
        None  # f(train, facts) -> numbers that each head outputs; None: one head, a number per class
    )
    offers: Mapping[str, Reference] = field(default_factory=dict)
    analyses: tuple[Analysis | str, ...] = ()
    on_request: frozenset[str] = frozenset()
    finish: Reference | None = None
    warnings: Reference | None = None
    watch: Reference | None = None
    keeps: frozenset[Kept] = frozenset()
    measured_only: frozenset[str] = frozenset()
    has_other_metrics: bool = False  # records may have more of them than `metrics` tells

    def __repr__(self) -> str:
        can = f", can {', '.join(self.offers)}" if self.offers else ""
        return f"<Kind {self.name!r}: ranked by {self.ranked_by or 'nothing'}{can}>"


def name_of_kind(kind: Kind) -> str:
    """The name by which settings know a kind that was passed from Python.

    `module:VARIABLE` of the module that has one of its functions, by which it can be found again, and the same as a study
    file has; where no such module has the kind itself, a name by which it has to be passed again.
    """
    references = [kind.metrics, *kind.objectives.values(), *kind.offers.values()]
    names = [one if isinstance(one, str) else name_of(one) for one in references]
    for module_name in dict.fromkeys(name.partition(":")[0] for name in names):
        module = sys.modules.get(module_name)
        for variable, value in vars(module).items() if module else ():
            if value is kind:
                return f"{module_name}:{variable}"
    return f"{__name__}:{kind.name}"
