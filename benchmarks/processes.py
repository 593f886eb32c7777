"""Contenders as processes of their own: started, timed from start to end, their memory watched, their answer read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.machine import ROOT

SECONDS_BETWEEN_LOOKS = 0.25  # at memory: each look goes through the machine's processes, some milliseconds


@dataclass(frozen=True)
class Contender:
    """Who is measured: a module of a checkout's `benchmarks.contenders`, and the Python that runs it."""

    name: str
    module: str
    python: Path = Path(sys.executable)
    root: Path = ROOT


@dataclass(frozen=True)
class Answer:
    """What a contender said, how long its process lived, and the peak of its and its children's memory where watched."""

    facts: dict[str, Any]
    seconds: float
    tree_peak_bytes: int


class ContenderFailed(Exception):
    """A contender ended with an error; the message has the end of what it wrote."""


def run_contender(contender: Contender, task: str, job: Mapping[str, Any], *, is_watched: bool = False) -> Answer:
    """Let a contender do a task; `is_watched` samples the memory of its whole process tree.

    Raises ContenderFailed.
    """
    command = [contender.python, "-m", f"benchmarks.contenders.{contender.module}", task, json.dumps(job)]
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=contender.root,
        env=environment(contender.root),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watcher = TreeWatcher(process.pid) if is_watched else None
    output, errors = process.communicate()
    seconds = time.perf_counter() - start
    peak = watcher.close() if watcher is not None else 0
    if process.returncode:
        raise ContenderFailed(f"{contender.name}, {task}: exit status {process.returncode}\n{errors[-3000:]}")
    return Answer(json.loads(output.splitlines()[-1]), seconds, peak)


def environment(root: Path = ROOT) -> dict[str, str]:
    """Every library's own defaults: all cores, no settings of the shell that started this; no accelerator."""
    foreign = ("OMP_", "MKL_", "TF_", "KERAS_", "MALLOC_", "GLIBC_TUNABLES", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {
        "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)]),
        "CUDA_VISIBLE_DEVICES": "",
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


class TreeWatcher:
    """Samples the resident memory of a process and all its children, summed; pages that they share count in each."""

    def __init__(self, pid: int) -> None:
        self.process = psutil.Process(pid)
        self.peak = 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def close(self) -> int:
        """The peak in bytes."""
        self.is_over.set()
        self.thread.join()
        return self.peak

    def _watch(self) -> None:
        while not self.is_over.wait(SECONDS_BETWEEN_LOOKS):
            try:
                tree = [self.process, *self.process.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            self.peak = max(self.peak, sum(_resident(one) for one in tree))


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
