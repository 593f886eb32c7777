"""The images of a study's runs, and whether its networks fit them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from papilio.data.imageset import ImageSet
from papilio.data.load import load_images
from papilio.errors import SettingError, StudyError
from papilio.models.families import FAMILIES, build_nets
from papilio.runs.folder import RunPlan
from papilio.studies.progress import reading_progress
from papilio.studies.study import Study


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
