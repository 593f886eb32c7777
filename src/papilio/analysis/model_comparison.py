"""Models of a stage in one table: what comes back, how real samples look, what latents are good for, and time."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

from papilio.analysis.probing import fit_components, flat_pixels, probe
from papilio.analysis.quality import quality
from papilio.analysis.samples import sample_images
from papilio.data.imageset import ImageSet
from papilio.engine import Arrays
from papilio.errors import RunError
from papilio.kinds.options import ModelsOptions, ProbeOptions, QualityOptions
from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.runs.run import Run, load_run

ERROR = "test_error"
AT_ONCE = 1000  # images
SHOWN = 12  # samples of each trial
OF_SAMPLES = ("frechet", "kernel", "kernel_spread", "precision", "recall")


def compare_models(
    results: StudyResults, stage: str, options: ModelsOptions, images_of: Callable[[RunResult], ImageSet]
) -> Arrays | None:
    """The best trials of a stage that reconstruct images or make new ones, and principal components.

    None where there is no such trial, or a single one that reconstructs nothing. Arrays over t trials, best first, in the
    study's order where nothing ranks them: `trials` text; `latents` int; `error`, the mean squared error per pixel on test
    images, the mean over `num_runs` runs, and `spread`, their standard deviation (NaN for one run), both NaN for what
    reconstructs nothing; `seconds` of training and `epoch_seconds` of an epoch of it, the means. Of each trial's best run
    `samples` and `reconstructions`, Fréchet distances as in papilio.analysis.quality (NaN where there is no classifier for
    such images), of samples `kernel`, `kernel_spread`, `precision` and `recall`, too; and `accuracy`, of a linear classifier on
    the latents of `labels` images (NaN without classes). Where trials have the same images, `floors` text (f,) names real test
    images and the mean image, and `floor_frechet`, `floor_kernel` and so on are theirs; `shown` uint8 (t, 12, channel, height,
    width) are samples, and `real` uint8 (12, ...) test images. Over b numbers of latents `pca_latents`, `pca_error`,
    `pca_accuracy`: as many principal components in the place of those of encoders.
    """
    compared = _compared(results, stage, options, images_of)
    if not any("encode" in run.kind.offers for _, run, _ in compared) and len(compared) < 2:
        return None
    rows, floors = [], []
    for trial, run, images in compared:
        measured = quality(run, images, QualityOptions(num=options.num, features=None))
        rows.append(_row(trial, run, images, measured, options))
        floors.append(measured)
    encoders = [one for one in zip(compared, rows, strict=True) if "encode" in one[0][1].kind.offers][::-1]
    sets = {run.latents: images for (_, run, images), _ in encoders}
    accuracy = {run.latents: row["pca_accuracy"] for (_, run, _), row in encoders}
    arrays = {name: np.array([row[name] for row in rows]) for name in rows[0] if name != "pca_accuracy"} | {
        "labels": np.array(min(options.labels, *(len(images.train) for _, _, images in compared))),
        "pca_latents": np.array(sorted(sets), dtype=np.int64),
        "pca_error": np.array([_components(sets[num], num) for num in sorted(sets)]),
        "pca_accuracy": np.array([accuracy[num] for num in sorted(sets)]),
    }
    if len({images.checksum for _, _, images in compared}) == 1:
        arrays |= _floors(floors[0]) | _pictures(compared)
    return arrays


def _compared(
    results: StudyResults, stage: str, options: ModelsOptions, images_of: Callable[[RunResult], ImageSet]
) -> list[tuple[TrialResult, Run, ImageSet]]:
    """The trials that are set side by side, the best run of each, and its images."""
    found: list[tuple[TrialResult, Run, ImageSet]] = []
    for trial in results.ranked(stage):
        run = trial.best
        if len(found) == options.trials or run is None:
            continue
        try:
            loaded = load_run(run.folder)
        except RunError:
            continue  # of the user's own, passed from Python: it cannot be found by name
        images = images_of(run)
        reconstructs = "encode" in loaded.kind.offers and trial.has(ERROR)
        if len(images.test) and (reconstructs or "sample" in loaded.kind.offers):
            found.append((trial, loaded, images))
    return found


def _row(trial: TrialResult, run: Run, images: ImageSet, measured: Arrays, options: ModelsOptions) -> dict[str, Any]:
    values = trial.values(ERROR) if trial.has(ERROR) else []
    of_samples, of_reconstructions = (_of_set(measured, name) for name in ("samples", "reconstructions"))
    accuracy: tuple[float, float] | np.ndarray = (np.nan, np.nan)
    if "encode" in run.kind.offers:
        probed = probe(run, images, ProbeOptions(labels=[options.labels], draws=3))
        accuracy = np.nanmean(probed["accuracy"][:, -1], axis=1) if "accuracy" in probed else accuracy
    return {
        "trials": trial.name,
        "latents": run.latents,
        "error": statistics.fmean(values) if values else np.nan,
        "spread": statistics.stdev(values) if len(values) > 1 else np.nan,
        "num_runs": len(trial.finished),
        "samples": of_samples["frechet"],
        "reconstructions": of_reconstructions["frechet"],
        **{name: of_samples[name] for name in OF_SAMPLES if name != "frechet"},
        "accuracy": accuracy[0],
        "pca_accuracy": accuracy[1],
        "seconds": statistics.fmean(one.seconds for one in trial.finished),
        "epoch_seconds": statistics.fmean(one.seconds / max(1, one.epochs) for one in trial.finished),
    }


def _of_set(measured: Arrays, name: str) -> dict[str, float]:
    """What was measured of one set of images; NaN where there is no such set."""
    names = measured["sets"].tolist() if "sets" in measured else []
    row = names.index(name) if name in names else None
    return {one: np.nan if row is None else float(measured[one][row]) for one in OF_SAMPLES}


def _floors(measured: Arrays) -> dict[str, np.ndarray]:
    """Of real test images and of the mean image what is measured of samples; nothing where nothing is measured."""
    if "sets" not in measured:
        return {}
    found = {name: _of_set(measured, name) for name in ("real", "mean")}
    return {"floors": np.array(list(found))} | {
        f"floor_{one}": np.array([floor[one] for floor in found.values()]) for one in OF_SAMPLES
    }


def _pictures(compared: list[tuple[TrialResult, Run, ImageSet]]) -> dict[str, np.ndarray]:
    """Samples of each trial, and test images evenly from all of them."""
    images = compared[0][2]
    chosen = images.test[np.linspace(0, len(images.test) - 1, SHOWN).round().astype(np.int64)]
    samples = [sample_images(run, images, num=SHOWN, seed=0) for _, run, _ in compared]
    return {"shown": np.stack(samples), "real": images.images[chosen]}


def _components(images: ImageSet, num: int) -> float:
    """The mean squared error per pixel of test images made again of so many principal components of training images."""
    pca, total = fit_components(images, num=num), 0.0
    for part in np.array_split(images.test, -(-len(images.test) // AT_ONCE)):
        test = flat_pixels(images, part)
        total += float(np.square(pca.inverse_transform(pca.transform(test)) - test).sum())
    return total / (len(images.test) * math.prod(images.image_shape))
