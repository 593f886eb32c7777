"""What Python users call, and what every command calls: a few functions that tie the packages together."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from papilio.analysis.analyse import add_missing_of_stages, analyse
from papilio.data.decoding import SUFFIXES as PICTURE_SUFFIXES
from papilio.data.load import load_images
from papilio.data.pictures import contact_sheet, write_picture
from papilio.data.progress import Progress, reading_progress
from papilio.errors import RunError, RunFailed, SettingError, StudyError, shown
from papilio.execution.bounds import NO_QUESTION
from papilio.execution.description import describe_study, study_schema
from papilio.execution.preparation import Prepared, prepare, refuse_other_images
from papilio.execution.preview import StudyPreview, preview
from papilio.execution.study_run import run_prepared
from papilio.exports.checking import Checked
from papilio.exports.export import export_run
from papilio.files import open_atomic, path_to_write
from papilio.kinds.registry import KINDS
from papilio.results.best import place_of_run
from papilio.results.compare import compare
from papilio.results.reading import read_results
from papilio.results.results import StudyResults
from papilio.results.words import counted
from papilio.runs.own_code import find_modules, places_of_study
from papilio.runs.run import Run, load_run
from papilio.search.origins import Origins
from papilio.search.search import StudySearch
from papilio.settings.references import OwnFunctions, own_names
from papilio.studies.checks import planning_notes
from papilio.studies.study import Study, load_study, parse_toml
from papilio.study_folder import FIGURES, remove_files
from papilio.workers.forked import SpareWorkers

__all__ = [
    "compare",
    "describe_study",
    "export",
    "load_images",
    "load_run",
    "load_study",
    "parse_settings",
    "plan_study",
    "predict",
    "read_results",
    "remake_report",
    "run_study",
    "sample",
    "study_schema",
]

DIGITS = 18  # of a number, at most, that is taken for a text where it is no number: 007
MOST_ON_SHEET = 1024  # images on a contact sheet
MOST_SAMPLES, MOST_SAMPLED_BYTES = 10**6, 2**32  # images that are made at once, and their bytes


def run_study(
    study: str | Path | Mapping[str, Any] | Study,
    *,
    out: Path | str | None = None,
    settings: Mapping[str, Any] | None = None,
    fraction: float | None = None,
    max_epochs: int | None = None,
    workers: int | None = None,
    ray: str | None = None,
    device: str | None = None,
    precision: str | None = None,
    is_fresh: bool = False,
    is_silent: bool = False,
    allows_failures: bool = False,
    confirm: Callable[[float], bool] = NO_QUESTION,
    began: float | None = None,
) -> StudyResults:
    """Run a study, or resume it, and write its report.

    `study` is a study file, a bundled study's name, or a dictionary of the same tables, in which functions may stand
    where a file has `module:function`. `settings` are dotted keys with values; `fraction` takes that share of the
    images, `max_epochs` caps epochs, `precision` is float32, bfloat16 or auto (the faster one); `confirm` is asked, before
    anything is trained, with the seconds that it will take at most, as predicted; `began` is when the command did, by
    time.monotonic(). `ray` is a Ray cluster's address, "auto" for one that runs here, or "local" to start one. Finished runs
    in `out` (by default results/NAME) are kept and reused, unless `is_fresh`. Raises StudyError, DataError, BusyError and
    the rest of `papilio.errors`; once everything else is trained and the report is written, RunFailed where a
    run failed, unless `allows_failures`.
    """
    began = time.monotonic() if began is None else began
    told = _tell_nobody if is_silent else reading_progress()
    changes = _overrides(settings, fraction=fraction, max_epochs=max_epochs, device=device, precision=precision)
    with SpareWorkers() as spares:
        prepared = prepare(
            study, changes, out=out, is_fresh=is_fresh, workers=workers, ray=ray, progress=told, spares=spares
        )
        results, blocked = run_prepared(
            prepared,
            is_fresh=is_fresh,
            is_silent=is_silent,
            confirm=confirm,
            began=began,
            conclude=partial(_conclude, prepared, progress=told),
        )
    if blocked is not None:
        raise RunFailed(f"{prepared.study.where}: {blocked}; see {prepared.folder / 'report.html'}")
    if not allows_failures:
        _refuse_failed(results)
    return results


def plan_study(
    study: str | Path | Mapping[str, Any] | Study,
    *,
    out: Path | str | None = None,
    settings: Mapping[str, Any] | None = None,
    fraction: float | None = None,
    max_epochs: int | None = None,
    workers: int | None = None,
    ray: str | None = None,
    device: str | None = None,
    precision: str | None = None,
    is_fresh: bool = False,
    is_silent: bool = False,
) -> StudyPreview:
    """Plan a study without running it: trials, finished runs, estimated time.

    Everything is checked, for which images are read; a few steps are timed here. Nothing is written. Raises as `run_study`.
    """
    told = _tell_nobody if is_silent else reading_progress()
    changes = _overrides(settings, fraction=fraction, max_epochs=max_epochs, device=device, precision=precision)
    prepared = prepare(study, changes, out=out, is_fresh=is_fresh, workers=workers, ray=ray, progress=told)
    study, images = prepared.study, prepared.images
    search = StudySearch(study, folder=prepared.folder, sources=prepared.sources, standing=images.standing_of)
    Origins(search, images).refuse_impossible(prepared.plans)
    if not is_fresh:
        refuse_other_images(prepared.folder, prepared.plans, images)
    return preview(
        study,
        prepared.plans,
        images,
        folder=prepared.folder,
        notes=[*prepared.notes, *planning_notes(prepared.plans, images)],
        num_workers=prepared.num_workers,
        is_fresh=is_fresh,
        is_timed=ray is None,
    )


def _conclude(prepared: Prepared, results: StudyResults, *, progress: Progress) -> list[str]:
    """Analyze the best runs, then write the report; what of the analyses had nothing to show."""
    try:
        return analyse(results, prepared.study, prepared.images, progress=progress)
    finally:  # what an analysis complains of does not cost the tables
        _write_report(results, own=prepared.study.own)


def _refuse_failed(results: StudyResults) -> None:
    """Raises RunFailed where a run failed: the first one's reason."""
    failed = [run for run in results.runs if run.status == "failed"]
    if failed:
        first = failed[0]
        raise RunFailed(
            f"{len(failed)} of {counted(len(results.runs), 'run')} failed: {first.name}: {first.reason}"
            f" ({first.folder / 'error.txt'}); the others are kept, and allows_failures=True returns them"
        )


def _tell_nobody(done: int, total: int, what: str) -> None:
    """Progress that nobody is told of."""


def remake_report(folder: Path | str) -> Path:
    """Write the report of a study's folder again, from its files; raises RunError where it is not one.

    Analyses of stages that are missing are computed first, where what they need is installed.
    """
    results = read_results(folder)
    with contextlib.suppress(SettingError):  # of another study's module of that name: a page can be made without
        find_modules(own_names(results.study), places_of_study(results.folder))
    add_missing_of_stages(results)
    return _write_report(results)


def predict(
    run: Any,
    pictures: Any,
    *,
    own: OwnFunctions | None = None,
    is_inverted: bool = False,
    errors: Literal["raise", "skip"] = "raise",
    progress: Progress | None = None,
) -> list[Any]:
    """What pictures show, by a trained run, or whatever stands for one.

    `run` and `own` are as `load_run` takes them: a run, its folder, a study's folder or results, a trial, "clock".
    `pictures` are paths, folders, PIL images or arrays, as `Run.predict` takes them. `is_inverted` swaps light and dark first;
    `errors` = "skip" leaves out files that cannot be read. `progress` is called with how many pictures are
    read, and of how many. Raises DataError for what is not a picture, RunError for what is not a run.
    """
    return _run_with("predict", run, own).predict(pictures, is_inverted=is_inverted, errors=errors, progress=progress)


def sample(
    run: Any,
    out: Path | str = "samples.png",
    *,
    own: OwnFunctions | None = None,
    num: int = 64,
    seed: int = 0,
    label: str | None = None,
    is_separate: bool = False,
    is_fresh: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Write new images by a trained run to files; their paths, that of the contact sheet first.

    `run` and `own` are as `load_run` takes them. `out` is a name that ends with .png, for a contact sheet, or with .npy, for
    an array of bytes (num, height, width), in color (num, height, width, 3), or a folder, for samples.png in it. `is_separate`
    also writes each image, as NAME-1.png next to the sheet, which shows the first 1,024. The same seed gives the same images,
    those of `Run.sample`; `label` is the class that they are of, in a conditional run. Raises RunError where the run makes no
    images, or none of a class that one can name, DataError for an unknown class, SettingError for more images than a sheet
    shows, for the suffix of another kind of picture, and for files that are there, unless `is_fresh`.
    """
    if not 1 <= num <= MOST_SAMPLES:
        raise SettingError(f"--num: must be from 1 to {MOST_SAMPLES:,}, not {num:,}")
    if seed < 0:
        raise SettingError(f"--seed: must be 0 or more, not {seed}")
    paths = sample_paths(path_to_write(out, error=SettingError), num=num, is_separate=is_separate)
    loaded = _run_with("sample", run, own)
    if "sample" not in loaded.kind.offers:
        able = ", ".join(kind.name for kind in KINDS.values() if "sample" in kind.offers)
        raise RunError(
            f"{loaded.folder}: its kind, {loaded.kind.name}, cannot generate images; these kinds can: {able}"
        )
    if num * math.prod(loaded.image_shape) > MOST_SAMPLED_BYTES:
        most = MOST_SAMPLED_BYTES // math.prod(loaded.image_shape)
        raise SettingError(f"--num: must be from 1 to {most:,} for images of this size, not {num:,}")
    there = next((path for path in paths if path.exists()), None)
    if there is not None and not is_fresh:
        raise SettingError(f"{there}: already exists; choose another --out, or --fresh to replace it")
    images = loaded.sample(num, seed=seed, labels=label, progress=progress)
    if paths[0].suffix.lower() == ".npy":
        with open_atomic(paths[0]) as file:
            np.save(file, images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1))
        return paths
    first = images[:MOST_ON_SHEET]
    write_picture(paths[0], contact_sheet(first, columns=math.ceil(math.sqrt(len(first)))))
    for path, image in zip(paths[1:], images, strict=is_separate):
        write_picture(path, image)
    return paths


def export(
    run: Any, out: Path | str = "exported", *, own: OwnFunctions | None = None, is_fresh: bool = False
) -> tuple[list[Path], Checked]:
    """Write a trained run for other programs into a folder: ONNX, safetensors and a card; the paths, and how it was checked.

    `run` and `own` are as `load_run` takes them: a run, its folder, a study's folder or results, a trial, "clock". The ONNX
    files take uint8 pictures and give probabilities, values, reconstructions or images; each is compared with the run's own
    answers on images of its set, where that is here, and on noise otherwise, before anything is written. Raises RunError for
    a run that cannot be exported, or whose files do not agree with it, and SettingError for files that are there, unless
    `is_fresh`.
    """
    return export_run(load_run(run, own=own), path_to_write(out, error=SettingError), is_fresh=is_fresh)


def sample_paths(out: Path, *, num: int, is_separate: bool) -> list[Path]:
    """The files that `sample` writes; raises SettingError for a name of another kind, and for more than a sheet alone shows."""
    suffix = out.suffix.lower()
    if suffix == ".npy" and is_separate:
        raise SettingError(f"{out}: a .npy file holds all images; leave out --separate, or give a folder")
    if suffix in PICTURE_SUFFIXES and suffix != ".png" and not out.is_dir():
        raise SettingError(f"{out}: images are written as .png or .npy; use one of these suffixes, or give a folder")
    sheet = out if suffix in (".png", ".npy") and not out.is_dir() else out / "samples.png"
    if num > MOST_ON_SHEET and not is_separate and sheet.suffix.lower() != ".npy":
        raise SettingError(
            f"--num: a contact sheet shows at most {MOST_ON_SHEET:,} images, not {num:,}; for all of them choose an --out"
            " that ends in .npy, or --separate"
        )
    digits = len(str(num))
    numbers = range(1, num + 1) if is_separate else ()
    return [sheet, *(sheet.with_name(f"{sheet.stem}-{number:0{digits}}.png") for number in numbers)]


def save_pictures(
    predictions: Sequence[Any], folder: Path, *, taken: Collection[Path] = (), is_fresh: bool = True
) -> list[Path]:
    """Write what a run made of pictures where that is a picture itself: before and after side by side; the files' paths.

    Pictures of one name get numbers, and so does one of a name that is `taken`. Raises StorageError where the folder
    cannot be written, and, unless `is_fresh`, SettingError before anything is written where a file is there already.
    """
    folder, made = path_to_write(folder, error=SettingError), dict[Path, np.ndarray]()
    for prediction in predictions:
        if hasattr(prediction, "picture_to_save"):
            name, image = prediction.picture_to_save()
            path, number = folder / name, 1
            while path in made or path in taken:
                number += 1
                path = folder / f"{Path(name).stem}-{number}.png"
            made[path] = image
    if not is_fresh and (there := next((path for path in made if path.exists()), None)):
        raise SettingError(f"{there}: already exists; choose another --out, or --fresh to replace it")
    for path, image in made.items():
        write_picture(path, image)
    return list(made)


def parse_settings(pairs: list[str]) -> dict[str, Any]:
    """`--set` arguments, KEY=VALUE with VALUE as in TOML (a bare word is a string); raises StudyError."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key.strip():
            raise StudyError(f"--set {pair}: expected KEY=VALUE, for example train.epochs=5")
        settings[key.strip()] = _parse_value(text.strip(), where=f"--set {key.strip()}")
    return settings


def _run_with(offer: str, run: Any, own: OwnFunctions | None) -> Run:
    """The run that `run` stands for; a study stands for its best one that has the offer."""
    return run if isinstance(run, Run) else load_run(place_of_run(run, offer=offer)[0], own=own)


def _parse_value(text: str, *, where: str) -> Any:
    """A value as in TOML; what is none, and does not look as if it were meant to be one, is a text."""
    try:
        tables = parse_toml(f"value = {text}", where=where)
    except StudyError:
        if text.startswith(("[", "{")) or (len(text) > DIGITS and text.lstrip("+-").isdecimal()):
            raise
        return text
    if len(tables) > 1:
        raise StudyError(f"{where}: {shown(text)} is more than one value; give each setting its own --set")
    return tables["value"]


def _write_report(results: StudyResults, *, own: OwnFunctions | None = None) -> Path:
    """The page with its figures; those of an earlier report go, so that none is left of a trial that is no more."""
    from papilio.sections.page import write_report  # it brings matplotlib

    remove_files(results.folder, FIGURES)
    return write_report(results, own=own)


def _overrides(
    settings: Mapping[str, Any] | None,
    *,
    fraction: float | None,
    max_epochs: int | None,
    device: str | None,
    precision: str | None,
) -> dict[str, Any]:
    if not isinstance(settings, Mapping | None):
        raise SettingError(f'settings = {shown(settings)}: must be a dictionary, such as {{"train.epochs": 5}}')
    special = {
        "data.fraction": fraction,
        "max_epochs": max_epochs,
        "train.device": device,
        "train.precision": precision,
    }
    return dict(settings or {}) | {key: value for key, value in special.items() if value is not None}
