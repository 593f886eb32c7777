"""Study folders as a run of `papilio run` leaves them, made without training."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from papilio.data.quantities import Quantity
from papilio.files import write_json, write_text
from papilio.kinds.ranking import Ranking
from papilio.results.reading import read_results
from papilio.results.results import StudyResults
from papilio.results.table import ResultsTable
from papilio.results.words import condition_words
from papilio.runs.folder import RunFacts, RunFolder
from papilio.runs.plan import RunPlan
from papilio.settings.run_settings import RunSettings

DIGITS = [str(number) for number in range(10)]
BY_ACCURACY = Ranking("val_accuracy", "max")
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
    runs = [(plan, RunFolder(folder / "runs" / plan.name).read()) for plan in plans]
    ResultsTable(folder).write(lambda: runs, is_due=True)
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


def plan(
    *,
    stage: str,
    trial: str,
    seed: int,
    varied: dict[str, Any] | None = None,
    fold: int | None = None,
    train: Mapping[str, Any] | None = None,
) -> RunPlan:
    """A run's plan; `train` has settings that do not vary."""
    tables: dict[str, Any] = {"data": {"name": "digits"}, "model": {"family": "cnn"}}
    tables["train"] = {"epochs": 12, **(train or {})}
    for key, value in (varied or {}).items():
        table, _, name = key.partition(".")
        tables[table][name] = value
    name = re.sub(r"[<>/\\]", "", f"{stage}-{trial}-seed{seed}-fold{fold}".replace(" ", "-"))
    return RunPlan(name, stage, trial, seed, varied or {}, RunSettings.of(tables), fold)


def write_run(
    folder: Path,
    plan: RunPlan,
    *,
    metrics: dict[str, float],
    records: Sequence[dict[str, Any]] = (),
    status: str = "done",
    reason: str | None = None,
    ranking: Ranking | None = BY_ACCURACY,
    quantity: Quantity | None = None,
    layers: Sequence[dict[str, Any]] = LAYERS,
) -> None:
    run = RunFolder(folder / "runs" / plan.name)
    facts = RunFacts(
        run=plan.name, stage=plan.stage, trial=plan.trial, seed=plan.seed, fold=plan.fold, varied=plan.varied,
        settings=plan.settings.plain(), defaults=plan.settings.left_to_defaults(), status=status, threads=1,
        reason=reason, epochs=len(records), best_epoch=len(records), chosen_by=ranking and ranking.metric,
        direction=ranking and ranking.direction, metrics=metrics, parameters=54170, layers=list(layers),
        seconds=12.5 + plan.seed, quantity=None if quantity is None else asdict(quantity), image_shape=[1, 28, 28],
        class_names=DIGITS if quantity is None else [],
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


SPACE = {
    "train.learning_rate": {"low": 1e-5, "high": 0.1, "log": True},
    "model.dropout": {"low": 0.0, "high": 0.6},
    "model.filters": [[16, 32], [32, 64], [64, 128]],
    "train.optimizer": [{"name": "sgd"}, {"name": "adam"}],
    "train.momentum": {"low": 0.5, "high": 0.99, "when": {"train.optimizer": [{"name": "sgd"}]}},
}


def published_accuracies(*accuracies: float) -> list[dict[str, Any]]:
    """Rows for `classification_study`: what others published of its dropout rates, in their order."""
    return [
        {"stage": "dropout rate", "where": {"model.dropout": dropout}, "test_accuracy": accuracy, "source": "R"}
        for dropout, accuracy in zip((0.1, 0.3, 0.5), accuracies, strict=False)
    ]


def search_study(
    folder: Path,
    *,
    num_trials: int,
    num_seeds: int = 1,
    num_folds: int | None = None,
    rungs: Sequence[int] = (),
    epochs: int = 12,
    keys: Sequence[str] = tuple(SPACE),
) -> StudyResults:
    """A random search in which the learning rate matters most; at each rung two in three trials are cut."""
    random = np.random.default_rng(0)
    points = [_random_point(random, keys) for _ in range(num_trials)]
    ends = [_accuracy(point) for point in points]
    order = np.argsort(np.argsort([-end for end in ends]))
    plans = []
    for number, point in enumerate(points):
        lasts = [rung for level, rung in enumerate(rungs) if order[number] >= num_trials / 3 ** (level + 1)]
        for seed in range(num_seeds):
            for fold in range(1, num_folds + 1) if num_folds else [None]:
                train, name = {"epochs": epochs}, _point_name(point)
                one = plan(stage="search", trial=name, seed=seed, varied=point, fold=fold, train=train)
                plans.append(one)
                chance = float(random.normal(0, 0.004))
                _write_searched(folder, one, end=ends[number] + chance, last=lasts[0] if lasts else None)
    stage = {"name": "search", "seeds": num_seeds, "sampler": "random", "trials": num_trials}
    stage |= {"vary": {key: SPACE[key] for key in keys}} | ({"folds": num_folds} if num_folds else {})
    return write_study(folder, plans, stage=[stage])


def _random_point(random: np.random.Generator, keys: Sequence[str]) -> dict[str, Any]:
    optimizer = {"name": str(random.choice(["sgd", "adam"]))}
    point = {
        "train.learning_rate": float(f"{10 ** random.uniform(-5, -1):.3g}"),
        "model.dropout": round(float(random.uniform(0, 0.6)), 4),
        "model.filters": [[16, 32], [32, 64], [64, 128]][random.integers(3)],
        "train.optimizer": optimizer,
    } | ({"train.momentum": round(float(random.uniform(0.5, 0.99)), 4)} if optimizer["name"] == "sgd" else {})
    return {key: value for key, value in point.items() if key in keys}


def _accuracy(point: dict[str, Any]) -> float:
    distance = abs(np.log10(point["train.learning_rate"]) + 2.7)
    slow = 0.02 if point.get("train.optimizer") == {"name": "sgd"} else 0.0
    return float(0.985 - 0.012 * distance**2.6 - 0.1 * (point.get("model.dropout", 0.2) - 0.2) ** 2 - slow)


def _point_name(point: dict[str, Any]) -> str:
    return ", ".join(condition_words(key, value) for key, value in point.items())


def _write_searched(folder: Path, plan: RunPlan, *, end: float, last: int | None) -> None:
    epochs = plan.settings.train.epochs
    records = learning_records(end=end, epochs=epochs, seed=int(1e6 * abs(end)))
    if last is not None:
        reason = f"pruned at epoch {last}: among the worse two thirds"
        write_run(folder, plan, metrics={}, records=records[:last], status="pruned", reason=reason, layers=[])
        return
    metrics = {"val_accuracy": round(end, 4), "test_accuracy": round(end - 0.01, 4), "test_loss": round(1.2 - end, 4)}
    write_run(folder, plan, metrics=metrics, records=records, layers=LAYERS)


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
