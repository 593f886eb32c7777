"""What the page says of a study as label and text: what it was, and what it ran on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from papilio.analysis.image_samples import read_image_samples
from papilio.data.small_sets import few_validation_images
from papilio.results import words
from papilio.results.results import StudyResults
from papilio.sections.image_gallery import image_gallery


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
    """The image sets as environment.json has them, and of those that differ only in their training images one, with the
    numbers of the others as `fewer`; with some of their images, if there are any, as `gallery`; notes also tell where few
    validation images choose."""
    found: dict[str, dict[str, Any]] = {}
    samples = read_image_samples(results.folder)
    for images in sorted(results.environment.get("data", []), key=lambda one: -one["num_train"]):
        same = {key: value for key, value in images.items() if key not in ("num_train", "notes", "checksum")}
        shown = samples.get(str(images.get("checksum")))
        more = {"fewer": [], "gallery": None if shown is None else image_gallery(shown)}
        first = found.setdefault(json.dumps(same, sort_keys=True), images | more)
        if images["num_train"] < first["num_train"]:
            first["fewer"] = sorted({*first["fewer"], images["num_train"]})
    return [images | {"notes": [*images.get("notes", ()), *_few(images, results)]} for images in found.values()]


def _few(images: Mapping[str, Any], results: StudyResults) -> list[str]:
    note = few_validation_images(images["num_validation"], has_classes=bool(images.get("classes")))
    is_by_folds = all(run.fold is not None for run in results.runs)
    return (
        []
        if note is None or is_by_folds
        else [f"{words.sentence(note)}; with folds in [[stage]], all images would choose."]
    )


def environment_rows(results: StudyResults) -> list[tuple[str, str]]:
    """What the study ran on, as pairs of label and text; the image sets have a section of their own."""
    rows = [(_label(key), _text(key, value)) for key, value in results.environment.items() if key != "data"]
    rows.append(("Training time, the sum over all runs", words.duration(sum(run.seconds for run in results.runs))))
    return [(label, without_places(text)) for label, text in rows if text]


def without_places(text: str) -> str:
    """Text in which of full paths only the last parts are left: where a folder lies on a machine is nobody else's business.

    >>> without_places("papilio run /home/ada/nets/clock.toml --out /tmp/clock"), without_places("1/2 of https://a.org/b/c")
    ('papilio run clock.toml --out clock', '1/2 of https://a.org/b/c')
    """
    return re.sub(r"(?<![\w/:.~-])(?:~|[A-Za-z]:)?[/\\](?:[^\s/\\'\":;,()]+[/\\])*([^\s/\\'\":;,()]+)", r"\1", text)


def shape_words(shape: Sequence[int]) -> str:
    """An image's shape for people.

    >>> shape_words([1, 28, 28]), shape_words([3, 32, 48])
    ('28 × 28 pixels, gray', '32 × 48 pixels, color')
    """
    channels, height, width = shape
    color = {1: "gray", 3: "color"}.get(channels, f"{channels} channels")
    return f"{height} × {width} pixels, {color}"


def _label(key: str) -> str:
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
    if key == "started":
        return str(value).replace("T", " ").replace("+00:00", " UTC")
    return "" if value is None else str(value)
