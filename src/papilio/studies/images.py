"""The image sets of a study's runs, and whether its networks fit them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from papilio.data.imageset import ImageSet
from papilio.data.load import load_images
from papilio.data.progress import reading_progress
from papilio.errors import SettingError, StudyError
from papilio.kinds.ranking import Ranking
from papilio.models.families import FAMILIES, build_nets
from papilio.runs.folder import RunPlan
from papilio.settings.data_settings import DataSettings
from papilio.settings.references import OwnFunctions
from papilio.settings.train_settings import TrainSettings
from papilio.settings.validation import validated
from papilio.studies.schema import AnalysisSettings
from papilio.studies.study import Study
from papilio.training.catalogue import SUPERVISED, heads_of, make_objective
from papilio.training.driver import choosing_metrics
from papilio.training.objectives import Objective
from papilio.training.optimisers import refuse_impossible_optimiser


class StudyImages:
    """The image sets of a study, each read once, when a run first needs it."""

    def __init__(self) -> None:
        self.loaded: dict[str, ImageSet] = {}

    def of(self, data: Mapping[str, Any], fold: int | None = None) -> ImageSet:
        """The set of a run's resolved [data] table, with the splits of its fold."""
        key = json.dumps([data, fold], sort_keys=True)
        if key not in self.loaded:
            whole = {name: value for name, value in data.items() if name != "folds"}
            self.loaded[key] = images_of(whole) if fold is None else self.of(whole).fold(fold, of=data["folds"])
        return self.loaded[key]

    def of_analysis(self, analysis: AnalysisSettings, data: Mapping[str, Any], fold: int | None) -> ImageSet:
        """The set that an analysis looks at, by the resolved [data] table of the run and its fold.

        Raises StudyError where the analysis' own table is wrong, or its kind does not fit the images.
        """
        if analysis.data:
            changed = {key: value for key, value in data.items() if key != "folds"} | analysis.data
            table = validated(DataSettings, changed, where="[[analysis]]", prefix="data")
            images = self.of(table.model_dump(exclude_none=True, mode="json"))
        else:
            images = self.of(data, fold)
        kind = "classification" if images.quantity is None else "reading"
        if analysis.kind not in (None, kind):
            raise StudyError(f"[[analysis]] kind: {analysis.kind} does not fit {images.name}; leave it away, or {kind}")
        return images

    def of_run(self, plan: RunPlan) -> ImageSet:
        """The set that a run is trained and measured on."""
        return self.of(plan.settings["data"], plan.fold)

    def distinct(self) -> list[ImageSet]:
        """Every set that was read, without its folds."""
        return [images for key, images in self.loaded.items() if json.loads(key)[1] is None]

    def ranking_of(self, plan: RunPlan, own: OwnFunctions) -> Ranking | None:
        """The metric that ranks a run among others and which end of it is better; None where its objective has none."""
        train, images = TrainSettings(**plan.settings["train"]), self.of_run(plan)
        objective = _objective_of(train, images, own)
        best, _ = choosing_metrics(objective, train, has_validation=len(images.validation) > 0)
        return None if best is None else Ranking(best, objective.direction(best))


def images_of(data: Mapping[str, Any]) -> ImageSet:
    """The image set of a study's resolved [data] table."""
    arguments = {key: value for key, value in data.items() if key not in ("name", "path")}
    if isinstance(arguments.get("size"), list):
        arguments["size"] = tuple(arguments["size"])
    return load_images(data.get("name") or data["path"], progress=reading_progress(), **arguments)


def refuse_impossible_runs(study: Study, plans: Iterable[RunPlan], images: StudyImages) -> None:
    """Build what each different run is made of, without memory for weights, before anything is trained.

    Raises StudyError for a network that does not fit its images, a metric or an optimiser's argument that is not there.
    What is of the user's own is left to its runs: it may do anything when it is built.
    """
    seen_images, seen_models, seen_trainings = set(), set(), set()
    for plan in plans:
        model, train = plan.settings["model"], TrainSettings(**plan.settings["train"])
        try:
            image_set = images.of_run(plan)
            if id(image_set) not in seen_images:
                for analysis in study.settings.analysis:
                    images.of_analysis(analysis, plan.settings["data"], plan.fold)
            heads = heads_of(train, num_classes=image_set.num_classes, quantity=image_set.quantity)
            model_key = (_structure(model), image_set.image_shape, heads)
            if model_key not in seen_models:
                _refuse_impossible_model(model, image_set.image_shape, heads)
            asked = (
                train.optimizer,
                train.momentum,
                train.objective,
                train.best,
                train.early_stopping,
                str(train.target),
            )
            training_key = (*asked, id(image_set))
            if training_key not in seen_trainings:
                _refuse_impossible_training(train, image_set, study.own)
        except SettingError as error:
            raise StudyError(f'{study.where}: stage "{plan.stage}", trial "{plan.trial}": {error}') from error
        seen_images.add(id(image_set))
        seen_models.add(model_key)
        seen_trainings.add(training_key)


def _structure(model: Mapping[str, Any]) -> str:
    """Equal for models that differ in rates inside (0, 1) only: where one can be built, so can the other."""
    return json.dumps(
        {key: (isinstance(one, float) and 0 < one < 1) or one for key, one in model.items()}, sort_keys=True
    )


def _refuse_impossible_model(
    model: Mapping[str, Any], image_shape: tuple[int, int, int], heads: tuple[int, ...]
) -> None:
    family, arguments = model["family"], {key: value for key, value in model.items() if key != "family"}
    if family not in FAMILIES:
        return
    try:
        with torch.device("meta"):
            build_nets(FAMILIES[family], arguments, image_shape=image_shape, heads=heads, seed=0)
    except SettingError as error:
        raise SettingError(f"model: {error}") from error


def _refuse_impossible_training(train: TrainSettings, images: ImageSet, own: OwnFunctions) -> None:
    refuse_impossible_optimiser(train.optimizer, momentum=train.momentum)
    if train.objective == SUPERVISED:
        objective = _objective_of(train, images, own)
        choosing_metrics(objective, train, has_validation=len(images.validation) > 0)


def _objective_of(train: TrainSettings, images: ImageSet, own: OwnFunctions) -> Objective:
    return make_objective(
        train, image_shape=images.image_shape, num_classes=images.num_classes, quantity=images.quantity, own=own
    )
