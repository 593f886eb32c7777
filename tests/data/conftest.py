"""No test here reads or fills the user's own folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REAL_HOME = os.environ.get("PAPILIO_DATA")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPILIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PAPILIO_DATA", raising=False)
    # Debian's package may be installed
    monkeypatch.setattr("papilio.data.places.DEBIAN_FOLDERS", {})


@pytest.fixture
def real_home() -> Path:
    if not REAL_HOME:
        pytest.skip("PAPILIO_DATA does not say where the published image sets are")
    return Path(REAL_HOME)
