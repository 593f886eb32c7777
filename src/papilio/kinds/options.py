"""The settings of kinds and the options of analyses, as study files have them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

NoiseKind = Literal["none", "gaussian", "salt_and_pepper", "masking"]


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
        "squared", description="of each pixel, of which the loss is the mean; bernoulli is cross entropy"
    )
    noise: NoiseKind = Field("none", description="added to what the net is shown; it has to give back the clean image")
    level: Level | Annotated[list[Level], Field(min_length=1)] = Field(
        0.3,
        description="standard deviation of gaussian noise, share of the pixels of the others; of several, one an image",
    )

    @model_validator(mode="after")
    def _level_goes_with_noise(self) -> ReconstructionSettings:
        if self.noise == "none" and "level" in self.model_fields_set:
            raise ValueError("level goes with noise: gaussian, salt_and_pepper or masking")
        return self


class VariationalSettings(BaseModel):
    """The two terms of a variational autoencoder's loss, summed over pixels and latents."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    likelihood: Literal["bernoulli", "gaussian"] = Field("bernoulli", description="of a pixel, given the latents")
    sigma: float = Field(
        0.1, gt=0, description="the standard deviation of a gaussian likelihood, of values from 0 to 1"
    )
    beta: float = Field(1.0, ge=0, description="factor on the KL term; it means the same for every size of image")
    warm_up: int = Field(0, ge=0, description="steps over which beta grows from 0 to its value")
    free_bits: float = Field(
        0.0, ge=0, description="nats of KL that each latent has for nothing, the mean over a batch"
    )

    @model_validator(mode="after")
    def _sigma_goes_with_gaussian(self) -> VariationalSettings:
        if self.likelihood != "gaussian" and "sigma" in self.model_fields_set:
            raise ValueError('sigma goes with likelihood = "gaussian"')
        return self


class GameSettings(BaseModel):
    """What two adversarial nets minimize."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    loss: Literal["non_saturating", "hinge", "wasserstein"] = Field(
        "non_saturating", description="of both nets; wasserstein has a gradient penalty on the discriminator"
    )
    penalty: float = Field(10.0, gt=0, description="factor on the gradient penalty of wasserstein")
    r1: float = Field(0.0, ge=0, description="factor on the zero-centered gradient penalty on real images")
    smoothing: float = Field(0.0, ge=0, lt=1, description="real images count as real by so much less than wholly")
    discriminator_steps: int = Field(1, ge=1, description="steps of the discriminator a batch, each with fresh noise")

    @model_validator(mode="after")
    def _each_with_its_loss(self) -> GameSettings:
        if self.loss != "wasserstein" and "penalty" in self.model_fields_set:
            raise ValueError('penalty goes with loss = "wasserstein"; r1 goes with every loss')
        if self.loss != "non_saturating" and self.smoothing:
            raise ValueError('smoothing goes with loss = "non_saturating"')
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

    pictures: int = Field(20, ge=1, description="images that are shown, the same number of each class")
    worst: int = Field(10, ge=0, description="images that come back worst, beside them")
    seed: int = Field(0, ge=0, description="of the choice of images")


class SamplesOptions(BaseModel):
    """How many samples are drawn, and how many of them stand beside training images."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    num: int = Field(48, ge=1, description="samples; any number")
    nearest: int = Field(12, ge=0, description="of them beside their nearest training images, the nearest ones")
    real: bool = Field(False, description="show as many training images beside them")
    seed: int = Field(0, ge=0, description="of the draw")


class WalkOptions(BaseModel):
    """Along which latent coordinates a walk leads, how far, and from where."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    coordinates: Annotated[list[Index | Annotated[list[Index], Field(min_length=1)]], Field(min_length=1)] | None = (
        Field(
            None,
            description="numbers of coordinates, counted from 0, a row each; a list within the list moves together:"
            " [6, [10, 27]]; by default the 8 that change the picture most",
        )
    )
    range: tuple[float, float] = Field(
        (-3.0, 3.0), description="how far each way, in standard deviations of the coordinate"
    )
    steps: int = Field(9, ge=2, le=25, description="pictures a row")
    start: Literal["prior", "mean"] | Index = Field(
        "prior", description="where walks begin: a draw from the prior, its mean, or a test image by its number from 0"
    )
    seed: int = Field(0, ge=0, description="of the draw")

    @model_validator(mode="after")
    def _goes_up(self) -> WalkOptions:
        low, high = self.range
        if not low < high:
            raise ValueError(f"range = [{low:g}, {high:g}]: the first number must be below the second")
        return self


class MorphOptions(BaseModel):
    """Which pairs of images are joined, and in how many steps."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pairs: (
        Annotated[int, Field(ge=1, le=50, strict=True)] | Annotated[list[tuple[Index, Index]], Field(min_length=1)]
    ) = Field(4, description="so many pairs of test images of different classes, or their numbers from 0: [[3, 17]]")
    steps: int = Field(9, ge=2, le=25, description="pictures from one end to the other, both included")
    seed: int = Field(0, ge=0, description="of the choice of pairs")


class PlaneOptions(BaseModel):
    """How finely the plane of two latents is decoded."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    side: int | None = Field(
        None, ge=2, le=50, description="pictures each way; by default 20, fewer of images of more than 32 pixels"
    )
    points: int = Field(1000, ge=0, description="test images that are drawn where they are encoded")
    seed: int = Field(0, ge=0, description="of the choice of those images")


class CoordinatesOptions(BaseModel):
    """How many images coordinates are measured on, and how many of them are shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    num: int = Field(2000, ge=2, description="test images that are encoded, stratified")
    rows: int = Field(8, ge=1, le=32, description="coordinates whose moving is shown, those that carry most")
    seed: int = Field(0, ge=0, description="of the choice of images, of shuffling and of rotations")


class ProbeOptions(BaseModel):
    """How many labels a linear classifier on latents is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: list[Annotated[int, Field(ge=2)] | Literal["all"]] = Field(
        [100, 1000, 10_000], min_length=1, description="how many labeled training images; all for every one"
    )
    draws: int = Field(3, ge=1, description="of each number of labels, of which the mean is shown")


class ModelsOptions(BaseModel):
    """How many trials are set side by side, and what they are measured on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trials: int = Field(8, ge=1, description="the best trials of a stage")
    labels: int = Field(1000, ge=2, description="labeled training images for a linear classifier on latents")
    num: int = Field(2000, ge=20, description="samples, and test images, for Fréchet distances")


class TradeOptions(BaseModel):
    """By which setting trials are ordered, and how many images tell how ordered their latents are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: str = Field(
        "train.objective_settings.beta",
        min_length=1,
        description="the dotted key of a setting that varies in the stage",
    )
    num: int = Field(2000, ge=2, description="test images that are encoded, stratified")
    seed: int = Field(0, ge=0, description="of the choice of images, and of rotations")


class TransferOptions(BaseModel):
    """What encoders taken from other runs are compared with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    components: list[Annotated[int, Field(ge=1)]] = Field(
        [10, 50], description="principal components of the pixels, with logistic regression on them"
    )


class LikelihoodOptions(BaseModel):
    """How exactly the likelihood of images is estimated."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    samples: int = Field(100, ge=1, description="draws of the latents, an image; more give a tighter estimate")
    num: int = Field(500, ge=1, description="test images, stratified")


class GradientsOptions(BaseModel):
    """On how many images gradients are measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    num: int = Field(512, ge=1, description="test images of whose loss the gradient is")


class DenoisingOptions(BaseModel):
    """What noise is added to test images, for autoencoders to remove."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    noise: Literal["gaussian", "salt_and_pepper", "masking"] = Field("gaussian", description="added to test images")
    levels: list[Level] = Field(
        [0.1, 0.2, 0.3, 0.4, 0.5],
        min_length=1,
        max_length=10,
        description="standard deviations of gaussian noise, of the others shares of the pixels",
    )
    num: int = Field(1000, ge=1, description="test images, stratified")


class QualityOptions(BaseModel):
    """How images that a run makes are compared with real ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    num: int = Field(2000, ge=20, description="samples, and as many test and training images, stratified")
    features: str | None = Field(
        None, description="the folder or name of a classifier's run, in whose last hidden layer images are compared"
    )


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
