"""The images of a study's runs, and whether its networks fit them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from papilio.data.imageset import ImageSet
from papilio.data.load import load_images
from papilio.errors import SettingError, StudyError
from papilio.models.families import FAMILIES, build_nets
from papilio.models.own import OwnFunctions
from papilio.runs.folder import RunPlan
from papilio.studies.progress import reading_progress
from papilio.studies.study import Study
from papilio.training.catalogue import make_objective
from papilio.training.driver import choosing_metrics
from papilio.training.optimisers import make_optimiser
from papilio.training.settings import TrainSettings


def load_all_images(plans: list[RunPlan]) -> dict[str, ImageSet]:
    """Each run's image set, by run; equal [data] tables share one."""
    loaded: dict[str, ImageSet] = {}
    by_run = {}
    for plan in plans:
        key = repr(sorted(plan.settings["data"].items()))
        if key not in loaded:
            loaded[key] = images_of(plan.settings["data"])
        by_run[plan.name] = loaded[key]
    return by_run


def images_of(data: Mapping[str, Any]) -> ImageSet:
    """The image set of a study's resolved [data] table."""
    arguments = {key: value for key, value in data.items() if key not in ("name", "path")}
    if isinstance(arguments.get("size"), list):
        arguments["size"] = tuple(arguments["size"])
    return load_images(data.get("name") or data["path"], progress=reading_progress(), **arguments)


def refuse_impossible_runs(study: Study, plans: list[RunPlan], image_sets: Mapping[str, ImageSet]) -> None:
    """Build what each different run is made of, without memory for weights, before anything is trained.

    Raises StudyError for a network that does not fit its images, a metric or an optimiser's argument that is not there.
    What is of the user's own is left to its runs: it may do anything when it is built.
    """
    seen = set()
    for plan in plans:
        images = image_sets[plan.name]
        key = (repr(plan.settings["model"]), repr(plan.settings["train"]), id(images))
        if key in seen:
            continue
        seen.add(key)
        try:
            _refuse_impossible_model(plan.settings["model"], images)
            _refuse_impossible_training(TrainSettings(**plan.settings["train"]), images, study.own)
        except SettingError as error:
            raise StudyError(f'{study.where}: stage "{plan.stage}", trial "{plan.trial}": {error}') from error


def _refuse_impossible_model(model: Mapping[str, Any], images: ImageSet) -> None:
    family, arguments = model["family"], {key: value for key, value in model.items() if key != "family"}
    if family not in FAMILIES:
        return
    try:
        with torch.device("meta"):
            shape, num_classes = images.image_shape, images.num_classes
            build_nets(FAMILIES[family], arguments, image_shape=shape, num_classes=num_classes, seed=0)
    except SettingError as error:
        raise SettingError(f"model: {error}") from error


def _refuse_impossible_training(train: TrainSettings, images: ImageSet, own: OwnFunctions) -> None:
    make_optimiser(train.optimizer, [torch.nn.Parameter(torch.zeros(1))], momentum=train.momentum)
    if train.objective == "classification":
        objective = make_objective(train, image_shape=images.image_shape, num_classes=images.num_classes, own=own)
        choosing_metrics(objective, train, has_validation=len(images.validation) > 0)


def refuse_impossible_models(study: Study, plans: list[RunPlan], image_sets: Mapping[str, ImageSet]) -> None:
    """Build every different network once, without memory for its weights; raises StudyError for what does not fit its
    images. Networks of the user's own are left to their runs: they may do anything when they are built."""
    seen = set()
    for plan in plans:
        images, model = image_sets[plan.name], dict(plan.settings["model"])
        key = (repr(model), images.image_shape, images.num_classes)
        family = model.pop("family")
        if family not in FAMILIES or key in seen:
            continue
        seen.add(key)
        try:
            with torch.device("meta"):
                build_nets(
                    FAMILIES[family], model, image_shape=images.image_shape, num_classes=images.num_classes, seed=0
                )
        except SettingError as error:
            raise StudyError(f'{study.where}: stage "{plan.stage}", trial "{plan.trial}": model: {error}') from error
