"""Plain PyTorch as its tutorials teach it: a DataLoader over a TensorDataset and a loop."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

import numpy as np
import torch
from torch import nn
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
from benchmarks.contenders.torch_nets import NETS, count_parameters, loss_of, sweep_cnn


class SweepJob(TypedDict):
    """The same grid as Papilio's; `train` and `validation` are .npy files of indices into the images."""

    images: str
    train: str
    validation: str
    epochs: int
    dropouts: list[float]
    learning_rates: list[float]
    precision: NotRequired[str]


def train(job: TrainJob) -> dict[str, Any]:
    images, labels = (torch.from_numpy(array) for array in load_floats(job["images"]))
    loader = DataLoader(TensorDataset(images, labels), batch_size=BATCH_SIZE, shuffle=True)
    net = NETS[job["net"]]()
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    watch = Stopwatch()
    for _ in range(1 + job["passes"]):
        with torch.autocast("cpu", torch.bfloat16, enabled=is_bfloat16(job)):
            train_pass(net, loader, optimizer)
        watch.pass_ended()
    return {
        "images_per_second": watch.images_per_second(len(images)),
        "parameters": count_parameters(net),
        "loss": loss_of(net, images[:CHECKED_IMAGES], labels[:CHECKED_IMAGES]),
    }


def sweep(job: SweepJob) -> dict[str, Any]:
    """One net after another, each validated every epoch."""
    images, labels = (torch.from_numpy(array) for array in load_floats(job["images"]))
    chosen, held_out = (torch.from_numpy(np.load(job[split])) for split in ("train", "validation"))
    loader = DataLoader(TensorDataset(images[chosen], labels[chosen]), batch_size=BATCH_SIZE, shuffle=True)
    validation = DataLoader(TensorDataset(images[held_out], labels[held_out]), batch_size=BATCH_SIZE)
    accuracies, num_parameters = [], 0
    for dropout in job["dropouts"]:
        for learning_rate in job["learning_rates"]:
            net = sweep_cnn(dropout)
            num_parameters = count_parameters(net)
            optimizer = torch.optim.Adam(net.parameters(), lr=learning_rate)
            best = 0.0
            for _ in range(job["epochs"]):
                with torch.autocast("cpu", torch.bfloat16, enabled=is_bfloat16(job)):
                    train_pass(net, loader, optimizer)
                    best = max(best, accuracy(net, validation))
            accuracies.append(round(best, 4))
    return {"runs": len(accuracies), "parameters": num_parameters, "accuracies": accuracies}


def train_pass(net: nn.Module, loader: DataLoader[Any], optimizer: torch.optim.Optimizer) -> None:
    net.train()
    loss_function = nn.CrossEntropyLoss()
    for images, labels in loader:
        loss = loss_function(net(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


@torch.no_grad()
def accuracy(net: nn.Module, loader: DataLoader[Any]) -> float:
    net.eval()
    num_right = num_images = 0
    for images, labels in loader:
        num_right += (net(images).argmax(1) == labels).sum().item()
        num_images += len(images)
    return num_right / num_images


if __name__ == "__main__":
    serve({"train": train, "sweep": sweep}, libraries=("torch", "numpy"))
