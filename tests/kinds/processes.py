"""Studies of modules in this folder, killed in a process of their own; what commands say; and images without labels."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import tomli_w
from PIL import Image

from in_process import papilio

NUM_IMAGES = 60
SHAPE = (1, 6, 6)


def some_images() -> np.ndarray:
    """uint8 images (num, 1, height, width), no two alike: bright bars on a dark ground."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, (NUM_IMAGES, *SHAPE))
    for number, image in enumerate(images):
        image[0, :, number % SHAPE[2]] += 150
    return images.astype(np.uint8)


def as_array(path: Path) -> Path:
    """The images as a .npy file, as Papilio reads such files: without an axis for a single channel."""
    np.save(path, some_images()[:, 0])
    return path


def as_folder(path: Path) -> Path:
    """The images as pictures in a folder."""
    path.mkdir()
    for number, image in enumerate(some_images()):
        Image.fromarray(image[0]).save(path / f"{number:03}.png")
    return path


def write_study(path: Path, study: dict[str, Any]) -> Path:
    path.write_text(tomli_w.dumps(study))
    return path


def said(*arguments: str | Path) -> str:
    """What a command printed that ended well."""
    done = papilio(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_killed_in_the_middle(study: Path, out: Path, *, after: int) -> None:
    """Start a study and kill it, its workers too, once `after` epochs are recorded and before its end.

    Its two workers have one thread each, on a machine of any size, as those in the process of the tests.
    """
    cores = sorted(os.sched_getaffinity(0))[:2]
    process = subprocess.Popen(
        command("run", study, "--out", out, "--workers", "2"),
        env=environment(),
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    deadline = time.monotonic() + 60
    while num_records(out) < after and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert process.poll() is None, process.communicate()[1]
    mine = psutil.Process(process.pid)
    for one in [mine, *mine.children(recursive=True)]:
        one.kill()
    process.communicate()
    assert num_records(out) >= after, "it did not come that far in time"
    assert not (out / "report.html").exists()


def num_records(out: Path) -> int:
    return sum(file.read_bytes().count(b"\n") for file in out.glob("runs/*/records.jsonl"))


def all_weights(folder: Path) -> dict[str, bytes]:
    """The weights file of every run, by run."""
    return {file.parent.name: file.read_bytes() for file in sorted(folder.glob("runs/*/weights.safetensors"))}


def rows_without_times(folder: Path) -> list[dict[str, str]]:
    """The rows of results.csv without the column of seconds."""
    with (folder / "results.csv").open() as file:
        return [{key: cell for key, cell in row.items() if key != "seconds"} for row in csv.DictReader(file)]


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "papilio", *map(str, arguments)]


def environment() -> dict[str, str]:
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
