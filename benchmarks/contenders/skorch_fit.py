"""skorch: `NeuralNetClassifier.fit` on NumPy arrays."""

from __future__ import annotations

from typing import Any

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn

from benchmarks.contenders.contract import (
    BATCH_SIZE,
    CHECKED_IMAGES,
    LEARNING_RATE,
    Stopwatch,
    TrainJob,
    load_floats,
    serve,
)
from benchmarks.contenders.torch_nets import NETS, count_parameters, loss_of


class EndOfPass(Callback):
    """Tells the stopwatch."""

    def __init__(self, watch: Stopwatch) -> None:
        self.watch = watch

    def on_epoch_end(self, net: NeuralNetClassifier, **kwargs: Any) -> None:
        self.watch.pass_ended()


def train(job: TrainJob) -> dict[str, Any]:
    images, labels = load_floats(job["images"])
    net, watch = NETS[job["net"]](), Stopwatch()
    classifier = NeuralNetClassifier(
        net,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=LEARNING_RATE,
        batch_size=BATCH_SIZE,
        max_epochs=1 + job["passes"],
        iterator_train__shuffle=True,
        train_split=None,  # without it a fifth of the images would be held out, and evaluated in the timed part
        callbacks=[EndOfPass(watch)],
        verbose=0,
    )
    classifier.fit(images, labels)
    checked = (torch.from_numpy(array[:CHECKED_IMAGES]) for array in (images, labels))
    return {
        "images_per_second": watch.images_per_second(len(images)),
        "parameters": count_parameters(classifier.module_),
        "loss": loss_of(classifier.module_, *checked),
    }


if __name__ == "__main__":
    serve({"train": train}, libraries=("skorch", "torch", "numpy"))
