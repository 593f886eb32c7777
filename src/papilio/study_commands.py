"""The commands about studies: `papilio run`, `report`, `results`, `compare`, `studies`, `new`, `show`; and what they print."""

from __future__ import annotations

import contextlib
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from papilio.console import print_json, print_table, say
from papilio.errors import SettingError, StudyError, one_line

MAX_TRIALS = 20  # of a stage, in a table
HOURS_TO_ASK = 2  # from how many hours on a terminal is asked before a study starts


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def _bundled_names(incomplete: str) -> list[str]:
    """For a shell that completes a study's name; where there is none, it offers files."""
    from importlib.resources import files

    names = [file.name.removesuffix(".toml") for file in (files("papilio") / "recipes").iterdir()]
    return sorted(name for name in names if name.startswith(incomplete))


StudyArgument = Annotated[
    str,
    typer.Argument(metavar="STUDY", help="A study file, or a bundled study's name.", autocompletion=_bundled_names),
]
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a study.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting: train.epochs=5.")
]


def run(
    study: StudyArgument,
    out: Annotated[Path | None, typer.Option(help="Output folder.", show_default="results/STUDY")] = None,
    settings: SetOption = None,
    fraction: Annotated[
        float | None,
        typer.Option(help="Use this fraction of the images (stratified); the report is marked as reduced."),
    ] = None,
    max_epochs: Annotated[
        int | None, typer.Option(help="Limit the epochs of every run; the report is marked as reduced.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Number of worker processes.", show_default="one per core")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Train on a Ray cluster: HOST:PORT, auto, or local.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps.", show_default="the study's")] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32, bfloat16, or auto: the faster of the two.", show_default="the study's")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Discard the results of an earlier run and start over.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask for confirmation, however long it takes.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only errors and, at the end, the report's path.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the study and print its plan; train nothing, write nothing.")
    ] = False,
) -> None:
    """Run a study, or resume it, and write its report."""
    began = time.monotonic()
    if quiet and dry_run:
        raise SettingError("--quiet, --dry-run: a dry run prints nothing but its plan; leave --quiet out")
    try:
        with _held_interrupts():
            from papilio.execution.bounds import NO_QUESTION, Question
            from papilio.workbench import parse_settings, plan_study, run_study
        asked: dict[str, Any] = {
            "out": out,
            "settings": parse_settings(settings or []),
            "fraction": fraction,
            "max_epochs": max_epochs,
            "workers": workers,
            "ray": ray,
            "device": device,
            "precision": precision,
            "is_fresh": fresh,
        }
        if dry_run:
            _print_plan(plan_study(study, **asked))
            return
        found = run_study(
            study,
            **asked,
            is_silent=quiet,
            allows_failures=True,
            confirm=NO_QUESTION if yes else Question(_confirm, HOURS_TO_ASK * 3600.0),
            began=began,
        )
    except KeyboardInterrupt:  # typer would say nothing
        typer.echo("papilio: stopped; run the same command to continue", err=True)
        raise typer.Exit(130) from None
    if not quiet:
        _print_results(found)
    raise typer.Exit(_conclude(found, is_quiet=quiet))


def report(folder: FolderArgument) -> None:
    """Regenerate a study's report from its results."""
    from papilio.workbench import remake_report

    say(f"report: {remake_report(folder)}")


def results(
    folder: FolderArgument,
    format_: Annotated[
        Format, typer.Option("--format", help="A table, or one row per run as CSV or JSON.")
    ] = Format.TABLE,
    top: Annotated[int | None, typer.Option(help="Number of trials to show per stage.", show_default="20")] = None,
) -> None:
    """Print a study's results."""
    from papilio.results.reading import read_results
    from papilio.results.table import to_csv

    found = read_results(folder)
    if top is not None and top < 1:
        raise SettingError(f"--top: must be 1 or more, not {top}")
    if format_ is Format.CSV:
        typer.echo(to_csv(found.rows()), nl=False)
    elif format_ is Format.JSON:
        print_json(found.rows())
    else:
        _print_results(found, top=top or MAX_TRIALS)
        _print_best(found)


def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of studies, or of runs.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Compare studies (by their best trials) or runs: the settings that differ, and the results."""
    from dataclasses import asdict, replace

    from papilio.workbench import compare as compare_folders

    comparison = compare_folders(folders)
    if as_json:
        of_trials = {"trials": {}, "firsts": {}, "shown": {}}
        columns = [asdict(replace(column, **of_trials)) for column in comparison.columns]
        print_json([{key: value for key, value in column.items() if key not in of_trials} for column in columns])
        return
    _print_comparison(comparison)


def studies() -> None:
    """List the bundled studies."""
    from papilio.studies.study import bundled_studies, parse_toml

    print_table(
        ["study", "what it is"],
        [[name, parse_toml(text, where=name)["title"]] for name, text in bundled_studies().items()],
    )
    typer.echo("papilio show STUDY prints the details; papilio run STUDY runs it")


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the study; its file is NAME.toml.")],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Pictures or arrays to train on, or a named image set.",
            show_default="digits that come with Papilio",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="none",
            help="Ignore the labels and write a study of a variational autoencoder.",
            show_default="use labels if there are any",
        ),
    ] = None,
) -> None:
    """Write a commented study file for your images."""
    from papilio.data.progress import reading_progress
    from papilio.studies.starter import write_starter

    path, outlook = write_starter(name, data, labels=labels, progress=reading_progress())
    say(f"{path}: {one_line(outlook.words)}")
    if outlook.complaint is not None:
        say(outlook.complaint)
    say(f"to train it and write a report: papilio run {shlex.quote(str(path))}")


def show(
    study: Annotated[
        str | None, typer.Argument(metavar="STUDY", help="A study file, or a bundled study's name.", show_default=False)
    ] = None,
    settings: SetOption = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of study files instead.")] = False,
) -> None:
    """Print a study's file, its trials, and its networks with shapes and parameter counts."""
    from papilio.workbench import describe_study, parse_settings, study_schema

    if schema:
        print_json(study_schema())
        return
    if study is None:
        raise StudyError("papilio show needs a study: a file, or a name that papilio studies lists")
    description = describe_study(study, settings=parse_settings(settings or []))
    typer.echo(description.toml)
    if description.trials:
        print_table(["stage", "trial", "runs", "parameters"], [[*map(str, row)] for row in description.trials])
    for note in description.notes:
        say(note)
    for title, layers in description.networks:
        say(title, is_apart=True)
        print_table(["layer", "kind", "output", "parameters"], layers)


@contextlib.contextmanager
def _held_interrupts() -> Iterator[None]:
    """A Ctrl-C in the block comes at its end: libraries that are being imported may swallow it."""
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


def _confirm(seconds: float) -> bool:
    from papilio.data.progress import is_terminal
    from papilio.results.words import duration

    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        return True
    if not typer.confirm(f"This may take up to {duration(seconds)}. Start?", default=True):
        raise typer.Exit(0)
    return True


def _print_plan(plan: Any) -> None:
    """What a study would do: a row per trial, what is to be said of it, how long it would take."""
    from papilio.execution.display import estimate_line

    say(plan.title)
    rows = [
        [row.stage, row.trial, str(row.num_runs), str(row.num_finished), str(row.epochs), f"{row.parameters:,}"]
        + [row.precision] * plan.tells_precision
        for row in plan.trials[:MAX_TRIALS]
    ]
    names = ["stage", "trial", "runs", "finished", "epochs", "parameters"]
    print_table(names + ["precision"] * plan.tells_precision, rows)
    if len(plan.trials) > MAX_TRIALS:
        typer.echo(f"and {len(plan.trials) - MAX_TRIALS:,} more trials")
    for note in plan.notes:
        say(note)
    num_left = plan.num_runs - plan.num_finished
    if not num_left:
        typer.echo("every run is finished: the command would only write the report again")
        return
    typer.echo(
        estimate_line(span=plan.span, peak_bytes=plan.peak_bytes, num_runs=num_left, num_workers=plan.num_workers or 1)
    )
    say(f"a dry run: nothing was trained or written; the results would be in {plan.folder}")


def _conclude(results: Any, *, is_quiet: bool = False) -> int:
    """Say where the report is and what is missing; the exit status. `is_quiet`: only what failed, and where it is."""
    from papilio.runs.folder import OVER
    from papilio.sections.sentences import fruitless_words

    statuses = [run.status for run in results.runs]
    num_finished = sum(status in OVER for status in statuses)
    failed = [run for run in results.runs if run.status == "failed"]
    for reason in dict.fromkeys(run_.reason for run_ in failed):
        first, *others = (run_ for run_ in failed if run_.reason == reason)
        more = f" and {len(others)} more run{'s' * (len(others) > 1)}" if others else ""
        typer.echo(one_line(f"failed: {first.name}{more}: {reason} ({first.folder / 'error.txt'})"), err=True)
    if failed and not is_quiet:
        typer.echo(
            f"{len(failed)} run{'s' if len(failed) > 1 else ''} failed; fix the cause and run the same command again"
        )
    elif not results.is_whole and not is_quiet:
        later = len(results.study["stage"]) - len(results.stages)
        stages = f", {later} stage{'s have' if later > 1 else ' has'} not started" if later else ""
        typer.echo(
            f"{num_finished} of {len(statuses)} runs are finished{stages}; run the same command to continue with the rest"
        )
    fruitless = fruitless_words(results)
    if fruitless is not None:
        typer.echo(f"papilio: {fruitless}", err=True)
    if not is_quiet:
        _print_best(results)
    say(f"report: {results.folder / 'report.html'}")
    if failed or fruitless is not None:
        return 1
    return 0 if results.is_whole else 130


def _print_results(results: Any, *, top: int = MAX_TRIALS) -> None:
    from papilio.results.units import units_words
    from papilio.results.words import metric_words
    from papilio.sections.result_tables import results_table

    for stage in results.stages:
        table = results_table(results, stage)
        rows = [
            [
                row.trial,
                f"{row.parameters:,}" if row.parameters else "–",
                " ".join([str(row.num_runs), *(f"({number} {status})" for status, number in row.unfinished.items())]),
                *(str(row.metrics.get(metric, "–")) for metric in table.metrics),
                "–" if row.seconds is None else f"{row.seconds:.0f}",
            ]
            for row in table.rows[:top]
        ]
        notes = [f"reduced: {results.reduced}"] if results.reduced else []
        if table.is_unranked:
            notes.append("in the study's order: no metric ranks these trials")
        if table.has_parts:
            notes.append("trials with runs that are not done come after the others")
        if table.otherwise:
            notes.append(
                f"ranked by {metric_words(table.otherwise)}: losses of different objectives cannot be compared"
            )
        say(stage + (f" ({'; '.join(notes)})" if notes else ""), is_apart=True)
        print_table(["trial", "parameters", "n", *map(metric_words, table.metrics), "seconds"], rows)
        if table.units:
            say(f"units: {units_words(table.units)}")
        if len(table.rows) > top:
            say(f"and {len(table.rows) - top:,} more: papilio results {results.folder} --top {len(table.rows)}")


def _print_best(results: Any) -> None:
    from papilio.results.best import best_words

    if results.best is not None:
        say(f"best: {results.folder}/{best_words(results, results.best)}", is_apart=True)


def _print_comparison(comparison: Any) -> None:
    from papilio.results.side_by_side import comparison_notes, comparison_table, shared_table

    print_table(*comparison_table(comparison))
    for number, note in enumerate(comparison_notes(comparison)):
        say(note, is_apart=number == 0)
    header, rows = shared_table(comparison)
    if rows:
        typer.echo("\ntrials that several studies have")
        print_table(header, rows)
