"""The settings of kinds and the options of analyses, as study files have them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

NoiseKind = Literal["none", "gaussian", "salt_and_pepper", "masking"]


ACTIVE_ABOVE = 0.01  # the variance over images of an active latent's posterior mean: Burda et al. 2016, section 5.2


class Nothing(BaseModel):
    """No settings at all."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Anything(BaseModel):
    """The settings of a function of the user's own: what it makes of them is its business."""

    model_config = ConfigDict(extra="allow", frozen=True)


Level = Annotated[float, Field(gt=0, le=1)]


class ReconstructionSettings(BaseModel):
    """How an autoencoder's error is measured, and what noise it learns to remove."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    error: Literal["squared", "absolute", "bernoulli"] = Field(
        "squared", description="loss per pixel, averaged; bernoulli is cross entropy"
    )
    noise: NoiseKind = Field("none", description="noise added to the input; the net must return the clean image")
    level: Level | Annotated[list[Level], Field(min_length=1)] = Field(
        0.3,
        description="standard deviation (gaussian), share of pixels (others); with a list, one level per image",
    )

    @model_validator(mode="after")
    def _level_goes_with_noise(self) -> ReconstructionSettings:
        if self.noise == "none" and "level" in self.model_fields_set:
            raise ValueError("level needs noise: gaussian, salt_and_pepper or masking")
        return self


class VariationalSettings(BaseModel):
    """The two terms of a variational autoencoder's loss, summed over pixels and latents."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    likelihood: Literal["bernoulli", "gaussian"] = Field(
        "bernoulli", description="distribution of a pixel given the latents"
    )
    sigma: float = Field(0.1, gt=0, description="standard deviation of a gaussian likelihood (pixels from 0 to 1)")
    beta: float = Field(1.0, ge=0, description="factor on the KL term; independent of the image size")
    warm_up: int = Field(0, ge=0, description="steps over which beta grows from 0 to its value")
    free_bits: float = Field(0.0, ge=0, description="nats of KL per latent that are not penalized (mean over a batch)")

    @model_validator(mode="after")
    def _sigma_goes_with_gaussian(self) -> VariationalSettings:
        if self.likelihood != "gaussian" and "sigma" in self.model_fields_set:
            raise ValueError('sigma needs likelihood = "gaussian"')
        return self


class GameSettings(BaseModel):
    """What the two nets of a GAN minimize."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    loss: Literal["non_saturating", "hinge", "wasserstein"] = Field(
        "non_saturating", description="loss of both nets; wasserstein adds a gradient penalty on the discriminator"
    )
    penalty: float = Field(10.0, gt=0, description="factor on the gradient penalty of wasserstein")
    r1: float = Field(0.0, ge=0, description="factor on the zero-centered gradient penalty on real images")
    smoothing: float = Field(
        0.0, ge=0, lt=1, description="one-sided label smoothing: real images have the target 1 minus this"
    )
    discriminator_steps: int = Field(1, ge=1, description="discriminator steps per batch, each with fresh noise")

    @model_validator(mode="after")
    def _each_with_its_loss(self) -> GameSettings:
        if self.loss != "wasserstein" and "penalty" in self.model_fields_set:
            raise ValueError('penalty needs loss = "wasserstein"; r1 works with every loss')
        if self.loss != "non_saturating" and self.smoothing:
            raise ValueError('smoothing needs loss = "non_saturating"')
        return self


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


Index = Annotated[int, Field(ge=0, strict=True)]


class ReconstructionOptions(BaseModel):
    """Which reconstructions are shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pictures: int = Field(20, ge=1, description="images to show, the same number per class")
    worst: int = Field(10, ge=0, description="worst reconstructions to show as well")
    seed: int = Field(0, ge=0, description="seed for choosing the images")


class SamplesOptions(BaseModel):
    """How many samples are drawn, and how many of them stand next to training images."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    num: int = Field(48, ge=1, description="number of samples")
    nearest: int = Field(12, ge=0, description="how many of them to show next to their nearest training images")
    real: bool = Field(False, description="show as many training images next to them")
    seed: int = Field(0, ge=0, description="seed for sampling")


class WalkOptions(BaseModel):
    """Along which latent coordinates a walk leads, how far, and from where."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    coordinates: Annotated[list[Index | Annotated[list[Index], Field(min_length=1)]], Field(min_length=1)] | None = (
        Field(
            None,
            description="coordinates, counted from 0, one row each; coordinates in an inner list move together:"
            " [6, [10, 27]]; by default the 8 that change the picture most",
        )
    )
    range: tuple[float, float] = Field(
        (-3.0, 3.0), description="distance in each direction, in standard deviations of the coordinate"
    )
    steps: int = Field(9, ge=2, le=25, description="images per row")
    start: Literal["prior", "mean"] | Index = Field(
        "prior",
        description="where walks start: a sample from the prior, its mean, or a test image by its number (from 0)",
    )
    seed: int = Field(0, ge=0, description="seed for sampling")
    label: str | None = Field(
        None,
        description="class that a conditional run shows, by name; by default its first, and one row for each other class",
    )

    @model_validator(mode="after")
    def _goes_up(self) -> WalkOptions:
        low, high = self.range
        if not low < high:
            raise ValueError(f"range = [{low:g}, {high:g}]: the first number must be below the second")
        return self

    @model_validator(mode="after")
    def _moves_each_once(self) -> WalkOptions:
        for row in self.coordinates or ():
            if isinstance(row, list) and len(set(row)) < len(row):
                raise ValueError(f"coordinates: {row} names a coordinate twice")
        return self


class MorphOptions(BaseModel):
    """Which pairs of images are joined, and in how many steps."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pairs: (
        Annotated[int, Field(ge=1, le=50, strict=True)] | Annotated[list[tuple[Index, Index]], Field(min_length=1)]
    ) = Field(
        4, description="number of pairs of test images of different classes, or their numbers (from 0): [[3, 17]]"
    )
    steps: int = Field(9, ge=2, le=25, description="images from one end to the other, both included")
    seed: int = Field(0, ge=0, description="seed for choosing the pairs")


class PlaneOptions(BaseModel):
    """How finely the plane of two latents is decoded."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    side: int | None = Field(
        None,
        ge=2,
        le=50,
        description="images in each direction; by default 20, fewer if images are larger than 32 pixels",
    )
    points: int = Field(1000, ge=0, description="test images to draw at their latents")
    seed: int = Field(0, ge=0, description="seed for choosing those images")


class CoordinatesOptions(BaseModel):
    """How many images coordinates are measured on, and how many of them are shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    num: int = Field(2000, ge=2, description="test images that are encoded, stratified")
    rows: int = Field(8, ge=1, le=32, description="coordinates to move, those with the most information")
    seed: int = Field(0, ge=0, description="seed for choosing images, shuffling and rotations")


class ProbeOptions(BaseModel):
    """How many labels a linear classifier on latents is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: list[Annotated[int, Field(ge=2)] | Literal["all"]] = Field(
        [100, 1000, 10_000], min_length=1, description="numbers of labeled training images; all for all of them"
    )
    draws: int = Field(3, ge=1, description="repetitions per number of labels; the mean is shown")


class ModelsOptions(BaseModel):
    """How many trials are set side by side, and what they are measured on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trials: int = Field(8, ge=1, description="how many of a stage's best trials")
    labels: int = Field(1000, ge=2, description="labeled training images for a linear classifier on latents")
    num: int = Field(2000, ge=20, description="samples, and test images, for Fréchet distances")


class TradeOptions(BaseModel):
    """By which setting trials are ordered, and how many images tell how ordered their latents are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: str = Field(
        "train.objective_settings.beta",
        min_length=1,
        description="dotted key of a setting that varies in the stage",
    )
    num: int = Field(2000, ge=2, description="test images that are encoded, stratified")
    seed: int = Field(0, ge=0, description="seed for choosing images and rotations")


class TransferOptions(BaseModel):
    """What encoders taken from other runs are compared with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    components: list[Annotated[int, Field(ge=1)]] = Field(
        [10, 50], description="principal components of the pixels, with logistic regression on them"
    )


class LikelihoodOptions(BaseModel):
    """How exactly the likelihood of images is estimated."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    samples: int = Field(100, ge=1, description="samples of the latents per image; more give a tighter estimate")
    num: int = Field(500, ge=1, description="test images, stratified")


class GradientsOptions(BaseModel):
    """On how many images gradients are measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    num: int = Field(512, ge=1, description="test images to compute the gradient of the loss on")


class DenoisingOptions(BaseModel):
    """What noise is added to test images, for autoencoders to remove."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    noise: Literal["gaussian", "salt_and_pepper", "masking"] = Field(
        "gaussian", description="noise added to test images"
    )
    levels: list[Level] = Field(
        [0.1, 0.2, 0.3, 0.4, 0.5],
        min_length=1,
        max_length=10,
        description="standard deviations (gaussian) or shares of pixels (others)",
    )
    num: int = Field(1000, ge=1, description="test images, stratified")


class QualityOptions(BaseModel):
    """How images that a run makes are compared with real ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    num: int = Field(2000, ge=20, description="number of samples, and of test and training images (stratified)")
    features: str | None = Field(
        None, description="folder or name of a classifier's run whose last hidden layer is used to compare images"
    )


class ProjectionOptions(BaseModel):
    """Which layers are projected to two dimensions, how, and of how many images."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    layers: list[str] = Field(
        [],
        description="what is projected: latents, input, output, conv_1, dense_1 and so on, or names as papilio show lists"
        " them; by default the latents if there are any, otherwise the last hidden layer and the output",
    )
    methods: list[Literal["pca", "tsne", "umap"]] = Field(
        ["pca", "tsne"], min_length=1, description="projection methods; umap needs the extra papilio[umap]"
    )
    num: int = Field(3000, ge=10, description="images that are projected, stratified")
    perplexity: float = Field(30.0, ge=2, description="t-SNE: effective number of neighbors per image")
    seed: int = Field(0, ge=0, description="seed for choosing images, t-SNE and UMAP")

    @field_validator("layers", "methods")
    @classmethod
    def _each_once(cls, names: list[str]) -> list[str]:
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is listed twice; list each once")
        return names

    @field_validator("methods")
    @classmethod
    def _installed(cls, methods: list[str]) -> list[str]:
        if "umap" in methods and find_spec("umap") is None:
            raise ValueError("umap needs the package umap-learn, which is not installed: pip install 'papilio[umap]'")
        return methods
