"""Papilio's two engines: the same net, batches and settings, trained by NumPy or by torch."""

from __future__ import annotations

from typing import Any

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
    "mlp": {"family": "mlp", "units": [512, 512], "initializer": "glorot_uniform"},
    "lenet": {"family": "lenet5", "activation": "relu", "pooling": "max", "initializer": "glorot_uniform"},
}


def train_numpy(job: TrainJob) -> dict[str, Any]:
    return _train(job, "numpy")


def train_torch(job: TrainJob) -> dict[str, Any]:
    return _train(job, "torch")


def _train(job: TrainJob, engine: str) -> dict[str, Any]:
    """Passes of `Session.train_epoch` over mapped images, on all cores, as the only run of a study gets them."""
    import numpy as np

    from papilio.data.imageset import ImageSet
    from papilio.runs.train import prepare
    from papilio.settings.run_settings import RunSettings

    images, labels = load(job["images"], memory_map=True)
    everything, nothing = np.arange(len(images)), np.arange(0)
    image_set = ImageSet(
        name="benchmark",
        images=images,
        labels=labels,
        class_names=tuple("0123456789"),
        train=everything,
        validation=nothing,
        test=nothing,
        origin="see the benchmark",
    )
    settings = {
        "data": {"name": "mnist"},
        "model": MODELS[job["net"]],
        "train": {
            "engine": engine,
            "batch_size": BATCH_SIZE,
            "optimizer": "adam",
            "learning_rate": LEARNING_RATE,
            "best": "train_loss",
        },
    }
    with prepare(RunSettings.of(settings), image_set, seed=0, threads=job["cores"], own={}) as session:
        watch = Stopwatch()
        for _ in range(1 + job["passes"]):
            session.train_epoch()
            watch.pass_ended()
        logits = session.nets(0).forward("network", np.asarray(images[:CHECKED_IMAGES]))
        logits = logits - logits.max(axis=1, keepdims=True)
        nats = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(logits)), labels[:CHECKED_IMAGES]]
        return {
            **watch.rates(len(images)),
            "parameters": session.describe(0).num_parameters,
            "loss": float(nats.mean()),
        }


if __name__ == "__main__":
    serve({"train_numpy": train_numpy, "train_torch": train_torch}, libraries=("papilio", "torch", "numpy"))
