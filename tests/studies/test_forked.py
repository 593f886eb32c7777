"""Workers that are copies of the command: made only where that is safe, ended with it, and as good as programs of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny import environment, tiny, write_study

from papilio.results.reading import read_results
from papilio.studies.study import load_study
from papilio.workers.forked import ForkedProcess, SpareWorkers

FORKS = """
import json, os, sys, threading, time
from pathlib import Path
from papilio.workers.forked import SpareWorkers
told = {}
with SpareWorkers() as spares:
    spares.fork(3)
    told["made"] = len(spares.waiting)
    first, second = spares.waiting[0][0], spares.waiting[1][0]
    first.kill()
    first.wait()
    process, connection = spares.take(Path(sys.argv[1]), b"not a pickle", threads=1)
    told["took_the_second"] = process is second
    told["status"] = process.wait(60)
    told["waits"] = spares.waiting[0][0].poll() is None
    last = spares.waiting[0][0]
told["ended"] = last.poll() is not None
with SpareWorkers() as spares:
    spares.fork(1)
    told["with_torch"] = len(spares.waiting)
print(json.dumps(told))
"""
ANOTHER_THREAD = """
import threading, time
from papilio.workers.forked import SpareWorkers
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
with SpareWorkers() as spares:
    spares.fork(1)
    print(len(spares.waiting))
"""


def said(program: str, *arguments: str | Path) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux only")
def test_copies_wait_until_they_are_taken_and_end_with_the_block(tmp_path: Path) -> None:
    told = said(FORKS, tmp_path / "workers.log")
    assert told == {
        "made": 3,
        "took_the_second": True,  # the first had been killed
        "status": 1,
        "waits": True,
        "ended": True,
        "with_torch": 0,  # that was imported by then: what it has computed since nobody knows
    }
    assert "UnpicklingError" in (tmp_path / "workers.log").read_text()


def test_a_process_with_another_thread_is_not_copied() -> None:
    assert said(ANOTHER_THREAD) == 0


def test_the_tests_process_is_not_copied() -> None:
    with SpareWorkers() as spares:
        spares.fork(2)
        assert spares.waiting == [] and spares.take(Path("log"), b"", threads=1) is None


def test_a_process_says_how_it_ended() -> None:
    process = ForkedProcess(os.posix_spawnp("sleep", ["sleep", "600"], os.environ))
    assert process.poll() is None
    with pytest.raises(TimeoutError):
        process.wait(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL and process.poll() == -signal.SIGKILL
    process.kill()  # nobody else's process may have its number by then


@pytest.mark.parametrize(
    ("changes", "has"),
    [
        ({}, False),
        ({"model": {"family": "deadly:net"}}, True),
        ({"train__loss": len}, True),
        ({"train__engine": "mine:Engine"}, True),
    ],
)
def test_a_study_with_code_of_its_own_is_known(changes: dict[str, Any], has: bool) -> None:
    assert load_study(tiny(**changes)).has_own_code is has


CHILDREN = """
import json, os, sys
import psutil
from papilio import run_study
from papilio.workers.pool import Pool
names = []
close = Pool.close
def notes(pool):
    names.extend(psutil.Process(worker.process.pid).cmdline()[1:3] for worker in pool.workers)
    close(pool)
Pool.close = notes
if sys.argv[3] == "programs":
    import torch
run_study(sys.argv[1], out=sys.argv[2], workers=2, is_silent=True)
print(json.dumps(names))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux only")
def test_copies_and_programs_train_the_same_weights(tmp_path: Path) -> None:
    convolutions = {"family": "cnn", "filters": [4], "dense": [8], "dropout": 0.1}
    study = write_study(tmp_path / "tiny.toml", tiny(model=convolutions, stage=[{"name": "a", "seeds": 2}]))
    weights = []
    for how in ("copies", "programs"):
        names = said(CHILDREN, study, tmp_path / how, how)
        assert all((name == ["-m", "papilio.workers.worker"]) is (how == "programs") for name in names)
        assert len(names) == 2 and all(run.status == "done" for run in read_results(tmp_path / how).runs)
        weights.append({file.parent.name: file.read_bytes() for file in (tmp_path / how).glob("runs/*/weights.*")})
    assert weights[0] == weights[1] and len(weights[0]) == 2
