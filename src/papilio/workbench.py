"""What Python users call, and what every command calls: a few functions that tie the packages together."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from papilio.analysis import classification, reading
from papilio.data.imageset import ImageSet
from papilio.data.load import load_images
from papilio.data.parallel import available_cores
from papilio.data.progress import Progress
from papilio.errors import RunError, RunFailed, SettingError, StudyError
from papilio.execution.description import describe_study, study_schema
from papilio.execution.display import make_progress
from papilio.execution.environment import describe_environment
from papilio.execution.schedule import Execution, Workload
from papilio.execution.signals import StopSignals
from papilio.files import locked, remove_leftovers, write_json, write_text
from papilio.results.compare import compare
from papilio.results.results import RunResult, StudyResults, read_results
from papilio.runs.folder import RunFolder, RunPlan
from papilio.runs.reading import QuantityPrediction
from papilio.runs.run import Prediction, Run, load_run
from papilio.search.expected import plan_runs
from papilio.search.search import StudySearch
from papilio.search.sources import read_sources
from papilio.settings.references import OwnFunctions
from papilio.studies.images import StudyImages, refuse_impossible_runs
from papilio.studies.schema import AnalysisSettings
from papilio.studies.study import Study, load_study, parse_toml, slug
from papilio.training.catalogue import SUPERVISED
from papilio.training.devices import refuse_missing_device
from papilio.workers.messages import Crew
from papilio.workers.pool import Pool
from papilio.workers.ray_pool import import_ray
from papilio.workers.ray_start import ray_crew
from papilio.workers.sharing import SharedSets

__all__ = [
    "compare",
    "describe_study",
    "load_images",
    "load_run",
    "load_study",
    "parse_settings",
    "predict",
    "read_results",
    "remake_report",
    "run_study",
    "study_schema",
]

SHARED = ".images"  # the folder, in a study's, of what workers map; there only while they work
OURS = (
    "study.toml",
    "environment.json",
    "results.csv",
    "report.html",
    "figures",
    "runs",
    "analyses",
    "search.journal",
    "workers.log",
    SHARED,
)


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
    is_fresh: bool = False,
    is_silent: bool = False,
    confirm: Callable[[float], bool] = lambda seconds: True,
) -> StudyResults:
    """Run a study, or go on with it, and write its report.

    `study` is a study file, a bundled study's name, or a dictionary of the same tables, in which functions may stand
    where a file has `module:function`. `settings` are dotted keys with values; `fraction` takes that share of the
    images, `max_epochs` caps epochs; `confirm` is asked with the predicted seconds before anything is trained. `ray`
    is a Ray cluster's address, "auto" for one that runs here, or "local" to start one. Finished runs in `out` (by
    default results/NAME) are kept and reused, unless `is_fresh`. Raises StudyError, DataError,
    BusyError and the rest of `papilio.errors`.
    """
    if not isinstance(study, Study):
        study = load_study(study, _overrides(settings, fraction=fraction, max_epochs=max_epochs, device=device))
    folder = Path(out) if out is not None else Path("results") / study.name
    sources = read_sources(study, folder)
    plans = plan_runs(study, sources)
    devices = {plan.settings["train"]["device"] for plan in plans}
    is_on_cpu = devices == {"cpu"}
    crew = _local_crew(workers, len(plans), is_on_cpu=is_on_cpu, own=study.own, log=folder / "workers.log")
    if ray is not None:
        import_ray()
    for name in devices if ray is None else ():  # a cluster's accelerators are not here
        refuse_missing_device(name)
    busy = f"{folder}: another process is at work on this study; wait for it, or choose another --out"
    signals = StopSignals()
    with contextlib.ExitStack() as stack:
        stack.enter_context(signals.listening())
        stack.enter_context(locked(folder / ".lock", busy=busy))
        if not is_fresh:
            _refuse_other_contents(folder, study)
        images = StudyImages()
        refuse_impossible_runs(study, plans, images)
        if ray is not None:
            crew = stack.enter_context(ray_crew(ray, workers, num_runs=len(plans), is_on_cpu=is_on_cpu, own=study.own))
        if is_fresh:
            _remove_ours(folder)
        _refuse_other_images(folder, plans, images)
        # nothing is written before this line: a wrong request leaves the folder as it was
        write_text(folder / "study.toml", study.to_toml())
        write_json(folder / "environment.json", describe_environment(images.distinct(), crew))
        progress = make_progress(is_silent=is_silent)
        search = StudySearch(
            study, folder=folder, sources=sources, ranking=lambda plan: images.ranking_of(plan, study.own)
        )
        shared = SharedSets(folder / SHARED)
        workload = Workload(folder, search, lambda plan: shared.of(images.of_run(plan)), crew)
        try:
            with progress.display():
                Execution(workload, progress, signals=signals, confirm=confirm).run()
        finally:
            shutil.rmtree(folder / SHARED, ignore_errors=True)
        progress.on_note("looking at the best runs, writing the report")
        results = read_results(folder)
        _analyse(results, study, images)
        _write_report(results)
    if search.blocked:
        raise RunFailed(f"{study.where}: {next(iter(search.blocked.values()))}; see {folder / 'report.html'}")
    return results


def remake_report(folder: Path | str) -> Path:
    """Write the report of a study's folder again, from its files; raises RunError where it is not one."""
    return _write_report(read_results(folder))


def predict(
    run: Run | Path | str,
    pictures: Sequence[Path | str],
    *,
    is_inverted: bool = False,
    progress: Progress | None = None,
) -> list[Prediction] | list[QuantityPrediction]:
    """What picture files show, by a trained run, its folder, or the name of one that comes with Papilio ("clock").

    `is_inverted` swaps light and dark first; `progress` is told how many are read, of how many, and that.
    """
    loaded = run if isinstance(run, Run) else load_run(run)
    return loaded.predict(pictures, is_inverted=is_inverted, progress=progress)


def parse_settings(pairs: list[str]) -> dict[str, Any]:
    """`--set` arguments, KEY=VALUE with VALUE as in TOML (a bare word is a string); raises StudyError."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key.strip():
            raise StudyError(f"--set {pair}: expected KEY=VALUE, for example train.epochs=5")
        try:
            settings[key.strip()] = parse_toml(f"value = {text}", where="--set")["value"]
        except StudyError:
            settings[key.strip()] = text.strip()
    return settings


def _write_report(results: StudyResults) -> Path:
    """The page with its figures; those of an earlier report go, so that none is left of a trial that is no more."""
    from papilio.sections.page import write_report  # it brings matplotlib

    shutil.rmtree(results.folder / "figures", ignore_errors=True)
    return write_report(results)


def _overrides(
    settings: Mapping[str, Any] | None, *, fraction: float | None, max_epochs: int | None, device: str | None
) -> dict[str, Any]:
    special = {"data.fraction": fraction, "max_epochs": max_epochs, "train.device": device}
    return dict(settings or {}) | {key: value for key, value in special.items() if value is not None}


def _refuse_other_contents(folder: Path, study: Study) -> None:
    """Raises RunError where something else than this study is in the folder."""
    remove_leftovers(folder)
    file = folder / "study.toml"
    if file.exists():
        with contextlib.suppress(StudyError, UnicodeDecodeError, OSError):  # a damaged copy is written anew
            title = parse_toml(file.read_text(), where=str(file)).get("title")
            if title != study.settings.title:
                raise RunError(
                    f"{folder}: holds another study ({title!r}); choose another --out, or --fresh to replace it"
                )
    elif any(one.name not in (".lock", *OURS) for one in folder.iterdir()):
        raise RunError(f"{folder}: is not empty and not a study's folder; choose another --out")


def _remove_ours(folder: Path) -> None:
    """Remove what a study left, and nothing else."""
    for name in OURS:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _refuse_other_images(folder: Path, plans: list[RunPlan], images: StudyImages) -> None:
    """Raises RunError where a run in the folder was trained on other images than its set now has."""
    for plan in plans:
        facts, image_set = RunFolder(folder / "runs" / plan.name).read(), images.of_run(plan)
        if facts is not None and facts.data_checksum not in ("", image_set.checksum):
            raise RunError(
                f"{folder}: {plan.name} began on other images than {image_set.name} now has;"
                " take another --out, or --fresh"
            )


def _local_crew(workers: int | None, num_runs: int, *, is_on_cpu: bool, own: OwnFunctions, log: Path) -> Crew:
    """One single-threaded worker a core; fewer runs than cores share the cores' threads among them."""
    if workers is not None and workers < 1:
        raise SettingError(f"--workers: {workers} is not a number of workers; allowed is 1 or more")
    cores = available_cores()
    num_workers = min(workers or (cores if is_on_cpu else 1), num_runs)
    threads = max(1, cores // num_workers)
    return Crew(num_workers, threads, partial(Pool, num_workers, threads=threads, own=own, log=log))


def _analyse(results: StudyResults, study: Study, images: StudyImages) -> None:
    """The study's analyses of each stage's best trials; what was analysed before and still stands is not done again."""
    folder = results.folder / "analyses"
    wanted: dict[str, tuple[AnalysisSettings, RunResult, ImageSet]] = {}
    for analysis in study.settings.analysis:
        for stage in results.stages:
            for trial in results.ranked(stage)[: analysis.top]:
                run = results.best_run(trial)
                if run is None or run.settings["train"]["objective"] != SUPERVISED:
                    continue
                image_set = images.of_analysis(analysis, run.settings["data"], run.fold)
                if len(image_set.test):
                    kind = "classification" if image_set.quantity is None else "reading"
                    where = f"-on-{slug(analysis.name or 'other images')}" if analysis.data else ""
                    wanted[f"{kind}-{run.name}{where}.npz"] = (analysis, run, image_set)
    for file in folder.glob("*.npz"):
        if file.name not in wanted:
            file.unlink()
    for name, (analysis, run, image_set) in wanted.items():
        network, path = study.own.get(run.settings["model"]["family"]), folder / name
        if image_set.quantity is None:
            if not classification.is_saved(path, num_mistakes=analysis.mistakes):
                trained = load_run(run.folder, network=network)
                found = classification.classify(trained, image_set, num_mistakes=analysis.mistakes)
                classification.save_classification(found, path)
        elif not reading.is_saved(
            path, num_pictures=(num_pictures := max(1, analysis.mistakes // 3)), of=analysis.name
        ):
            trained = load_run(run.folder, network=network)
            read = reading.read_quantity(trained, image_set, num_pictures=num_pictures, name=analysis.name)
            reading.save_reading(read, path)
