"""The settings of kinds and the options of analyses, as study files have them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Nothing(BaseModel):
    """No settings at all."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Anything(BaseModel):
    """The settings of a function of the user's own: what it makes of them is its business."""

    model_config = ConfigDict(extra="allow", frozen=True)


class ReconstructionSettings(BaseModel):
    """How an autoencoder's error is measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    error: Literal["squared", "absolute"] = Field("squared", description="of each pixel, of which the loss is the mean")


class ClassificationOptions(BaseModel):
    """What a look at a classifier's mistakes shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mistakes: int = Field(24, ge=0, description="pictures in the gallery of confident mistakes")


class ReadingOptions(BaseModel):
    """What a look at readings shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mistakes: int = Field(
        24, ge=0, description="pictures in the galleries of the best, the median and the worst readings"
    )

    @property
    def num_pictures(self) -> int:
        """Of each of the three galleries, at least one."""
        return max(1, self.mistakes // 3)


class ProbeOptions(BaseModel):
    """How many labels a linear classifier on latents is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: list[Annotated[int, Field(ge=2)] | Literal["all"]] = Field(
        [100, 1000, 10_000], min_length=1, description="how many labeled training images; all for every one"
    )
    draws: int = Field(3, ge=1, description="of each number of labels, of which the mean is shown")


class TransferOptions(BaseModel):
    """What encoders taken from other runs are compared with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    components: list[Annotated[int, Field(ge=1)]] = Field(
        [10, 50], description="principal components of the pixels, with logistic regression on them"
    )
