"""Study folders as a run of `papilio run` leaves them, made without training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from papilio.files import write_json, write_text
from papilio.runs.folder import RunFacts, RunFolder, RunPlan
from papilio.studies.results import StudyResults, collect_results, read_results, write_results

DIGITS = [str(number) for number in range(10)]
LAYERS = [
    {"name": "0", "kind": "Conv2d(1, 8, kernel_size=(3, 3))", "output_shape": [8, 26, 26], "num_parameters": 80},
    {"name": "1", "kind": "ReLU()", "output_shape": [8, 26, 26], "num_parameters": 0},
    {"name": "2", "kind": "Flatten()", "output_shape": [5408], "num_parameters": 0},
    {"name": "3", "kind": "Linear(in_features=5408, out_features=10)", "output_shape": [10], "num_parameters": 54090},
]


def write_study(folder: Path, plans: Sequence[RunPlan], **study: Any) -> StudyResults:
    """study.toml, environment.json and results.csv over the runs that are there already; the study as read back."""
    stages = [{"name": name} for name in dict.fromkeys(plan.stage for plan in plans)]
    tables = {
        "title": "Small study",
        "data": {"name": "digits", "fraction": 1.0},
        "stage": stages or [{"name": "none yet"}],
    } | study
    write_text(folder / "study.toml", tomli_w.dumps(tables))
    write_json(folder / "environment.json", environment())
    write_results(folder, collect_results(folder, plans))
    return read_results(folder)


def environment() -> dict[str, Any]:
    return {
        "started": "2026-03-01T10:00:00+00:00",
        "command": "papilio run study.toml --out results",
        "commit": "0123456789ab",
        "versions": {"python": "3.11.2", "papilio": "0.1.0", "torch": "2.13.0"},
        "system": "Linux 6.1 x86_64",
        "processor": "Example Processor 3000",
        "cores": 2,
        "memory_bytes": 8 * 2**30,
        "workers": 2,
        "threads_a_worker": 1,
        "data": [
            {
                "name": "digits",
                "image_shape": [1, 28, 28],
                "num_train": 1200,
                "num_validation": 200,
                "num_test": 397,
                "classes": DIGITS,
                "origin": "scanned forms, 8 × 8 pixels, enlarged",
                "notes": ["3 images occur twice"],
            }
        ],
    }


def plan(*, stage: str, trial: str, seed: int, varied: dict[str, Any] | None = None) -> RunPlan:
    settings = {"data": {"name": "digits"}, "model": {"family": "cnn"}, "train": {"epochs": 12}}
    for key, value in (varied or {}).items():
        table, _, name = key.partition(".")
        settings[table][name] = value
    name = f"{stage}-{trial}-seed{seed}".replace(" ", "-").replace("<", "").replace(">", "").replace("/", "")
    return RunPlan(name, stage, trial, seed, varied or {}, settings)


def write_run(
    folder: Path,
    plan: RunPlan,
    *,
    metrics: dict[str, float],
    records: Sequence[dict[str, Any]] = (),
    status: str = "done",
    reason: str | None = None,
    chosen_by: str = "val_accuracy",
    direction: str = "max",
    layers: Sequence[dict[str, Any]] = LAYERS,
) -> None:
    run = RunFolder(folder / "runs" / plan.name)
    facts = RunFacts(
        run=plan.name, stage=plan.stage, trial=plan.trial, seed=plan.seed, fold=None, varied=plan.varied,
        settings=plan.settings, status=status, threads=1, reason=reason, epochs=len(records), best_epoch=len(records),
        chosen_by=chosen_by, direction=direction, metrics=metrics, parameters=54170, layers=list(layers),
        seconds=12.5 + plan.seed,
    )  # fmt: skip
    # not through RunFolder.write, which waits for the disk: that takes long for hundreds of runs
    run.path.mkdir(parents=True)
    run.facts_file.write_text(json.dumps(asdict(facts)))
    run.records_file.write_text("".join(json.dumps(record) + "\n" for record in records))


def learning_records(*, end: float, epochs: int, seed: int) -> list[dict[str, Any]]:
    """What a classifier of that final accuracy might have recorded."""
    noise = np.random.default_rng(seed).normal(0, 0.004, size=(epochs, 2))
    rise = 1 - np.exp(-np.arange(1, epochs + 1) / 1.6)
    return [
        {
            "epoch": index + 1,
            "train_loss": 2.3 * (1 - share) + 0.05,
            "train_accuracy": float(min(1.0, 0.1 + (end - 0.07) * share)),
            "val_loss": float(2.3 * (1 - share * end) + noise[index, 0]),
            "val_accuracy": float(0.1 + (end - 0.1) * share + noise[index, 1]),
            "seconds": 1.5 * (index + 1),
        }
        for index, share in enumerate(rise.tolist())
    ]


def classification_study(folder: Path, **study: Any) -> StudyResults:
    """Three trials of three seeds, one run diverged, one waiting; published numbers; an analysis of the best."""
    plans = []
    for number, dropout in enumerate((0.1, 0.3, 0.5)):
        for seed in range(3):
            one = plan(stage="dropout rate", trial=f"dropout {dropout}", seed=seed, varied={"model.dropout": dropout})
            plans.append(one)
            records = learning_records(end=0.97 - 0.02 * number, epochs=8 + 2 * seed, seed=seed)
            accuracy = round(0.95 - 0.02 * number + 0.002 * seed, 4)
            metrics = {"val_accuracy": accuracy + 0.01, "test_loss": 0.2 + 0.01 * seed, "test_accuracy": accuracy}
            if (number, seed) == (2, 1):
                reason = "the loss was not finite at epoch 2, step 14"
                write_run(folder, one, metrics={}, records=records[:2], status="diverged", reason=reason)
            elif (number, seed) != (2, 2):
                write_run(folder, one, metrics=metrics, records=records)
    published = [
        {
            "stage": "dropout rate",
            "where": {"model.dropout": 0.1},
            "test_accuracy": 0.9183,
            "source": "Report 1, table 6",
        },
        {
            "stage": "dropout rate",
            "where": {"trial": "dropout 0.7"},
            "test_accuracy": 0.9,
            "source": "Report 1, table 7",
        },
    ]
    write_analysis(folder, run=plans[2].name, stage="dropout rate", trial="dropout 0.1", class_names=DIGITS)
    return write_study(folder, plans, **{"published": published} | study)


def write_analysis(folder: Path, *, run: str, stage: str, trial: str, class_names: Sequence[str]) -> None:
    """An analysis of the digits, one in twelve of them taken for the next class."""
    digits = load_digits()
    labels = digits.target[:600]
    predicted = np.where(np.arange(600) % 12 == 0, (labels + 1) % 10, labels)
    images = np.kron(digits.images[:600], np.ones((3, 3)))[:, None] * 15.9
    wrong = np.flatnonzero(labels != predicted)[:24]
    counts = confusion_matrix(labels, predicted, labels=range(10))
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted, labels=range(10))
    off = counts - np.diag(np.diag(counts))
    pairs = [(row, column, off[row, column]) for row, column in zip(*np.nonzero(off), strict=True)]
    confidence = np.linspace(1, 0.4, 600).astype(np.float32)
    path = folder / "analyses" / "dropout-rate-best.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path, run=run, stage=stage, trial=trial, split="test", class_names=np.array(class_names), labels=labels,
        predicted=predicted, confidence=confidence, confusion=counts, precision=precision, recall=recall, f1=f1,
        support=support, mistake_images=images[wrong].astype(np.uint8), mistake_true=labels[wrong],
        mistake_predicted=predicted[wrong], mistake_confidence=confidence[wrong],
        pairs=np.array(sorted(pairs, key=lambda pair: -pair[2])),
    )  # fmt: skip
