"""How a run trains: the `[train]` table of a study."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from papilio.settings.since import Aside, Since
from papilio.settings.spelling import in_present_spelling

TrackerName = Literal["tensorboard", "mlflow"]  # packages and extras are called so, too
OptimizerName = Literal["sgd", "momentum", "rmsprop", "adam", "adamw", "adadelta"]


class Augmentation(BaseModel):
    """What may happen to a training image; validation and test images are left alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shift: int = Field(0, ge=0, description="largest shift in pixels along each axis; new pixels are black")
    flip: bool = Field(False, description="flip images horizontally with probability 0.5")
    rotate: float = Field(0.0, ge=0, le=180, description="largest rotation in degrees; edge pixels are repeated")
    zoom: float = Field(0.0, ge=0, le=1, description="0.1: zoom in or out by up to 10%; edge pixels are repeated")
    erase: float = Field(0.0, ge=0, le=1, description="share of images with a random rectangle erased (black)")
    erase_area: float = Field(0.2, gt=0, le=1, description="largest erased share of the image")


class Views(BaseModel):
    """What a net that has learned looks at in place of each picture: the picture turned, in even steps, and mirrored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    num: int = Field(
        5, ge=1, le=64, description="number of rotated views per image whose outputs are averaged; 1: as it is"
    )
    rotate: float = Field(12.0, gt=0, le=180, description="largest rotation in degrees, in both directions")
    flip: Annotated[bool, Since("0.2")] = Field(False, description="also average over the mirror image of each view")

    @model_validator(mode="after")
    def _is_more_than_one(self) -> Views:
        if self.num == 1 and not self.flip:
            raise ValueError("num = 1 is the image alone; allowed are 2 and more, or flip = true with it")
        return self

    @property
    def degrees(self) -> list[float]:
        """By how much each view is turned; a whole turn is not looked at twice."""
        if self.num == 1:
            return [0.0]
        steps = self.num if self.rotate == 180 else self.num - 1
        return [-self.rotate + 2 * self.rotate * index / steps for index in range(self.num)]


class EarlyStopping(BaseModel):
    """End the run when a metric has not improved for `patience` epochs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patience: int = Field(5, ge=1, description="epochs without improvement before the run stops")
    metric: str | None = Field(
        None, description="val_accuracy, val_loss, ...; by default the metric that chooses the best epoch"
    )
    min_delta: float = Field(0.0, ge=0, description="an improvement must be larger than this")


class Regularizer(BaseModel):
    """Penalties on weights, as Keras' kernel regularizers add them to the loss."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    l1: float = Field(0.0, ge=0, description="factor on the sum of absolute weights")
    l2: float = Field(0.0, ge=0, description="factor on the sum of squared weights")


Betas = tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]]
OF_OPTIMIZER = ("learning_rate", "momentum", "betas", "weight_decay")  # may stand in an optimizer's own table


class PhaseSettings(BaseModel):
    """How one phase of an objective trains, where it differs from [train]."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    optimizer: OptimizerName | None = Field(None, description="as train.optimizer")
    learning_rate: float | None = Field(None, gt=0, description="as train.learning_rate")
    momentum: float | None = Field(None, ge=0, lt=1, description="as train.momentum")
    betas: Betas | None = Field(None, description="as train.betas")
    weight_decay: float | None = Field(None, ge=0, description="as train.weight_decay")
    schedule: Literal["constant", "cosine", "one_cycle"] | None = Field(None, description="as train.schedule")


class TrainSettings(BaseModel):
    """Everything about training that a study can set or vary."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(20, ge=1, description="maximum number of passes over the training images")
    batch_size: int = Field(128, ge=1, description="images per step")
    optimizer: OptimizerName = Field(
        "adam", description="or a table { name, learning_rate, momentum, betas, weight_decay }"
    )
    learning_rate: float | None = Field(
        None, gt=0, description="peak learning rate; by default the optimizer's usual one"
    )
    momentum: float | None = Field(None, ge=0, lt=1, description="momentum of sgd, momentum and rmsprop")
    betas: Annotated[Betas | None, Since("0.2")] = Field(None, description="betas of adam and adamw")
    weight_decay: float = Field(0.0, ge=0, description="the optimizer's weight decay, on weights only")
    schedule: Literal["constant", "cosine", "one_cycle"] = Field("constant", description="learning rate schedule")
    regularizer: Regularizer = Field(
        default_factory=lambda: Regularizer(l1=0.0, l2=0.0), description="L1 and L2 penalties in the loss"
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of the target that is spread over all classes")
    # None, not False, so that results of versions without it still fit
    standardize: bool | None = Field(
        None, description="subtract the training images' mean and divide by their standard deviation, per channel"
    )
    augment: Augmentation | None = Field(None, description="random changes to training images")
    views: Views | None = Field(None, description="at test time, average over rotated or mirrored views of each image")
    early_stopping: EarlyStopping | None = Field(None, description="when to stop before the last epoch")
    best: str | None = Field(None, description="metric that chooses the epoch whose weights are kept")
    loss: str | None = Field(
        None, description="your own loss, module:function of (outputs, labels), instead of cross entropy"
    )
    target: str | dict[str, Any] | None = Field(
        None,
        description="target design for numbers on a circle: sin_cos, classes, ...; or a table { name, ... } (docs/targets.md)",
    )
    objective: str = Field(
        "supervised",
        description="kind of run: supervised, classify, read, autoencoder, vae or gan; or your own, module:name",
    )
    objective_settings: dict[str, Any] = Field({}, description="settings of the kind, or of your own objective")
    phases: Annotated[dict[str, PhaseSettings], Since("0.2")] = Field(
        {}, description="training settings by phase, for objectives with several phases"
    )
    engine: Annotated[str, Since("0.2")] = Field("torch", description="torch or numpy, or your own, module:name")
    device: str = Field("cpu", description="cpu, cuda, cuda:1, mps")
    # None, not "float32", so that results of versions without it still fit
    precision: Literal["float32", "bfloat16", "auto", "float64"] | None = Field(
        None,
        description="precision of training: float32 by default; bfloat16 where the hardware supports it; auto: bfloat16 where"
        " it also is faster. float64: engine numpy only, for checks",
    )

    log: Annotated[tuple[TrackerName, ...], Since("0.2"), Aside()] = Field(
        (), description="where records are written to besides the run's folder: tensorboard, mlflow"
    )

    @model_validator(mode="before")
    @classmethod
    def _take_earlier_names(cls, given: Any) -> Any:
        """What results and studies of earlier versions call it."""
        if not isinstance(given, dict):
            return given
        renamed = in_present_spelling(given)
        return {**renamed, "objective": "supervised"} if renamed.get("objective") == "classification" else renamed

    @field_validator("standardize", mode="after")
    @classmethod
    def _take_false_for_nothing(cls, standardize: bool | None) -> bool | None:
        return standardize or None

    @field_validator("precision", mode="after")
    @classmethod
    def _leave_out_the_default(cls, precision: str | None) -> str | None:
        """So that a run whose study says float32 is the one whose study says nothing."""
        return None if precision == "float32" else precision

    @model_validator(mode="before")
    @classmethod
    def _spread_optimizer_table(cls, given: Any) -> Any:
        """`optimizer = { name = "adam", learning_rate = 0.01 }` is one value that can vary as a whole."""
        if not isinstance(given, dict) or not isinstance(given.get("optimizer"), dict):
            return given
        table = dict(given["optimizer"])
        if set(table) - {"name", *OF_OPTIMIZER} or "name" not in table:
            raise ValueError(f"an optimizer table needs a name, and may have {', '.join(OF_OPTIMIZER)}")
        if twice := [key for key in table if key != "name" and key in given]:
            raise ValueError(f"{twice[0]} is set both in the optimizer table and outside it; keep one of them")
        return {**given, "optimizer": table.pop("name"), **table}


def num_batches(num_images: int, batch_size: int) -> int:
    """How many batches a pass over images takes: a single image that is left over joins the batch before.

    >>> num_batches(43, 128), num_batches(256, 128), num_batches(257, 128), num_batches(300, 128)
    (1, 2, 2, 3)
    """
    whole, left = divmod(num_images, batch_size)
    return whole + (left > (1 if whole and batch_size > 1 else 0))
