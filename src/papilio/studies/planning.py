"""From a study to its trials and runs: settings merged, checked and written out."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from papilio.engine import Engine, find_engine
from papilio.errors import SettingError, StudyError, did_you_mean, shown
from papilio.kinds.registry import defaults_of
from papilio.runs.plan import RunPlan
from papilio.settings.data_settings import DataSettings
from papilio.settings.references import OwnFunctions
from papilio.settings.run_settings import ModelSettings, NetFrom, RunSettings, is_source
from papilio.settings.since import plain_defaults, plain_settings, unsaid_settings
from papilio.settings.spelling import earlier_name, in_present_spelling
from papilio.settings.train_settings import OF_OPTIMIZER, TrainSettings
from papilio.settings.validation import validated
from papilio.settings.values import short_keys
from papilio.studies.schema import BASE_TABLES, StageSettings, Table, TrialSettings
from papilio.studies.space import CHOICE, Choice, Point, Space, parse_space
from papilio.studies.study import Study, slug

# what varies, so that kinds of runs or optimizers differ from trial to trial
DECIDE_DEFAULTS = frozenset({"model", "model.family", "train", "train.objective", "train.optimizer"})
BASE = "trial"  # the key, in a point, that says on which of a stage's named trials it stands
Tables = dict[str, Table]
Sources = Mapping[str, Sequence[tuple[str, Tables]]]  # by stage: names and tables of the trials that it starts from
NO_SOURCES: Sources = {}


@dataclass(frozen=True)
class Base:
    """Tables that a stage's points stand on: the study's own, or those of a trial that the stage starts from."""

    name: str  # empty where there is nothing to tell apart
    tables: Tables


@dataclass(frozen=True)
class TrialPlan:
    """One point of a stage, with its runs: every seed in every fold."""

    number: int
    name: str
    point: Point
    varied: dict[str, Any]
    tables: Tables  # before defaults: what a later stage starts from
    runs: tuple[RunPlan, ...]

    @property
    def key(self) -> str:
        """Equal for trials of a stage that are the same but for their names."""
        return json.dumps(self.runs[0].settings.identity(), sort_keys=True)


@dataclass(frozen=True)
class StagePlan:
    """A stage whose starting points are known."""

    study: Study
    settings: StageSettings
    bases: Mapping[str, Base]
    space: Space

    def trial(self, point: Point, *, number: int) -> TrialPlan:
        """The trial at a point; raises StudyError, naming stage and trial, for a setting that is not allowed."""
        stage = self.settings
        base = self.bases[point[BASE]] if BASE in point else next(iter(self.bases.values()))
        varied = {key: value for key, value in point.items() if key != BASE}
        family = str(base.tables["model"].get("family"))
        name = trial_name(base.name, varied, family=family)
        folder = _earlier_trial_name(base.name, varied, family=family)
        where = f'{self.study.where}: stage "{stage.name}", trial "{name}"'
        tables = {table: copy.copy(settings) for table, settings in base.tables.items()}
        for key in sorted(varied, key=_outer_first):
            if not key.startswith(f"{CHOICE}."):
                _set_varied(tables, key, varied[key], where=where)
        with self._blaming_the_outermost(where):
            settings = self._resolved(tables, folder, where=where)
        _refuse_later_stages(self.study, stage, settings.model, where=where)
        runs = [
            RunPlan(run_name, stage.name, name, seed, varied, settings, fold, number)
            for run_name, seed, fold in self._runs(folder, settings)
        ]
        return TrialPlan(number, name, point, varied, tables, tuple(runs))

    @contextlib.contextmanager
    def _blaming_the_outermost(self, trial: str) -> Iterator[None]:
        """If the study's own tables, or the stage's, raise the same error without the trial, they are named instead of it."""
        study = self.study
        try:
            yield
        except StudyError as error:
            own = own_base(study)
            of_stage = _base(own, self.settings, None)
            for where, base in ((study.where, own), (f'{study.where}: stage "{self.settings.name}"', of_stage)):
                try:
                    resolve(base.tables, where=where, own=study.own)
                except StudyError as same:
                    if str(same).removeprefix(where) == str(error).removeprefix(trial):
                        raise same from None
            raise

    def _resolved(self, tables: Tables, folder: str, *, where: str) -> RunSettings:
        """A trial's settings; those of a trial that began before its kind had defaults of its own are what they were."""
        study, folds = self.study, self.settings.folds
        settings = resolve(tables, where=where, own=study.own, folds=folds, max_epochs=study.settings.max_epochs)
        if not study.there or not defaults_of(settings.train.objective, study.own):
            return settings
        earlier = resolve(
            tables,
            where=where,
            own=study.own,
            folds=folds,
            max_epochs=study.settings.max_epochs,
            has_kind_defaults=False,
        )
        return earlier if any(name in study.there for name, _, _ in self._runs(folder, earlier)) else settings

    def _runs(self, folder: str, settings: RunSettings) -> list[tuple[str, int, int | None]]:
        """Name, seed and fold of each of a trial's runs."""
        stage = self.settings
        stem = f"{slug(stage.name)[:24]}-{slug(folder)[:40]}-{_fingerprint(stage.name, settings)[:8]}"
        pairs = [(seed, fold) for seed in stage.seed_list() for fold in stage.fold_list()]
        return [(_run_name(stem, seed, fold), seed, fold) for seed, fold in pairs]

    @property
    def num_trials(self) -> int:
        """How many trials there will be; fewer where the space has fewer points."""
        most = self.space.num_points
        wanted = self.settings.trials or most or 0
        return wanted if most is None else min(wanted, most)

    @property
    def passes_over_twins(self) -> bool:
        """Whether two points may be one trial, of which the second is left out; otherwise it is a mistake.

        A decision may set nothing, and the best of an earlier stage may differ in nothing but what varies here again.
        """
        source = self.settings.source
        return self.settings.sampler.name != "grid" or (source is not None and source.top > 1)


def plan_stage(study: Study, stage: StageSettings, sources: Iterable[Base]) -> StagePlan:
    """A stage on what it starts from; raises StudyError where two of its trials would be the same."""
    found = [_base(source, stage, trial) for source in sources for trial in stage.trial or [None]]
    bases = {base.name: base for base in found}
    if len(bases) < len(found):
        raise StudyError(f'{study.where}: stage "{stage.name}": two trials that it starts from have the same name')
    space = parse_space(stage.vary)
    if len(bases) > 1:
        space = Space((Choice(BASE, tuple(bases)), *space.parameters))
    return StagePlan(study, stage, bases, space)


def own_base(study: Study) -> Base:
    """The study's own tables: where a stage stands that starts from nothing else."""
    settings = study.settings
    data = settings.data.model_dump(exclude_none=True, exclude_unset=True, mode="json")
    return Base("", {"data": data, "model": dict(settings.model), "train": dict(settings.train)})


def refuse_wrong_tables(study: Study) -> None:
    """Raises StudyError for the study's own tables where no trial has them, as all stages start from other studies."""
    tables = own_base(study).tables
    if tables["model"]:
        resolve(tables, where=study.where, own=study.own)
    else:
        validated(TrainSettings, tables["train"], where=study.where, prefix="train")


def bases_of(stage: StageSettings, best: Iterable[tuple[str, Tables]]) -> list[Base]:
    """The named tables of the trials that a stage starts from, best first; one alone is named only if nothing else is."""
    bases = [Base(name, _with_optimizer_table(tables)) for name, tables in best]
    is_alone = len(bases) == 1 and (stage.vary or stage.trial)
    return [Base("", bases[0].tables)] if is_alone else bases


def refuse_twins(study: Study, trials: Iterable[TrialPlan]) -> None:
    """Raises StudyError where two trials of a stage have the same settings."""
    seen: dict[str, TrialPlan] = {}
    for trial in trials:
        if (twin := seen.setdefault(trial.key, trial)) is not trial:
            raise StudyError(
                f'{study.where}: stage "{trial.runs[0].stage}": "{twin.name}" and "{trial.name}" have the same settings'
            )


def resolve(
    tables: Mapping[str, Table],
    *,
    where: str,
    own: OwnFunctions,
    folds: int | None = None,
    max_epochs: int | None = None,
    has_kind_defaults: bool = True,
) -> RunSettings:
    """The tables data, model and train as one, every default filled in; raises StudyError for what is not allowed.

    `has_kind_defaults`: the kind of run has its own say in that (`Kind.defaults`).
    """
    data: DataSettings = validated(DataSettings, tables["data"], where=where, prefix="data")
    train: TrainSettings = validated(TrainSettings, tables["train"], where=where, prefix="train")
    try:
        engine = find_engine(train.engine, own)
        model = _model_settings(tables["model"], engine, own)
        purpose = engine.purpose(model.family)
    except SettingError as error:
        raise StudyError(f"{where}: {error}") from error
    if "objective" not in tables["train"]:
        train = train.model_copy(update={"objective": purpose})
    if has_kind_defaults:
        train = _with_kind_defaults(train, own, where=where)
    if max_epochs is not None:
        train = train.model_copy(update={"epochs": min(train.epochs, max_epochs)})
    return RunSettings(data=data, model=model, train=train, folds=folds)


def missing_defaults(train: TrainSettings, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a kind's defaults that a study has not set.

    Under another optimizer than the kind's own none of that one's rates is taken over.
    """
    is_other = train.optimizer != defaults.get("optimizer", train.optimizer)
    left_out = {*train.model_fields_set, *(OF_OPTIMIZER if is_other else ())}
    return {name: value for name, value in defaults.items() if name not in left_out}


def trial_name(base: str, varied: Mapping[str, Any], *, family: str) -> str:
    """What tables and plots call a trial: its base's name, then what varies; the family where there is neither.

    >>> trial_name("", {"model.dropout": 0.1, "train.optimizer": {"name": "adam", "learning_rate": 0.01}}, family="mlp")
    'dropout 0.1, optimizer adam learning_rate=0.01'
    """
    return _name(base, varied, short_keys(varied), family=family)


def _earlier_trial_name(base: str, varied: Mapping[str, Any], *, family: str) -> str:
    """The same as the first version made it, for the name of a folder: each key by its last part."""
    return earlier_name(_name(base, varied, {key: key.split(".")[-1] for key in varied}, family=family))


def _name(base: str, varied: Mapping[str, Any], short: Mapping[str, str], *, family: str) -> str:
    parts = [base] if base else []
    parts += [f"{short[key]} {_shown(value)}" for key, value in varied.items()]
    return ", ".join(parts) or family


def _with_kind_defaults(train: TrainSettings, own: OwnFunctions, *, where: str) -> TrainSettings:
    missing = missing_defaults(train, defaults_of(train.objective, own))
    if not missing:
        return train
    checked = validated(TrainSettings, missing, where=f"{where}: defaults of {train.objective}", prefix="train")
    return train.model_copy(update={name: getattr(checked, name) for name in missing})


def _base(source: Base, stage: StageSettings, trial: TrialSettings | None) -> Base:
    tables = source.tables
    for holder in (stage, trial):
        if holder is not None:
            tables = _merged(tables, {table: getattr(holder, table) for table in BASE_TABLES})
    return Base(", ".join(filter(None, [source.name, trial.name if trial else ""])), tables)


def _merged(base: Tables, changes: Mapping[str, Table]) -> Tables:
    train = dict(base["train"])
    for key, value in changes["train"].items():
        _set_train(train, key, value)
    return {
        "data": base["data"] | changes["data"],
        "model": merged_model(base["model"], changes["model"]),
        "train": train,
    }


def merged_model(base: Table, changes: Table) -> Table:
    """A model table on another: another family takes other settings, so that its table starts empty."""
    is_other_family = "family" in changes and changes["family"] != base.get("family")
    return dict(changes) if is_other_family else base | changes


def _outer_first(key: str) -> tuple[int, bool]:
    """Tables before what is in them, and the optimizer before its rates: what is set later is not lost."""
    return key.count("."), key != "train.optimizer"


def _set_varied(tables: Tables, key: str, value: Any, *, where: str) -> None:
    table, *path = key.split(".")
    if not path:
        if not isinstance(value, dict):
            raise StudyError(
                f"{where}: {key} is a table; its values in vary must be tables, or vary one of its settings"
            )
        tables[table] = _merged(tables, {name: value if name == table else {} for name in BASE_TABLES})[table]
        return
    if table == "train" and len(path) == 1:
        _set_train(tables["train"], path[0], value)
        return
    place = tables[table]
    for part in path[:-1]:
        if not isinstance(place.get(part, {}), dict):
            raise StudyError(f"{where}: {key} cannot vary: {part} is {place[part]!r} and not a table")
        place[part] = dict(place.get(part) or {})
        place = place[part]
    place[path[-1]] = value


def _set_train(train: Table, key: str, value: Any) -> None:
    """Set one key; the rate of an optimizer that is a table goes into that table."""
    optimizer = train.get("optimizer")
    if key in OF_OPTIMIZER and isinstance(optimizer, dict):
        train["optimizer"] = optimizer | {key: value}
        return
    if key == "optimizer" and isinstance(value, dict):
        for name in OF_OPTIMIZER:
            if name in value:
                train.pop(name, None)
    train[key] = value


def _with_optimizer_table(tables: Tables) -> Tables:
    """The same tables, optimizer and its rates as one: a stage that varies the optimizer does not inherit another's rate."""
    train = dict(tables["train"])
    own = {key: train.pop(key) for key in OF_OPTIMIZER if key in train}
    if own:
        optimizer = train.get("optimizer", TrainSettings.model_fields["optimizer"].default)
        train["optimizer"] = own | (optimizer if isinstance(optimizer, dict) else {"name": optimizer})
    return {**tables, "train": train}


def _model_settings(table: Table, engine: Engine, own: OwnFunctions) -> ModelSettings:
    """The [model] table, checked by what its family takes; raises SettingError."""
    if "family" not in table:
        raise SettingError(f"model.family is missing; allowed are {', '.join(engine.families())}, or module:function")
    family = table["family"]
    if not isinstance(family, str):
        raise SettingError(
            f"model.family: {shown(family)} is not a name; allowed are {', '.join(engine.families())}, or module:function"
        )
    is_own = ":" in family or family in own
    others = {name: value for name, value in table.items() if name != "family"}
    others = others if is_own else _spelled(others)
    tables = {name: value for name, value in others.items() if is_source(value)}
    sources = {
        name: validated(NetFrom, value, prefix=f"model.{name}", error=SettingError) for name, value in tables.items()
    }
    given = {name: value for name, value in others.items() if name not in sources}
    arguments = validated(engine.model_settings(family), given, prefix="model", error=SettingError)
    # of the user's own builder only what the study sets: its defaults may be anything
    return ModelSettings(
        family=family,
        arguments=plain_settings(arguments, only_given=is_own),
        sources=sources,
        unsaid=plain_defaults(arguments) if is_own else unsaid_settings(arguments),
    )


def _spelled(table: Table) -> Table:
    try:
        return in_present_spelling(table)
    except ValueError as error:
        raise SettingError(f"model: {error}") from None


def _refuse_later_stages(study: Study, stage: StageSettings, model: ModelSettings, *, where: str) -> None:
    """Raises StudyError where weights are taken of a stage that does not come before this one."""
    names = [one.name for one in study.settings.stage]
    before = names[: names.index(stage.name)]
    for name in model.stages():
        if name not in before:
            known = did_you_mean(name, before) if before else "this is the first one"
            raise StudyError(f"{where}: model: weights of a stage: there is no stage {name!r} before this one; {known}")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        name = [str(value["name"])] if "name" in value else []
        return " ".join(name + [f"{key}={one}" for key, one in value.items() if key != "name"]) or "none"
    if isinstance(value, list):
        return "-".join(str(one) for one in value) or "none"
    return str(value)


def _run_name(stem: str, seed: int, fold: int | None) -> str:
    return f"{stem}-seed{seed}" if fold is None else f"{stem}-seed{seed}-fold{fold}"


def _fingerprint(stage: str, settings: RunSettings) -> str:
    """Eight letters of it tell runs apart whose stages and trials look the same once they are names of files."""
    return hashlib.sha256(json.dumps([stage, settings.identity()], sort_keys=True).encode()).hexdigest()
