"""What the page has to know of a run before anything else, as plain facts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from papilio.data.splits import SPLITS
from papilio.explorer.guide import in_order
from papilio.explorer.maps import METHODS, has_method
from papilio.explorer.scene import Scene
from papilio.models.layer_names import LATENTS, OUTPUT, find_layer
from papilio.runs.folder import RunFolder
from papilio.runs.shipped import find_run

VALUES = {"error": "reconstruction error", "kl": "KL (nats)", "confidence": "confidence"}
READINGS = {"value": "value", "read": "reading", "error": "reading error"}  # of a run that reads numbers, in their unit


def is_sample(indices: np.ndarray) -> bool:
    """Whether points are not all images of their set in order, so that a point's place is not its image's number."""
    return not np.array_equal(indices, np.arange(len(indices)))


def about_run(scene: Scene, number: int) -> dict[str, Any]:
    """The facts of a run, which the page knows by its number."""
    channel, height, width = scene.facts.images.shape
    cloud, guide = scene.cloud, scene.guide
    quantity = scene.facts.images.quantity
    conditional = int(guide["conditional"]) if "conditional" in guide else 0
    judged = [] if scene.judge_name is None else RunFolder(find_run(scene.judge_name)).facts().class_names
    return {
        "id": number,
        "name": run_name(scene),
        "stage": scene.facts.stage,
        "kind": scene.facts.settings["train"].get("objective", ""),
        "image": [height, width, channel],
        "rim_brightness": scene.facts.rim_brightness,
        # a generator's samples are of no class unless it is told one, or a classifier says so
        "classes": judged if scene.is_generator and not conditional else scene.facts.class_names,
        "quantity": None if quantity is None else asdict(quantity),
        "num": len(cloud),
        "subject": "samples" if scene.is_generator else "images",
        "total": cloud.total,
        "is_sample": is_sample(scene.cloud.indices[: len(cloud) - scene.num_own]),
        "splits": [*SPLITS, "yours"],
        "pictures": _about_pictures(scene),
        "can": [
            *(name for name in ("decode", "encode") if name in scene.offers),
            *(["classify"] if "probabilities" in scene.offers else []),
        ],
        "judge": scene.judge_name,
        # also where it cannot be asked, as in a page without its network
        "labeled_by": scene.judge_name if scene.is_generator and not conditional else None,
        "judge_classes": judged,
        "conditional": scene.facts.class_names[:conditional],
        "latents": 0 if cloud.latents is None else cloud.latents.shape[1],
        "spaces": [_about_space(scene, name) for name in scene.space_names],
        "methods": [
            {"id": method, "name": words, "is_ready": method == "pca"}
            for method, words in METHODS.items()
            if has_method(method)
        ],
        "values": _about_values(scene),
        "mean": [] if cloud.mean is None else cloud.mean.tolist(),
        "deviation": [] if cloud.deviation is None else cloud.deviation.tolist(),
        "coordinates": in_order(guide) if guide else [],
        "has_mistakes": cloud.predicted is not None,
    }


def run_name(scene: Scene) -> str:
    """Trial, seed and fold, as the page shows them."""
    fold = "" if scene.facts.fold is None else f", fold {scene.facts.fold}"
    return f"{scene.facts.trial}, seed {scene.facts.seed}{fold}"


def _about_pictures(scene: Scene) -> list[dict[str, Any]]:
    own = scene.own
    if own is None:
        return []
    first = len(scene.cloud) - len(own)
    return [
        {"index": first + place, "name": name} | ({"note": note} if note else {})
        for place, (name, note) in enumerate(zip(own.names, own.notes, strict=True))
    ]


def _about_values(scene: Scene) -> list[dict[str, str]]:
    """What points are colored by, what the run says first, factors after it."""
    quantity = scene.facts.images.quantity
    words = VALUES
    if quantity is not None and "read" in scene.offers:
        unit = f" ({quantity.unit})" if quantity.unit else ""
        words = {
            name: text if quantity.is_time and name != "error" else f"{text}{unit}" for name, text in READINGS.items()
        }
        words["confidence"] = VALUES["confidence"]
    known = [name for name in words if name in scene.cloud.values]
    factors = [name for name in scene.cloud.values if name not in known]
    return [{"id": name, "name": words.get(name, name.replace("_", " "))} for name in [*known, *factors]]


def _about_space(scene: Scene, name: str) -> dict[str, Any]:
    latents = scene.cloud.latents
    if name == LATENTS and latents is not None:
        way_back = "nearest" if scene.is_generator else "mean"
        num = latents.shape[1]
        return {"id": name, "name": f"latents ({num})", "dimensions": num, "decodes": True, "inverse": way_back}
    num = _width_of(scene, name)
    words = f"{name} ({num:,})" if num else name
    return {"id": name, "name": words, "dimensions": num, "decodes": scene.is_generator, "inverse": "nearest"}


def _width_of(scene: Scene, name: str) -> int:
    rows = {row.name: row for row in scene.facts.layer_rows}
    found = name if scene.is_generator else find_layer(name, list(rows.values()), has_latents=False)
    row = list(rows.values())[-1] if found == OUTPUT and rows else rows.get(found)
    return int(np.prod(row.output_shape)) if row is not None else int(np.prod(scene.facts.images.shape))
