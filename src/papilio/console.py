"""Tables and plain data on the terminal, and answers about pictures in four forms."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import typer

from papilio.errors import one_line

WIDEST = 10**5  # of a table: a terminal wraps a row, a pipe gets it whole


class Columns:
    """A table that grows: columns as wide as the rows so far need, numbers to the right; a row is one line."""

    def __init__(self, header: Sequence[str], *, first: Sequence[str] = ()) -> None:
        """`first` are cells that the first column will have, as far as they are known."""
        self.header = [one_line(title) for title in header]
        self.first = first
        self.widths = [0] * len(self.header)
        self.is_number: list[bool] = []

    def text(self, rows: Sequence[Sequence[str]]) -> str:
        """More rows, with the header above the first ones."""
        from rich.cells import cell_len
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        is_first, columns = not self.is_number, range(len(self.header))
        lines = [[one_line(cell) for cell in row] for row in rows]
        if is_first:
            self.is_number = [all(_is_number(row[index]) for row in lines) for index in columns]
            self.widths[0] = max((cell_len(one_line(cell)) for cell in self.first), default=0)
        shown = [self.header, *lines] if is_first else lines
        self.widths = [max(self.widths[index], *(cell_len(line[index]) for line in shown)) for index in columns]
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="", show_header=is_first)
        for title, width, is_number in zip(self.header, self.widths, self.is_number, strict=True):
            justify = "right" if is_number else "left"
            table.add_column(Text(title), justify=justify, no_wrap=True, min_width=width)
        for line in lines:
            table.add_row(*map(Text, line))
        console = Console(width=WIDEST, color_system=None)
        with console.capture() as capture:
            console.print(table)
        return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _is_number(cell: str) -> bool:
    """Whether it begins with a digit, perhaps behind a sign, or stands for no number."""
    return cell in ("", "–") or cell.lstrip("−-+")[:1].isdigit()


def say(text: str, *, is_apart: bool = False) -> None:
    """A line for people, with an empty one above it where `is_apart`; whatever names are in it, it stays a line."""
    typer.echo("\n" * is_apart + one_line(text))


def print_table(header: list[str], rows: list[list[str]]) -> None:
    typer.echo(Columns(header).text(rows), nl=False)


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))


class Form(Protocol):
    """How answers about pictures are written, some at a time."""

    def text(self, answers: Sequence[Any]) -> str: ...

    def end(self) -> str: ...


class TableForm:
    """For people; `names` are the pictures that will come, as far as they are known."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.names = names
        self.columns: Columns | None = None

    def text(self, answers: Sequence[Any]) -> str:
        predictions = [one.prediction for one in answers if one.prediction is not None]
        if not predictions:
            return ""
        if hasattr(predictions[0], "HEADER"):
            self.columns = self.columns or Columns(predictions[0].HEADER, first=self.names)
            return self.columns.text([one.cells() for one in predictions])
        rows = [_row(one) for one in predictions]  # of a kind of the user's own
        self.columns = self.columns or Columns(list(rows[0]), first=self.names)
        return self.columns.text([[str(row.get(name, "")) for name in self.columns.header] for row in rows])

    def end(self) -> str:
        return ""


class CsvForm:
    """One row per answer, below a header; without answers the header is that of the prediction from `any_prediction`."""

    def __init__(self, any_prediction: Callable[[], Any]) -> None:
        self.any_prediction = any_prediction
        self.names: list[str] = []

    def text(self, answers: Sequence[Any]) -> str:
        rows = [_row(one.prediction) for one in answers if one.prediction is not None]
        file = io.StringIO(newline="")
        writer = csv.DictWriter(file, self.names or list(rows[0] if rows else []), lineterminator="\n", restval="")
        if rows and not self.names:
            self.names = list(rows[0])
            writer.writeheader()
        writer.writerows(rows)
        return file.getvalue()

    def end(self) -> str:
        if self.names:
            return ""
        file = io.StringIO(newline="")
        csv.writer(file, lineterminator="\n").writerow(_row(self.any_prediction()))
        return file.getvalue()


class JsonForm:
    """One list of all answers."""

    def __init__(self) -> None:
        self.is_begun = False

    def text(self, answers: Sequence[Any]) -> str:
        each = [json.dumps(one.as_plain(), indent=2) for one in answers if one.prediction is not None]
        if not each:
            return ""
        start = ",\n" if self.is_begun else "[\n"
        self.is_begun = True
        return start + ",\n".join("  " + one.replace("\n", "\n  ") for one in each)

    def end(self) -> str:
        return "\n]\n" if self.is_begun else "[]\n"


class LinesForm:
    """A line of JSON for each picture, also for one that cannot be read: whoever feeds names counts lines."""

    def text(self, answers: Sequence[Any]) -> str:
        return "".join(json.dumps(one.as_plain()) + "\n" for one in answers)

    def end(self) -> str:
        return ""


def _row(prediction: Any) -> dict[str, Any]:
    """A prediction's cells of CSV: its own, or the numbers and texts of what it gives for JSON; a list has a cell a number."""
    if hasattr(prediction, "as_row"):
        return prediction.as_row()
    row: dict[str, Any] = {}
    for name, value in prediction.as_plain().items():
        if isinstance(value, list):
            row |= {f"{name}_{number}": one for number, one in enumerate(value, start=1)}
        elif not isinstance(value, Mapping):
            row[name] = value
    return row


def words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "; ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
