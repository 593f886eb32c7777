"""Everything that a run depends on, besides its seed and its fold: resolved once, plain only on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from papilio.settings.data_settings import DataSettings
from papilio.settings.optimizer_numbers import USUAL_NUMBERS
from papilio.settings.since import plain_settings, unsaid_settings
from papilio.settings.spelling import EARLIER_COLORS, in_earlier_spelling, in_present_spelling
from papilio.settings.train_settings import TrainSettings

STRICT = ConfigDict(extra="forbid", frozen=True)
SOURCES = ("run", "study", "stage")  # a table in [model] that has one of these says where a net's weights come from


class NetFrom(BaseModel):
    """Weights from elsewhere: those of a net of a finished run, or of the best run of an earlier stage or another study."""

    model_config = STRICT

    run: str | None = Field(None, description="a run's folder")
    study: str | None = Field(None, description="another study: its folder, or its name")
    stage: str | None = Field(None, description="a stage of this study, or of the other study (by default its last)")
    net: str | None = Field(None, description="which of its nets; by default the net of the same name, or its only net")
    until: str | None = Field(None, description="use only the layers up to this one, named as papilio show lists it")
    freeze: bool = Field(False, description="do not train these weights")

    @model_validator(mode="after")
    def _names_one(self) -> NetFrom:
        if self.run is not None and (self.study is not None or self.stage is not None):
            raise ValueError("give either a run, or a study or stage, not both")
        if self.run is None and self.study is None and self.stage is None:
            raise ValueError("weights need a source: name a run, a study or a stage")
        return self


class ModelSettings(BaseModel):
    """The `[model]` table: a family, what its builder takes, and the nets whose weights come from elsewhere."""

    model_config = STRICT

    family: str
    arguments: dict[str, Any] = {}
    sources: dict[str, NetFrom] = {}
    # arguments at their defaults that are no part of a run's identity: those that came later, all of a user's own builder
    unsaid: dict[str, Any] = {}

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> ModelSettings:
        """From the flat table of a study file or of run.json."""
        family = table["family"]
        others = {name: value for name, value in table.items() if name != "family"}
        others = others if is_own(family) else in_present_spelling(others)
        sources = {name: NetFrom.model_validate(value) for name, value in others.items() if is_source(value)}
        arguments = {name: value for name, value in others.items() if name not in sources}
        return cls(family=family, arguments=arguments, sources=sources)

    def stages(self) -> list[str]:
        """The stages of the run's own study of which weights are taken."""
        return [one.stage for one in self.sources.values() if one.stage is not None and one.study is None]

    def plain(self) -> dict[str, Any]:
        """The flat table again."""
        sources = {name: plain_settings(one, only_given=True) for name, one in self.sources.items()}
        return {"family": self.family, **self.arguments, **sources}


class RunSettings(BaseModel):
    """The tables data, model and train of a run; `folds` is how many its trial has, None for none."""

    model_config = STRICT

    data: DataSettings
    model: ModelSettings
    train: TrainSettings
    folds: int | None = None

    @classmethod
    def of(cls, tables: Mapping[str, Any]) -> RunSettings:
        """From `identity`, as run.json keeps it; raises pydantic's ValidationError for what is not allowed."""
        data = dict(tables["data"])
        folds = data.pop("folds", None)
        return cls(
            data=DataSettings.model_validate(data),
            model=ModelSettings.of(tables["model"]),
            train=TrainSettings.model_validate(tables["train"]),
            folds=folds,
        )

    def plain(self) -> dict[str, Any]:
        """The tables as run.json has them: every setting with its default, but for those of `left_to_defaults`."""
        data = plain_settings(self.data) | ({} if self.folds is None else {"folds": self.folds})
        return {"data": data, "model": self.model.plain(), "train": plain_settings(self.train)}

    def identity(self) -> dict[str, Any]:
        """The settings by which a run is known, as the first version spelled them: its folder is named by them."""
        plain = self.plain()
        if "color" in plain["data"]:
            plain["data"]["color"] = EARLIER_COLORS.get(plain["data"]["color"], plain["data"]["color"])
        model = plain["model"] if is_own(self.model.family) else in_earlier_spelling(plain["model"])
        return {**plain, "model": model, "train": in_earlier_spelling(plain["train"])}

    def left_to_defaults(self) -> dict[str, Any]:
        """What `plain` does not say, by dotted key: settings that are None, that came later, the optimizer's usual numbers;
        of a builder of the user's own all defaults that are plain values."""
        train = unsaid_settings(self.train)
        usual = {name: value for name, value in USUAL_NUMBERS[self.train.optimizer].plain().items() if name in train}
        tables = {"data": unsaid_settings(self.data), "model": self.model.unsaid, "train": train | usual}
        return {f"{table}.{name}": value for table, unsaid in tables.items() for name, value in unsaid.items()}


def layer_within(source: NetFrom, key: str) -> str:
    """The layer `until` by its name within the part that is taken.

    >>> layer_within(NetFrom(run="one", until="encoder.1"), "encoder"), layer_within(NetFrom(run="one", until="1"), "encoder")
    ('1', '1')
    """
    part = (source.net or key).removeprefix("network.")
    return str(source.until).removeprefix(f"{part}.")


def is_own(family: str) -> bool:
    """Whether a family is a builder of the user's own: its arguments are spelled as it spells them.

    >>> is_own("cnn"), is_own("my_nets:small_cnn")
    (False, True)
    """
    return ":" in family


def is_source(value: Any) -> bool:
    """Whether a value in the [model] table says where a net's weights come from."""
    return isinstance(value, Mapping) and any(name in value for name in SOURCES)
