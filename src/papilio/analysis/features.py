"""Classifiers in whose features images are compared: which one, and which of its layers."""

from __future__ import annotations

import contextlib

import numpy as np

from papilio.data.imageset import ImageSet
from papilio.errors import DataError, RunError, SettingError
from papilio.files import checksum
from papilio.kinds.kind import Planned
from papilio.kinds.options import QualityOptions
from papilio.runs.folder import RunFacts, RunFolder
from papilio.runs.run import Run, load_run
from papilio.runs.shipped import find_run, shipped_runs

# by the name of an image set, the run that comes with Papilio; the study `features` makes them
SHIPPED = {"mnist": "mnist-features", "mnist-5k": "mnist-features", "fashion-mnist": "fashion-features"}


def check_features(options: QualityOptions, planned: Planned) -> None:
    """Raises SettingError for a classifier that does not exist, not trained, or takes images of another shape."""
    given = options.features
    if given is None:
        return
    try:
        folder = RunFolder(find_run(given))
        facts = folder.facts()
    except RunError as error:
        raise SettingError(f"features: {error}") from error
    if not folder.weights_file.exists():
        raise SettingError(f"features = {given}: that run ({facts.status}) has no weights; give one that is trained")
    if facts.images.shape != planned.images.image_shape:
        raise SettingError(f"features = {given}: {_other_shape(facts.images.shape, planned.images.image_shape)}")
    if _last_hidden(facts) is None:
        raise SettingError(f"features = {given}: its network has no layer before a last dense one; give a classifier")


def _other_shape(theirs: tuple[int, ...], ours: tuple[int, ...]) -> str:
    one, other = (" x ".join(map(str, shape)) for shape in (theirs, ours))
    return (
        f"that run takes images of {one} (channel, height, width), these are {other}; give a classifier that was trained on"
        " such images"
    )


def classifier_checksum(options: QualityOptions, images: ImageSet) -> dict[str, str]:
    """The checksum of the weights that `find_classifier` would load; empty where there are none."""
    name = SHIPPED.get(images.name, "") if options.features is None else options.features
    with contextlib.suppress(RunError):
        weights = RunFolder(find_run(name)).weights_file
        return {"classifier": checksum(weights)} if weights.exists() else {}
    return {}


def find_classifier(images: ImageSet, given: str | None) -> Run | None:
    """The run whose features compare such images: the one that is given, or one that comes with Papilio.

    None where there is none. Raises RunError where the given one is no run, DataError where it takes images of another shape.
    """
    if given is None:
        name = SHIPPED.get(images.name, "")
        run = load_run(name) if name in shipped_runs() else None
        return run if run is not None and run.image_shape == images.image_shape else None
    run = load_run(given)
    if run.image_shape != images.image_shape:
        raise DataError(f"[[analysis]] features = {given}: {_other_shape(run.image_shape, images.image_shape)}")
    return run


def features_of(run: Run, images: np.ndarray) -> np.ndarray:
    """What the last hidden layer of a classifier gives for uint8 images: float32 (num, dimension)."""
    return run.layer(last_hidden_layer(run), images).reshape(len(images), -1)


def last_hidden_layer(run: Run) -> str:
    """The name of what comes before the last dense layer of a run's network.

    Raises RunError where the run has several nets, or its network no such layer.
    """
    name = _last_hidden(run.facts)
    if name is None:
        raise RunError(
            f"{run.folder}: its network has no layer before a last dense one, whose output could compare images; give"
            " a classifier"
        )
    return name


def _last_hidden(facts: RunFacts) -> str | None:
    rows = facts.layer_rows
    dense = [place for place, row in enumerate(rows) if row.kind.startswith("Linear(")]
    return rows[dense[-1] - 1].name if dense and dense[-1] > 0 else None
