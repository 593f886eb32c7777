"""The study file: its tables, how it is read, checked and written back."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tomli_w
from pydantic import BaseModel, ConfigDict, Field, StrictInt, WithJsonSchema, model_validator

from papilio.errors import StudyError, did_you_mean
from papilio.models.own import name_of
from papilio.studies.space import MOST_COUNTED, parse_space
from papilio.studies.validation import validated

STRICT = ConfigDict(extra="forbid", frozen=True)
Table = dict[str, Any]
BASE_TABLES = ("data", "model", "train")
VARIED_SCHEMA = {
    "anyOf": [
        {"type": "array", "minItems": 1},
        {
            "type": "object",
            "properties": {
                "values": {"type": "array", "minItems": 1},
                "low": {"type": "number"},
                "high": {"type": "number"},
                "log": {"type": "boolean"},
                "step": {"type": "number", "exclusiveMinimum": 0},
                "when": {"type": "object"},
            },
            "additionalProperties": False,
        },
    ]
}
OWN_KEYS = (".model.family", ".train.loss", ".train.objective")  # where functions of the user's own may stand


class DataSettings(BaseModel):
    """Which images, and how they are split."""

    model_config = STRICT

    name: str | None = Field(None, description="a named image set (`papilio data list`)")
    path: str | None = Field(None, description="a folder, zip or tar of pictures, or a .npy file")
    labels: str | None = Field(None, description="the .npy file of labels that goes with a .npy file of images")
    size: int | tuple[int, int] | None = Field(None, description="pixels, or [height, width], to resize to")
    color: Literal["grey", "rgb"] | None = Field(None, description="convert the pictures to")
    validation: float = Field(0.1, ge=0, lt=1, description="share of the training images that chooses")
    test: float = Field(0.2, ge=0, lt=1, description="share kept for the test, where the set brings no test images")
    seed: int = Field(0, ge=0, description="of the splits; runs have seeds of their own")
    fraction: float = Field(1.0, gt=0, le=1, description="share of the images that is used, stratified")

    @model_validator(mode="after")
    def _names_one_source(self) -> DataSettings:
        if (self.name is None) == (self.path is None):
            raise ValueError("data needs either a name or a path")
        return self


class TrialSettings(BaseModel):
    """One named trial: what it sets on top of the study's own tables."""

    model_config = STRICT

    name: str = Field(min_length=1)
    data: Table = {}
    model: Table = Field({}, description="replaces the study's model table where it names another family")
    train: Table = {}


class SourceSettings(BaseModel):
    """Where a stage starts: from the best trials of an earlier stage, or of another study's results."""

    model_config = STRICT

    study: str | None = Field(None, description="another study: its folder, or its name (its folder is results/NAME)")
    stage: str | None = Field(None, description="a stage; of another study by default its last one")
    top: int = Field(1, ge=1, description="how many of its best trials")

    @model_validator(mode="after")
    def _names_one(self) -> SourceSettings:
        if self.study is None and self.stage is None:
            raise ValueError('from needs a stage, or a study: from = "architecture", from = { study = "...", top = 3 }')
        return self


class SamplerSettings(BaseModel):
    """Who proposes a stage's trials."""

    model_config = STRICT

    name: Literal["grid", "random", "sobol", "tpe"]
    seed: int = Field(0, ge=0, lt=2**32, description="of what is drawn; runs have seeds of their own")


class PrunerSettings(BaseModel):
    """Who ends trials early that do badly on validation images."""

    model_config = STRICT

    name: Literal["median", "halving", "hyperband"]
    min_epochs: int = Field(1, ge=1, description="epochs that every trial gets")
    factor: int = Field(
        3, ge=2, description="of halving and hyperband: one in so many trials goes on, for so many times the epochs"
    )
    min_trials: int = Field(5, ge=1, description="of median: trials to compare with before any is cut")


class StageSettings(BaseModel):
    """A step of a study: points of a space, each a trial that is run with every seed and every fold."""

    model_config = STRICT | ConfigDict(populate_by_name=True)

    name: str = Field(min_length=1)
    source: SourceSettings | None = Field(
        None, alias="from", description="start from the best trials of an earlier stage"
    )
    seeds: StrictInt | list[StrictInt] = Field(1, description="how many runs a trial, or their seeds")
    folds: StrictInt | None = Field(
        None, ge=2, description="cross-validation: each trial with so many stratified folds"
    )
    vary: dict[str, Annotated[Any, WithJsonSchema(VARIED_SCHEMA)]] = Field(
        {}, description="dotted keys (model.dropout) with a list of values, or a range { low, high, log, step }"
    )
    sampler: SamplerSettings = Field(SamplerSettings(name="grid", seed=0), description="grid, random, sobol or tpe")
    trials: StrictInt | None = Field(None, ge=1, description="how many points, where the sampler is not grid")
    pruner: PrunerSettings | None = Field(None, description="median, halving or hyperband")
    data: Table = Field({}, description="set on top of the study's data table")
    model: Table = Field({}, description="set on top of the study's model table, or of what the stage starts from")
    train: Table = Field({}, description="set on top of the study's train table, or of what the stage starts from")
    trial: list[TrialSettings] = []

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, given: Any) -> Any:
        """`from = "stage"`, `sampler = "tpe"` and `pruner = "median"` are tables of which only the name is given."""
        if not isinstance(given, dict):
            return given
        short = {"from": "stage", "sampler": "name", "pruner": "name"}
        return {key: {short[key]: one} if key in short and isinstance(one, str) else one for key, one in given.items()}

    @model_validator(mode="after")
    def _is_possible(self) -> StageSettings:
        seeds = self.seed_list()
        if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
            raise ValueError("seeds is a positive number, or a list of different numbers from 0 up")
        names = [trial.name for trial in self.trial]
        if len(set(names)) < len(names):
            raise ValueError("two trials have the same name")
        space = parse_space(self.vary)
        if self.sampler.name == "grid":
            if self.trials is not None:
                raise ValueError("a grid tries every point; trials goes with sampler = random, sobol or tpe")
            if endless := [one.key for one in space.parameters if one.num_values is None]:
                raise ValueError(
                    f"vary: {endless[0]!r} has no end of values; give a list, a step, or sampler = random, sobol or tpe"
                )
            if (num_points := space.num_points or 0) > MOST_COUNTED:
                raise ValueError(
                    f"vary: a grid of {num_points:,} points is too large (at most {MOST_COUNTED:,});"
                    " vary less, or take sampler = random, sobol or tpe"
                )
        elif self.trials is None:
            raise ValueError(f"trials is missing: how many points {self.sampler.name} may try")
        elif not self.vary:
            raise ValueError(f"sampler = {self.sampler.name} needs something to vary")
        return self

    def seed_list(self) -> list[int]:
        """The seeds, counted from 0 where only their number is given."""
        return list(range(self.seeds)) if isinstance(self.seeds, int) else self.seeds

    def fold_list(self) -> list[int | None]:
        """The folds, counted from 1; one None where there are none."""
        return [None] if self.folds is None else list(range(1, self.folds + 1))


class AnalysisSettings(BaseModel):
    """What is looked at after training, on test images, for the best run of a stage's best trials."""

    model_config = STRICT

    kind: Literal["classification"]
    top: int = Field(3, ge=1, description="trials a stage")
    mistakes: int = Field(24, ge=0, description="pictures in the gallery of confident mistakes")


class PublishedSettings(BaseModel):
    """A published number: metrics (test_accuracy, ...) as further keys."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, float]  # pyright: ignore[reportIncompatibleVariableOverride] (pydantic's own way)

    stage: str
    source: str
    where: Table = Field({}, description="which trial: its name as `trial`, or settings by dotted key")

    @model_validator(mode="after")
    def _has_metrics(self) -> PublishedSettings:
        names = list(self.__pydantic_extra__)
        wrong = [name for name in names if not name.startswith(("train_", "val_", "test_"))]
        if wrong or not names:
            raise ValueError("a published number is a metric: test_accuracy, test_loss, val_... or train_...")
        return self


class StudySettings(BaseModel):
    """A whole study file."""

    model_config = STRICT

    title: str = Field(min_length=1)
    description: str = ""
    max_epochs: int | None = Field(None, ge=1, description="cap on every run's epochs; the report then says reduced")
    data: DataSettings
    model: Table = Field({}, description="family, and what its builder takes")
    train: Table = {}
    stage: list[StageSettings] = Field(min_length=1)
    analysis: list[AnalysisSettings] = Field(  # what is not asked for otherwise
        [{"kind": "classification"}], validate_default=True
    )
    published: list[PublishedSettings] = []

    @model_validator(mode="after")
    def _names_agree(self) -> StudySettings:
        names = [stage.name for stage in self.stage]
        if len(set(names)) < len(names):
            raise ValueError("two stages have the same name")
        for index, stage in enumerate(self.stage):
            source = stage.source
            if source is not None and source.study is None and source.stage not in names[:index]:
                known = did_you_mean(str(source.stage), names[:index]) if index else "it is the first one"
                raise ValueError(f"stage {stage.name!r}: from: there is no stage {source.stage!r} before it; {known}")
        for row in self.published:
            if row.stage not in names:
                raise ValueError(f"published: there is no stage {row.stage!r}; {did_you_mean(row.stage, names)}")
        return self


@dataclass(frozen=True)
class Study:
    """A checked study: what it is called, where it was read, its settings, and the functions that Python handed over."""

    name: str
    where: str
    settings: StudySettings
    own: dict[str, Callable[..., Any]]

    def to_toml(self) -> str:
        """The study as a file again: reading it gives an equal one."""
        tables = self.settings.model_dump(exclude_none=True, by_alias=True, mode="json")
        return tomli_w.dumps(tables)


def load_study(source: str | Path | Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> Study:
    """A study from a file, a bundled name, or a dictionary of the same tables; `overrides` are dotted keys.

    In a dictionary, functions may stand where a file has `module:function`. Raises StudyError with one line.
    """
    own: dict[str, Callable[..., Any]] = {}
    if isinstance(source, Mapping):
        name, where, tables = "study", "the study", source
    else:
        name, where, tables = _read_file(source)
    tables = plain_tables(tables, own, where=where)
    tables = _with_overrides(tables, overrides or {}, where=where)
    settings: StudySettings = validated(StudySettings, tables, where=where)
    if isinstance(source, Mapping):
        name = slug(settings.title)[:60]
    return Study(name, where, settings, own)


def bundled_studies() -> dict[str, str]:
    """The text of every study that comes with Papilio, by name."""
    folder = resources.files("papilio") / "recipes"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {file.name.removesuffix(".toml"): file.read_text(encoding="utf-8") for file in files}


def parse_toml(text: str, *, where: str) -> Table:
    """Raises StudyError, saying the line, where the text is not TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{where}: not TOML: {error}") from None


def slug(text: str) -> str:
    """Lower-case letters, digits and dashes: for names of files.

    >>> slug("Dropout rate: 0.3")
    'dropout-rate-0.3'
    """
    kept = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter == ".") else "-" for letter in text.lower()
    )
    return "-".join(part for part in kept.split("-") if part.strip(".")) or "unnamed"


def _read_file(source: str | Path) -> tuple[str, str, Table]:
    path = Path(source)
    if path.suffix == ".toml" or path.is_file():
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise StudyError(f"{path}: there is no such file") from None
        except (UnicodeDecodeError, IsADirectoryError) as error:
            raise StudyError(f"{path}: not a text file ({error})") from None
        return path.stem, str(path), _with_paths_from(path.parent, parse_toml(text, where=str(path)))
    studies = bundled_studies()
    if str(source) not in studies:
        raise StudyError(
            f"{source}: neither a study file (.toml) nor a bundled study; {did_you_mean(str(source), studies)}"
        )
    return str(source), str(source), parse_toml(studies[str(source)], where=str(source))


def _with_paths_from(folder: Path, tables: Table) -> Table:
    """Paths to images are relative to the study file, so that a study and its pictures can move together."""
    changed = _copied(tables)
    stages = _tables_in(changed, "stage")
    trials = [trial for stage in stages for trial in _tables_in(stage, "trial")]
    for source in (stage.get("from") for stage in stages):
        if isinstance(source, dict) and isinstance(source.get("study"), str) and (folder / source["study"]).is_dir():
            source["study"] = str((folder / source["study"]).resolve())
    for data in (holder.get("data") for holder in [changed, *stages, *trials]):
        for key in ("path", "labels"):
            if isinstance(data, dict) and isinstance(data.get(key), str):
                data[key] = str((folder / Path(data[key]).expanduser()).resolve())
    return changed


def _tables_in(table: Table, key: str) -> list[Table]:
    found = table.get(key, [])
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def plain_tables(tables: Mapping[str, Any], own: dict[str, Callable[..., Any]], *, where: str) -> Table:
    """The same tables with nothing in them but what JSON and TOML both have: text, numbers, booleans, lists, tables.

    A function at model.family, train.loss or train.objective becomes its name, and is put into `own`; a key whose value
    is None is left out, as if it were not there. Raises StudyError, naming the key, for anything else.
    """

    def plain(value: Any, key: str) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, Path):
            return str(value)
        if isinstance(value, Mapping):
            return {str(name): plain(one, f"{key}.{name}") for name, one in value.items() if one is not None}
        if isinstance(value, list | tuple):
            return [plain(one, key) for one in value]
        if isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        if callable(value):
            return named(value, key)
        raise StudyError(
            f"{where}: {key.lstrip('.')}: {value!r} is not text, a finite number, true, false, a list or a table"
        )

    def named(function: Callable[..., Any], key: str) -> str:
        if not key.removesuffix(".values").endswith(OWN_KEYS):  # in vary, a list may stand in a table with conditions
            allowed = ", ".join(one.lstrip(".") for one in OWN_KEYS)
            raise StudyError(
                f"{where}: {key.lstrip('.')}: a function or class can stand at {allowed} only; give a name instead"
            )
        name = name_of(function)
        if own.setdefault(name, function) is not function:
            raise StudyError(f"{where}: two different functions are called {name}; give them names of their own")
        return name

    return plain(tables, "")


def _with_overrides(tables: Table, overrides: Mapping[str, Any], *, where: str) -> Table:
    """The tables with dotted keys set; a key of data, model or train is set in every stage and trial that has
    the table, or takes it from another study, too."""
    changed = _copied(tables)
    stages = _tables_in(changed, "stage")
    trials = [trial for stage in stages for trial in _tables_in(stage, "trial")]
    varied_keys = {key for stage in stages if isinstance(stage.get("vary"), dict) for key in stage["vary"]}
    for key, value in overrides.items():
        head, *rest = key.split(".")
        if any(key == varied or varied.startswith(f"{key}.") for varied in varied_keys):
            raise StudyError(f"{where}: {key} varies in this study; change the study file to set it")
        if head == "stage" and len(rest) == 1:
            for stage in stages:
                stage[rest[0]] = value
            continue
        _set(changed, [head, *rest], value, where=where)
        for holder in [*stages, *trials]:
            is_from_elsewhere = head in ("model", "train") and isinstance(holder.get("from"), dict)
            if head in BASE_TABLES and (head in holder or (is_from_elsewhere and "study" in holder["from"])):
                _set(holder, [head, *rest], value, where=where)
    return changed


def _set(tables: Table, path: list[str], value: Any, *, where: str) -> None:
    *parents, last = path
    for part in parents:
        tables = tables.setdefault(part, {})
        if not isinstance(tables, dict):
            raise StudyError(f"{where}: {'.'.join(path)} cannot be set; {part} is not a table")
    tables[last] = value


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value
