"""What MkDocs is told to do besides, and the tables in commands.md and python.md, which are also read as they stand.

`python docs/hooks.py` writes the tables again from the code; a test wants them to be up to date.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

COMMANDS = "<!-- commands -->"  # where every command stands with its arguments and options
REFERENCE = re.compile(r"<!-- (::: .*?) -->", re.DOTALL)  # of mkdocstrings, unseen where the page is read as it stands
TABLE = re.compile(r"<!-- table: (.*?) -->\n.*?<!-- end of table -->", re.DOTALL)
PAGES = ("commands.md", "python.md")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put every command in the place for it, and let mkdocstrings see what it is asked for."""
    if COMMANDS in markdown:
        command = [sys.executable, "-m", "typer", "papilio.cli", "utils", "docs", "--name", "papilio"]
        made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        markdown = markdown.replace(COMMANDS, made.partition("\n## ")[1].lstrip("\n") + made.partition("\n## ")[2])
    return REFERENCE.sub(r"\1", markdown)


def with_tables(markdown: str) -> str:
    """A page with its tables as the code has them now."""
    return TABLE.sub(
        lambda found: f"<!-- table: {found[1]} -->\n{_table(found[1].split())}<!-- end of table -->", markdown
    )


def _table(names: list[str]) -> str:
    rows = _command_rows() if names == ["commands"] else [_row(name) for name in names]
    header = ["command", "what it does", "options"] if names == ["commands"] else ["name", "what it is"]
    lines = [header, ["---"] * len(header), *rows]
    escaped = [[cell.replace("|", "\\|") for cell in cells] for cells in lines]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in escaped)


def _row(name: str) -> list[str]:
    """A function with its parameters, or a class with what it has, and the first sentence of its docstring."""
    module, _, attribute = name.rpartition(".")
    thing = functools.reduce(getattr, [attribute], importlib.import_module(module))
    if not inspect.isclass(thing):
        return [f"`{attribute}({', '.join(inspect.signature(thing).parameters)})`", _first_sentence(thing)]
    everything = dict.fromkeys([*getattr(thing, "__dataclass_fields__", {}), *vars(thing)])
    members = ", ".join(f"`{member}`" for member in everything if not member.startswith("_"))
    return [f"`{attribute}`", _first_sentence(thing) + (f" It has {members}." if members else "")]


def _first_sentence(thing: Any) -> str:
    return " ".join(str(inspect.getdoc(thing)).partition("\n\n")[0].split())


def _command_rows() -> list[list[str]]:
    import typer

    from papilio.cli import app

    return [_command_row(name, command) for name, command in _commands(typer.main.get_command(app), "papilio")]


def _commands(group: Any, name: str) -> list[tuple[str, Any]]:
    found = []
    for key, command in group.commands.items():
        inside = hasattr(command, "commands")
        found += _commands(command, f"{name} {key}") if inside else [(f"{name} {key}", command)]
    return found


def _command_row(name: str, command: Any) -> list[str]:
    arguments = [one.metavar for one in command.params if not one.opts[0].startswith("-")]
    options = [f"`{one.opts[0]}`" for one in command.params if one.opts[0].startswith("-") and not one.hidden]
    return [f"`{' '.join([name, *arguments])}`", " ".join(command.help.split()), ", ".join(options)]


if __name__ == "__main__":
    for page in (Path(__file__).parent / one for one in PAGES):
        page.write_text(with_tables(page.read_text()))
