"""What a run is, told from its folder."""

from __future__ import annotations

from papilio.kinds.kind import Kind
from papilio.results.results import RunResult
from papilio.runs.folder import RunFolder


def kind_of_run(run: RunResult) -> Kind | None:
    """A run's kind; None where it has not begun, and where a kind of the user's own cannot be imported here."""
    try:
        return RunFolder(run.folder).kind({})
    except Exception:  # a module of the user's own may raise anything when it is imported
        return None


def command_of_run(run: RunResult) -> tuple[str, str] | None:
    """What a reader may want of a run, in words, and the command for it, in the folder of the page; None: there is none."""
    kind = kind_of_run(run)
    if kind is None:
        return None
    if "predict" in kind.offers:
        return "The best run on a picture of your own:", f"papilio predict runs/{run.name} PICTURE"
    return ("New images:", f"papilio sample runs/{run.name} --num 64") if "sample" in kind.offers else None
