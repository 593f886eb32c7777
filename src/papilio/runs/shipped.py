"""Trained runs that come with Papilio, by name; a bundled study makes each of them again (CONTRIBUTING)."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from papilio.errors import RunError, perhaps
from papilio.files import perhaps_beside, possible_path

FOLDER = Path(str(resources.files("papilio"))) / "pretrained"


def shipped_runs() -> dict[str, Path]:
    """The folder of every run that comes with Papilio, by name."""
    return {path.parent.name: path.parent for path in sorted(FOLDER.glob("*/run.json"))}


def find_run(run: Path | str) -> Path:
    """The folder of a run: a path is one, and so is a text, except for the bare name of one that comes with Papilio.

    Raises RunError where there is no such folder.
    """
    shipped = shipped_runs()
    if isinstance(run, str) and run in shipped:
        return shipped[run]
    if not possible_path(run, error=RunError).is_dir():
        near = perhaps(str(run), shipped) or perhaps_beside(Path(run))
        known = near or f"; bundled runs: {', '.join(shipped)}"
        raise RunError(f"{run}: no such folder, and no such bundled run{known}")
    return Path(run)
