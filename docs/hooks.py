"""What MkDocs is told to do besides: the page of commands is what Typer makes of the commands themselves."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

PLACE = "<!-- commands -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put every command with its arguments and options in the place for it."""
    if PLACE not in markdown:
        return markdown
    command = [sys.executable, "-m", "typer", "papilio.cli", "utils", "docs", "--name", "papilio"]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return markdown.replace(PLACE, made.partition("\n## ")[1].lstrip("\n") + made.partition("\n## ")[2])
