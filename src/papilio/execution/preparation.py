"""A study is read, planned and checked, and its workers are found: nothing is written, and nothing is trained."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from papilio.data.parallel import available_cores
from papilio.data.progress import Progress
from papilio.engine import find_engine
from papilio.errors import RunError, SettingError, StudyError
from papilio.execution.trackers import refuse_missing_trackers
from papilio.files import path_to_write
from papilio.runs.folder import RunFolder
from papilio.runs.plan import RunPlan
from papilio.search.expected import plan_runs
from papilio.search.sources import read_sources
from papilio.settings.references import OwnFunctions
from papilio.studies.checks import refuse_impossible_runs
from papilio.studies.images import StudyImages
from papilio.studies.planning import Sources
from papilio.studies.study import Study, load_study, read_toml
from papilio.study_folder import refuse_foreign
from papilio.workers.forked import SpareWorkers
from papilio.workers.messages import Crew
from papilio.workers.pool import Pool
from papilio.workers.ray_pool import import_ray
from papilio.workers.ray_start import ray_crew


@dataclass(frozen=True)
class Prepared:
    """A study that can be run: nothing was written for it."""

    study: Study
    folder: Path
    sources: Sources
    plans: list[RunPlan]
    images: StudyImages
    notes: list[str]
    hired: contextlib.AbstractContextManager[Crew]
    num_workers: int | None  # None: as many as a cluster gives


def prepare(
    given: str | Path | Mapping[str, Any] | Study,
    changes: Mapping[str, Any],
    *,
    out: Path | str | None,
    is_fresh: bool,
    workers: int | None,
    ray: str | None,
    progress: Progress,
    spares: SpareWorkers | None = None,
) -> Prepared:
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
        refuse_other_study(folder, study)
    num_workers = hired.enter_result.num_workers if isinstance(hired, contextlib.nullcontext) else None
    return Prepared(study, folder, sources, plans, images, notes, hired, num_workers)


def refuse_other_study(folder: Path, study: Study) -> None:
    """Raises RunError where another study is in the folder."""
    file = folder / "study.toml"
    with contextlib.suppress(StudyError):  # a damaged copy is rewritten
        title = read_toml(file).get("title")
        if isinstance(title, str) and title != study.settings.title:
            raise RunError(
                f"{file}: the folder holds another study ({title!r}); choose another --out, or --fresh to replace it"
            )


def refuse_other_images(folder: Path, plans: list[RunPlan], images: StudyImages) -> None:
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
