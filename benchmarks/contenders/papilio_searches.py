"""Papilio's searches: grids, the same with halving, their winners trained again, and many trivial trials.

Every study is run as a user runs it: with records, checkpoints, weights, tests, analyses and the report.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, TypedDict

from benchmarks.contenders.contract import BATCH_SIZE, SearchJob, TrialsJob, describe_setting, serve

GRID = "grid"  # the stage that searches
TRIAL_BATCH = 256  # so that a trivial trial is one step


class RaceJob(SearchJob):
    """A grid whose runs have this seed, and whose worst trials end early where a pruner is named."""

    seed: int
    pruner: dict[str, Any] | None


class AgainJob(TypedDict):
    """Train the best trial of a grid's folder `study` again, with other seeds."""

    images: str
    shares: dict[str, float]
    study: str
    out: str
    seeds: list[int]


def search(job: SearchJob) -> dict[str, Any]:
    """The whole grid."""
    return _run_grid(job, {"seeds": 1})


def race(job: RaceJob) -> dict[str, Any]:
    """The whole grid, or halving on it."""
    return _run_grid(job, {"seeds": [job["seed"]], "pruner": job["pruner"]})


def again(job: AgainJob) -> dict[str, Any]:
    """A study of its own that starts from the grid's best trial."""
    from papilio import run_study

    stage = {"name": "winner", "from": {"study": job["study"], "stage": GRID}, "seeds": job["seeds"]}
    study = {"title": "A grid's winner, again", "data": data_table(job["images"], job["shares"]), "stage": [stage]}
    results = run_study(study, out=job["out"], is_silent=True)
    return {"test_accuracies": [run.metrics["test_accuracy"] for run in results.runs]}


def trials(job: TrialsJob) -> dict[str, Any]:
    """One study of random points, each one step of a tiny MLP."""
    from papilio import run_study

    vary = {
        "train.learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
        "model.dropout": {"low": 0.01, "high": 0.5},
    }
    study = {
        "title": "Many trivial trials",
        "data": data_table(job["images"], job["shares"]),
        "model": {"family": "mlp", "units": [8]},
        "train": {"epochs": 1, "batch_size": TRIAL_BATCH},
        "stage": [{"name": "trials", "sampler": "random", "trials": job["trials"], "vary": vary}],
    }
    results = run_study(study, out=job["out"], is_silent=True)
    done = [run for run in results.runs if run.status in ("done", "diverged")]
    return {
        "trials": len(done),
        "training_seconds": sum(run.seconds for run in done) / results.environment["workers"],
    }


def report(job: TrialsJob) -> dict[str, Any]:
    """The report of the trials' folder, made again: its bytes, and the seconds that it takes."""
    from papilio.workbench import remake_report

    start = time.perf_counter()
    page = remake_report(job["out"])
    return {"seconds": time.perf_counter() - start, "bytes": page.stat().st_size}


def data_table(images: str, shares: dict[str, float]) -> dict[str, Any]:
    """A study's [data] for a job's images."""
    folder = Path(images)
    return {"path": str(folder / "images.npy"), "labels": str(folder / "labels.npy"), **shares}


def search_model(width: int) -> dict[str, Any]:
    """A study's [model] for a net of the grids; its dropout varies."""
    return {"family": "mlp", "units": hidden_layers(width)}


def hidden_layers(width: int) -> list[int]:
    return [width, width]


def _run_grid(job: SearchJob, stage: dict[str, Any]) -> dict[str, Any]:
    from papilio import run_study

    vary = {
        "model.units": [hidden_layers(width) for width in job["widths"]],
        "model.dropout": job["dropouts"],
        "train.learning_rate": job["learning_rates"],
    }
    study = {
        "title": "A grid of small MLPs",
        "data": data_table(job["images"], job["shares"]),
        "model": {"family": "mlp"},
        "train": {"epochs": job["epochs"], "batch_size": BATCH_SIZE, "optimizer": "adam"},
        "stage": [{"name": GRID, "vary": vary, **stage}],
    }
    results = run_study(study, out=job["out"], is_silent=True)
    best = results.ranked(GRID)[0].runs[0]
    model, train = best.settings["model"], best.settings["train"]
    return {
        "trials": sum(run.status == "done" or run.status == "pruned" for run in results.runs),
        "parameters": sorted({run.parameters for run in results.runs if run.parameters}),
        "epochs": sum(run.epochs for run in results.runs),
        "accuracy": best.metrics["val_accuracy"],
        "best": describe_setting(model["units"][0], model["dropout"], train["learning_rate"]),
    }


if __name__ == "__main__":
    tasks = {"search": search, "race": race, "again": again, "trials": trials, "report": report}
    serve(tasks, libraries=("papilio", "torch", "numpy"))
