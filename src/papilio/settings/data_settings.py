"""Which images a run has: the `[data]` table of a study."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from papilio.settings.since import Since


class DataSettings(BaseModel):
    """Which images, and how they are split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(None, description="a named image set (`papilio data list`)")
    path: str | None = Field(None, description="a folder, zip or tar of pictures, or a .parquet, .npy or .npz file")
    labels: str | None = Field(
        None,
        description="a .npy file of labels for a .npy file of images, or a table of classes or values (labels.csv) for a"
        ' folder; "none" ignores the labels',
    )
    period: float | None = Field(
        None, gt=0, description="labels are numbers on a circle with this period: 360 for degrees"
    )
    unit: str = Field("", description="unit of these numbers, shown after them")
    render: dict[str, Any] | None = Field(
        None, description="settings of a set that Papilio renders: num, size, seed, variety, color"
    )
    size: int | tuple[int, int] | None = Field(
        None, description="resize pictures to this many pixels, or [height, width]"
    )
    color: Literal["gray", "rgb"] | None = Field(None, description="convert pictures to gray or rgb")
    bits: Annotated[int | None, Since("0.2")] = Field(
        None,
        ge=1,
        le=16,
        description="number of bits that 16-bit pictures or arrays use: 12 for most cameras and microscopes",
    )
    unreadable: Annotated[Literal["error", "skip"], Since("0.2")] = Field(
        "error",
        description="what becomes of pictures that cannot be read, in folders, archives and tables: error refuses them all,"
        " skip leaves them out and names them in plan and report",
    )
    binarize: Annotated[bool, Since("0.2")] = Field(
        False,
        description="make each pixel black or white at random, once, with its gray value as the probability of white",
    )
    validation: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="fraction of the training images used for validation, if the set has no validation split",
    )
    test: float = Field(0.2, ge=0, lt=1, description="fraction used for testing, if the set has no test split")
    seed: int = Field(0, ge=0, description="seed of the splits and folds; runs have seeds of their own")
    fraction: float = Field(1.0, gt=0, le=1, description="fraction of the images to use, stratified")
    num_train: Annotated[int | None, Since("0.2")] = Field(
        None, ge=1, description="number of training images to use, stratified"
    )

    @field_validator("color", mode="before")
    @classmethod
    def _take_earlier_color(cls, given: Any) -> Any:
        return "gray" if given == "grey" else given

    @model_validator(mode="after")
    def _names_one_source(self) -> DataSettings:
        if (self.name is None) == (self.path is None):
            raise ValueError("data needs either a name or a path")
        return self
