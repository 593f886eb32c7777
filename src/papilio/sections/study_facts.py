"""What the page says of a study as label and text: what it was, and what it ran on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from papilio.analysis.image_samples import read_image_samples
from papilio.data.small_sets import few_validation_images
from papilio.data.splits import SplitName
from papilio.files import without_places
from papilio.results import words
from papilio.results.image_counts import ImageCounts
from papilio.results.results import StudyResults
from papilio.sections.image_gallery import image_gallery

SAME_SHARE = 0.01  # how far two shares of validation images may be apart, by rounding
LABELS = {"threads_a_worker": "Threads per worker"}  # entries of environment.json that are not called by their key
SPLIT_LABELS: dict[SplitName, str] = {"train": "Training", "validation": "Validation", "test": "Test"}


def facts(results: StudyResults) -> list[tuple[str, str]]:
    """The few facts under the title, as label and text."""
    environment = results.environment
    done, pruned = (sum(run.status == status for run in results.runs) for status in ("done", "pruned"))
    num_trials = sum(len(results.trials(stage)) for stage in results.stages)
    rows = [
        ("Images", ", ".join(dict.fromkeys(str(images.get("name", "")) for images in environment.get("data", [])))),
        ("Trials", f"{num_trials:,} in {words.counted(len(results.stages), 'stage')}"),
        ("Runs", f"{done:,} of {len(results.runs):,} done" + (f", {pruned:,} pruned" if pruned else "")),
        ("Training time", f"{words.duration(sum(run.seconds for run in results.runs))}, the sum over all runs"),
        ("Machine", str(environment.get("processor") or "")),
        ("Started", str(environment.get("started") or "").partition("T")[0]),
    ]
    return [(label, text) for label, text in rows if text]


def image_sets(results: StudyResults) -> list[dict[str, Any]]:
    """The image sets as environment.json has them, and of those that differ only in their training images one; `counts` are
    pairs of a split and its images, those of its folds where runs have folds; with some of their images, if there are any, as
    `gallery`; notes also tell where few validation images choose."""
    found: dict[str, dict[str, Any]] = {}
    counts: dict[str, list[ImageCounts]] = {}
    samples = read_image_samples(results.folder)
    for images in sorted(results.environment.get("data", []), key=lambda one: -one["num_train"]):
        same = {key: value for key, value in images.items() if key not in ("num_train", "notes", "checksum")}
        shown = samples.get(str(images.get("checksum")))
        key = json.dumps(same, sort_keys=True)
        found.setdefault(key, {**images, "gallery": None if shown is None else image_gallery(shown)})
        counts.setdefault(key, []).append(ImageCounts.of_set(images))
    return [
        images
        | {
            "counts": [
                (label, _count_words(counts[key], split, _folds(images, counts[key], results)))
                for split, label in SPLIT_LABELS.items()
            ],
            "notes": [*images.get("notes", ()), *_few(images, results)],
        }
        for key, images in found.items()
    ]


def _count_words(
    sets: Sequence[ImageCounts], split: SplitName, folds: Mapping[int | None, Sequence[ImageCounts]]
) -> str:
    """How many images a split has, of each set and in each fold; `folds` are the sets by how many runs have of them, None for
    none.

    For example "1,437", "1,437; also 100, 1,000", or "1,149 or 1,150 in each of 5 folds".
    """
    whole = [getattr(one, split) for one in sets]
    parts = [_numbers(whole, "; also ")] if None in folds or split == "test" else []
    for of in sorted(number for number in folds if number is not None and split != "test"):
        inside = [getattr(one.in_fold(fold, of=of), split) for one in folds[of] for fold in range(1, of + 1)]
        parts.append(f"{_numbers(sorted(inside), ' or ')} in each of {of} folds")
    return "; ".join(parts)


def _numbers(numbers: Sequence[int], behind_first: str) -> str:
    first, *others = dict.fromkeys(numbers)
    return f"{first:,}" + (behind_first + ", ".join(f"{one:,}" for one in sorted(others)) if others else "")


def _folds(
    images: Mapping[str, Any], sets: Sequence[ImageCounts], results: StudyResults
) -> dict[int | None, list[ImageCounts]]:
    """Of sets that differ in their training images, the largest first, those that runs have, by the number of folds.

    None, for runs without folds, has all of them, and stands alone where no run has begun.
    """
    of_name = [run.settings["data"] for run in results.runs if run.settings and run.data_name == images["name"]]
    found: dict[int | None, list[ImageCounts]] = {}
    for data in of_name:
        of, num = data.get("folds"), data.get("num_train")
        if of is None:
            found[None] = list(sets)
        elif _has_share(sets[0], data) or not _has_other_shares(images, results):
            fitting = sets[:1] if num is None else [one for one in sets if one.train == num]
            found[of] = list(dict.fromkeys([*found.get(of, []), *fitting]))
    return {of: fitting for of, fitting in found.items() if fitting} or {None: list(sets)}


def _has_share(counts: ImageCounts, data: Mapping[str, Any]) -> bool:
    """Whether the share of validation images is the one that settings ask for."""
    share = counts.validation / max(1, counts.train + counts.validation)
    return abs(share - data.get("validation", 0.1)) < SAME_SHARE


def _has_other_shares(images: Mapping[str, Any], results: StudyResults) -> bool:
    """Whether the study has the same images with other shares for validation, too."""
    described = results.environment.get("data", [])
    return len({one["num_validation"] for one in described if one["name"] == images["name"]}) > 1


def _few(images: Mapping[str, Any], results: StudyResults) -> list[str]:
    runs = [run for run in results.runs if run.data_name == images["name"]] or results.runs
    runs = [run for run in runs if run.fold is None]  # folds use every image for validation
    begun = [run for run in runs if run.settings]
    by_validation = [run for run in begun if run.ranking and run.ranking.metric.startswith("val_")]
    if not runs or (begun and not by_validation):
        return []
    is_accuracy = any("val_accuracy" in run.metrics for run in begun) if begun else bool(images.get("classes"))
    note = few_validation_images(images["num_validation"], has_classes=is_accuracy)
    if note is None:
        return []
    stages = list(dict.fromkeys(run.stage for run in runs))
    where = f" (in {words.listed(stages)})" if len(stages) < len(results.stages) else ""
    return [
        f"{words.sentence(note)}{where}; with cross-validation (folds in [[stage]]) every image is used for validation once."
    ]


def environment_rows(results: StudyResults) -> list[tuple[str, str]]:
    """What the study ran on, as pairs of label and text; the image sets have a section of their own."""
    rows = [(_label(key), _text(key, value)) for key, value in results.environment.items() if key != "data"]
    rows.append(("Training time, the sum over all runs", words.duration(sum(run.seconds for run in results.runs))))
    return [(label, without_places(text)) for label, text in rows if text]


def shape_words(shape: Sequence[int]) -> str:
    """An image's shape for people.

    >>> shape_words([1, 28, 28]), shape_words([3, 32, 48])
    ('28 × 28 pixels, gray', '32 × 48 pixels (height × width), color')
    """
    channels, height, width = shape
    color = {1: "gray", 3: "color"}.get(channels, f"{channels} channels")
    return f"{height} × {width} pixels{'' if width == height else ' (height × width)'}, {color}"


def _label(key: str) -> str:
    if key in LABELS:
        return LABELS[key]
    text = key.removesuffix("_bytes").removesuffix("_seconds").replace("_", " ")
    return words.sentence(text)


def _text(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {one}" for name, one in value.items() if one is not None)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if key.endswith("_bytes") and isinstance(value, int | float):
        return f"{value / 2**30:.1f} GiB"
    if key.endswith("_seconds") and isinstance(value, int | float):
        return words.duration(value)
    if key in ("started", "last_resumed"):
        return str(value).replace("T", " ").replace("+00:00", " UTC")
    return "" if value is None else str(value)
