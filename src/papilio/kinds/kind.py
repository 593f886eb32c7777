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
    """Something that is looked at after training.

    `compute` is f(run, images, options) -> arrays by name, of a papilio.runs.run.Run and an ImageSet that has images in
    `split`; one that takes long may name `progress`, a papilio.data.progress.Progress, too. Where it is `of` a stage it is
    f(results, stage, options) -> arrays, or None where there is nothing to tell, or, with a `split`, f(results, stage, options,
    images_of), of which images_of(RunResult) is that run's ImageSet. `section` is f(arrays, context) ->
    papilio.sections.blocks.Section, or None for no section; context is a
    papilio.sections.context.SectionContext. `options` are what its [[analysis]] table may set besides `kind`, `name`, `data`
    and `top`. The arrays are kept, and the page is made of them again where there may be no framework: `section` has to be
    a function of a module, or its name. `check`
    is f(options, planned) for each structure of a run before anything is trained; it raises SettingError for options that do
    not go with such a run, and returns, in words, what such a run has not got that the options ask for, or None: where no run
    has it, and the study names the analysis, that is refused. `uses` is f(options, images) -> checksums, by name, of what is
    looked at besides the run and its images: where one of them is another the analysis is recreated.
    """

    name: str
    compute: Reference
    section: Reference
    options: type[BaseModel] = Nothing
    of: Literal["run", "stage"] = "run"
    split: SplitName | None = "test"  # None: images are not looked at
    check: Reference | None = None
    uses: Reference | None = None


@dataclass(frozen=True)
class Kind:
    """What a run is.

    `objectives` has by engine a function of `train`, `facts`, `own`, `heads`, `image_shape`, `num_classes` (those that it
    names) and of the settings in `settings`, that returns that engine's objective. `ranked_by` is the recorded metric that
    ranks runs where the study names no other, None where none does: the last epoch is then kept. `depends` has by metric
    (`loss`) the settings in `settings` with which it means something else, so that runs which differ in them are not ranked by
    it but by the metric `otherwise` (`error`), which means the same in all kinds that name it. `units` has, with such
    settings, what metrics are measured in. `nets` are those that the objective calls; `returns` is what it needs of the one
    called network: as many "numbers" per image as `heads` say, "images" of the same shape, or None for anything else. `takes`
    names the settings of [train] that are not for every kind; `defaults` has by name the settings of [train] that have another
    default in this kind. `offers` has what a trained run can do, as f(run, ...); `on_request` names those of its analyses that
    are made only where a study names them; `finish` is f(nets, images, settings) -> plain facts that run.json keeps.
    `warnings` is f(records) -> sentences, by a short name each, on what is wrong after the last of a run's records so far;
    none where all is well. `watch` is f(context) -> papilio.sections.blocks.Section of a run's folder, shown while it trains,
    too, or None; context is as of an analysis. `keeps` says what is kept of every epoch (papilio.runs.kept): "previews" of
    what it then samples, metrics of all "batches".
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
