"""Who shows a study's progress, by where it runs."""

from __future__ import annotations

import sys

from papilio.data.progress import is_terminal
from papilio.execution.display import LineProgress, LiveProgress, SilentProgress
from papilio.execution.notebook_progress import NotebookProgress, is_in_notebook


def make_progress(*, is_silent: bool = False) -> SilentProgress | LineProgress | LiveProgress | NotebookProgress:
    """A bar in a notebook, live on a terminal, lines where the output is piped, nothing where silence is wanted."""
    if is_silent:
        return SilentProgress()
    if is_in_notebook():
        return NotebookProgress()
    return LiveProgress() if is_terminal(sys.stdout) else LineProgress()
