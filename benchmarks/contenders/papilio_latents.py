"""Papilio itself: an autoencoder's and a VAE's training as a worker does it."""

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
    "autoencoder": {"family": "autoencoder", "filters": [16, 32, 32], "dense": [32], "latents": 5},
    "vae": {
        "family": "vae",
        "filters": [],
        "dense": [512, 256],
        "latents": 2,
        "initializer": "torch",
    },  # as the peers begin
}


def train(job: TrainJob) -> dict[str, Any]:
    """Passes of `Session.train_epoch` over mapped images, on all cores, as the only run of a study gets them."""
    import numpy as np

    from benchmarks.contenders.papilio_images import training_set
    from papilio.runs.train import prepare
    from papilio.settings.run_settings import RunSettings

    images, labels = load(job["images"], memory_map=True)
    image_set = training_set(images, labels)
    settings = {
        "data": {"name": "mnist"},
        "model": MODELS[job["net"]],
        "train": {
            "objective": job["net"],
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
        checked = images[:CHECKED_IMAGES]
        again = session.nets(0).forward("network", np.asarray(checked))
        return {
            **watch.rates(len(images)),
            "parameters": session.describe(0).num_parameters,
            "error": float(np.mean((again - checked / 255) ** 2)),
        }


if __name__ == "__main__":
    serve({"train": train}, libraries=("papilio", "torch", "numpy"))
