"""Tables and plain data on the terminal."""

from __future__ import annotations

import json
from typing import Any

import typer

from papilio.errors import one_line

WIDEST = 10**5  # of a table: a terminal wraps a row, a pipe gets it whole


def print_table(header: list[str], rows: list[list[str]]) -> None:
    """Columns as wide as they need; numbers to the right; a row is one line, whatever is in it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    header, *rows = [[one_line(cell) for cell in row] for row in [header, *rows]]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    for index, title in enumerate(header):
        is_number = all(row[index][:1].isdigit() or row[index] in "–" for row in rows)
        table.add_column(Text(title), justify="right" if is_number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(width=WIDEST, color_system=None)
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        typer.echo(line.rstrip())


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
