"""The peers' own environment, .venv-bench, made from requirements-peers.txt: none of them is a dependency of Papilio."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.machine import ROOT

FOLDER = ROOT / ".venv-bench"
REQUIREMENTS = Path(__file__).parent / "requirements-peers.txt"


def peers_python() -> Path:
    """The Python of the peers' environment, which is built where the requirements are new or have changed."""
    stamp, python = FOLDER / ".requirements.txt", FOLDER / "bin" / "python"
    if stamp.exists() and stamp.read_bytes() == REQUIREMENTS.read_bytes():
        return python
    print(f"building {FOLDER.name} for the peers (about 3 GB, once)", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
    # one install needs no pause for terminals, and must not see packages of the environment that started this
    subprocess.run(install, check=True, env={name: os.environ[name] for name in os.environ if name != "PYTHONPATH"})
    shutil.copyfile(REQUIREMENTS, stamp)
    return python
