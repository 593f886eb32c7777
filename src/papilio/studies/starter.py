"""A first study for images that somebody has: `papilio new`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from papilio.data.check import unreadable_pictures
from papilio.data.facts import NO_LABELS
from papilio.data.folders import Survey, is_source, survey_pictures
from papilio.data.layout import LABEL_TABLE
from papilio.data.load import DRAWN, load_images, read_images, split_images
from papilio.data.members import SKIP, broken_words
from papilio.data.named import READERS
from papilio.data.parquet import is_parquet
from papilio.data.pictures import resolve_size
from papilio.data.progress import Progress
from papilio.data.scaling import Size
from papilio.data.small_sets import ENOUGH
from papilio.errors import DataError, StudyError, one_line, shown
from papilio.files import expanded_path, path_to_write, write_text
from papilio.studies.study import load_study

USUAL_SET = "mnist-5k"  # 5,000 digits that come with Papilio
LARGE_SIDE = 96  # of images, from which on they are made smaller
SIDES = (8, 16, 24, 28, 32, 48, 64)
MOST_DECODED = 2000  # pictures that are looked at as a whole; of more their headers alone
MOST_NAMED = 3
VALIDATION_SHARE = 0.1 * 0.8  # of a set without splits


@dataclass(frozen=True)
class Outlook:
    """What a study needs to know of images before they are read: `size` is set where they must be brought to one."""

    words: str
    shows: str
    num: int
    has_splits: bool
    size: int | None
    labels: str | None = None
    broken: Mapping[str, str] = field(default_factory=dict)  # pictures that cannot be read, with the reasons

    @property
    def complaint(self) -> str | None:
        """What has to be done before the study can run; None where nothing has."""
        if not self.broken:
            return None
        them = "it" if len(self.broken) == 1 else "them"
        num = f"{len(self.broken):,} picture{'s' if len(self.broken) > 1 else ''}"
        return (
            f"{num} cannot be read: {broken_words(self.broken, most=MOST_NAMED)}; the study will not run with {them}:"
            f" remove or replace {them}, or set {SKIP}"
        )

    @property
    def is_small(self) -> bool:
        return self.num * VALIDATION_SHARE < ENOUGH and not self.has_splits


def write_starter(
    name: str,
    data: str | None,
    *,
    labels: str | None = None,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Path, Outlook]:
    """Write a commented study, NAME.toml, for the images that `data` names or where it leads; the embedded digits for None.

    Its settings follow what is there: a classifier for classes, a reader of the value for numbers on a circle, a variational
    autoencoder for images without labels; a size where pictures are large or differ; folds where they are few. `labels` "none"
    ignores labels that there are. Raises StudyError where the file is there already, or for other `labels`; DataError for
    images that cannot be used.
    """
    if labels not in (None, NO_LABELS):
        raise StudyError(
            f"--labels: allowed is none, which ignores labels, not {shown(labels)}; leave it out to use them"
        )
    given = path_to_write(name if name.endswith(".toml") else f"{name}.toml", error=StudyError)
    path = (folder or Path()) / given
    if path.exists():
        raise StudyError(f"{path}: already exists; choose another name, or remove it")
    if not path.parent.is_dir():
        raise StudyError(f"{path}: the folder {path.parent} does not exist; create it first")
    source = data or USUAL_SET
    outlook = look(source, progress)
    if labels == NO_LABELS and outlook.shows != "nothing":
        words = f"{outlook.words}; their labels are ignored"
        outlook = replace(outlook, words=words, shows="nothing", labels=NO_LABELS)
    write_text(path, study_text(path, source, outlook))
    load_study(path)  # what is written here can be read
    return path, outlook


def look(source: str, progress: Progress | None) -> Outlook:
    """What a set has; of many pictures their names and headers alone are read."""
    path = expanded_path(source, error=DataError)
    is_named = source in READERS or source in DRAWN
    table = path / LABEL_TABLE
    if not is_named and is_source(path) and not table.is_file():
        return _look_at_pictures(path, progress)
    labels, size = None, None
    if not is_named and table.is_file():
        labels = str(table)
        size = _fitting_size(_sizes(survey_pictures(path, progress, with_classes=False)))
    elif not is_named and path.suffix == ".npy":
        labels = next((str(one) for one in _labels_beside(path) if one.is_file()), None)
    render = {"num": 100} if source in DRAWN else None
    broken: Mapping[str, str] = {}
    if not is_named and table.is_file():
        raw = read_images(
            source,
            labels=labels,
            size=resolve_size(size),
            color=None,
            skips_unreadable=True,
            home=None,
            download=False,
            progress=progress,
        )
        images, broken = split_images(raw, validation=0.1, test=0.2, seed=0), raw.skipped
    else:
        images = load_images(source, labels, size=size, render=render, progress=progress)
    num = len(images.images)
    words = f"{num:,} images" if render is None else "images that Papilio draws"
    if images.facts.shows == "class":
        words += f" of {_classes(images.class_names)}"
    elif images.facts.shows == "quantity":
        words += ", each with a number on a circle"
    if max(images.image_shape[1:]) > LARGE_SIDE:
        size = _fitting_size([images.image_shape[1:]])
    has_splits = is_named and render is None
    return Outlook(words, images.facts.shows, 10**4 if render else num, has_splits, size, labels, broken)


def study_text(path: Path, source: str, outlook: Outlook) -> str:
    """The study as a file with comments; `path` is where it will be, and what its paths are relative to."""
    title, is_named = path.stem, source in READERS or source in DRAWN
    place = source if is_named else _path_from(path.parent, source)
    named = one_line(title)  # a comment has no line breaks
    lines = [
        f"# papilio show {named}.toml   the network, with shapes and numbers of parameters",
        f"# papilio run {named}.toml    train it; results/{named}/report.html is the report",
        f"title = {_toml(title)}",
        "",
        "[data]",
        f"{'name' if is_named else 'path'} = {_toml(place)}  # {one_line(outlook.words)}",
    ]
    if outlook.complaint is not None:
        lines.append(f"# {one_line(outlook.complaint)}")
        lines.append(f"# {SKIP}  # train without pictures that cannot be read")
    if outlook.labels is not None:
        is_path = outlook.labels != NO_LABELS
        lines.append(f"labels = {_toml(_path_from(path.parent, outlook.labels) if is_path else NO_LABELS)}")
    if outlook.size is not None:
        lines.append(
            f"size = {outlook.size}  # each picture is scaled to cover this many pixels and cropped at its center"
        )
    elif not is_named:
        lines.append("# size = 32  # scale pictures to this many pixels; a side, or [height, width]")
    if not is_named:
        lines.append('# color = "gray"  # or "rgb"; by default as the pictures are')
    lines += ["", *_model_and_train(outlook), "", *_stage(outlook)]
    return "\n".join(lines) + "\n"


def _model_and_train(outlook: Outlook) -> list[str]:
    small_batch = 8 if outlook.num < 250 else 16 if outlook.num < 500 else 64
    if outlook.shows == "nothing":
        return [
            "[model]",
            'family = "vae"  # a variational autoencoder; "autoencoder" only reconstructs, "dcgan" only generates',
            "filters = [32, 64, 128]",
            "latents = 16",
            "",
            "[train]",
            f"epochs = {60 if outlook.is_small else 30}",
            f"batch_size = {small_batch}",
            "learning_rate = 0.001",
            'schedule = "cosine"',
        ]
    reads = outlook.shows == "quantity"
    return [
        "[model]",
        'family = "cnn"  # or "mlp", "lenet5"; docs/studies.md lists the settings of each',
        "filters = [32, 64, 128]",
        "dense = [128]",
        "batch_norm = true",
        *([] if reads else ["dropout = 0.3"]),
        "",
        "[train]",
        *(
            ['target = "sin_cos"  # how the number is put to the network; docs/targets.md has other designs']
            if reads
            else []
        ),
        f"epochs = {40 if outlook.is_small else 20}",
        f"batch_size = {small_batch}",
        'optimizer = "adamw"',
        "learning_rate = 0.002",
        'schedule = "one_cycle"',
        "# augment = { shift = 2, zoom = 0.1 }  # and flip = true if mirror images show the same",
    ]


def _stage(outlook: Outlook) -> list[str]:
    lines = ["[[stage]]", 'name = "first"']
    if outlook.is_small and outlook.shows != "nothing":
        lines.append("folds = 5  # so few images choose poorly: each fifth is held out once")
    lines.append("# seeds = 3  # train each trial three times, to see how much results vary by chance")
    example = (
        '"model.latents" = [8, 16, 32]'
        if outlook.shows == "nothing"
        else '"model.filters" = [[16, 32, 64], [32, 64, 128]]'
    )
    return [
        *lines,
        "",
        "# [stage.vary]  # train every combination",
        f"# {example}",
        '# "train.learning_rate" = [0.0005, 0.002]',
        "",
        "[[analysis]]  # analyze the best run in every way that its kind supports",
    ]


def _look_at_pictures(path: Path, progress: Progress | None) -> Outlook:
    labels = None
    try:
        survey = survey_pictures(path, progress)
    except DataError:
        if not is_parquet(path):
            raise
        survey, labels = survey_pictures(path, progress, with_classes=False), NO_LABELS  # a table without labels
    layout = survey.layout
    num, names = len(layout.rows), layout.class_names
    words = f"{num:,} pictures" + (f" of {_classes(names)}" if names else " without classes")
    broken = survey.broken
    if num <= MOST_DECODED:
        broken = unreadable_pictures(path, survey, progress=progress)
    size = _fitting_size(_sizes(survey))
    return Outlook(words, "class" if names else "nothing", num, bool(layout.given), size, labels, broken)


def _sizes(survey: Survey) -> list[Size]:
    return [look.size for look in survey.looks.values()]


def _fitting_size(of_each: Sequence[Size]) -> int | None:
    """The side to bring pictures to; None where they all have one size that is not large."""
    sizes = set(of_each)
    if len(sizes) <= 1 and all(max(size) <= LARGE_SIDE for size in sizes):
        return None
    smallest = min(min(size) for size in sizes)  # nothing is enlarged
    return max((side for side in SIDES if side <= smallest), default=SIDES[0])


def _labels_beside(images: Path) -> list[Path]:
    names = ("labels.npy", images.name.replace("images", "labels"))
    return [images.with_name(name) for name in names if name != images.name]


def _classes(names: Sequence[str]) -> str:
    first = ", ".join(names[:6])
    return f"{len(names)} classes: {first}{', ...' if len(names) > 6 else ''}"


def _path_from(folder: Path, source: str) -> str:
    """The path as a study in `folder` names it: relative to it where it lies within."""
    path = expanded_path(source, error=DataError).resolve()
    return (
        path.relative_to(folder.resolve()).as_posix() or "."
        if path.is_relative_to(folder.resolve())
        else os.fspath(path)
    )


def _toml(text: str) -> str:
    """A string as TOML writes it, which is as JSON does."""
    return json.dumps(text, ensure_ascii=False)
