"""A study's folder among other people's: whether it is ours, and which of the files in it are.

A name proves nothing: `runs` and `study.toml` may be anybody's. A folder is a study's by what is written into it first of
all, environment.json with the version of Papilio.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from papilio.errors import RunError
from papilio.files import OF_UNFINISHED, PART, read_own

ENVIRONMENT = "environment.json"
TENSORBOARD = "tensorboard"
EVENTS = "events.out.tfevents.*"
MLFLOW_DATABASE = "mlflow.db"
MLFLOW_RUN = "mlflow.json"
SHARED = ".images"  # what workers map; there only while they work
# what a study and its runs write, as patterns below its folder
JOURNAL_LOCK = "search.journal.lock"  # of Optuna; there only where an earlier version was killed
FILES = (
    "study.toml",
    "results.csv",
    "report.html",
    "search.journal",
    JOURNAL_LOCK,
    "workers.log",
    "image-samples.npz",
    MLFLOW_DATABASE,
    f"{MLFLOW_DATABASE}-journal",
)
FIGURES = ("figures/*.svg", "figures/*.png", "figures/*.webp", "figures/*.gif")
ANALYSES = ("analyses/*.npz",)
OF_TENSORBOARD = (f"{TENSORBOARD}/*/{EVENTS}",)
OF_SHARED = (f"{SHARED}/*.npy", f"{SHARED}/*.npz")
OF_A_RUN = (
    "run.json",
    "records.jsonl",
    "batches.jsonl",
    "weights.safetensors",
    "start.safetensors",
    "error.txt",
    MLFLOW_RUN,
    ".lock",
    "checkpoint/*.safetensors",
    "previews/*.png",
)
OF_RUNS = tuple(f"runs/*/{name}" for name in OF_A_RUN)
FOLDERS = (
    "runs/*/checkpoint",
    "runs/*/previews",
    "runs/*",
    "runs",
    "figures",
    "analyses",
    SHARED,
    f"{TENSORBOARD}/*",
    TENSORBOARD,
)
OWN_FOLDERS = ("runs", "figures", "analyses", SHARED, TENSORBOARD)


def _unfinished(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """What a process that was killed while it wrote files of these patterns left of them."""
    parts = [pattern.rpartition("/") for pattern in patterns]
    return tuple(f"{folder}{slash}.{name}.{OF_UNFINISHED}{PART}" for folder, slash, name in parts)


UNFINISHED = (*_unfinished((*FILES, ENVIRONMENT, *FIGURES, *ANALYSES, *OF_SHARED, *OF_RUNS)), JOURNAL_LOCK)


def is_study_folder(folder: Path) -> bool:
    """Whether a study of Papilio was run into a folder: by environment.json, or where that is damaged by any run.json."""
    if not (folder / ENVIRONMENT).is_file():
        return False
    return _has(folder / ENVIRONMENT, "versions", "papilio") or any(
        _has(file, "settings", "model") for file in folder.glob("runs/*/run.json")
    )


def recorded_modules(folder: Path) -> Path | None:
    """The folder of the modules that a study named, as its own folder tells it; None where it tells of none that is there."""
    try:
        place = json.loads(read_own(folder / ENVIRONMENT)).get("modules")
        return Path(place) if isinstance(place, str) and "\0" not in place and Path(place).is_dir() else None
    except (OSError, ValueError, AttributeError, RecursionError):  # of a name too long, too
        return None


def refuse_foreign(folder: Path) -> None:
    """Raises RunError where a folder has something in it and is no study's."""
    if not folder.is_dir() or is_study_folder(folder):
        return
    foreign = sorted(one.name for one in folder.iterdir() if not _is_first(one.name))
    if foreign:
        raise RunError(
            f"{folder}: is not a study folder and not empty (it contains {foreign[0]!r}, and no {ENVIRONMENT} of Papilio's);"
            " choose another --out"
        )


def remove_study(folder: Path) -> None:
    """Remove every file that a study wrote into its folder, and folders that are empty then; what is not ours stays.

    Raises RunError, and removes nothing, where a part of it is a link.
    """
    for path in (folder / name for name in OWN_FOLDERS):
        if path.is_symlink():
            raise RunError(
                f"{path}: is a link, and Papilio removes nothing through links; remove it, or choose another --out"
            )
    remove_files(folder, (*FILES, *FIGURES, *ANALYSES, *OF_SHARED, *OF_RUNS, *OF_TENSORBOARD, *UNFINISHED, ENVIRONMENT))


def remove_unfinished(folder: Path) -> None:
    """Remove what a process that was killed while it wrote left of a study's files."""
    remove_files(folder, UNFINISHED)


def remove_unfinished_of_run(folder: Path) -> None:
    """Remove what a process that was killed while it wrote left of the files in a run's folder."""
    remove_files(folder, _unfinished(OF_A_RUN), folders=())


def remove_files(folder: Path, patterns: tuple[str, ...], *, folders: tuple[str, ...] = FOLDERS) -> None:
    """Remove the files of these patterns below a folder, never through a link, and those of `folders` that are empty then."""
    for pattern in patterns:
        for path in list(_matches(folder, pattern)):
            if path.is_symlink() or path.is_file():
                path.unlink(missing_ok=True)
    for pattern in folders:
        for path in list(_matches(folder, pattern)):
            if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
                path.rmdir()


def _matches(folder: Path, pattern: str) -> Iterator[Path]:
    """The paths of a pattern that no link leads to; a link that leads nowhere is one, too."""
    parents, _, name = pattern.rpartition("/")
    for parent in folder.glob(parents) if parents else [folder]:
        # glob passes over a name without a wildcard where a link of that name leads nowhere
        for path in parent.glob(name) if set(name) & set("*?") else [parent / name]:
            between = path.relative_to(folder).parents
            if os.path.lexists(path) and not any((folder / one).is_symlink() for one in between if one != Path()):
                yield path


def _has(file: Path, table: str, key: str) -> bool:
    try:
        return key in json.loads(read_own(file))[table]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _is_first(name: str) -> bool:
    """Whether a file may be there before environment.json is."""
    return name == ".lock" or (name.startswith((f".{ENVIRONMENT}.", ".study.toml.")) and name.endswith(PART))
