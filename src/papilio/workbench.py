"""What Python users call, and what every command calls: a few functions that tie the packages together."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from papilio.analysis.analyse import add_missing_of_stages, analyse
from papilio.analysis.image_samples import write_image_samples
from papilio.data.decoding import SUFFIXES as PICTURE_SUFFIXES
from papilio.data.load import load_images
from papilio.data.parallel import available_cores
from papilio.data.pictures import contact_sheet, write_picture
from papilio.data.progress import Progress, reading_progress
from papilio.engine import find_engine
from papilio.errors import RunError, RunFailed, SettingError, StudyError, shown
from papilio.execution.afterwards import span_afterwards, under_load
from papilio.execution.bounds import NO_QUESTION, Bounds
from papilio.execution.description import describe_study, study_schema
from papilio.execution.display import end_words
from papilio.execution.environment import (
    describe_environment,
    earlier_environment,
    kept_environment,
    resumed_environment,
)
from papilio.execution.listeners import make_progress
from papilio.execution.preview import StudyPreview, preview
from papilio.execution.schedule import Execution, Workload
from papilio.execution.signals import StopSignals
from papilio.execution.spans import spoken_span
from papilio.execution.trackers import refuse_missing_trackers
from papilio.exports.checking import Checked
from papilio.exports.export import export_run
from papilio.files import locked, open_atomic, path_to_write, write_json, write_text
from papilio.kinds.registry import KINDS
from papilio.kinds.warnings import warnings_of
from papilio.results.compare import compare
from papilio.results.results import StudyResults, read_results
from papilio.results.words import counted, duration
from papilio.runs.folder import RunFolder
from papilio.runs.mending import mend_run
from papilio.runs.own_code import find_modules, places_of_study
from papilio.runs.plan import RunPlan
from papilio.runs.run import load_run
from papilio.search.expected import plan_runs
from papilio.search.origins import Origins
from papilio.search.search import StudySearch
from papilio.search.sources import read_sources
from papilio.settings.references import OwnFunctions, own_names
from papilio.studies.checks import planning_notes, refuse_impossible_runs
from papilio.studies.images import StudyImages
from papilio.studies.planning import Sources
from papilio.studies.study import Study, load_study, parse_toml, read_toml
from papilio.studies.written import defaults_as_comments, with_written_defaults
from papilio.study_folder import (
    ENVIRONMENT,
    FIGURES,
    OF_SHARED,
    SHARED,
    refuse_foreign,
    remove_files,
    remove_study,
    remove_unfinished,
)
from papilio.workers.forked import SpareWorkers
from papilio.workers.messages import Crew
from papilio.workers.pool import Pool
from papilio.workers.ray_pool import import_ray
from papilio.workers.ray_start import ray_crew
from papilio.workers.sharing import SharedSets

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
        prepared = _prepared(
            study, changes, out=out, is_fresh=is_fresh, workers=workers, ray=ray, progress=told, spares=spares
        )
        results, blocked = _run_prepared(
            prepared, is_fresh=is_fresh, is_silent=is_silent, confirm=confirm, began=began, told=told
        )
    if blocked is not None:
        raise RunFailed(f"{prepared.study.where}: {blocked}; see {prepared.folder / 'report.html'}")
    if not allows_failures:
        _refuse_failed(results)
    return results


def _run_prepared(
    prepared: _Prepared,
    *,
    is_fresh: bool,
    is_silent: bool,
    confirm: Callable[[float], bool],
    began: float,
    told: Progress,
) -> tuple[StudyResults, str | None]:
    """Train what is left of a study and write its report; what kept stages from beginning comes with the results."""
    study, folder, sources, plans = prepared.study, prepared.folder, prepared.sources, prepared.plans
    images, notes = prepared.images, prepared.notes
    busy = f"{folder}: another process is running this study; wait for it, or choose another --out"
    signals, progress = StopSignals(), make_progress(is_silent=is_silent)
    with signals.listening(), locked(folder / ".lock", busy=busy):
        if not is_fresh:
            _refuse_other_study(folder, study)  # again: it may have come since
            remove_unfinished(folder)
            notes = [*_mended(folder), *notes]
        search = StudySearch(study, folder=folder, sources=sources, standing=images.standing_of)
        origins = Origins(search, images)
        origins.refuse_impossible(plans)
        with prepared.hired as crew:
            if is_fresh:
                remove_study(folder)
            _refuse_other_images(folder, plans, images)
            # nothing is written before this line: a wrong request leaves the folder as it was
            environment = describe_environment(images.distinct(), crew, modules=study.modules)
            earlier = earlier_environment(folder)
            write_json(folder / ENVIRONMENT, kept_environment(environment, earlier))
            _write_study(folder / "study.toml", with_written_defaults(study, plans), plans)
            write_image_samples(folder, images.distinct())
            shared = SharedSets(folder / SHARED)
            afterwards = under_load(span_afterwards(study, plans, images))
            bounds = Bounds(images)
            workload = Workload(
                folder,
                search,
                lambda plan: shared.of(images.of_run(plan)),
                images.structure_of,
                lambda plan: find_engine(plan.settings.train.engine, study.own).max_lanes(plan.settings),
                crew,
                origins,
                lambda plan: warnings_of(images.kind_of(plan)),
                began=began,
                afterwards=afterwards,
                most_seconds=partial(bounds.study_seconds, num_workers=crew.num_workers),
                work_of=bounds.epoch_seconds,
                title=study.settings.title,
                on_begin=lambda: write_json(folder / ENVIRONMENT, resumed_environment(environment, earlier)),
            )
            unfinished = (plan for plan in plans if not RunFolder(folder / "runs" / plan.name).is_finished())
            for note in [*notes, *(planning_notes(unfinished, images) if planning_notes(plans, images) else [])]:
                progress.on_note(note)
            try:
                with progress.display():
                    Execution(workload, progress, signals=signals, confirm=confirm).run()
            finally:
                remove_files(folder, OF_SHARED)
            results = read_results(folder)
            if any(run.status == "done" for run in results.runs):
                progress.on_note(f"analyzing the best runs, then writing the report: {spoken_span(afterwards)}")
            else:  # stopped before the first was finished, or all failed: there is nothing to analyze
                progress.on_note("writing the report")
            try:
                analyse(results, study, images, progress=told)
            finally:  # what an analysis complains of does not cost the tables
                _write_report(results, own=study.own)
            progress.on_note(f"{end_words(results)}, after {duration(time.monotonic() - began)}")
    return results, next(iter(search.blocked.values()), None)


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
    """What `run_study` would do, given the same: its trials, what of them is there, how long it would take.

    Everything is checked, for which images are read; a few steps are timed here. Nothing is written. Raises as `run_study`.
    """
    told = _tell_nobody if is_silent else reading_progress()
    changes = _overrides(settings, fraction=fraction, max_epochs=max_epochs, device=device, precision=precision)
    prepared = _prepared(study, changes, out=out, is_fresh=is_fresh, workers=workers, ray=ray, progress=told)
    study, images = prepared.study, prepared.images
    search = StudySearch(study, folder=prepared.folder, sources=prepared.sources, standing=images.standing_of)
    Origins(search, images).refuse_impossible(prepared.plans)
    if not is_fresh:
        _refuse_other_images(prepared.folder, prepared.plans, images)
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


@dataclass(frozen=True)
class _Prepared:
    """A study that can be run: nothing was written for it."""

    study: Study
    folder: Path
    sources: Sources
    plans: list[RunPlan]
    images: StudyImages
    notes: list[str]
    hired: contextlib.AbstractContextManager[Crew]
    num_workers: int | None  # None: as many as a cluster gives


def _prepared(
    given: str | Path | Mapping[str, Any] | Study,
    changes: Mapping[str, Any],
    *,
    out: Path | str | None,
    is_fresh: bool,
    workers: int | None,
    ray: str | None,
    progress: Progress,
    spares: SpareWorkers | None = None,
) -> _Prepared:
    """Read, plan and check a study; raises all that is to be said of it before anything is trained.

    `spares` are its workers, where they can be: made as soon as it is known how many there will be.
    """
    study = given if isinstance(given, Study) else load_study(given, changes)
    folder = path_to_write(out if out is not None else Path("results") / study.name, error=SettingError)
    if not is_fresh:
        study = replace(study, there=frozenset(path.name for path in folder.glob("runs/*")))
    sources = read_sources(study, folder)
    plans = plan_runs(study, sources)
    hired = _hired(study, plans, folder, workers=workers, ray=ray, spares=spares)
    refuse_foreign(folder)
    refuse_missing_trackers(study.where, plans)
    images = StudyImages(study.own, progress=progress)
    notes = [*study.notes, *study.unrepeatable(), *refuse_impossible_runs(study, plans, images)]
    if not is_fresh:
        _refuse_other_study(folder, study)
    num_workers = hired.enter_result.num_workers if isinstance(hired, contextlib.nullcontext) else None
    return _Prepared(study, folder, sources, plans, images, notes, hired, num_workers)


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
    `errors` = "skip" leaves out files that cannot be read; `progress` is told how many are read, of how many, and that. Raises
    DataError for what is not a picture, RunError for what is not a run.
    """
    return load_run(run, own=own).predict(pictures, is_inverted=is_inverted, errors=errors, progress=progress)


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
    also writes each image, as NAME-1.png next to the sheet. The same seed gives the same images, those of `Run.sample`;
    `label` is the class that they are of, in a conditional run. Raises RunError where the run makes no images, or none of a
    class that one can name, DataError for an unknown class, SettingError for a name of another kind, and for files that are
    there, unless `is_fresh`.
    """
    if not 1 <= num <= MOST_SAMPLES:
        raise SettingError(f"--num: must be from 1 to {MOST_SAMPLES:,}, not {num:,}")
    if seed < 0:
        raise SettingError(f"--seed: must be 0 or more, not {seed}")
    paths = sample_paths(path_to_write(out, error=SettingError), num=num, is_separate=is_separate)
    loaded = load_run(run, own=own)
    if "sample" not in loaded.kind.offers:
        able = ", ".join(kind.name for kind in KINDS.values() if "sample" in kind.offers)
        raise RunError(f"{loaded.folder}: a run of {loaded.kind.name} cannot generate images; these kinds can: {able}")
    if num * math.prod(loaded.image_shape) > MOST_SAMPLED_BYTES:
        most = MOST_SAMPLED_BYTES // math.prod(loaded.image_shape)
        raise SettingError(f"--num: must be from 1 to {most:,} for images of this size, not {num:,}")
    there = next((path for path in paths if path.exists()), None)
    if there is not None and not is_fresh:
        raise SettingError(f"{there}: already exists; choose another --out, or --fresh to replace it")
    images = loaded.sample(num, seed=seed, labels=label, progress=progress)
    if paths[0].suffix == ".npy":
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
    """The files that `sample` writes; raises SettingError for a name of another kind."""
    suffix = out.suffix.lower()
    if suffix == ".npy" and is_separate:
        raise SettingError(f"{out}: a .npy file holds all images; leave out --separate, or give a folder")
    if suffix in PICTURE_SUFFIXES and suffix != ".png" and not out.is_dir():
        raise SettingError(f"{out}: images are written as .png or .npy; use one of these suffixes, or give a folder")
    sheet = out if suffix in (".png", ".npy") and not out.is_dir() else out / "samples.png"
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
    special = {
        "data.fraction": fraction,
        "max_epochs": max_epochs,
        "train.device": device,
        "train.precision": precision,
    }
    return dict(settings or {}) | {key: value for key, value in special.items() if value is not None}


def _refuse_other_study(folder: Path, study: Study) -> None:
    """Raises RunError where another study is in the folder."""
    file = folder / "study.toml"
    with contextlib.suppress(StudyError):  # a damaged copy is rewritten
        title = read_toml(file).get("title")
        if title != study.settings.title:
            raise RunError(f"{folder}: holds another study ({title!r}); choose another --out, or --fresh to replace it")


def _mended(folder: Path) -> list[str]:
    """What of the runs in a study's folder was damaged, and is recreated."""
    return [note for path in sorted((folder / "runs").glob("*/run.json")) for note in mend_run(RunFolder(path.parent))]


def _write_study(file: Path, study: Study, plans: Sequence[RunPlan]) -> None:
    """Write the study as it is run; a file that says the same is left as it is, with the comments of whoever wrote it."""
    text = study.to_toml() + defaults_as_comments(study, plans)
    with contextlib.suppress(StudyError):
        if read_toml(file) == parse_toml(text, where=str(file)):
            return
    write_text(file, text)


def _refuse_other_images(folder: Path, plans: list[RunPlan], images: StudyImages) -> None:
    """Raises RunError where a run in the folder was trained on other images than its set now has."""
    for plan in plans:
        facts, image_set = RunFolder(folder / "runs" / plan.name).read(), images.of_run(plan)
        if facts is not None and facts.data_checksum not in ("", image_set.checksum):
            raise RunError(
                f"{folder}: {plan.name} was trained on other images than {image_set.name} has now;"
                " choose another --out, or start over with --fresh"
            )


def _hired(
    study: Study,
    plans: list[RunPlan],
    folder: Path,
    *,
    workers: int | None,
    ray: str | None,
    spares: SpareWorkers | None,
) -> contextlib.AbstractContextManager[Crew]:
    """Who trains while the block runs, here or on a cluster; raises SettingError for a device that does not exist."""
    devices = {(plan.settings.train.engine, plan.settings.train.device) for plan in plans}
    is_on_cpu = {device for _, device in devices} == {"cpu"}
    log = folder / "workers.log"
    here = _local_crew(workers, len(plans), is_on_cpu=is_on_cpu, own=study.own, log=log, spares=spares)
    if ray is not None:  # a cluster's accelerators are not here
        import_ray()
        return ray_crew(ray, workers, num_runs=len(plans), is_on_cpu=is_on_cpu, own=study.own)
    if spares is not None and not study.has_own_code and devices == {("torch", "cpu")}:
        spares.fork(here.num_workers)
    for engine, device in sorted(devices):
        find_engine(engine, study.own).refuse_missing_device(device)
    return contextlib.nullcontext(here)


def _local_crew(
    workers: int | None,
    num_runs: int,
    *,
    is_on_cpu: bool,
    own: OwnFunctions,
    log: Path,
    spares: SpareWorkers | None,
) -> Crew:
    """One single-threaded worker per core; fewer runs than cores share the cores' threads among them."""
    if workers is not None and workers < 1:
        raise SettingError(f"--workers: must be 1 or more, not {workers}")
    cores = available_cores()
    num_workers = min(workers or (cores if is_on_cpu else 1), num_runs)
    threads = max(1, cores // num_workers)
    return Crew(num_workers, threads, partial(Pool, num_workers, threads=threads, own=own, log=log, spares=spares))
