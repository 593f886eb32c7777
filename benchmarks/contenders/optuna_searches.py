"""Optuna with plain PyTorch, after Optuna's own PyTorch example, and the same with a loop made faster by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import optuna
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.contenders.contract import BATCH_SIZE, SearchJob, TrialsJob, describe_setting, load_split, serve
from benchmarks.contenders.torch_nets import count_parameters, search_mlp

Batches = Iterable[tuple[Tensor, Tensor]]
MakeBatches = Callable[[TensorDataset, bool], Batches]  # whether the order is drawn anew with each pass


class Slices:
    """Batches cut from whole tensors: what a DataLoader gives, without collecting image by image."""

    def __init__(self, dataset: TensorDataset, is_shuffled: bool) -> None:
        self.tensors = dataset.tensors
        self.is_shuffled = is_shuffled

    def __iter__(self) -> Any:
        images, labels = self.tensors
        order = torch.randperm(len(images)) if self.is_shuffled else torch.arange(len(images))
        for chosen in order.split(BATCH_SIZE):
            yield images[chosen], labels[chosen]


def as_loader(dataset: TensorDataset, is_shuffled: bool) -> Batches:
    return DataLoader(dataset, batch_size=BATCH_SIZE, shuffle=is_shuffled)


def search(job: SearchJob) -> dict[str, Any]:
    """A DataLoader, as in the example; its images are already floats in memory, where the example decodes each anew."""
    return _search(job, as_loader)


def search_by_slices(job: SearchJob) -> dict[str, Any]:
    """The same with `Slices`."""
    return _search(job, Slices)


def trials(job: TrialsJob) -> dict[str, Any]:
    """Trials that train nothing at all: what the bookkeeping takes, the imports left out."""

    def objective(trial: optuna.Trial) -> float:
        return trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True) + trial.suggest_float("dropout", 0.0, 0.5)

    start = time.perf_counter()
    study = _study(job["out"], optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=job["trials"])
    seconds = time.perf_counter() - start
    return {"trials": len(study.get_trials(deepcopy=False)), "seconds": seconds, "training_seconds": 0.0}


def _search(job: SearchJob, make_batches: MakeBatches) -> dict[str, Any]:
    train, validation = (
        TensorDataset(*map(torch.from_numpy, load_split(job, split))) for split in ("train", "validation")
    )
    grid = {"width": job["widths"], "dropout": job["dropouts"], "learning_rate": job["learning_rates"]}
    counts: dict[int, int] = {}

    def objective(trial: optuna.Trial) -> float:
        setting = {name: trial.suggest_categorical(name, values) for name, values in grid.items()}
        net = search_mlp(setting["width"], setting["dropout"])
        counts[setting["width"]] = count_parameters(net)
        optimizer = torch.optim.Adam(net.parameters(), lr=setting["learning_rate"])
        best = 0.0
        for epoch in range(job["epochs"]):
            train_pass(net, make_batches(train, True), optimizer)
            accuracy = share_right(net, make_batches(validation, False))
            trial.report(accuracy, epoch)
            best = max(best, accuracy)
        return best

    study = _study(job["out"], optuna.samplers.GridSampler(grid))
    study.optimize(objective)
    return {
        "trials": len(study.get_trials(deepcopy=False)),
        "parameters": sorted(counts.values()),
        "accuracy": study.best_value,
        "best": describe_setting(**study.best_params),
    }


def _study(folder: str, sampler: optuna.samplers.BaseSampler) -> optuna.Study:
    Path(folder).mkdir(parents=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(Path(folder) / "journal.log")))
    return optuna.create_study(storage=storage, sampler=sampler, direction="maximize")


def train_pass(net: nn.Module, batches: Batches, optimizer: torch.optim.Optimizer) -> None:
    net.train()
    for images, labels in batches:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()


@torch.no_grad()
def share_right(net: nn.Module, batches: Batches) -> float:
    net.eval()
    num_right = num_images = 0
    for images, labels in batches:
        num_right += (net(images).argmax(1) == labels).sum().item()
        num_images += len(images)
    return num_right / num_images


if __name__ == "__main__":
    tasks = {"search": search, "search-by-slices": search_by_slices, "trials": trials}
    serve(tasks, libraries=("optuna", "torch", "numpy"))
