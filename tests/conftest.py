"""Shapes are checked at run time in every test: jaxtyping's annotations, by beartype. Most studies train in this process."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import torch
from jaxtyping import install_import_hook

from browser import started_browser
from in_process import start_process, workers_in_process
from papilio.workers.pool import Pool

install_import_hook(["papilio.models", "papilio.targets", "papilio.training"], "in_process.checked")
# compiled here and now, once, whichever test needs them first
importlib.import_module("papilio.workbench")
# tiny nets on several threads mostly wait for each other, most of all beside other work
torch.set_num_threads(1)
# no test times anything: a busy machine is no fault
hypothesis.settings.register_profile("papilio", deadline=None)
hypothesis.settings.load_profile("papilio")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test session's own, so that what a user has at home neither helps nor suffers."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("PAPILIO_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The one browser of the test session: Playwright starts only once in a process."""
    with started_browser() as started:
        yield started


@pytest.fixture(scope="session", autouse=True)
def threads() -> Iterator[None]:
    """Workers are threads of this process."""
    with workers_in_process():
        yield


@pytest.fixture
def processes(threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are processes of one thread each, for a test that is about them."""
    monkeypatch.setattr(Pool, "_start", start_process)


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """No report is written, which takes longer than a small study: for a test that looks at none."""
    monkeypatch.setattr("papilio.workbench._write_report", lambda results, **given: results.folder)


@pytest.fixture(scope="module")
def no_reports() -> Iterator[None]:
    """No report is written in a module that looks at none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("papilio.workbench._write_report", lambda results, **given: results.folder)
        yield
