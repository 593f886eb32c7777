"""The engine that trains with PyTorch."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from papilio.data.facts import ImageFacts
from papilio.engine import Arrays, Lane, Seeds
from papilio.errors import RunError, SettingError, did_you_mean
from papilio.kinds.kind import Kind
from papilio.kinds.registry import CLASSIFY, READ, SUPERVISED, heads_of, kind_of, make_objective
from papilio.models.describe import describe_nets
from papilio.models.description import Description
from papilio.models.families import FAMILIES, Builder, build_nets, find_builder
from papilio.models.plans import purpose_of
from papilio.settings.optimizer_numbers import refuse_impossible_optimizer
from papilio.settings.references import OwnFunctions
from papilio.settings.run_settings import NetFrom, RunSettings, layer_within
from papilio.settings.validation import settings_class
from papilio.training.calls import with_views
from papilio.training.devices import refuse_missing_device
from papilio.training.forward_check import is_one_of_ours, refuse_misfits, words_of
from papilio.training.nets import TorchNets
from papilio.training.objectives import Objective
from papilio.training.phases import freeze, moved_parameters, refuse_impossible_phases, refuse_unknown_phases
from papilio.training.precision import precisions_of
from papilio.training.session import TorchSession, as_fast_layout
from papilio.training.standardizing import channel_statistics, standardize, unknown_statistics
from papilio.training.states import arrays_of_nets, copy_into, load_nets

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
KEPT_BYTES = 1 << 30


class TorchEngine:
    """See `papilio.engine.Engine`."""

    def __init__(self, own: OwnFunctions) -> None:
        self.own = own

    def families(self) -> Sequence[str]:
        return list(FAMILIES)

    def model_settings(self, family: str) -> type[BaseModel]:
        return _settings_of(find_builder(family, self.own), family)

    def purpose(self, family: str) -> str:
        return purpose_of(family)

    def check(self, settings: RunSettings, facts: ImageFacts) -> None:
        """Builds what is Papilio's own, without memory for weights; with a net or a loss of the user's own, nets that look at
        two images."""
        train = settings.train
        kind = kind_of(train, facts, self.own)
        _refuse_other_family(settings.model.family, kind)
        refuse_impossible_optimizer(train.optimizer, momentum=train.momentum, betas=train.betas)
        if train.precision == "float64":
            raise SettingError('train.precision: float64 needs train.engine = "numpy"; torch supports bfloat16')
        objective = make_objective(kind, "torch", train, facts, self.own)
        refuse_unknown_phases(train, objective)
        refuse_impossible_phases(train)
        if settings.model.family not in FAMILIES or train.loss is not None:
            self._check_own(settings, kind, facts, objective)
            return
        try:
            with torch.device("meta"):
                nets = self._build(settings, kind, facts, seed=0)
        except SettingError as error:
            raise SettingError(f"model: {error}") from error
        _refuse_missing_nets(nets, settings, kind)
        if settings.model.sources:
            nets = self._build(settings, kind, facts, seed=0)
            _refuse_unknown_parts(nets, settings, facts)
            freeze(nets, frozen_parts(nets, settings.model.sources, facts.shape))
            for phase in objective.phases:
                moved_parameters(nets, phase)

    def describe(self, settings: RunSettings, facts: ImageFacts) -> Description:
        kind = kind_of(settings.train, facts, self.own)
        nets = self._build(settings, kind, facts, seed=0)
        freeze(nets, frozen_parts(nets, settings.model.sources, facts.shape))
        return describe_nets(nets, facts.shape)

    def refuse_other_starts(self, settings: RunSettings, facts: ImageFacts, starts: Arrays) -> None:
        """Builds the nets and begins with the weights, as `prepare` will; what a builder raises is the run's own affair."""
        kind = kind_of(settings.train, facts, self.own)
        try:
            nets = self._build(settings, kind, facts, seed=0)
        except Exception:
            return
        if settings.train.standardize:
            standardize(_only(nets), *unknown_statistics(facts.shape[0]))
        start_from(nets, starts, settings.model.sources)

    def first_weights(self, settings: RunSettings, facts: ImageFacts) -> Arrays:
        """See `papilio.engine.TellsWeights`."""
        nets = self._build(settings, kind_of(settings.train, facts, self.own), facts, seed=0)
        if settings.train.standardize:
            standardize(_only(nets), *unknown_statistics(facts.shape[0]))
        return arrays_of_nets(nets)

    def refuse_missing_device(self, name: str) -> None:
        refuse_missing_device(name)

    def prepare(self, lanes: Sequence[Lane], *, threads: int) -> TorchSession:
        (lane,) = lanes
        with ExitStack() as stack:
            _set_up_process(threads, stack)
            session = self._session(lane)
            session.stack.push(stack.pop_all())
            return session

    def _session(self, lane: Lane) -> TorchSession:
        settings, facts = lane.settings, lane.images.facts
        refuse_missing_device(settings.train.device)
        kind = kind_of(settings.train, facts, self.own)
        nets = self._build(settings, kind, facts, seed=Seeds.of(lane.seed).weights)
        if settings.train.standardize:
            standardize(_only(nets), *channel_statistics(lane.images.images, lane.images.train))
        start_from(nets, lane.starts, settings.model.sources)
        objective = make_objective(kind, "torch", settings.train, facts, self.own)
        refuse_unknown_phases(settings.train, objective)
        frozen = frozen_parts(nets, settings.model.sources, facts.shape)
        return TorchSession(
            nets,
            objective,
            settings=settings.train,
            images=lane.images,
            seed=lane.seed,
            frozen=frozen,
            precision=lane.precision,
        )

    def load(self, settings: RunSettings, facts: ImageFacts, weights: Arrays) -> TorchNets:
        kind = kind_of(settings.train, facts, self.own)
        nets = self._build(settings, kind, facts, seed=0)
        if settings.train.standardize:
            standardize(_only(nets), *unknown_statistics(facts.shape[0]))
        load_nets(nets, weights)
        fast = {name: as_fast_layout(net).eval() for name, net in nets.items()}
        return TorchNets({name: net.eval() for name, net in with_views(fast, settings.train).items()})

    def max_lanes(self, settings: RunSettings) -> int:
        return 1

    def precisions(self, settings: RunSettings) -> Sequence[str]:
        """See `papilio.engine.ChoosesPrecision`."""
        return precisions_of(torch.device(settings.train.device))

    def _check_own(self, settings: RunSettings, kind: Kind, facts: ImageFacts, objective: Objective) -> None:
        """Builds nets, where they or the loss are the user's own, and lets them look at two images; on another machine's device
        nothing is looked at."""
        family, train = settings.model.family, settings.train
        device = "cpu" if _is_missing(train.device) else train.device
        try:
            built = self._build(settings, kind, facts, seed=0)
            if train.standardize:
                standardize(_only(built), *unknown_statistics(facts.shape[0]))
            nets = {name: as_fast_layout(net.to(device)) for name, net in built.items()}
        except SettingError:
            raise
        except Exception as error:
            raise SettingError(f"model.family: {family} cannot be built: {words_of(error)}") from error
        if is_one_of_ours(kind):
            _refuse_missing_nets(nets, settings, kind)
        if device == train.device:
            refuse_misfits(nets, objective, family=family, kind=kind, train=train, facts=facts)
        if is_one_of_ours(kind):
            _refuse_missing_parts(nets, settings, kind)
        _refuse_unknown_parts(nets, settings, facts)
        freeze(nets, frozen_parts(nets, settings.model.sources, facts.shape))
        for phase in objective.phases:
            moved_parameters(nets, phase)

    def _build(self, settings: RunSettings, kind: Kind, facts: ImageFacts, *, seed: int) -> dict[str, nn.Module]:
        builder = find_builder(settings.model.family, self.own)
        heads = heads_of(kind, settings.train, facts)
        try:
            return build_nets(builder, settings.model.arguments, image_shape=facts.shape, heads=heads, seed=seed)
        except RuntimeError as error:
            if "allocate memory" not in str(error):
                raise
            raise SettingError("its weights do not fit into memory; make it smaller") from error


def _set_up_process(threads: int, stack: ExitStack) -> None:
    """What holds for all that this process computes until the session ends, and with it `stack`.

    Moments of Adam for weights that get no gradient any more (of pixels that are nearly always black, of units that died) decay
    to denormal numbers and stay there, which made a step of an optimizer take up to six times as long: they are taken as zero.
    Threads that torch starts later inherit that.
    """
    stack.callback(torch.set_num_threads, torch.get_num_threads())
    torch.set_num_threads(threads)
    stack.callback(torch.set_flush_denormal, False)
    torch.set_flush_denormal(True)
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Let glibc's malloc keep what is freed, as each step takes the same blocks again; other allocators are left as they are.

    By default it returns blocks of more than 32 MiB, and what lies free at the end of its heap, to the system, and each step
    faults all those pages in again. It stays so when the session has ended.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


@functools.cache
def _settings_of(builder: Builder, family: str) -> type[BaseModel]:
    return settings_class(builder, f"{family} settings")


def _is_missing(device: str) -> bool:
    try:
        refuse_missing_device(device)
    except SettingError:
        return True
    return False


def _refuse_other_family(family: str, kind: Kind) -> None:
    """Raises SettingError for a family of Papilio that is not made for a kind of Papilio."""
    purpose = SUPERVISED if kind in (CLASSIFY, READ) else kind.name
    if family in FAMILIES and is_one_of_ours(kind) and purpose_of(family) != purpose:
        fitting = ", ".join(one for one in FAMILIES if purpose_of(one) == purpose)
        raise SettingError(
            f"model.family: {family} does not go with train.objective = {purpose}; families for it: {fitting}"
        )


def _refuse_missing_nets(nets: Mapping[str, nn.Module], settings: RunSettings, kind: Kind) -> None:
    if missing := sorted(kind.nets - nets.keys()):
        there = f"{settings.model.family} has the nets {', '.join(nets)}"
        raise SettingError(f"model.family: {there}; {kind.name} needs {', '.join(missing)}")


def _refuse_missing_parts(nets: Mapping[str, nn.Module], settings: RunSettings, kind: Kind) -> None:
    parts = dict(nets["network"].named_children()) if kind.parts else {}
    if missing := sorted(kind.parts - parts.keys()):
        there = f"{settings.model.family} has the modules {', '.join(parts) or 'none'}"
        raise SettingError(f"model.family: {there}; {kind.name} also calls {' and '.join(missing)} by name")


def _refuse_unknown_parts(nets: Mapping[str, nn.Module], settings: RunSettings, facts: ImageFacts) -> None:
    """Raises SettingError where what takes weights from elsewhere does not exist."""
    for name in settings.model.sources:
        part_of(nets, name)
    frozen_parts(nets, settings.model.sources, facts.shape)


def _only(nets: dict[str, nn.Module]) -> nn.Module:
    """The net that standardizes images; raises SettingError where there are several, or it has another name."""
    if list(nets) != ["network"]:
        raise SettingError(f"train.standardize: needs a single net called network; there are {', '.join(nets)}")
    return nets["network"]


def part_of(nets: Mapping[str, nn.Module], name: str) -> str:
    """The dotted prefix of what a key of [model] names: a net, or a part of one; of the only net, a part by itself.

    Raises SettingError where there is neither.
    """
    parts = [f"{net}.{part}" for net in nets for part, _ in nets[net].named_modules() if part]
    if name in nets or name in parts:
        return name
    if list(nets) == ["network"] and f"network.{name}" in parts:
        return f"network.{name}"
    known = [part.removeprefix("network.") if list(nets) == ["network"] else part for part in parts]
    raise SettingError(f"model.{name}: there is no such net or part of a net; {did_you_mean(name, [*nets, *known])}")


def start_from(nets: Mapping[str, nn.Module], starts: Arrays, sources: Mapping[str, NetFrom]) -> None:
    """Copy weights from elsewhere, `key/parameter` by the keys of [model], into the nets.

    Raises RunError where shapes or names differ, or where a whole part is taken and something of it is missing.
    """
    places: dict[str, Tensor] = {
        f"{net_name}.{name}": place for net_name, net in nets.items() for name, place in net.state_dict().items()
    }
    for key in dict.fromkeys(name.partition("/")[0] for name in starts):
        prefix = part_of(nets, key)
        given = {name.removeprefix(f"{key}/"): array for name, array in starts.items() if name.startswith(f"{key}/")}
        own = {name.removeprefix(f"{prefix}."): one for name, one in places.items() if name.startswith(f"{prefix}.")}
        unknown = [name for name in given if name not in own]
        missing = [] if sources[key].until is not None else [name for name in own if name not in given]
        if unknown or missing:
            what = "has no" if unknown else "gets no"
            raise RunError(f"model.{key}: made for another network: it {what} {', '.join((unknown or missing)[:4])}")
        try:
            copy_into(own, given)
        except RunError as error:
            raise RunError(f"model.{key}: {error}") from error


def frozen_parts(
    nets: Mapping[str, nn.Module], sources: Mapping[str, NetFrom], image_shape: tuple[int, int, int]
) -> list[str]:
    """By dotted prefix what does not learn: parts that are frozen whole, or the layers of one up to its last that was taken.

    Raises SettingError where that layer is missing.
    """
    frozen: list[str] = []
    for key, source in sources.items():
        if not source.freeze:
            continue
        part = part_of(nets, key)
        frozen += [part] if source.until is None else _layers_until(nets, key, source, image_shape)
    return frozen


def _layers_until(
    nets: Mapping[str, nn.Module], key: str, source: NetFrom, image_shape: tuple[int, int, int]
) -> list[str]:
    part = part_of(nets, key)
    rows = describe_nets(nets, image_shape).layers if list(nets) == ["network"] else ()
    layers = [name for row in rows if (name := f"network.{row.name}").startswith(f"{part}.")]
    last = f"{part}.{layer_within(source, key)}"
    if last not in layers:
        known = [name.removeprefix(f"{part}.") for name in layers]
        raise SettingError(
            f"model.{key}: until: there is no layer {source.until!r}; {did_you_mean(str(source.until), known)}"
        )
    return list(dict.fromkeys(layers[: layers.index(last) + 1]))
