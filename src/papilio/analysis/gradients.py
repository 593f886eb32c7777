"""How large the gradient is in each layer, before and after training: whether it reaches the first layers at all."""

from __future__ import annotations

from typing import Any

import numpy as np

from papilio.data.imageset import ImageSet
from papilio.engine import Arrays, Lane, find_engine
from papilio.errors import SettingError
from papilio.kinds.kind import Planned
from papilio.kinds.options import GradientsOptions
from papilio.models.layer_names import WITH_WEIGHTS
from papilio.numpy_engine.engine import NumpyEngine
from papilio.numpy_engine.session import NumpySession
from papilio.runs.arrays import load_arrays
from papilio.runs.folder import RunFolder
from papilio.runs.run import Run
from papilio.settings.run_settings import RunSettings
from papilio.settings.train_settings import TrainSettings

# settings of [train] on which the gradient of a run's loss with given weights does not depend
NOT_OF_A_GRADIENT = ("optimizer", "momentum", "betas", "device", "precision", "augment", "views", "phases")


def check_gradients(options: GradientsOptions, planned: Planned) -> str | None:
    """What keeps the NumPy engine from computing a run's loss: settings that it does not support."""
    try:
        NumpyEngine({}).check(_by_hand(planned.settings), planned.images.facts)
    except SettingError as error:
        return f"it needs a network and a loss that the NumPy engine supports ({error})"
    return None


def gradients(run: Run, images: ImageSet, options: GradientsOptions) -> Arrays:
    """By the NumPy engine, whichever trained the run: the gradient of its loss on test images, with regard to its weights.

    Arrays over the layers that have weights, in their order: `layers`, names as conv_1 and dense_2; `begun` and `trained`, the
    root mean square of the gradient over a layer's weights, with those that the run began with and those that it came to.
    Dropout is as in training, the whole beta counts whatever the warm-up. Without dimension `num`, how many images. Empty
    where that engine does not have the run's net or loss.
    """
    engine, settings = NumpyEngine({}), _by_hand(run.facts.run_settings)
    try:
        engine.check(settings, images.facts)
    except SettingError:
        return {}
    chosen = images.test[: options.num]
    with engine.prepare([Lane(settings, images, run.facts.seed)], threads=run.facts.threads) as session:
        session.load_weights(0, _first_weights(run, images))
        begun = _sizes(session, chosen)
        session.load_weights(0, load_arrays(RunFolder(run.folder).weights_file)[0])
        trained = _sizes(session, chosen)
    return {
        "layers": np.array(list(begun)),
        "begun": np.array(list(begun.values())),
        "trained": np.array(list(trained.values())),
        "num": np.array(len(chosen)),
    }


def _first_weights(run: Run, images: ImageSet) -> Arrays:
    """What the run began with, by its own engine: every engine draws other weights from the same seed."""
    folder, settings = RunFolder(run.folder), run.facts.run_settings
    starts = load_arrays(folder.start_file)[0] if folder.start_file.exists() else {}
    settings = settings.model_copy(update={"train": settings.train.model_copy(update={"device": "cpu"})})
    lane = Lane(settings, images, run.facts.seed, starts, "float32")
    with find_engine(settings.train.engine, {}).prepare([lane], threads=run.facts.threads) as session:
        return session.weights(0)


def _by_hand(settings: RunSettings) -> RunSettings:
    """The run's settings, without what its gradient does not depend on, or what is only so while it warms up."""
    usual: dict[str, Any] = {
        name: TrainSettings.model_fields[name].get_default(call_default_factory=True) for name in NOT_OF_A_GRADIENT
    }
    own = settings.train.objective_settings
    usual["objective_settings"] = {name: value for name, value in own.items() if name != "warm_up"}
    return settings.model_copy(
        update={
            "model": settings.model.model_copy(update={"sources": {}}),
            "train": settings.train.model_copy(update=usual),
        }
    )


def _sizes(session: NumpySession, chosen: np.ndarray) -> dict[str, float]:
    """The root mean square of each layer's gradient, of the loss on these images."""
    network = session.network
    session.measure(session.batch(chosen), session.generators["noise"], session.step)
    found: dict[str, float] = {}
    for row in session.describe(0).layers:
        if row.num_parameters:
            sort = WITH_WEIGHTS[row.kind.partition("(")[0]]
            number = 1 + sum(name.startswith(f"{sort}_") and name.count("_") == sort.count("_") + 1 for name in found)
            gradient = network.layers[row.name].gradients["weight"].astype(np.float64)
            found[f"{sort}_{number}"] = float(np.sqrt(np.square(gradient).mean()))
    return found
