"""Tables and plain data on the terminal."""

from __future__ import annotations

import json
from typing import Any

import typer

from papilio.errors import one_line


def print_table(header: list[str], rows: list[list[str]]) -> None:
    """Columns as wide as they need; numbers to the right; a row is one line, whatever is in it."""
    header, *rows = [[one_line(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[index]) for row in [header, *rows]) for index in range(len(header))]
    is_number = [all(row[index][:1].isdigit() or row[index] in "–" for row in rows) for index in range(len(header))]
    for row in [header, *rows]:
        cells = zip(row, widths, is_number, strict=True)
        typer.echo(
            "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells).rstrip()
        )


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))


def words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "; ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
