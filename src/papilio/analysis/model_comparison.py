"""Autoencoders of a stage in one table: what comes back, how real samples look, what latents are good for, and time."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

from papilio.analysis.probing import fit_components, flat_pixels, probe
from papilio.analysis.quality import quality
from papilio.data.imageset import ImageSet
from papilio.engine import Arrays
from papilio.errors import RunError
from papilio.kinds.options import ModelsOptions, ProbeOptions, QualityOptions
from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.runs.run import Run, load_run

ERROR = "test_error"
AT_ONCE = 1000  # images


def compare_models(
    results: StudyResults, stage: str, options: ModelsOptions, images_of: Callable[[RunResult], ImageSet]
) -> Arrays | None:
    """The best trials of a stage that reconstruct images, and principal components; None where there is no such trial.

    Arrays over t trials, best first: `trials` text; `latents` int; `error`, the mean squared error per pixel on test images,
    the mean over `num_runs` runs, and `spread`, their standard deviation (NaN for one run); `seconds` of training, the mean.
    Of each trial's best run `samples` and `reconstructions`, Fréchet distances as in papilio.analysis.quality (NaN where there
    is no classifier for such images), and `accuracy`, of a linear classifier on the latents of `labels` images (NaN without
    classes). Over b numbers of latents `pca_latents`, `pca_error`, `pca_accuracy`: as many principal components in their place.
    """
    rows, sets = [], {}
    for trial in results.ranked(stage):
        run = results.best_run(trial)
        if len(rows) == options.trials or run is None or not trial.values(ERROR):
            continue
        try:
            loaded = load_run(run.folder)
        except RunError:
            continue  # of the user's own, handed over from Python: it cannot be found by name
        if "encode" in loaded.kind.offers:
            images = images_of(run)
            rows.append(_row(trial, loaded, images, options))
            sets.setdefault(loaded.latents, images)
    if not rows:
        return None
    baselines = [_components(images, num) for num, images in sorted(sets.items())]
    accuracy = {row["latents"]: row.pop("pca_accuracy") for row in rows}
    return {name: np.array([row[name] for row in rows]) for name in rows[0]} | {
        "labels": np.array(options.labels),
        "pca_latents": np.array(sorted(sets)),
        "pca_error": np.array(baselines),
        "pca_accuracy": np.array([accuracy[num] for num in sorted(sets)]),
    }


def _row(trial: TrialResult, run: Run, images: ImageSet, options: ModelsOptions) -> dict[str, Any]:
    values = trial.values(ERROR)
    measured = quality(run, images, QualityOptions(num=options.num, features=None))
    frechet = (
        dict(zip(measured["sets"].tolist(), measured["frechet"].tolist(), strict=True)) if "sets" in measured else {}
    )
    probed = probe(run, images, ProbeOptions(labels=[options.labels], draws=3))
    accuracy = np.nanmean(probed["accuracy"][:, -1], axis=1) if "accuracy" in probed else (np.nan, np.nan)
    return {
        "trials": trial.name,
        "latents": run.latents,
        "error": statistics.fmean(values),
        "spread": statistics.stdev(values) if len(values) > 1 else np.nan,
        "num_runs": len(values),
        "samples": frechet.get("samples", np.nan),
        "reconstructions": frechet.get("reconstructions", np.nan),
        "accuracy": accuracy[0],
        "pca_accuracy": accuracy[1],
        "seconds": statistics.fmean(one.seconds for one in trial.finished),
    }


def _components(images: ImageSet, num: int) -> float:
    """The mean squared error per pixel of test images made again of so many principal components of training images."""
    pca, total = fit_components(images, num=num), 0.0
    for part in np.array_split(images.test, -(-len(images.test) // AT_ONCE)):
        test = flat_pixels(images, part)
        total += float(np.square(pca.inverse_transform(pca.transform(test)) - test).sum())
    return total / (len(images.test) * math.prod(images.image_shape))
