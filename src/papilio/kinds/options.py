"""The settings of kinds and the options of analyses, as study files have them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


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


class ProjectionOptions(BaseModel):
    """Which layers are projected to two dimensions, how, and of how many images."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    layers: list[str] = Field(
        [],
        description="what is projected: latents, input, output, conv_1, dense_1 and so on, or names as papilio show lists"
        " them; by default the latents, where there are some, else the last hidden layer and the output",
    )
    methods: list[Literal["pca", "tsne", "umap"]] = Field(
        ["pca", "tsne"], min_length=1, description="ways to project; umap needs the extra papilio[umap]"
    )
    num: int = Field(3000, ge=10, description="images that are projected, stratified")
    perplexity: float = Field(30.0, ge=2, description="of t-SNE: about how many neighbors count for each image")
    seed: int = Field(0, ge=0, description="of the choice of images, of t-SNE and UMAP")

    @field_validator("layers", "methods")
    @classmethod
    def _each_once(cls, names: list[str]) -> list[str]:
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is named twice; name each once")
        return names

    @field_validator("methods")
    @classmethod
    def _installed(cls, methods: list[str]) -> list[str]:
        if "umap" in methods and find_spec("umap") is None:
            raise ValueError("umap needs the package umap-learn, which is not installed: pip install 'papilio[umap]'")
        return methods
