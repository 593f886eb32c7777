"""Keras 3 on TensorFlow: `model.fit` on NumPy arrays."""

from __future__ import annotations

from typing import Any

import keras

from benchmarks.contenders.contract import (
    BATCH_SIZE,
    CHECKED_IMAGES,
    LEARNING_RATE,
    Stopwatch,
    TrainJob,
    is_bfloat16,
    load_floats,
    serve,
)

LAYERS = {
    "mlp": lambda: [
        keras.layers.Flatten(),
        keras.layers.Dense(512, activation="relu"),
        keras.layers.Dense(512, activation="relu"),
        keras.layers.Dense(10),
    ],
    "cnn": lambda: [
        keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
        keras.layers.Conv2D(64, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(10),
    ],
}


def train(job: TrainJob) -> dict[str, Any]:
    if is_bfloat16(job):
        keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    images, labels = load_floats(job["images"])
    images = images.transpose(0, 2, 3, 1).copy()  # Keras' own layout, channels last
    model = keras.Sequential([keras.Input((28, 28, 1)), *LAYERS[job["net"]]()])
    model.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    watch = Stopwatch()
    at_end = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: watch.pass_ended())
    model.fit(images, labels, batch_size=BATCH_SIZE, epochs=1 + job["passes"], verbose=0, callbacks=[at_end])
    return {
        "images_per_second": watch.images_per_second(len(images)),
        "parameters": model.count_params(),
        "loss": float(model.evaluate(images[:CHECKED_IMAGES], labels[:CHECKED_IMAGES], verbose=0)),
    }


if __name__ == "__main__":
    serve({"train": train}, libraries=("keras", "tensorflow-cpu", "numpy"))
