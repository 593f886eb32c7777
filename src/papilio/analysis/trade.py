"""What a setting gives and takes: error, used latents and their order, of the trials of a stage, side by side."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

from papilio.analysis.coordinates import gaps_of_factors, known_factors
from papilio.analysis.latent_scale import latent_scale, stratified
from papilio.data.imageset import ImageSet
from papilio.engine import Arrays
from papilio.errors import RunError
from papilio.kinds.options import TradeOptions
from papilio.kinds.registry import KINDS
from papilio.results.results import RunResult, StudyResults, TrialResult
from papilio.results.words import value_words
from papilio.runs.run import Run, load_run
from papilio.settings.values import value_at

METRICS = {"error": "test_error", "active": "test_active_units", "kl": "test_kl"}  # of every run


def trade(
    results: StudyResults, stage: str, options: TradeOptions, images_of: Callable[[RunResult], ImageSet]
) -> Arrays | None:
    """The trials of a stage that have a setting and encode images, in its order; None where it does not vary between them.

    Arrays over t trials: `trials` and `values` text, of the setting `options.by`; `latents` int; `error`, the mean squared
    error per pixel of test images, `active`, how many latents are used, and `kl`, nats per image, means over `num_runs` runs,
    with their standard deviations as `error_spread` and so on (NaN for one run, and where runs have no such metric). Of each
    trial's best run `mig`, the mutual information gap of what is known of images, and `rotated`, that of the same latents
    rotated at random; both as in papilio.analysis.coordinates, NaN where nothing is known of images. `factors` text is what
    is known.

    MIG: Chen, Li, Grosse & Duvenaud, Isolating sources of disentanglement in variational autoencoders (2018), section 4.1.
    """
    measured = [(run, trial) for trial in results.trials(stage) if (run := _measured_run(trial)) is not None]
    found = [(run, trial) for run, trial in measured if setting_of(run, options.by) is not None]
    values = [setting_of(run, options.by) for run, _ in found]
    if len({value_words(value) for value in values}) < 2:
        return None
    order = sorted(range(len(found)), key=lambda place: _sorted_by(values[place]))
    rows, names = [], []
    for run, trial, value in [(*found[place], values[place]) for place in order]:
        try:
            loaded = load_run(run.folder)
        except RunError:
            continue  # of the user's own, passed from Python: it cannot be found by name
        if "encode" in loaded.kind.offers:
            images = images_of(run)
            rows.append(_row(trial, value) | {"latents": loaded.latents} | _order_of(loaded, images, options))
            names += list(known_factors(images, images.test[:1]))
    if len({row["values"] for row in rows}) < 2:
        return None
    arrays = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return arrays | {"factors": np.array(list(dict.fromkeys(names)), dtype=str)}


def setting_of(run: RunResult, key: str) -> Any:
    """A run's setting by its dotted key; what it left to a default as run.json has it; None where there is none."""
    value = value_at(run.settings, key)
    if value is None:
        value = run.defaults.get(key)
    return _default_of_kind(run, key) if value is None else value


def _default_of_kind(run: RunResult, key: str) -> Any:
    kind = KINDS.get(run.settings.get("train", {}).get("objective", ""))
    table, _, name = key.rpartition(".")
    if kind is None or table != "train.objective_settings" or name not in kind.settings.model_fields:
        return None
    return kind.settings.model_fields[name].get_default()


def _measured_run(trial: TrialResult) -> RunResult | None:
    """The best run of a trial that was measured on test images."""
    return trial.best if trial.has(METRICS["error"]) and not trial.is_pruned else None


def _row(trial: TrialResult, value: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"trials": trial.name, "values": value_words(value), "num_runs": len(trial.finished)}
    for name, metric in METRICS.items():
        known = trial.values(metric) if trial.has(metric) else []
        row[name] = statistics.fmean(known) if known else np.nan
        row[f"{name}_spread"] = statistics.stdev(known) if len(known) > 1 else np.nan
    return row


def _order_of(run: Run, images: ImageSet, options: TradeOptions) -> dict[str, float]:
    """How much of what is known of images single latents tell, more than any other does."""
    chosen = stratified(images, images.test, most=options.num, seed=options.seed)
    factors = known_factors(images, chosen)
    if not factors:
        return {"mig": np.nan, "rotated": np.nan}
    latents = run.encode(images.images[chosen]).astype(np.float64)
    _, deviation = latent_scale(run, images)
    found = gaps_of_factors(latents / np.where(deviation > 0, deviation, 1), factors, seed=options.seed)
    return {"mig": float(found["gaps"].mean()), "rotated": float(found["rotated"])}


def _sorted_by(value: Any) -> tuple[bool, float, str]:
    """Numbers by their size, then everything else by its words."""
    is_number = isinstance(value, int | float)
    return not is_number, float(value) if is_number else 0.0, value_words(value)
