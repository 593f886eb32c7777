"""Papilio itself: a DCGAN's training as a worker does it."""

from __future__ import annotations

from typing import Any

from benchmarks.contenders.contract import BATCH_SIZE, CHECKED_IMAGES, Stopwatch, TrainJob, load, serve
from benchmarks.contenders.game_nets import BETAS, LATENTS, LEARNING_RATE, WIDTH

MODEL: dict[str, Any] = {"family": "dcgan", "latents": LATENTS, "width": WIDTH}


def train(job: TrainJob) -> dict[str, Any]:
    """Passes of `Session.train_epoch` over mapped images, on all cores, as the only run of a study gets them."""
    import numpy as np

    from benchmarks.contenders.papilio_images import training_set
    from papilio.runs.train import prepare
    from papilio.settings.run_settings import RunSettings

    images, labels = load(job["images"], memory_map=True)
    settings = {
        "data": {"name": "mnist"},
        "model": MODEL,
        "train": {
            "objective": "gan",
            "batch_size": BATCH_SIZE,
            "optimizer": "adam",
            "learning_rate": LEARNING_RATE,
            "betas": list(BETAS),
            "precision": job.get("precision", "float32"),
        },
    }
    image_set = training_set(images, labels)
    with prepare(RunSettings.of(settings), image_set, seed=0, threads=job["cores"], own={}) as session:
        watch = Stopwatch()
        for _ in range(1 + job["passes"]):
            session.train_epoch()
            watch.pass_ended()
        checked = np.asarray(images[:CHECKED_IMAGES]) / 255
        latents = np.random.default_rng(0).standard_normal((len(checked), LATENTS)).astype(np.float32)
        made = session.nets(0).forward("generator", latents)
        return {
            **watch.rates(len(images)),
            "parameters": session.describe(0).num_parameters,
            "error": float(np.abs(made.mean(axis=0) - checked.mean(axis=0)).mean()),
        }


if __name__ == "__main__":
    serve({"train": train}, libraries=("papilio", "torch", "numpy"))
