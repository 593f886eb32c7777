"""What Python users call, and what every command calls: a few functions that tie the packages together."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from papilio.analysis.classification import classify, save_classification
from papilio.data.imageset import ImageSet
from papilio.data.load import load_images
from papilio.errors import RunError, SettingError, StudyError
from papilio.files import locked, write_json, write_text
from papilio.models.describe import count_parameters
from papilio.models.families import FAMILIES, build_nets, find_builder
from papilio.runs.execution import layer_rows
from papilio.runs.folder import RunPlan
from papilio.runs.load import Prediction, Run, load_run
from papilio.studies.environment import describe_environment, num_cores
from papilio.studies.execution import Execution, Workload
from papilio.studies.planning import plan_runs
from papilio.studies.progress import make_progress, reading_progress
from papilio.studies.results import StudyResults, read_results
from papilio.studies.sharing import share_images
from papilio.studies.study import Study, StudySettings, load_study, parse_toml
from papilio.studies.validation import settings_class
from papilio.training.settings import TrainSettings

__all__ = ["load_images", "load_run", "load_study", "predict", "read_results", "remake_report", "run_study"]

OURS = (
    "study.toml",
    "environment.json",
    "results.csv",
    "report.html",
    "figures",
    "runs",
    "analyses",
    "workers.log",
    ".images",
)


def run_study(
    study: str | Path | Mapping[str, Any] | Study,
    *,
    out: Path | str | None = None,
    settings: Mapping[str, Any] | None = None,
    fraction: float | None = None,
    max_epochs: int | None = None,
    workers: int | None = None,
    device: str | None = None,
    is_fresh: bool = False,
    is_silent: bool = False,
    confirm: Callable[[float], bool] = lambda seconds: True,
) -> StudyResults:
    """Run a study, or go on with it, and write its report.

    `study` is a study file, a bundled study's name, or a dictionary of the same tables, in which functions may stand
    where a file has `module:function`. `settings` are dotted keys with values; `fraction` takes that share of the
    images, `max_epochs` caps epochs; `confirm` is asked with the predicted seconds before anything is trained. Finished
    runs in `out` (by default results/NAME) are kept and reused, unless `is_fresh`. Raises StudyError, DataError,
    BusyError and the rest of `papilio.errors`.
    """
    if not isinstance(study, Study):
        study = load_study(study, _overrides(settings, fraction=fraction, max_epochs=max_epochs, device=device))
    plans = plan_runs(study)
    folder = Path(out) if out is not None else Path("results") / study.name
    with locked(
        folder / ".lock",
        busy=f"{folder}: another process is at work on this study; wait for it, or choose another --out",
    ):
        _prepare_folder(folder, study, is_fresh=is_fresh)
        num_workers, threads = _workers_and_threads(
            workers, len(plans), device=study.settings.train.get("device", "cpu")
        )
        image_sets = _load_all_images(plans)
        write_text(folder / "study.toml", study.to_toml())
        distinct = list({id(images): images for images in image_sets.values()}.values())
        write_json(
            folder / "environment.json",
            describe_environment(distinct, num_workers=num_workers, threads=threads),
        )
        _execute(folder, study, plans, image_sets, (num_workers, threads), is_silent=is_silent, confirm=confirm)
        results = read_results(folder)
        _analyse(results, study, image_sets)
        _write_report(results)
    return results


def remake_report(folder: Path | str) -> Path:
    """Write the report of a study's folder again, from its files; raises RunError where it is not one."""
    return _write_report(read_results(folder))


@dataclass(frozen=True)
class StudyDescription:
    """A study before it runs: its file as resolved, its trials, and the layers of each different network."""

    toml: str
    trials: list[tuple[str, str, int, str]]  # stage, trial, runs, parameters
    networks: list[tuple[str, list[list[str]]]]  # title, rows of layer, kind, output shape, parameters


def describe_study(
    study: str | Path | Mapping[str, Any], *, settings: Mapping[str, Any] | None = None
) -> StudyDescription:
    """What a study holds, its networks built for its images; raises StudyError, DataError."""
    loaded = load_study(study, settings)
    plans = plan_runs(loaded)
    image_sets = _load_all_images(plans)
    trials: dict[tuple[str, str], list[RunPlan]] = {}
    for plan in plans:
        trials.setdefault((plan.stage, plan.trial), []).append(plan)
    rows, networks = [], {}
    for (stage, trial), runs in trials.items():
        images, model = image_sets[runs[0].name], dict(runs[0].settings["model"])
        builder = find_builder(model.pop("family"), loaded.own)
        nets = build_nets(builder, model, image_shape=images.image_shape, num_classes=images.num_classes, seed=0)
        num_parameters = f"{sum(count_parameters(net) for net in nets.values()):,}"
        rows.append((stage, trial, len(runs), num_parameters))
        layers = [_layer_cells(row) for row in layer_rows(nets, images.image_shape)]
        networks.setdefault(str(layers), (f"{trial}: {num_parameters} parameters", layers))
    return StudyDescription(loaded.to_toml(), rows, list(networks.values()))


def _layer_cells(row: Mapping[str, Any]) -> list[str]:
    shape = "×".join(map(str, row["output_shape"])) or "–"
    return [row["name"], row["kind"], shape, f"{row['num_parameters']:,}"]


def study_schema() -> dict[str, Any]:
    """The JSON schema of study files, for editors; the settings of each model family stand in its definition."""
    schema = StudySettings.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["properties"]["train"] = {"$ref": "#/$defs/TrainSettings"}
    train = TrainSettings.model_json_schema(ref_template="#/$defs/{model}")
    families = {
        name: settings_class(builder, name).model_json_schema(ref_template="#/$defs/{model}")
        for name, builder in FAMILIES.items()
    }
    definitions = schema["$defs"] | train.pop("$defs", {}) | {"TrainSettings": train}
    # a table of the optimizer's settings is allowed wherever its name is
    train["properties"]["optimizer"] = {"anyOf": [train["properties"]["optimizer"], {"type": "object"}]}
    for name, family in families.items():
        family["properties"]["family"] = {"const": name}
        definitions[f"model-{name}"] = family
    own = {
        "type": "object",
        "properties": {"family": {"type": "string", "pattern": ":"}},
        "required": ["family"],
    }
    schema["properties"]["model"] = {"anyOf": [{"$ref": f"#/$defs/model-{name}"} for name in families] + [own]}
    return schema | {"$defs": definitions}


def predict(run: Run | Path | str, pictures: Sequence[Path | str]) -> list[Prediction]:
    """What picture files show, by a trained run (or its folder)."""
    return (run if isinstance(run, Run) else load_run(run)).predict(pictures)


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
    from papilio.report.page import write_report  # it brings matplotlib

    shutil.rmtree(results.folder / "figures", ignore_errors=True)
    return write_report(results)


def _overrides(
    settings: Mapping[str, Any] | None, *, fraction: float | None, max_epochs: int | None, device: str | None
) -> dict[str, Any]:
    special = {"data.fraction": fraction, "max_epochs": max_epochs, "train.device": device}
    return dict(settings or {}) | {key: value for key, value in special.items() if value is not None}


def _prepare_folder(folder: Path, study: Study, *, is_fresh: bool) -> None:
    """Make sure that the folder is this study's; raises RunError where something else is in it."""
    file = folder / "study.toml"
    if file.exists():
        title = parse_toml(file.read_text(), where=str(file)).get("title")
        if title != study.settings.title and not is_fresh:
            raise RunError(f"{folder}: holds another study ({title!r}); choose another --out, or --fresh to replace it")
    elif folder.exists() and any(one.name != ".lock" for one in folder.iterdir()):
        raise RunError(f"{folder}: is not empty and not a study's folder; choose another --out")
    if is_fresh:
        for name in OURS:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _workers_and_threads(workers: int | None, num_runs: int, *, device: str) -> tuple[int, int]:
    """One single-threaded worker a core; fewer runs than cores share the cores' threads among them."""
    if workers is not None and workers < 1:
        raise SettingError(f"--workers: {workers} is not a number of workers; allowed is 1 or more")
    cores = num_cores()
    num_workers = workers or min(1 if device != "cpu" else cores, num_runs)
    return min(num_workers, num_runs), max(1, cores // num_workers)


def _load_all_images(plans: list[RunPlan]) -> dict[str, ImageSet]:
    """Each run's image set, by run; equal [data] tables share one."""
    loaded: dict[str, ImageSet] = {}
    by_run = {}
    for plan in plans:
        key = repr(sorted(plan.settings["data"].items()))
        if key not in loaded:
            loaded[key] = images_of(plan.settings["data"])
        by_run[plan.name] = loaded[key]
    return by_run


def images_of(data: Mapping[str, Any]) -> ImageSet:
    """The image set of a study's resolved [data] table."""
    arguments = {key: value for key, value in data.items() if key not in ("name", "path")}
    if isinstance(arguments.get("size"), list):
        arguments["size"] = tuple(arguments["size"])
    return load_images(data.get("name") or data["path"], progress=reading_progress(), **arguments)


def _execute(
    folder: Path,
    study: Study,
    plans: list[RunPlan],
    image_sets: Mapping[str, ImageSet],
    workers_and_threads: tuple[int, int],
    *,
    is_silent: bool,
    confirm: Callable[[float], bool],
) -> None:
    shared = {id(images): share_images(images, folder / ".images") for images in image_sets.values()}
    workload = Workload(
        folder=folder,
        plans=plans,
        images={name: shared[id(images)] for name, images in image_sets.items()},
        own=study.own,
        num_workers=workers_and_threads[0],
        threads=workers_and_threads[1],
    )
    progress = make_progress(len(plans), is_silent=is_silent)
    try:
        with progress.display():
            Execution(workload, progress, confirm=confirm).run()
    finally:
        shutil.rmtree(folder / ".images", ignore_errors=True)


def _analyse(results: StudyResults, study: Study, image_sets: Mapping[str, ImageSet]) -> None:
    """The study's analyses of each stage's best trials; what was analysed before and still stands is not done again."""
    folder = results.folder / "analyses"
    wanted = {}
    for analysis in study.settings.analysis:
        for stage in results.stages:
            for trial in results.ranked(stage)[: analysis.top]:
                run = results.best_run(trial)
                if run is not None and run.settings["train"]["objective"] == analysis.kind:
                    wanted[f"{analysis.kind}-{run.name}.npz"] = (analysis, run)
    for file in folder.glob("*.npz"):
        if file.name not in wanted:
            file.unlink()
    for name, (analysis, run) in wanted.items():
        family = run.settings["model"]["family"]
        images = image_sets[run.name]
        if not (folder / name).exists() and len(images.test):
            trained = load_run(run.folder, network=study.own.get(family))
            save_classification(classify(trained, images, num_mistakes=analysis.mistakes), folder / name)
