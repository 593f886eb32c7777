"""The objective that `[train]` names, built from its plain settings."""

from __future__ import annotations

from papilio.data.quantities import Quantity
from papilio.errors import SettingError
from papilio.models.families import given_to
from papilio.settings.references import OwnFunctions, find_own
from papilio.settings.train_settings import TrainSettings
from papilio.targets.classes import Classes
from papilio.targets.quantity import QuantityTarget, make_design
from papilio.targets.target import Target
from papilio.training.objectives import Objective, supervised

SUPERVISED = "supervised"


def make_objective(
    settings: TrainSettings,
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    quantity: Quantity | None,
    own: OwnFunctions,
) -> Objective:
    """What the labels ask, or the user's own objective: a function of its settings (and of `image_shape`, `num_classes`,
    `heads` where it names them) that returns an Objective.

    Raises SettingError where there is no such function, or settings are given that the objective does not take.
    """
    if settings.objective == SUPERVISED:
        if settings.objective_settings:
            raise SettingError("train.objective_settings: go with an objective of your own")
        target = make_target(settings, num_classes=num_classes, quantity=quantity, own=own)
        return supervised(target, l1=settings.regulariser.l1, l2=settings.regulariser.l2)
    if (
        settings.loss
        or settings.label_smoothing
        or settings.regulariser.l1
        or settings.regulariser.l2
        or settings.target
        or settings.views
        or settings.standardise
    ):
        raise SettingError(
            "train.target, views, standardise, loss, label_smoothing and regulariser go with supervised learning,"
            " not your own objective"
        )
    function = find_own(settings.objective, what="train.objective", own=own)
    given = given_to(function, image_shape=image_shape, heads=own_heads(num_classes))
    objective = function(**given, **settings.objective_settings)
    if not isinstance(objective, Objective):
        raise SettingError(f"train.objective: got {type(objective).__name__}, expected a papilio.Objective")
    return objective


def make_target(settings: TrainSettings, *, num_classes: int, quantity: Quantity | None, own: OwnFunctions) -> Target:
    """What the labels ask of a net: a class, or a quantity in the design that `train.target` names.

    Raises SettingError for settings that do not go with such labels.
    """
    if quantity is not None:
        if settings.loss or settings.label_smoothing:
            raise SettingError(
                "train.loss and label_smoothing go with classes; these images show a number: train.target"
            )
        return QuantityTarget(quantity, make_design(settings.target, quantity.period))
    if settings.target is not None:
        raise SettingError("train.target: goes with numbers on a circle; these images have classes")
    if settings.loss and settings.label_smoothing:
        raise SettingError("train.label_smoothing: goes with cross entropy, not with a train.loss of your own")
    scoring = find_own(settings.loss, what="train.loss", own=own) if settings.loss else None
    return Classes(num_classes, label_smoothing=settings.label_smoothing, scoring=scoring)


def heads_of(settings: TrainSettings, *, num_classes: int, quantity: Quantity | None) -> tuple[int, ...]:
    """How many numbers each head of a net has to put out. Raises SettingError for a target that is none."""
    if quantity is None or settings.objective != SUPERVISED:
        return own_heads(num_classes)
    return make_design(settings.target, quantity.period).heads


def own_heads(num_classes: int) -> tuple[int, ...]:
    """Of nets whose objective is the user's own: one head, a number a class."""
    return (max(1, num_classes),)
