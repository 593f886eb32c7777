"""Workers and the command line in the process of the tests, for all that is not about processes.

A process that imports torch takes two seconds of a core to start, longer than most studies of the tests take to train.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from beartype import BeartypeConf, beartype

from papilio.cli import main
from papilio.data.imageset import ImageSet
from papilio.runs.folder import RunFacts
from papilio.runs.plan import RunPlan
from papilio.runs.train import RunJob, Watcher, execute_runs
from papilio.settings.references import OwnFunctions
from papilio.workers import worker
from papilio.workers.messages import GONE
from papilio.workers.pool import Pool, Worker

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))  # a whole number may stand where any number may
start_process, do_task = Pool._start, worker.do_task
one_at_a_time = threading.Lock()  # torch has one global generator for all threads


class HungUp(BaseException):
    """The study has hung up: a process would end on the spot, a thread does by this."""


class Line:
    """A worker's end of the line to its study."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def send(self, message: Any) -> None:
        with self._ended_by_hanging_up():
            self.connection.send(message)

    def recv(self) -> Any:
        with self._ended_by_hanging_up():
            return self.connection.recv()

    def poll(self) -> bool:
        with self._ended_by_hanging_up():
            return self.connection.poll()

    @contextlib.contextmanager
    def _ended_by_hanging_up(self) -> Iterator[None]:
        try:
            yield
        except GONE as error:
            raise HungUp from error


class WorkerThread(threading.Thread):
    """A worker that is a thread, with what a pool asks of a process."""

    def __init__(self, connection: Connection, own_bytes: bytes) -> None:
        super().__init__()
        self.connection = connection
        self.own_bytes = own_bytes

    def run(self) -> None:
        with self.connection, contextlib.suppress(HungUp):
            worker.serve(Line(self.connection), self.own_bytes)  # pyright: ignore[reportArgumentType]

    def wait(self, timeout: float | None = None) -> int:
        """However long it takes: it ends at the latest after its present epoch, and nobody can kill it."""
        self.join()
        return 1


def start_thread(pool: Pool) -> Worker:
    """In the place of `Pool._start`."""
    ours, theirs = Pipe()
    thread = WorkerThread(theirs, pool.own_bytes)
    thread.start()
    return Worker(thread, ours)  # pyright: ignore[reportArgumentType]


def do_task_alone(*arguments: Any, **options: Any) -> None:
    with one_at_a_time:
        do_task(*arguments, **options)


@contextlib.contextmanager
def workers_in_process() -> Iterator[None]:
    """Studies that run in the block have threads of this process as workers: by default one, as on a machine of one core."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pool, "_start", start_thread)
        patch.setattr(worker, "do_task", do_task_alone)
        patch.setattr("papilio.execution.preparation.available_cores", lambda: 1)
        yield


def papilio(*arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """What the command line does, called in this process, in `folder` or here."""
    command = ["papilio", *map(str, arguments)]
    out, err, status = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", command)
        if folder is not None:
            patch.chdir(folder)
        try:
            main()
        except SystemExit as end:
            status = end.code or 0
    return subprocess.CompletedProcess(command, int(status), out.getvalue(), err.getvalue())


def execute_run(
    path: Path,
    plan: RunPlan,
    images: ImageSet,
    *,
    threads: int,
    own: OwnFunctions,
    watcher: Watcher | None = None,
) -> RunFacts:
    """Train one run into its folder and return what run.json then says; see `execute_runs`."""
    ended: dict[str, RunFacts] = {}
    execute_runs([RunJob(path, plan, images, watcher)], threads=threads, own=own, on_end=ended.__setitem__)
    return ended[plan.name]
