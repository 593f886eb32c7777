"""On what a study ran: versions, hardware, commit, command."""

from __future__ import annotations

import datetime
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from papilio.data.imageset import ImageSet
from papilio.data.parallel import available_cores
from papilio.data.quantities import as_plain
from papilio.files import read_own
from papilio.results.own_files import check_environment
from papilio.study_folder import ENVIRONMENT
from papilio.workers.messages import Crew

LIBRARIES = ("papilio", "torch", "numpy", "scipy", "scikit-learn", "optuna", "pillow")
OF_THE_STUDY = ("modules", "data")  # entries that tell of the study, not of what it ran on


def describe_environment(image_sets: Sequence[ImageSet], crew: Crew, *, modules: str | None = None) -> dict[str, Any]:
    """Plain facts for environment.json; `modules` is the folder of the study's own modules."""
    return {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": _command(),
        "commit": _commit(),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES},
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": processor(),
        "cores": available_cores(),
        "memory_bytes": psutil.virtual_memory().total,
        **({"cluster": crew.cluster} if crew.cluster else {}),
        "workers": crew.num_workers,
        "threads_a_worker": crew.threads,
        **({"modules": modules} if modules else {}),
        "data": [_describe_images(images) for images in image_sets],
    }


def earlier_environment(folder: Path) -> dict[str, Any] | None:
    """What is written down of a study that was run into the folder before; None where nothing is, or it is damaged."""
    try:
        return check_environment(read_own(folder / ENVIRONMENT))
    except (OSError, ValueError):
        return None


def kept_environment(now: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is written down before anything is trained: on what it ran before, if it did, and where its modules lie now."""
    if earlier is None:
        return dict(now)
    kept = {key: value for key, value in earlier.items() if key not in OF_THE_STUDY}
    return kept | {key: now[key] for key in OF_THE_STUDY if key in now}


def resumed_environment(now: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is written down once something is trained: it started when it first did, and was resumed now."""
    started = None if earlier is None else earlier.get("started")
    if started is None:
        return dict(now)
    return {"started": started, "last_resumed": now["started"]} | {**now, "started": started}


def _describe_images(images: ImageSet) -> dict[str, Any]:
    return {
        "name": images.name,
        "image_shape": list(images.image_shape),
        "num_train": len(images.train),
        "num_validation": len(images.validation),
        "num_test": len(images.test),
        "classes": list(images.class_names),
        **({"quantity": as_plain(images.quantity)} if images.facts.shows == "quantity" else {}),
        "origin": images.origin,
        "notes": list(images.notes),
        "checksum": images.checksum,
    }


def _command() -> str:
    program = Path(sys.argv[0])
    return shlex.join(["papilio" if program.name in ("papilio", "__main__.py") else program.name, *sys.argv[1:]])


def _commit() -> str | None:
    """The commit of Papilio's own source, where it runs from a checkout."""
    folder = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )
