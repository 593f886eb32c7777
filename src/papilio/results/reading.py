"""A study's folder read back: its study, its environment, every run of it, finished or not."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from papilio.data.quantities import from_plain
from papilio.errors import RunError, StudyError
from papilio.files import perhaps_beside, possible_path, read_own
from papilio.results.own_files import Row, check_environment, check_rows
from papilio.results.results import FIRST_COLUMNS, LAST_COLUMNS, Published, RunResult, StudyResults
from papilio.runs.folder import RunFacts, RunFolder
from papilio.settings.spelling import present_key, study_in_present_spelling
from papilio.settings.validation import one_reason
from papilio.studies.study import load_study, parse_toml
from papilio.study_folder import ENVIRONMENT

T = TypeVar("T")


def read_results(folder: Path | str) -> StudyResults:
    """A study's results from its folder; raises RunError where it is not one, or only the record of one, without its runs."""
    place = possible_path(folder, error=RunError)
    study = _read(place / "study.toml", _study)
    environment = _read(place / ENVIRONMENT, check_environment)
    rows = _read(place / "results.csv", check_rows)
    if any(row.others.get("status") == "done" for row in rows) and not (place / "runs").exists():
        raise RunError(f"{place}: has no runs/, only a record of them; copy runs/ there, or run the study again")
    runs = tuple(_read_run(place, row) for row in rows)
    published = tuple(_published(row) for row in study.get("published", []))
    return StudyResults(place, study, environment, runs, published)


def _read(file: Path, take: Callable[[bytes], T]) -> T:
    try:
        return take(read_own(file))
    except (FileNotFoundError, NotADirectoryError):
        if not file.parent.exists():
            raise RunError(f"{file.parent}: no such folder{perhaps_beside(file.parent)}") from None
        raise RunError(
            f"{file.parent}: not a study folder ({file.name} is missing); `papilio run STUDY` creates one"
        ) from None
    except (OSError, ValueError, StudyError) as error:
        raise RunError(
            f"{file}: is damaged ({one_reason(error)}); run the study again with the same --out to rewrite it"
        ) from None


def _study(content: bytes) -> dict[str, Any]:
    study = parse_toml(content.decode(), where="the study")
    load_study(study)
    return study_in_present_spelling(study)


def _read_run(folder: Path, row: Row) -> RunResult:
    known = {*FIRST_COLUMNS, *LAST_COLUMNS}
    varied = {
        present_key(key): _value(text) for key, text in row.others.items() if key not in known and "." in key and text
    }
    path = folder / "runs" / row.run
    waiting = RunResult(row.run, row.stage, row.trial, row.seed, row.fold, varied, path)
    return _as_far_as_it_is(with_facts(waiting, RunFolder(path).read()))


def _value(text: str) -> Any:
    """A varied setting as `row_of` wrote it; words are no JSON, and stay what they are."""
    with contextlib.suppress(ValueError):
        return json.loads({"True": "true", "False": "false"}.get(text, text))
    return text


def _as_far_as_it_is(run: RunResult) -> RunResult:
    """A run that trains, with the epochs and the time that its records tell: run.json does so only when it ends."""
    if run.status != "running" or not run.records:
        return run
    last = run.records[-1]
    return replace(run, epochs=last["epoch"], seconds=last.get("seconds", 0.0))


def with_facts(waiting: RunResult, facts: RunFacts | None) -> RunResult:
    """The run with all that its run.json tells; it stays as it is where there is none yet."""
    if facts is None:
        return waiting
    return replace(
        waiting,
        fold=facts.fold,
        varied=facts.varied,
        settings=facts.settings,
        defaults=facts.defaults,
        status=facts.status,
        reason=facts.reason,
        epochs=facts.epochs,
        best_epoch=facts.best_epoch,
        metrics=facts.metrics,
        parameters=facts.parameters,
        seconds=facts.seconds,
        standing=facts.standing,
        quantity=from_plain(facts.quantity),
        precision=None if facts.parameters is None else facts.precision,
        data_name=facts.data_name,
    )


def _published(row: dict[str, Any]) -> Published:
    known = ("stage", "where", "source")
    metrics = {key: float(value) for key, value in row.items() if key not in known}
    return Published(row["stage"], row.get("where", {}), metrics, row["source"])
