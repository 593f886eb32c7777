"""Which images a run has: the `[data]` table of a study."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from papilio.settings.since import Since


class DataSettings(BaseModel):
    """Which images, and how they are split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(None, description="a named image set (`papilio data list`)")
    path: str | None = Field(None, description="a folder, zip or tar of pictures, or a .npy or .npz file")
    labels: str | None = Field(
        None,
        description="the .npy file of labels of a .npy file of images, or a folder's table of classes or values, labels.csv;"
        ' "none" uses the images without labels',
    )
    period: float | None = Field(
        None, gt=0, description="labels are numbers on a circle of this length: 360 for degrees"
    )
    unit: str = Field("", description="of such numbers, written behind them")
    render: dict[str, Any] | None = Field(
        None, description="how a set that Papilio draws is drawn: num, seed, size, variety"
    )
    size: int | tuple[int, int] | None = Field(None, description="pixels, or [height, width], to resize to")
    color: Literal["gray", "rgb"] | None = Field(None, description="convert the pictures to")
    binarize: Annotated[bool, Since("0.2")] = Field(
        False, description="make each pixel black or white, drawn once with its gray value as the probability of white"
    )
    validation: float = Field(0.1, ge=0, lt=1, description="share of the training images that chooses")
    test: float = Field(0.2, ge=0, lt=1, description="share kept for the test, where the set brings no test images")
    seed: int = Field(0, ge=0, description="of the splits; runs have seeds of their own")
    fraction: float = Field(1.0, gt=0, le=1, description="share of the images that is used, stratified")
    num_train: Annotated[int | None, Since("0.2")] = Field(
        None, ge=1, description="train on so many of the training images, stratified; the others are left out"
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
