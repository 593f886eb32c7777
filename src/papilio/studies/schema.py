"""The tables of a study file: what may stand in each, and what it means."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, WithJsonSchema, model_validator

from papilio.errors import did_you_mean
from papilio.kinds.analyses import ANALYSES
from papilio.settings.data_settings import DataSettings
from papilio.settings.since import Since
from papilio.studies.space import LARGEST, MOST_COUNTED, parse_space

STRICT = ConfigDict(extra="forbid", frozen=True)
Table = dict[str, Any]
BASE_TABLES = ("data", "model", "train")
VARIED_SCHEMA = {
    "anyOf": [
        {"type": "array", "minItems": 1},
        {
            "type": "object",
            "properties": {
                "values": {"type": "array", "minItems": 1, "description": "the values to try"},
                "low": {"type": "number", "description": "the lowest value"},
                "high": {"type": "number", "description": "the highest value"},
                "log": {"type": "boolean", "description": "even steps of the logarithm"},
                "step": {"type": "number", "exclusiveMinimum": 0, "description": "the distance between values"},
                "when": {"type": "object", "description": "vary this only where other keys have these values"},
            },
            "additionalProperties": False,
        },
    ]
}


class TrialSettings(BaseModel):
    """One named trial: what it sets on top of the study's own tables."""

    model_config = STRICT

    name: str = Field(min_length=1, description="what tables and plots call it")
    data: Table = Field({}, description="replaces these settings of the study's data table")
    model: Table = Field({}, description="replaces the study's model table if it names another family")
    train: Table = Field({}, description="replaces these settings of the study's train table")


class SourceSettings(BaseModel):
    """Where a stage starts: from the best trials of an earlier stage, or of another study's results."""

    model_config = STRICT

    study: str | None = Field(None, description="another study: its folder, or its name (its folder is results/NAME)")
    stage: str | None = Field(None, description="a stage; for another study, by default its last")
    top: int = Field(1, ge=1, description="number of its best trials")

    @model_validator(mode="after")
    def _names_one(self) -> SourceSettings:
        if self.study is None and self.stage is None:
            raise ValueError('from needs a stage, or a study: from = "architecture", from = { study = "...", top = 3 }')
        return self


class SamplerSettings(BaseModel):
    """How a stage's trials are proposed."""

    model_config = STRICT

    name: Literal["grid", "random", "sobol", "tpe"] = Field(description="which sampler")
    seed: int = Field(0, ge=0, lt=2**32, description="seed for sampling; runs have seeds of their own")


class PrunerSettings(BaseModel):
    """How trials with poor validation results are stopped early."""

    model_config = STRICT

    name: Literal["median", "halving", "hyperband"] = Field(description="which pruner")
    min_epochs: int = Field(1, ge=1, description="minimum epochs per trial")
    factor: int = Field(
        3, ge=2, description="halving and hyperband: one in this many trials continues, for this many times the epochs"
    )
    min_trials: int = Field(5, ge=1, description="median: trials to compare with before any trial is pruned")


class StageSettings(BaseModel):
    """A step of a study: points of a space, each a trial that is run with every seed and every fold."""

    model_config = STRICT | ConfigDict(populate_by_name=True)

    name: str = Field(min_length=1, description="what the report calls it, and later stages")
    source: SourceSettings | None = Field(
        None, alias="from", description="start from the best trials of an earlier stage"
    )
    seeds: StrictInt | list[StrictInt] = Field(1, description="number of runs per trial, or a list of seeds")
    folds: StrictInt | None = Field(None, ge=2, description="cross-validation: number of stratified folds per trial")
    vary: dict[str, Annotated[Any, WithJsonSchema(VARIED_SCHEMA)]] = Field(
        {}, description="dotted keys (model.dropout) with a list of values, or a range { low, high, log, step }"
    )
    sampler: SamplerSettings = Field(SamplerSettings(name="grid", seed=0), description="grid, random, sobol or tpe")
    trials: StrictInt | None = Field(None, ge=1, description="number of trials (samplers other than grid)")
    pruner: PrunerSettings | None = Field(None, description="median, halving or hyperband")
    data: Table = Field({}, description="changes to the study's data table")
    model: Table = Field(
        {}, description="changes to the study's model table, or to that of the trial the stage starts from"
    )
    train: Table = Field(
        {}, description="changes to the study's train table, or to that of the trial the stage starts from"
    )
    trial: list[TrialSettings] = Field([], description="named trials, each a table")

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
        num_seeds = self.seeds if isinstance(self.seeds, int) else len(self.seeds)
        if num_seeds * (self.folds or 1) > MOST_COUNTED:
            raise ValueError(f"seeds and folds make too many runs; at most {MOST_COUNTED:,} per stage are allowed")
        seeds = self.seed_list()
        if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
            raise ValueError("seeds must be a positive number or a list of different numbers, each 0 or more")
        names = [trial.name for trial in self.trial]
        if len(set(names)) < len(names):
            raise ValueError("two trials have the same name")
        space = parse_space(self.vary)
        if self.sampler.name == "grid":
            if self.trials is not None:
                raise ValueError("a grid tries every point; trials needs sampler = random, sobol or tpe")
            if endless := [one.key for one in space.parameters if one.num_values is None]:
                raise ValueError(
                    f"vary: {endless[0]!r} has infinitely many values; give a list or a step,"
                    " or use sampler = random, sobol or tpe"
                )
            if (num_points := space.num_points or 0) > MOST_COUNTED:
                raise ValueError(
                    f"vary: a grid of {_counted(num_points)} points is too large (at most {MOST_COUNTED:,});"
                    " vary less, or use sampler = random, sobol or tpe"
                )
        elif self.trials is None:
            raise ValueError(f"trials is missing: the number of trials that {self.sampler.name} may try")
        elif not self.vary:
            raise ValueError(f"sampler = {self.sampler.name} needs something to vary")
        most = math.inf if space.num_points is None else max(1, len(self.trial)) * space.num_points
        if min(self.trials or most, most) * len(seeds) * (self.folds or 1) > MOST_COUNTED:
            raise ValueError(
                f"trials, seeds and folds make too many runs; at most {MOST_COUNTED:,} per stage are allowed"
            )
        return self

    def seed_list(self) -> list[int]:
        """The seeds, counted from 0 where only their number is given."""
        return list(range(self.seeds)) if isinstance(self.seeds, int) else self.seeds

    def fold_list(self) -> list[int | None]:
        """The folds, counted from 1; one None where there are none."""
        return [None] if self.folds is None else list(range(1, self.folds + 1))


def _counted(num: int) -> str:
    return f"{num:,}" if num <= LARGEST else f"over {LARGEST:g}"


def _with_known_analyses(schema: Table) -> None:
    """For editors: the analyses that Papilio knows and their options; a kind of the user's own may bring others."""
    kind = schema["properties"]["kind"]
    kind["anyOf"] = [{"enum": list(ANALYSES)}, *kind["anyOf"]]
    for analysis in ANALYSES.values():
        for name, option in analysis.options.model_json_schema().get("properties", {}).items():
            known = schema["properties"].setdefault(name, option | {"description": ""})
            known["description"] += f"{'; ' if known['description'] else ''}{analysis.name}: {option['description']}"


class AnalysisSettings(BaseModel):
    """An analysis to run after training, on test images, of the best run of a stage's best trial, or of several of them.

    Further keys are options of the analysis; which there are is known with the kinds of a study's runs.
    """

    model_config = ConfigDict(extra="allow", frozen=True, json_schema_extra=_with_known_analyses)

    kind: str | None = Field(None, description="an analysis of the runs' kind; by default all of them")
    name: str = Field("", description="name of the images in headings, if they are not the run's own")
    data: Table = Field({}, description="changes to the run's [data]: test images of another set")
    stage: Annotated[str | None, Since("0.2")] = Field(
        None, description="name of the only stage to analyze; by default every stage"
    )
    top: int = Field(1, ge=1, description="number of a stage's best trials")
    seeds: Annotated[Literal["best", "all"], Since("0.2")] = Field(
        "best", description="the best run of a trial, or the runs of all its seeds and folds"
    )

    @property
    def options(self) -> Table:
        """What the table sets next to its own settings."""
        return dict(self.__pydantic_extra__ or {})

    def is_about(self, stage: str) -> bool:
        """Whether the table asks for anything of this stage."""
        return self.stage in (None, stage)


class PublishedSettings(BaseModel):
    """A published number: metrics (test_accuracy, ...) as further keys."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, float]  # pyright: ignore[reportIncompatibleVariableOverride] (pydantic's own way)

    stage: str = Field(description="which stage measures it here")
    source: str = Field(description="where it was published")
    where: Table = Field({}, description="which trial: its name as `trial`, or settings by dotted key")

    @property
    def metrics(self) -> dict[str, float]:
        """The numbers, by metric."""
        return dict(self.__pydantic_extra__)

    @model_validator(mode="after")
    def _has_metrics(self) -> PublishedSettings:
        names = list(self.__pydantic_extra__)
        wrong = [name for name in names if not name.startswith(("train_", "val_", "test_"))]
        if wrong or not names:
            raise ValueError("a published number is a metric: test_accuracy, test_loss, val_... or train_...")
        return self


def _without_stages(schema: Table) -> None:
    """For editors: a study may leave its stages out."""
    schema["required"].remove("stage")


class StudySettings(BaseModel):
    """A whole study file."""

    model_config = STRICT | ConfigDict(json_schema_extra=_without_stages)

    title: str = Field(min_length=1, description="of the report")
    description: str = Field("", description="a few sentences for the head of the report")
    max_epochs: int | None = Field(
        None, ge=1, description="limit on the epochs of every run; the report is marked as reduced"
    )
    data: DataSettings = Field(description="which images, and how they are split")
    model: Table = Field({}, description="the family and the arguments of its builder")
    train: Table = Field({}, description="how the networks are trained")
    stage: list[StageSettings] = Field(min_length=1, description="by default one stage, named after the title")
    analysis: list[AnalysisSettings] = Field(  # what is not asked for otherwise
        [{}],
        validate_default=True,
        description="analyses to run after training; by default, all that apply",
    )
    published: list[PublishedSettings] = Field([], description="published numbers to compare with")

    @model_validator(mode="before")
    @classmethod
    def _refuse_what_belongs_to_a_stage(cls, given: Any) -> Any:
        """`[[trial]]`, `[vary]` or `seeds` at the top of a file would otherwise be taken for misspelt settings."""
        of_stages = [
            info.alias or name for name, info in StageSettings.model_fields.items() if name not in cls.model_fields
        ]
        for key in of_stages if isinstance(given, dict) else ():
            if key in given and key != "name":
                how = {"trial": "[[stage.trial]] below [[stage]]", "vary": "[stage.vary] below [[stage]]"}
                raise ValueError(f"{key} belongs to a stage; write {how.get(key, f'{key} = ... below [[stage]]')}")
        return given

    @model_validator(mode="before")
    @classmethod
    def _has_a_stage(cls, given: Any) -> Any:
        """A study without stages asks one question, that of its title."""
        is_without = isinstance(given, dict) and "title" in given and "stage" not in given
        return {**given, "stage": [{"name": given["title"]}]} if is_without else given

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
        for number, table in enumerate(self.analysis, start=1):
            if table.stage is not None and table.stage not in names:
                known = did_you_mean(table.stage, names)
                raise ValueError(f"[[analysis]] {number}: stage: there is no stage {table.stage!r}; {known}")
        return self
