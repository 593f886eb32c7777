"""What the page shows of settings: those that all runs share, defaults too, the usual questions first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from papilio.kinds.kind import Kind
from papilio.kinds.registry import NOT_FOR_ALL
from papilio.results.results import RunResult, StudyResults
from papilio.results.words import counted, listed, value_words
from papilio.sections.kinds_of_runs import kind_of_run
from papilio.settings.run_settings import RunSettings

VARIES = "differs between trials"
OF_IMAGES = ("data.name", "data.path", "data.labels")  # the image sets have a section of their own
NUMBERS = {"learning_rate": "learning rate", "momentum": "momentum", "betas": "betas", "weight_decay": "weight decay"}
PLAIN_ROWS = {
    "train.schedule": "Learning rate schedule",
    "train.regularizer": "Penalties on weights",
    "train.label_smoothing": "Label smoothing",
    "train.augment": "Augmentation",
    "train.standardize": "Standardized images",
    "train.early_stopping": "Early stopping",
    "train.loss": "Loss",
    "train.target": "Target",
    "train.engine": "Engine",
    "train.device": "Device",
    "data.validation": "Validation share, unless the set has a split",
    "data.test": "Test share, unless the set has a split",
    "data.fraction": "Share of the images",
}
ONLY_WHERE_SET = ("train.loss", "train.target", "train.standardize")


@dataclass(frozen=True)
class SharedSettings:
    """Label and text of the settings that are asked for first, and of all others by their dotted key."""

    first: list[tuple[str, str]]
    others: list[tuple[str, str]]


def shared_settings(results: StudyResults) -> SharedSettings | None:
    """The settings that all runs share, and which of the usual ones differ; None before any run is known."""
    different: dict[tuple[str, str], RunResult] = {}
    for run in results.runs:
        if run.settings:
            different.setdefault((run.stage, run.trial), run)
    found = [flat for run in different.values() if (flat := _in_full(run))]
    if not found:
        return None
    foreign = _foreign(different.values())
    keys = dict.fromkeys(key for one in found for key in one if key not in foreign)
    shared = {key: found[0][key] for key in keys if all(key in one and one[key] == found[0][key] for one in found)}
    plain = [key for key in PLAIN_ROWS if key not in foreign]
    first = _first_rows(shared, plain, [run.precision for run in results.runs if run.precision])
    told = {"train.epochs", "train.batch_size", "train.optimizer", "train.precision", *PLAIN_ROWS, *OF_IMAGES}
    told |= {f"train.{name}" for name in NUMBERS}
    others = [(key, _text(value)) for key, value in shared.items() if key not in told]
    return SharedSettings(first, others)


def _foreign(runs: Iterable[RunResult]) -> set[str]:
    """The keys of settings that no run's kind takes; none while a kind is not known."""
    kinds: dict[tuple[str, bool], Kind | None] = {}
    for run in runs:
        key = (run.settings.get("train", {}).get("objective", ""), bool(run.quantity))
        if key not in kinds:
            kinds[key] = kind_of_run(run)
    known = [kind for kind in kinds.values() if kind is not None]
    if len(known) < len(kinds):
        return set()
    return {f"train.{name}" for name in NOT_FOR_ALL if not any(name in kind.takes for kind in known)}


def _first_rows(shared: Mapping[str, Any], plain: Sequence[str], precisions: Sequence[str]) -> list[tuple[str, str]]:
    rows = [
        ("Epochs", _epochs(shared)),
        ("Batch size", _text(shared.get("train.batch_size", VARIES))),
        ("Optimizer", _optimizer(shared)),
        *((PLAIN_ROWS[key], _text(shared.get(key, VARIES))) for key in plain if _is_told(shared, key)),
        ("Precision", _precision(shared, precisions)),
    ]
    if "model.family" in shared:
        rows.append(("Model family", _text(shared["model.family"])))
    return rows


def _is_told(shared: Mapping[str, Any], key: str) -> bool:
    return key not in ONLY_WHERE_SET or shared.get(key, VARIES) is not None


def _epochs(shared: Mapping[str, Any]) -> str:
    epochs = _text(shared.get("train.epochs", VARIES))
    return f"at most {epochs}" if shared.get("train.early_stopping") and "train.epochs" in shared else epochs


def _optimizer(shared: Mapping[str, Any]) -> str:
    name = _text(shared.get("train.optimizer", VARIES))
    numbers = {label: shared.get(f"train.{number}", VARIES) for number, label in NUMBERS.items()}
    parts = [f"{label} {_text(value)}" for label, value in numbers.items() if value not in (None, VARIES)]
    differing = [label for label, value in numbers.items() if value == VARIES]
    if name == VARIES:
        return VARIES
    told = ", ".join([name, *parts])
    if not differing:
        return told
    verb = "differs" if len(differing) == 1 and differing != [NUMBERS["betas"]] else "differ"
    return f"{told}; {listed(differing)} {verb} between trials"


def _precision(shared: Mapping[str, Any], used: Sequence[str]) -> str:
    """What the settings say, and in what the runs that have begun computed where that does not say it."""
    asked = shared.get("train.precision", VARIES)
    asked = "float32" if asked is None else _text(asked)
    counts = Counter(used)
    if asked == VARIES or not counts or set(counts) == {asked}:
        return asked
    names = sorted(counts)
    told = names if len(names) == 1 else [f"{name} in {counted(counts[name], 'run')}" for name in names]
    return f"{asked}: {' and '.join(told)}"


def _in_full(run: RunResult) -> dict[str, Any] | None:
    """Every setting of a run by its dotted key; None where they are damaged, or of a kind that is not here."""
    try:
        settings = RunSettings.of(run.settings)
    except (ValidationError, KeyError, TypeError, AttributeError, ValueError):
        return None
    tables = settings.plain()
    flat = {f"{table}.{name}": value for table, inside in tables.items() for name, value in inside.items()}
    return flat | settings.left_to_defaults() | dict(run.defaults)


def _text(value: Any) -> str:
    if value is None or value == {}:
        return "none"
    if isinstance(value, list | tuple):
        return " and ".join(map(value_words, value)) if len(value) == 2 else value_words(list(value))
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_text(one)}" for key, one in value.items() if one) or "none"
    return value_words(value) or "none"
