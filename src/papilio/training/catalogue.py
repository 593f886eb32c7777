"""The objective that `[train]` names, built from its plain settings."""

from __future__ import annotations

from papilio.errors import SettingError
from papilio.models.families import given_to
from papilio.models.own import OwnFunctions, find_own
from papilio.targets.classes import Classes
from papilio.training.objectives import Objective, classification
from papilio.training.settings import TrainSettings


def make_objective(
    settings: TrainSettings, *, image_shape: tuple[int, int, int], num_classes: int, own: OwnFunctions
) -> Objective:
    """Classification, or the user's own objective: a function of its settings (and of `image_shape`, `num_classes`
    where it names them) that returns an Objective.

    Raises SettingError where there is no such function, or settings are given that the objective does not take.
    """
    if settings.objective == "classification":
        if settings.objective_settings:
            raise SettingError(
                "train.objective_settings: classification takes none; they go with an objective of your own"
            )
        if settings.loss and settings.label_smoothing:
            raise SettingError("train.label_smoothing: goes with cross entropy, not with a train.loss of your own")
        scoring = find_own(settings.loss, what="train.loss", own=own) if settings.loss else None
        target = Classes(num_classes, label_smoothing=settings.label_smoothing, scoring=scoring)
        return classification(target, l1=settings.regulariser.l1, l2=settings.regulariser.l2)
    if settings.loss or settings.label_smoothing or settings.regulariser.l1 or settings.regulariser.l2:
        raise SettingError(
            "train.loss, label_smoothing and regulariser go with classification, not with your own objective"
        )
    function = find_own(settings.objective, what="train.objective", own=own)
    given = given_to(function, image_shape=image_shape, num_classes=num_classes)
    objective = function(**given, **settings.objective_settings)
    if not isinstance(objective, Objective):
        raise SettingError(f"train.objective: got {type(objective).__name__}, expected a papilio.Objective")
    return objective
