"""From a run's plan to its folder: build, train (or go on training), measure once on test images, keep."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from papilio.data.imageset import ImageSet, SplitName
from papilio.errors import PapilioError, RunError, StorageError
from papilio.files import locked, remove_leftovers, write_text
from papilio.models.describe import count_parameters, describe_layers
from papilio.models.families import build_nets, find_builder
from papilio.runs.folder import FINAL, RunFacts, RunFolder, RunPlan
from papilio.runs.reading import calibrate
from papilio.settings.references import OwnFunctions
from papilio.settings.train_settings import TrainSettings
from papilio.targets.quantity import make_design
from papilio.training.batches import Batches
from papilio.training.catalogue import SUPERVISED, heads_of, make_objective
from papilio.training.checkpoints import copy_of_nets, load_facts, load_nets, load_tensors, save_tensors
from papilio.training.driver import Diverged, Outcome, Training, Watcher
from papilio.training.noise import Seeds
from papilio.training.standardising import channel_statistics, standardise
from papilio.training.views import see_views

RIM_IMAGES = 1000  # are enough to know whether a set is dark or light around its subjects
EVALUATION_BATCH = 500  # images: small enough to stay in the cache, large enough to fill the cores


def execute_run(
    path: Path,
    plan: RunPlan,
    images: ImageSet,
    *,
    threads: int,
    own: OwnFunctions,
    watcher: Watcher | None = None,
) -> RunFacts:
    """Train one run into its folder and return what run.json then says; goes on from a checkpoint where there is one.

    A run that was begun keeps the number of threads that it began with: another number gives other last bits. Errors in
    the run end up in its folder, as status "failed" with one line, the traceback in error.txt; a full disk is raised
    (StorageError), and so is another image set than the run began with (RunError).
    """
    folder = RunFolder(path)
    with locked(folder.lock_file, busy=f"{path}: another process is training this run", wait_seconds=30):
        remove_leftovers(path)
        before = folder.read()
        if before is not None and before.data_checksum not in ("", images.checksum):
            raise RunError(
                f"{path}: this run began on other images than {images.name} now has; take another --out, or --fresh"
            )
        if folder.is_finished():
            folder.remove_checkpoint()  # a kill may have come between the last two steps
            return folder.facts()
        facts = _first_facts(plan, images, threads=before.threads if before else threads)
        try:
            return _train(folder, facts, images, own, watcher)
        except StorageError:
            raise
        except Exception as error:
            folder.write(replace(facts, status="failed", reason=_one_line(error)))
            write_text(path / "error.txt", traceback.format_exc())
            return replace(facts, status="failed", reason=_one_line(error))


def measure_on_test(path: Path, images: ImageSet, *, threads: int, own: OwnFunctions) -> RunFacts:
    """Measure a finished run's best weights on the test images, and return what run.json then says.

    Raises RunError where the folder is no run, its weights are damaged, or another process is at it.
    """
    folder = RunFolder(path)
    with locked(folder.lock_file, busy=f"{path}: another process is training this run", wait_seconds=30):
        facts = folder.facts()
        _set_threads(threads)
        nets, training = prepare(facts.settings, images, seed=facts.seed, own=own)
        _see_views(nets, training)
        tensors, _ = load_tensors(folder.weights_file)
        load_nets(nets, tensors, where=folder.weights_file)
        facts = _with_test_metrics(facts, training, images)
        folder.write(facts)
    return facts


def prepare(
    settings: Mapping[str, Any], images: ImageSet, *, seed: int, own: OwnFunctions
) -> tuple[dict[str, nn.Module], Training]:
    """The nets of a run and their training, from the tables model and train; nothing is trained yet."""
    model = dict(settings["model"])
    train = TrainSettings(**settings["train"])
    asked = {"num_classes": images.num_classes, "quantity": images.quantity}
    builder = find_builder(model.pop("family"), own)
    heads = heads_of(train, **asked)
    nets = build_nets(builder, model, image_shape=images.image_shape, heads=heads, seed=Seeds.of(seed).weights)
    objective = make_objective(train, image_shape=images.image_shape, own=own, **asked)
    if train.standardise:
        standardise(nets["network"], *channel_statistics(images.images, images.train))
    training = Training(
        nets,
        objective,
        settings=train,
        train_batches=Batches(
            images.images,
            images.labels,
            images.train,
            batch_size=train.batch_size,
            augmentation=train.augment,
            device=train.device,
        ),
        validation_batches=evaluation_batches(images, "validation", device=train.device),
        seed=seed,
    )
    return training.nets, training


def evaluation_batches(images: ImageSet, split: SplitName, *, device: str) -> Batches | None:
    """A split in order, None where it is empty."""
    indices = images.indices(split)
    if not len(indices):
        return None
    return Batches(images.images, images.labels, indices, batch_size=EVALUATION_BATCH, device=device)


class RecordKeeper:
    """Writes each epoch's record to the run's folder, and passes everything on to another watcher."""

    def __init__(self, folder: RunFolder, watcher: Watcher | None) -> None:
        self.folder = folder
        self.watcher = watcher

    def on_step(self, *, epoch: int, step: int, num_steps: int) -> None:
        if self.watcher is not None:
            self.watcher.on_step(epoch=epoch, step=step, num_steps=num_steps)

    def on_epoch(self, record: dict[str, Any]) -> None:
        self.folder.append_record(record)
        if self.watcher is not None:
            self.watcher.on_epoch(record)

    def wants_stop(self) -> bool:
        return self.watcher is not None and self.watcher.wants_stop()


def _train(
    folder: RunFolder, facts: RunFacts, images: ImageSet, own: OwnFunctions, watcher: Watcher | None
) -> RunFacts:
    _set_threads(facts.threads)
    nets, training = prepare(facts.settings, images, seed=facts.seed, own=own)
    best = training.best_metric
    facts = replace(
        facts,
        precision=training.precision,
        parameters=sum(count_parameters(net) for net in nets.values()),
        layers=layer_rows(nets, images.image_shape),
        chosen_by=best,
        direction=training.objective.direction(best) if best else None,
    )
    folder.write(facts)
    _see_views(nets, training)  # after the layers were listed: each is gone through once an image there
    resumed_at = load_facts(folder.checkpoint_file)["epoch"] if folder.checkpoint_file.exists() else 0
    folder.keep_records(resumed_at)
    outcome = training.run(checkpoint=folder.checkpoint_file, watcher=RecordKeeper(folder, watcher))
    if outcome.best_epoch is not None:
        save_tensors(folder.weights_file, copy_of_nets(nets), {"epoch": outcome.best_epoch})
    facts = replace(
        facts,
        status=outcome.status,
        reason=outcome.reason,
        epochs=outcome.epochs,
        best_epoch=outcome.best_epoch,
        metrics=_best_metrics(folder, outcome),
        seconds=round(outcome.seconds, 3),
    )
    if facts.status == "done":
        facts = replace(facts, calibration=_calibration(training, images))
    if facts.status == "done" and facts.fold is None:  # where there are folds, they choose first
        facts = _with_test_metrics(facts, training, images)
    folder.write(facts)
    if facts.status in FINAL:
        folder.remove_checkpoint()
        (folder.path / "error.txt").unlink(missing_ok=True)
    return facts


def _see_views(nets: Mapping[str, nn.Module], training: Training) -> None:
    if training.settings.views is not None:  # which go with supervised learning, of one network
        see_views(nets["network"], training.settings.views)


def _calibration(training: Training, images: ImageSet) -> dict[str, Any] | None:
    """How far readings of validation images are off, where the net reads a quantity as Papilio's designs ask it."""
    batches, settings = training.validation_batches, training.settings
    if images.quantity is None or settings.objective != SUPERVISED or batches is None:
        return None
    return calibrate(training.nets["network"], make_design(settings.target, images.quantity.period), batches)


def _with_test_metrics(facts: RunFacts, training: Training, images: ImageSet) -> RunFacts:
    test = evaluation_batches(images, "test", device=training.settings.device)
    if test is None:
        return facts
    try:
        return replace(facts, metrics=facts.metrics | training.evaluate(test, prefix="test"))
    except Diverged as reason:
        return replace(facts, status="diverged", reason=str(reason))


def layer_rows(nets: Mapping[str, nn.Module], image_shape: tuple[int, int, int]) -> list[dict[str, Any]]:
    """The layers of a single network as plain data; of several nets, that do not all take images, one row each."""
    if list(nets) == ["network"]:
        try:
            return [asdict(row) for row in describe_layers(nets["network"], image_shape)]
        except (RuntimeError, TypeError, ValueError):
            pass  # a net of the user's own need not take bare images: it is then one row
    return [
        {
            "name": name,
            "kind": type(net).__name__,
            "output_shape": [],
            "num_parameters": count_parameters(net),
        }
        for name, net in nets.items()
    ]


def _set_threads(threads: int) -> None:
    if threading.current_thread() is threading.main_thread():
        torch.set_num_threads(threads)


def _first_facts(plan: RunPlan, images: ImageSet, *, threads: int) -> RunFacts:
    return replace(
        RunFacts.of_plan(plan, threads=threads),
        image_shape=list(images.image_shape),
        class_names=list(images.class_names),
        quantity=None if images.quantity is None else asdict(images.quantity),
        data_name=images.name,
        data_checksum=images.checksum,
        rim_brightness=round(rim_brightness(images.images[images.train[:RIM_IMAGES]]), 4),
    )


def rim_brightness(images: np.ndarray) -> float:
    """The mean of the outermost pixels of uint8 images (num, channel, height, width), in [0, 1]."""
    rows, columns = images[..., [0, -1], :], images[..., :, [0, -1]]
    return (rows.mean() + columns.mean()).item() / 510


def _best_metrics(folder: RunFolder, outcome: Outcome) -> dict[str, float]:
    """The metrics of the best epoch, without what is not one."""
    for record in folder.read_records():
        if record["epoch"] == outcome.best_epoch:
            return {name: value for name, value in record.items() if name.startswith(("train_", "val_"))}
    return {}


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, PapilioError) else f"{type(error).__name__}: {text}"[:500]
