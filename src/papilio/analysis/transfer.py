"""What encoders from elsewhere are worth: accuracy next to labels and seconds, and the same for nets trained from scratch."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from papilio.analysis.probing import components_accuracy, principal_components
from papilio.data.imageset import ImageSet
from papilio.engine import Arrays
from papilio.kinds.options import TransferOptions
from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.runs.folder import RunFacts, RunFolder
from papilio.runs.shipped import shipped_runs

ACCURACY = "test_accuracy"


def compare_transfer(
    results: StudyResults, stage: str, options: TransferOptions, images_of: Callable[[RunResult], ImageSet]
) -> Arrays | None:
    """Every trial of a stage some of whose nets begin with weights from elsewhere; None where none does.

    Arrays over t trials, in the study's order. Text: `trials`; `designs`, the trial without its number of labels;
    `sources`, which run, and what of it, empty from scratch. Numbers: `is_frozen` bool; `labels`, training images;
    `accuracy` on test images, the mean over `num_runs` runs, and `spread`, their standard deviation (NaN for one run);
    `seconds` of training, and `before`, of the training of what it begins with (0 from scratch, NaN where that is not
    known any more), means over runs. Over b baselines, principal components with logistic regression:
    `pca_components`, `pca_labels` int (b,); `pca_accuracy`, `pca_seconds` (b,). Trials without test accuracy are left out.
    """
    trials = [trial for trial in results.trials(stage) if trial.has(ACCURACY)]
    facts = {trial.name: [RunFolder(run.folder).facts() for run in trial.finished] for trial in trials}
    if not any(one.starts for runs in facts.values() for one in runs):
        return None
    sets = {trial.name: images_of(trial.finished[0]) for trial in trials}
    rows = [_row(results, trial, facts[trial.name], len(sets[trial.name].train)) for trial in trials]
    arrays = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return arrays | _baselines(list(sets.values()), options)


def _row(results: StudyResults, trial: TrialResult, facts: list[RunFacts], num_train: int) -> dict[str, Any]:
    values = trial.values(ACCURACY) if trial.has(ACCURACY) else []
    return {
        "trials": trial.name,
        "designs": design_of(trial),
        "sources": _source_words(facts[0]),
        "is_frozen": any(source.freeze for source in facts[0].run_settings.model.sources.values()),
        "labels": num_train,
        "accuracy": statistics.fmean(values),
        "spread": statistics.stdev(values) if len(values) > 1 else np.nan,
        "num_runs": len(values),
        "seconds": statistics.fmean(run.seconds or 0.0 for run in trial.finished),
        "before": statistics.fmean(_seconds_before(results, one) for one in facts),
    }


def design_of(trial: TrialResult) -> str:
    """A trial's name without its number of labels, so that the same net with more of them is the same design."""
    given = trial.varied.get("data.num_train")
    if given is None:
        return trial.name
    parts = [part for part in trial.name.split(", ") if part != f"num_train {given}"]
    return ", ".join(parts) or str(trial.runs[0].settings["model"]["family"])


def _source_words(facts: RunFacts) -> str:
    """What was taken: "encoder of pretraining/…-seed0"; several joined by a comma."""
    return ", ".join(f"{start['net']} of {start['run']}" for start in facts.starts.values())


def _seconds_before(results: StudyResults, facts: RunFacts) -> float:
    """The seconds that the runs took whose weights a run begins with, and what those began with; each run once."""
    found: dict[str, float] = {}
    waiting = [facts]
    while waiting:
        for start in waiting.pop().starts.values():
            source = _facts_of(results, start["run"])
            if source is None:
                return float("nan")
            if source.run not in found:
                found[source.run] = source.seconds or 0.0
                waiting.append(source)
    return sum(found.values())


def _facts_of(results: StudyResults, run: str) -> RunFacts | None:
    path = Path(run)
    for place in (results.folder / "runs" / path.name, path, shipped_runs().get(run)):
        if place is not None and (found := RunFolder(place).read()) is not None:
            return found
    return None


def _baselines(sets: list[ImageSet], options: TransferOptions) -> dict[str, np.ndarray]:
    different = {(images.checksum, num): images for images in sets for num in options.components}
    rows = []
    for (_, num), images in different.items():
        start = time.perf_counter()
        of_train, of_test = principal_components(images, images.train, images.test, num=num)
        accuracy = components_accuracy(of_train, images.labels[images.train], of_test, images.labels[images.test])
        rows.append((of_train.shape[1], len(images.train), accuracy, time.perf_counter() - start))
    rows = sorted(set(rows))
    return {
        "pca_components": np.array([row[0] for row in rows], dtype=np.int64),
        "pca_labels": np.array([row[1] for row in rows], dtype=np.int64),
        "pca_accuracy": np.array([row[2] for row in rows], dtype=np.float64),
        "pca_seconds": np.array([row[3] for row in rows], dtype=np.float64),
    }
