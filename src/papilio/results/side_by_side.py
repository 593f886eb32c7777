"""A comparison as tables, the same on the terminal and in a notebook."""

from __future__ import annotations

from typing import Any

from papilio.results.compare import Comparison, Measured
from papilio.results.words import duration, is_count, mean_spread, metric_words
from papilio.snippets import box, line, table

MOST_KEYS = 4  # in a cell
OF_SETS = ("data.name", "data.path")  # settings that name images
# settings that decide which of a set's images are for testing, and what they look like
OF_TEST_IMAGES = {
    f"data.{name}"
    for name in ("labels", "seed", "test", "fraction", "size", "color", "bits", "binarize", "render", "unreadable")
}

Table = tuple[list[str], list[list[str]]]  # header and rows


def comparison_table(comparison: Comparison) -> Table:
    """What was set differently, and what came of it: a column per study or run."""
    columns = comparison.columns
    rows = [["trial", *(column.what for column in columns)]]
    rows += [["", *(column.note for column in columns)]] if any(column.note for column in columns) else []
    rows += [
        [key, *("–" if value is None else _setting(value) for value in values)]
        for key, values in comparison.settings.items()
    ]
    rows += [["parameters", *(f"{column.parameters:,}" if column.parameters else "–" for column in columns)]]
    for name, cells in comparison.metrics.items():
        units = [column.units.get(name, "") for column in columns]
        there = {unit for unit, one in zip(units, cells, strict=True) if one is not None}
        shared = f" ({there.pop()})" if len(there) == 1 and "" not in there else ""
        each = [_cell(name, one, "" if shared else unit) for one, unit in zip(cells, units, strict=True)]
        rows.append([metric_words(name) + shared, *each])
    rows += [["training time", *(duration(column.seconds) for column in columns)]]
    return ["", *(column.name for column in columns)], rows


def shared_table(comparison: Comparison) -> Table:
    """The trials that more than one study has, by their names; no rows where there are none.

    Where trials of one name have different settings a last column says which.
    """
    shared = comparison.shared_trials
    differing = {key[:2]: comparison.differing(*key[:2]) for key in shared}
    has_note = any(differing.values())
    rows = [
        [
            f"{stage}: {trial}",
            metric_words(metric),
            *(_cell(metric, one) for one in cells),
            *([_key_list(differing[stage, trial])] if has_note else []),
        ]
        for (stage, trial, metric), cells in shared.items()
    ]
    note = ["settings that differ"] if has_note else []
    return ["trial", "metric", *(column.name for column in comparison.columns), *note], rows


def _key_list(keys: list[str]) -> str:
    """Keys in a cell, of many the first.

    >>> _key_list(["model.units", "train.epochs"]), _key_list([])
    ('model.units, train.epochs', 'none')
    """
    more = f" and {len(keys) - MOST_KEYS} more" if len(keys) > MOST_KEYS else ""
    return (", ".join(keys[:MOST_KEYS]) or "none") + more


def comparison_notes(comparison: Comparison) -> list[str]:
    """What cannot be compared, a line each: metrics of different objectives, scores on different images."""
    notes = []
    if comparison.unlike:
        names = ", ".join(map(metric_words, comparison.unlike))
        notes.append(f"these metrics cannot be compared, as they belong to different objectives: {names}")
    if sets := [key for key in comparison.settings if key in OF_SETS]:
        notes.append(f"the image sets differ ({', '.join(sets)}): scores on different images cannot be compared")
    elif others := [key for key in comparison.settings if key in OF_TEST_IMAGES]:
        notes.append(f"the test images may differ ({', '.join(others)}): scores on different images cannot be compared")
    return notes


def comparison_words(comparison: Comparison) -> str:
    """For example <Comparison of first-look, second-look: 2 settings differ>."""
    names, num = ", ".join(column.name for column in comparison.columns), len(comparison.settings)
    return f"<Comparison of {names}: {num} setting{' differs' if num == 1 else 's differ'}>"


def comparison_html(comparison: Comparison) -> str:
    """The tables of the command, for a notebook."""
    header, rows = shared_table(comparison)
    shared = [box("trials that several studies have", table(header, rows))] if rows else []
    notes = map(line, comparison_notes(comparison))
    return box("Side by side", table(*comparison_table(comparison)), *notes, *shared)


def _setting(value: Any) -> str:
    """As a study file has it, true and false too."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cell(metric: str, measured: Measured | None, unit: str = "") -> str:
    if measured is None:
        return "–"
    value = mean_spread(measured.mean, measured.sd, measured.n, is_count=is_count(metric))
    return f"{value}{unit and f' {unit}'} (n={measured.n})"
