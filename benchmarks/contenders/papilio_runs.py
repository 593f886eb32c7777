"""Papilio itself: a single run's training as a worker does it, and a whole study."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NotRequired, TypedDict

from benchmarks.contenders.contract import (
    BATCH_SIZE,
    CHECKED_IMAGES,
    LEARNING_RATE,
    Stopwatch,
    TrainJob,
    load,
    serve,
)

MODELS: dict[str, dict[str, Any]] = {
    "mlp": {"family": "mlp", "units": [512, 512]},
    "cnn": {"family": "cnn", "filters": [32, 64], "pool_after": [2], "dense": [128]},
}
SWEEP_MODEL = {"family": "cnn", "filters": [16, 32], "dense": [64]}


class SweepJob(TypedDict):
    """A grid of small CNNs over the images in a folder; `out` is where the study goes."""

    images: str
    out: str
    epochs: int
    dropouts: list[float]
    learning_rates: list[float]
    validation: float
    test: float
    precision: NotRequired[str]


def train(job: TrainJob) -> dict[str, Any]:
    """Passes of `Session.train_epoch` over mapped images, on all cores, as the only run of a study gets them."""
    import numpy as np

    from benchmarks.contenders.papilio_images import training_set
    from benchmarks.multiply_adds import training_flop
    from papilio.runs.train import prepare
    from papilio.settings.run_settings import RunSettings
    from papilio.targets.classes import class_probabilities

    images, labels = load(job["images"], memory_map=True)
    image_set = training_set(images, labels)
    settings = {
        "data": {"name": "mnist"},
        "model": MODELS[job["net"]],
        "train": {
            "batch_size": BATCH_SIZE,
            "optimizer": "adam",
            "learning_rate": LEARNING_RATE,
            "precision": job.get("precision", "float32"),
            "best": "train_loss",
        },
    }
    with prepare(RunSettings.of(settings), image_set, seed=0, threads=job["cores"], own={}) as session:
        watch = Stopwatch()
        for _ in range(1 + job["passes"]):
            session.train_epoch()
            watch.pass_ended()
        nets = session.nets(0)
        probabilities = class_probabilities(nets.forward("network", images[:CHECKED_IMAGES]))
        chosen = probabilities[np.arange(len(probabilities)), labels[:CHECKED_IMAGES]]
        return {
            "images_per_second": watch.images_per_second(len(images)),
            "parameters": session.describe(0).num_parameters,
            "loss": float(-np.log(np.maximum(chosen, 1e-30)).mean()),
            "training_flop_per_image": training_flop(nets.modules["network"], image_set.image_shape),
        }


def sweep(job: SweepJob) -> dict[str, Any]:
    """One study: all runs, validated each epoch, tested, analysed, reported."""
    from papilio import run_study

    folder = Path(job["images"])
    precision = {"precision": job["precision"]} if "precision" in job else {}  # earlier checkouts have no "auto"
    study = {
        "title": "Eight small CNNs",
        "data": {
            "path": str(folder / "images.npy"),
            "labels": str(folder / "labels.npy"),
            "validation": job["validation"],
            "test": job["test"],
        },
        "model": SWEEP_MODEL,
        "train": {"epochs": job["epochs"], "batch_size": BATCH_SIZE, "optimizer": "adam"} | precision,
        "stage": [
            {
                "name": "sweep",
                "vary": {"model.dropout": job["dropouts"], "train.learning_rate": job["learning_rates"]},
            }
        ],
    }
    results = run_study(study, out=job["out"], is_silent=True)
    return {
        "runs": len(results.runs),
        "parameters": results.runs[0].parameters,
        "accuracies": [round(run.metrics["val_accuracy"], 4) for run in results.runs],
    }


if __name__ == "__main__":
    serve({"train": train, "sweep": sweep}, libraries=("papilio", "torch", "numpy"))
