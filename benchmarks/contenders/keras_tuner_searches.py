"""KerasTuner as its guides use it: a function that builds a model, a tuner, and `tuner.search` on NumPy arrays."""

from __future__ import annotations

import time
from typing import Any

import keras
import keras_tuner
import numpy as np

from benchmarks.contenders.contract import BATCH_SIZE, SearchJob, TrialsJob, describe_setting, load_split, serve


def mlp(width: int, dropout: float) -> list[keras.layers.Layer]:
    """Two hidden layers of `width` units."""
    return [
        keras.layers.Flatten(),
        keras.layers.Dense(width, activation="relu"),
        keras.layers.Dropout(dropout),
        keras.layers.Dense(width, activation="relu"),
        keras.layers.Dropout(dropout),
        keras.layers.Dense(10),
    ]


def search(job: SearchJob) -> dict[str, Any]:
    """GridSearch; it keeps each trial's best weights and scores in files, as it always does."""
    counts: dict[int, int] = {}

    def build_model(hp: keras_tuner.HyperParameters) -> keras.Model:
        width, dropout = hp.Choice("width", job["widths"]), hp.Choice("dropout", job["dropouts"])
        model = keras.Sequential([keras.Input((28, 28)), *mlp(width, dropout)])
        counts[width] = model.count_params()
        return compiled(model, hp.Choice("learning_rate", job["learning_rates"]))

    train, validation = (_without_channel(*load_split(job, split)) for split in ("train", "validation"))
    tuner = keras_tuner.GridSearch(build_model, objective="val_accuracy", directory=job["out"], project_name="grid")
    tuner.search(*train, batch_size=BATCH_SIZE, epochs=job["epochs"], validation_data=validation, verbose=0)
    trials = list(tuner.oracle.trials.values())
    (best,) = tuner.get_best_hyperparameters()
    return {
        "trials": sum(trial.status == "COMPLETED" for trial in trials),
        "parameters": sorted(counts.values()),
        "accuracy": max(trial.score for trial in trials),
        "best": describe_setting(best.get("width"), best.get("dropout"), best.get("learning_rate")),
    }


class TimedModel(keras_tuner.HyperModel):
    """A tiny net that notes what its training takes."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        layers = [keras.layers.Dropout(hp.Float("dropout", 0.0, 0.5)), keras.layers.Dense(3)]
        learning_rate = hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
        return compiled(keras.Sequential([keras.Input((4,)), *layers]), learning_rate)

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        history = super().fit(hp, model, *args, **kwargs)
        self.seconds += time.perf_counter() - start
        return history


def trials(job: TrialsJob) -> dict[str, Any]:
    """RandomSearch over a tiny net on eight points, one step each; from its start to its end, the imports left out."""
    rng = np.random.default_rng(0)
    points, labels = rng.random((8, 4), np.float32), np.arange(8) % 3
    model = TimedModel()
    start = time.perf_counter()
    tuner = keras_tuner.RandomSearch(
        model, objective="val_accuracy", max_trials=job["trials"], directory=job["out"], project_name="trials"
    )
    tuner.search(points, labels, epochs=1, validation_data=(points, labels), verbose=0)
    seconds = time.perf_counter() - start
    num = sum(trial.status == "COMPLETED" for trial in tuner.oracle.trials.values())
    return {"trials": num, "seconds": seconds, "training_seconds": model.seconds}


def compiled(model: keras.Model, learning_rate: float) -> keras.Model:
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def _without_channel(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return images[:, 0], labels


if __name__ == "__main__":
    serve({"search": search, "trials": trials}, libraries=("keras-tuner", "keras", "tensorflow-cpu", "numpy"))
