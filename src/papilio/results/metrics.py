"""Which of the recorded metrics are shown of a stage, and which one speaks for a trial."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.results.words import SPLITS

SHARES = ("accuracy", "f1", "precision", "recall", "outside", "real_score", "fake_score")
ERRORS = ("error", "median_error", "p90_error", "kl", "active_units")
POSITIVE = ("autoencoder", "classify")  # objectives whose loss is not below 0
FIRST = ("accuracy", "error", "median_error", "p90_error")  # of a split's metrics


def possible_range(metric: str, trial: TrialResult) -> tuple[float, float]:
    """Between what numbers a metric of a trial lies, whatever happens; infinite where nobody says.

    Shares are between 0 and 1, errors and the losses of classifiers and autoencoders not below 0. Others can be: the negative
    logarithm of a density is, as with a Gaussian likelihood or the von Mises design.
    """
    name = metric.partition("_")[2] if metric.partition("_")[0] in SPLITS else metric
    if any(name == share or name.endswith(f"_{share}") for share in SHARES) or name.startswith("within_"):
        return (0.0, 1.0)
    if name in ERRORS or (name == "loss" and any(map(_loss_is_positive, trial.runs))):
        return (0.0, math.inf)
    return (-math.inf, math.inf)


def _loss_is_positive(run: RunResult) -> bool:
    train: Mapping[str, Any] = run.settings.get("train", {})
    has_own_loss, objective = bool(train.get("loss")), train.get("objective")
    return not has_own_loss and (objective in POSITIVE or (objective == "supervised" and run.quantity is None))


def on_split(metric: str, split: str) -> str:
    """The same metric on other images.

    >>> on_split("val_accuracy", "test"), on_split("train_loss", "test"), on_split("fid", "test")
    ('test_accuracy', 'test_loss', 'test_fid')
    """
    of, _, rest = metric.partition("_")
    return f"{split}_{rest}" if rest and of in SPLITS else f"{split}_{metric}"


def shown_metrics(results: StudyResults, stage: str) -> tuple[str, ...]:
    """The metrics of a stage's table: the one that ranks, then those on test images.

    Without any of those: on validation images, and without these too: on training images.
    """
    ranking = results.ranking(stage)
    names = dict.fromkeys(name for run in results.runs if run.stage == stage for name in run.metrics)
    ranked_by = [ranking.metric] if ranking is not None and ranking.metric in names else []
    others = [name for name in names if name not in ranked_by]
    test = sorted((name for name in others if name.startswith("test_")), key=_order)
    # losses of different target designs, or of different betas, cannot be compared
    if "test_error" in test:
        test = [name for name in test if name != "test_loss"]
    elsewhere = [name for name in others if not name.startswith(("train_", "test_"))]
    return (*ranked_by, *(test or elsewhere or ([] if ranked_by else others)))


def told_metric(results: StudyResults, trial: TrialResult) -> str | None:
    """The metric that speaks for a trial: the one that ranks it, on test images where it was measured on them.

    Where nothing ranks them it is the first that is shown of its stage; None where no finished run has any.
    """
    ranking = results.ranking(trial.stage) if results.is_ranked_otherwise(trial.stage) else trial.ranking
    known = [] if ranking is None else [on_split(ranking.metric, "test"), ranking.metric]
    return next((name for name in (*known, *shown_metrics(results, trial.stage)) if trial.has(name)), None)


def _order(name: str) -> tuple[int, float, str]:
    """Accuracy or error first, then its quantiles, then shares by their limit."""
    _, _, metric = name.partition("_")
    limit = next((float(part) for part in metric.split("_") if part.isdigit()), 0.0)
    return (FIRST.index(metric) if metric in FIRST else len(FIRST) + (not limit), limit, name)
