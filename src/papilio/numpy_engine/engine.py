"""The engine that trains by hand, with NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from papilio.data.facts import ImageFacts
from papilio.engine import Arrays, Lane, Seeds
from papilio.errors import RunError, SettingError, did_you_mean
from papilio.kinds.registry import CLASSIFY, KINDS, heads_of, kind_of, make_objective
from papilio.models.description import Description
from papilio.models.plans import PLANS, PURPOSES, purpose_of
from papilio.numpy_engine.nets import BEFORE, NumpyNets, build, describe, load_weights, weights_of
from papilio.numpy_engine.refusals import refuse_unknown
from papilio.numpy_engine.session import RULES, NumpySession, generator
from papilio.scratch.network import Network
from papilio.settings.optimizer_numbers import refuse_impossible_optimizer
from papilio.settings.references import OwnFunctions
from papilio.settings.run_settings import RunSettings
from papilio.settings.validation import settings_class

# settings of [train] that only the torch engine has: each has to be what it is by default
NOT_KNOWN = {"label_smoothing", "augment", "views", "loss", "target", "phases", "standardize", "regularizer"}


class NumpyEngine:
    """See `papilio.engine.Engine`."""

    def __init__(self, own: OwnFunctions) -> None:
        self.own = own

    def families(self) -> Sequence[str]:
        return list(PLANS)

    def model_settings(self, family: str) -> type[BaseModel]:
        refuse_unknown("model.family", family, PLANS)
        return settings_class(PLANS[family], f"{family} settings")

    def purpose(self, family: str) -> str:
        return purpose_of(family)

    def check(self, settings: RunSettings, facts: ImageFacts) -> None:
        train, kind = settings.train, kind_of(settings.train, facts, self.own)
        if "numpy" not in kind.objectives:
            known = [one.name for one in KINDS.values() if "numpy" in one.objectives]
            refuse_unknown("train.objective", kind.name, known)
        refuse_unknown("train.optimizer", train.optimizer, RULES)
        refuse_impossible_optimizer(train.optimizer, momentum=train.momentum, betas=train.betas)
        refuse_unknown("train.precision", train.precision or "float32", ["float32", "float64", "auto"])
        for name in sorted(NOT_KNOWN & train.model_dump(exclude_defaults=True).keys()):
            raise SettingError(
                f'train.engine = "numpy" does not support train.{name}; leave it out, or train with torch'
            )
        make_objective(kind, "numpy", train, facts, self.own)
        network = self._build(settings, facts)
        for key, source in settings.model.sources.items():
            if source.freeze or source.until is not None:
                what = 'train.engine = "numpy" does not support freeze and until; leave them out, or train with torch'
                raise SettingError(f"model.{key}: {what}")
            if not any((BEFORE + name).startswith(prefix_of(key)) for name in network.places):
                parts = ["network", *filter(None, network.stacks)]
                raise SettingError(f"model.{key}: there is no such part of the network; {did_you_mean(key, parts)}")

    def describe(self, settings: RunSettings, facts: ImageFacts) -> Description:
        return describe(self._built(settings, facts), facts.shape)

    def refuse_other_starts(self, settings: RunSettings, facts: ImageFacts, starts: Arrays) -> None:
        network = self._built(settings, facts)
        for key in dict.fromkeys(name.partition("/")[0] for name in starts):
            start_from(network, key, starts)

    def first_weights(self, settings: RunSettings, facts: ImageFacts) -> Arrays:
        """See `papilio.engine.TellsWeights`."""
        return weights_of(self._built(settings, facts))

    def refuse_missing_device(self, name: str) -> None:
        refuse_unknown("train.device", name, ["cpu"])

    def prepare(self, lanes: Sequence[Lane], *, threads: int) -> NumpySession:
        (lane,) = lanes
        settings, facts, train = lane.settings, lane.images.facts, lane.settings.train
        self.refuse_missing_device(train.device)
        network = self._built(settings, facts)
        network.initialize(generator(Seeds.of(lane.seed).weights))
        for key in settings.model.sources:
            start_from(network, key, lane.starts)
        objective = make_objective(kind_of(train, facts, self.own), "numpy", train, facts, self.own)
        return NumpySession(network, objective, lane, threads=threads)

    def load(self, settings: RunSettings, facts: ImageFacts, weights: Arrays) -> NumpyNets:
        network = self._built(settings, facts)
        load_weights(network, weights)
        return NumpyNets(network)

    def max_lanes(self, settings: RunSettings) -> int:
        return 1

    def _built(self, settings: RunSettings, facts: ImageFacts) -> Network:
        network = self._build(settings, facts)
        try:
            return network.allocate("float64" if settings.train.precision == "float64" else "float32")
        except (MemoryError, ValueError) as error:
            raise SettingError("model: its weights need more memory than there is; make it smaller") from error

    def _build(self, settings: RunSettings, facts: ImageFacts) -> Network:
        family, kind = settings.model.family, kind_of(settings.train, facts, self.own)
        if fitting := [one for one in PLANS if PURPOSES.get(one, CLASSIFY.name) == kind.name]:
            refuse_unknown(f"train.objective = {settings.train.objective} with model.family", family, fitting)
        num_classes = sum(heads_of(kind, settings.train, facts))
        try:
            return build(family, settings.model.arguments, image_shape=facts.shape, num_classes=num_classes)
        except SettingError as error:
            refusal = str(error)
            raise error if refusal.startswith("train.engine") else SettingError(f"model: {refusal}") from error


def prefix_of(key: str) -> str:
    """What the names of weights begin with of the whole net, "network", or of a part, "encoder" or "network.encoder"."""
    part = key.removeprefix("network").removeprefix(".")
    return f"{BEFORE}{part}." if part else BEFORE


def start_from(network: Network, key: str, starts: Arrays) -> None:
    """Begin with weights from elsewhere, `key/parameter`; raises RunError where names or shapes differ."""
    prefix = prefix_of(key)
    kept = {name: array for name, array in weights_of(network).items() if not name.startswith(prefix)}
    given = {name: array for name, array in starts.items() if name.startswith(f"{key}/")}
    try:
        load_weights(network, kept | {prefix + name.removeprefix(f"{key}/"): array for name, array in given.items()})
    except RunError as error:
        raise RunError(f"model.{key}: {error}") from error
