"""The files that Papilio wrote into a study's folder: damaged, of wrong values, or something else in their place."""

from __future__ import annotations

import atexit
import csv
import functools
import io
import json
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.harness import HANG_SECONDS, Fault, Generator
from tests.faults.pictures import good_picture
from tests.faults.wrong import VALUES, damage_file, with_wrong_values

STUDY: dict[str, Any] = {
    "title": "Finished",
    "data": {"name": "digits", "fraction": 0.2},
    "model": {"family": "mlp", "units": [4]},
    "train": {"epochs": 3, "batch_size": 64},
    "stage": [
        {"name": "a", "pruner": "halving", "vary": {"model.dropout": [0.0, 0.2, 0.3]}},
        {"name": "b", "trial": [{"name": "vae", "model": {"family": "vae", "latents": 2}, "train": {"epochs": 1}}]},
    ],
    "analysis": [{"kind": "classification"}, {"kind": "walk"}],
}
OUT = "out"
TRAINING_SECONDS = 60.0  # where the study goes on, a run may be trained again


@functools.cache
def finished_study() -> Path:
    """A small study, run once a process into a folder that goes with it."""
    from papilio.workbench import run_study

    place = Path(tempfile.mkdtemp(prefix="faults-study-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    run_study(STUDY, out=place / OUT, workers=1, is_silent=True)
    return place / OUT


def copied_study(folder: Path) -> Path:
    """A copy of it in a folder."""
    shutil.copytree(finished_study(), folder / OUT)
    return folder / OUT


def odd_own_file(pattern: str, change: Callable[[Path, random.Random], None] | None = None) -> Generator:
    """A generator that damages one file of a pattern, or changes its values, and gives a command that reads it."""

    def generate(rng: random.Random) -> Fault:
        number = rng.randrange(2**32)
        files = sorted(finished_study().glob(pattern))
        file = rng.choice(files).relative_to(finished_study())
        change_it = change if change is not None and rng.random() < 0.6 else damage_file
        run = f"{OUT}/{file.parents[-3]}" if file.parts[0] == "runs" else f"{OUT}/runs/{_some_run(rng)}"

        def write(folder: Path) -> None:
            change_it(copied_study(folder) / file, random.Random(number))
            (folder / "study.json").write_text(json.dumps(STUDY))
            (folder / "good.png").write_bytes(good_picture(0))

        attempt = _attempt(rng, run)
        limit = TRAINING_SECONDS if attempt is go_on else HANG_SECONDS
        return Fault(f"{file}: {change_it.__name__}", write, attempt, file=_named(file), most_seconds=limit)

    return generate


def _named(file: Path) -> str:
    """What a complaint has to name: the file, or of a run its folder."""
    return file.parts[1] if file.parts[0] == "runs" else file.name


def _some_run(rng: random.Random) -> str:
    return rng.choice(sorted(path.name for path in (finished_study() / "runs").iterdir()))


def go_on(folder: Path) -> None:
    """Run the study again; a run that failed counts as an error."""
    from papilio.errors import RunFailed
    from papilio.workbench import run_study

    results = run_study(STUDY, out=folder / OUT, workers=1, is_silent=True)
    if failed := [run for run in results.runs if run.status == "failed"]:
        raise RunFailed(f"{failed[0].name}: {failed[0].reason}")


def _attempt(rng: random.Random, run: str) -> tuple[str, ...] | Callable[[Path], object]:
    return rng.choice(
        (
            ("results", OUT),
            ("results", OUT, "--format", "csv"),
            ("results", OUT, "--format", "json"),
            ("compare", OUT, f"{OUT}/runs/{Path(run).name}"),
            ("compare", run, run, "--json"),
            ("predict", run, "good.png"),
            ("predict", run, "good.png"),
            *([("sample", run, "--num", "2", "--out", "new.png")] * 2 if "-vae-" in run else []),
            ("report", OUT),
            ("report", OUT),
            go_on,
            go_on,
        )
    )


def wrong_json(path: Path, rng: random.Random) -> None:
    """One to three wrong values in a JSON file."""
    path.write_text(json.dumps(with_wrong_values(json.loads(path.read_text()), rng)))


def wrong_lines(path: Path, rng: random.Random) -> None:
    """Wrong values in a line of a file with JSON a line, or the lines in another order."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    at = rng.randrange(len(lines))
    lines[at] = rng.choice((with_wrong_values(lines[at], rng), rng.choice(VALUES), lines[0]))
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def wrong_cells(path: Path, rng: random.Random) -> None:
    """A wrong cell in a CSV file, or a row or a column too many or too few."""
    rows = list(csv.reader(io.StringIO(path.read_text())))
    row = rng.choice(rows)
    at = rng.randrange(len(row))
    match rng.randrange(5):
        case 0:
            del row[at]
        case 1:
            row.insert(at, "x")
        case 2:
            rows.append(row)
        case 3:
            rows.remove(row)
        case _:
            row[at] = str(rng.choice((*VALUES, "../../etc", "/", "..", "a\0b")))
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def wrong_tensors(path: Path, rng: random.Random) -> None:
    """A sound safetensors file with other arrays, or other facts, than there were."""
    import numpy as np

    from papilio.runs.arrays import load_arrays, save_arrays

    arrays, facts = load_arrays(path)
    name = rng.choice(sorted(arrays))
    match rng.randrange(5):
        case 0:
            del arrays[name]
        case 1:
            arrays[name] = np.zeros((2, 3), np.float32)
        case 2:
            arrays[name] = np.full_like(arrays[name], 1).astype(rng.choice((np.int8, np.float64, np.float16, np.bool_)))
        case 3:
            arrays["x/y"] = arrays[name]
        case _:
            facts = with_wrong_values(facts, rng, values=tuple(one for one in VALUES if one == one))
    save_arrays(path, arrays, facts)


def wrong_arrays(path: Path, rng: random.Random) -> None:
    """A sound npz file with other arrays, or another header, than there were."""
    import numpy as np

    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    name = rng.choice(sorted(arrays))
    match rng.randrange(6):
        case 0:
            del arrays[name]
        case 1:
            arrays[name] = np.array(rng.choice(("x", 1.5, -1)))
        case 2:
            arrays[name] = np.zeros((0, 3), np.float32)
        case 3 if arrays[name].dtype.kind in "iuf":
            arrays[name] = np.full_like(arrays[name], rng.choice((0, 1, 255, -1)) % 256)
        case _:
            header = with_wrong_values(json.loads(str(arrays["header"])), rng)
            arrays["header"] = np.array(json.dumps(header))
    np.savez_compressed(path, **arrays)


OWN_FILES: dict[str, Generator] = {
    "run.json": odd_own_file("runs/*/run.json", wrong_json),
    "results.csv": odd_own_file("results.csv", wrong_cells),
    "environment.json": odd_own_file("environment.json", wrong_json),
    "records.jsonl": odd_own_file("runs/*/records.jsonl", wrong_lines),
    "weights": odd_own_file("runs/*/weights.safetensors", wrong_tensors),
    "checkpoints": odd_own_file("runs/*/checkpoint/state.safetensors", wrong_tensors),
    "analyses": odd_own_file("analyses/*.npz", wrong_arrays),
    "journal": odd_own_file("search.journal", wrong_lines),
    "study.toml": odd_own_file("study.toml"),
}
