"""Shapes are checked at run time in every test: jaxtyping's annotations, by beartype."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch
from jaxtyping import install_import_hook

install_import_hook(["papilio.models", "papilio.targets", "papilio.training"], "beartype.beartype")
# compiled here and now, once, whichever test needs them first
importlib.import_module("papilio.workbench")
# tiny nets on several threads mostly wait for each other, most of all beside other work
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test session's own, so that what a user has at home neither helps nor suffers."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("PAPILIO_CACHE", str(folder))
    return folder
