"""The settings of kinds and the options of analyses, as study files have them."""

from __future__ import annotations

from typing import Literal

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
