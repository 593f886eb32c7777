"""Who shows a study's progress, by where it runs."""

from __future__ import annotations

import importlib
import sys
import warnings

from papilio.data.progress import is_terminal
from papilio.execution.display import LineProgress, LiveProgress, SilentProgress
from papilio.execution.notebook_progress import NotebookProgress, is_in_notebook


def make_progress(*, is_silent: bool = False) -> SilentProgress | LineProgress | LiveProgress | NotebookProgress:
    """A bar in a notebook, live on a terminal, lines where the output is piped, nothing where silence is wanted."""
    if is_silent:
        return SilentProgress()
    if is_in_notebook():
        _import_quietly()
        return NotebookProgress()
    return LiveProgress() if is_terminal(sys.stdout) else LineProgress()


def _import_quietly() -> None:
    """Optuna brings tqdm, which warns in a notebook that has no widgets: nothing of ours needs them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        importlib.import_module("optuna")
