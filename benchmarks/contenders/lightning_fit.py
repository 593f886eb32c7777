"""Lightning: a LightningModule and `Trainer.fit`, with what costs time and is not training switched off."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

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
from benchmarks.contenders.torch_nets import NETS, count_parameters, loss_of


class Classifier(lightning.LightningModule):
    """As in Lightning's own introduction."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.net = NETS[name]()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, labels = batch
        return functional.cross_entropy(self.net(images), labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=LEARNING_RATE)


class EndOfPass(lightning.Callback):
    """Tells the stopwatch."""

    def __init__(self, watch: Stopwatch) -> None:
        self.watch = watch

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.watch.pass_ended()


def fit(model: lightning.LightningModule, job: TrainJob, *tensors: Tensor) -> dict[str, float]:
    """Train by batches of these tensors; images per second, see `Stopwatch.rates`."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    loader = DataLoader(TensorDataset(*tensors), batch_size=BATCH_SIZE, shuffle=True)
    watch = Stopwatch()
    trainer = lightning.Trainer(
        accelerator="cpu",
        precision="bf16-mixed" if is_bfloat16(job) else "32-true",
        max_epochs=1 + job["passes"],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[EndOfPass(watch)],
    )
    trainer.fit(model, loader)
    return watch.rates(len(tensors[0]))


def train(job: TrainJob) -> dict[str, Any]:
    images, labels = (torch.from_numpy(array) for array in load_floats(job["images"]))
    model = Classifier(job["net"])
    return {
        **fit(model, job, images, labels),
        "parameters": count_parameters(model),
        "loss": loss_of(model.net, images[:CHECKED_IMAGES], labels[:CHECKED_IMAGES]),
    }


if __name__ == "__main__":
    serve({"train": train}, libraries=("lightning", "torch", "numpy"))
