"""Papilio: the workbench for small image models. What is named here is what users call; each is imported when used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from papilio.version import __version__

if TYPE_CHECKING:
    from papilio.analysis.morphs import morph as morph
    from papilio.data.load import load_images as load_images
    from papilio.errors import PapilioError as PapilioError
    from papilio.results.reading import read_results as read_results
    from papilio.runs.run import load_run as load_run
    from papilio.training.objectives import Objective as Objective
    from papilio.training.objectives import Phase as Phase
    from papilio.workbench import compare as compare
    from papilio.workbench import export as export
    from papilio.workbench import plan_study as plan_study
    from papilio.workbench import predict as predict
    from papilio.workbench import run_study as run_study

PLACES = {
    "Objective": "papilio.training.objectives",
    "PapilioError": "papilio.errors",
    "Phase": "papilio.training.objectives",
    "compare": "papilio.workbench",
    "export": "papilio.workbench",
    "load_images": "papilio.data.load",
    "load_run": "papilio.runs.run",
    "morph": "papilio.analysis.morphs",
    "plan_study": "papilio.workbench",
    "predict": "papilio.workbench",
    "read_results": "papilio.results.reading",
    "run_study": "papilio.workbench",
}

__all__ = [*PLACES, "__version__"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Import on first use: `import papilio` alone must not cost the second that torch takes."""
    if name not in PLACES:
        raise AttributeError(f"module 'papilio' has no attribute {name!r}")
    return getattr(importlib.import_module(PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
